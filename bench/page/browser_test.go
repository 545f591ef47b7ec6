package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

// A browser is a headless Chromium that complains of what a page does wrong.
type browser struct {
	context.Context
	t          *testing.T
	mu         sync.Mutex
	complaints []string
	requests   []string
}

// open starts Chromium, or skips the test where there is none.
func open(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: ", err)
	}
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(2 * time.Minute),
	}
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	allocator, stop := chromedp.NewExecAllocator(limited, flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { chromedp.Cancel(ctx); cancel() })
	b := &browser{Context: ctx, t: t}
	if err := chromedp.Listen(ctx, b.told); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	t.Cleanup(b.complain)
	return b
}

// complain fails the test for what a page did wrong.
func (b *browser) complain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Error("the browser complains: ", c)
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, "file://") || !strings.HasSuffix(r, ".html") {
			b.t.Error("the page fetches ", r)
		}
	}
	if len(b.requests) == 0 {
		b.t.Error("the requests of the pages were not seen")
	}
}

// told takes what the browser tells of: errors, and what the page fetches.
func (b *browser) told(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			b.complaints = append(b.complaints, fmt.Sprintf("console.%s: %s%s", e.Type, a.Value, a.Description))
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			b.complaints = append(b.complaints, e.ExceptionDetails.Exception.Description)
		}
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b, command, params); err != nil {
		b.t.Fatal(err)
	}
}

func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// show opens a page at a width, in light or dark, with everything unfolded, and keeps
// a picture of what is in the window, or of the whole page if PICTURES says where to.
func (b *browser) show(file, picture string, width int64, scheme string) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 600})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	run(b, chromedp.Navigate("file://"+file))
	run(b, chromedp.Evaluate[any](`document.querySelectorAll("details").forEach(d => d.open = true)`))
	run(b, chromedp.Poll[bool](`[...document.querySelectorAll(".plot")].every(p => p.querySelector("canvas"))`))
	take := chromedp.CaptureScreenshot()
	if os.Getenv("PICTURES") != "" {
		take = chromedp.FullScreenshot(100)
	}
	if err := os.WriteFile(picture, run(b, take), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// write makes a page in a folder that is kept if PICTURES names one.
func write(t *testing.T, name string, p *Page) string {
	t.Helper()
	dir := os.Getenv("PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	file := filepath.Join(dir, name+".html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// peers is a comparison of as many systems as the project compares itself with, of
// which one has no cost of its own.
func peers() *result.Comparison {
	c := sample.Comparison()
	for _, s := range c.Systems[1:] {
		s.Name += " with a long name"
		c.Systems = append(c.Systems, s)
	}
	none := result.System{Name: "no relay", Against: &result.Against{Verdict: result.NotMeasured, Rate: c.Systems[1].Against.Rate}}
	c.Systems = append(c.Systems, none)
	return c
}

// pages are a single result, a single comparison, and several of each, of which one is
// hostile and one knows little.
func pages() map[string]*Page {
	return map[string]*Page{
		"one":        {Results: []*result.Result{sample.Result()}},
		"comparison": {Comparisons: []*result.Comparison{sample.Comparison()}},
		"all":        {Results: append(sample.Scan()[4:], sample.Invalid(), sample.Closed()), Comparisons: []*result.Comparison{peers(), peers(), sample.Comparison()}},
	}
}

// What is seen of a page.
type seen struct {
	Charts, Flat, Blank, Wide int
	Title, Background         string
}

const look = `(() => {
	const canvases = [...document.querySelectorAll(".plot canvas")];
	const colours = c => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size;
	return {
		Charts: canvases.length,
		Flat: canvases.filter(c => c.clientWidth < 200 || c.clientHeight < 200).length,
		Blank: canvases.filter(c => colours(c) < 4).length,
		Wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Title: document.title, Background: getComputedStyle(document.body).backgroundColor,
	};
})()`

// Every page is rendered, on a desk and on a phone, in light and dark: nothing is
// complained of, nothing is fetched, every chart is drawn, and nothing is so wide that
// the page would have to be moved sideways.
func TestPagesRenderInABrowser(t *testing.T) {
	testkit.NeedFull(t)
	b := open(t)
	for name, p := range pages() {
		file, want := write(t, name, p), p.content()
		for at, width := range map[string]int64{"light": 1280, "dark": 1030, "phone": 390} {
			scheme := strings.Replace(at, "phone", "light", 1)
			picture := strings.TrimSuffix(file, ".html") + "-" + at + ".png"
			b.show(file, picture, width, scheme)
			got := run(b, chromedp.Evaluate[seen](look))
			if got.Charts != len(want.Charts) || got.Flat > 0 || got.Blank > 0 {
				t.Errorf("%s, %s: %d charts, %d without size, %d blank, want %d", name, at, got.Charts, got.Flat, got.Blank, len(want.Charts))
			}
			if got.Wide > 0 {
				t.Errorf("%s, %s: %d pixels wider than the window", name, at, got.Wide)
			}
			if dark := got.Background == "rgb(19, 22, 26)"; dark != (at == "dark") {
				t.Errorf("%s, %s: the background is %s", name, at, got.Background)
			}
			if got.Title != want.Title {
				t.Errorf("%s: the title is %q, want %q", name, got.Title, want.Title)
			}
		}
	}
}
