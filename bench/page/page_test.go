package page

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

func text(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a target or a user made of their text stays text: in the tables, in the charts'
// data, in the title.
func TestTextOfResultsIsEscaped(t *testing.T) {
	r := sample.Invalid()
	r.Environment.System, r.Args = sample.Hostile, []string{sample.Hostile}
	c := sample.Comparison()
	c.Name, c.Systems[1].Name, c.Systems[1].Command, c.Systems[1].Config, c.InvalidReasons = sample.Hostile, sample.Hostile, sample.Hostile, sample.Hostile, []string{sample.Hostile}
	page := text(t, &Page{Title: sample.Hostile, Results: []*result.Result{r, sample.Result()}, Comparisons: []*result.Comparison{c, c}})
	if strings.Contains(page, "<img") || strings.Contains(page, "<script>document") {
		t.Error("the text of a result is markup")
	}
	if n := strings.Count(page, "</script>"); n != 3 {
		t.Errorf("%d scripts end on the page, want 3", n)
	}
	if !strings.Contains(page, "&lt;img src=x") {
		t.Error("the text of a result is not shown")
	}
}

// A page names nothing that a browser would fetch, and forbids it by its policy.
func TestPageIsWholeInItself(t *testing.T) {
	page := text(t, &Page{Results: []*result.Result{sample.Result()}})
	for _, m := range regexp.MustCompile(`(?i)\b(src|href|action|poster|data)\s*=\s*["'][^"']|url\(|@import|fetch\(|XMLHttpRequest`).FindAllString(page, -1) {
		t.Errorf("the page has %q in it", m)
	}
	if !strings.Contains(page, `content="default-src &#39;none&#39;; style-src &#39;sha256-`) {
		t.Error("the page has no policy")
	}
	if !strings.Contains(page, "Permission is hereby granted, free of charge") {
		t.Error("the page has uPlot in it, and not its licence")
	}
}

func TestComparisonTellsItsCeiling(t *testing.T) {
	c := sample.Comparison()
	if page := text(t, &Page{Comparisons: []*result.Comparison{c}}); !strings.Contains(page, view.Ceiling(c)) {
		t.Errorf("no %q", view.Ceiling(c))
	}
}

func TestChartsDataIsJSON(t *testing.T) {
	c := sample.Comparison()
	c.Systems[2].Against.Cost = result.Ratio{Median: math.NaN(), Blocks: []float64{math.NaN(), math.Inf(1)}}
	c.Systems[3].Against.Cost.Blocks[1] = math.Inf(1)
	page := text(t, &Page{Results: sample.Scan(), Comparisons: []*result.Comparison{c}})
	_, data, _ := strings.Cut(page, `id="charts">`)
	data, _, _ = strings.Cut(data, "</script>")
	var charts []struct {
		ID    string
		At    []*float64
		Lines []struct{ Values []*float64 }
	}
	if err := json.Unmarshal([]byte(data), &charts); err != nil {
		t.Fatalf("%v: %.200s", err, data)
	}
	if len(charts) < 20 {
		t.Errorf("%d charts", len(charts))
	}
	for _, one := range charts {
		if !strings.Contains(page, `id="`+one.ID+`"`) {
			t.Errorf("%s has no place on the page", one.ID)
		}
		for _, l := range one.Lines {
			if len(l.Values) != len(one.At) {
				t.Errorf("%s: a line of %d values over %d", one.ID, len(l.Values), len(one.At))
			}
		}
		for i := range one.At {
			if one.At[i] == nil || i > 0 && *one.At[i] < *one.At[i-1] {
				t.Errorf("%s: the values do not go from left to right", one.ID)
			}
		}
	}
}

// The curve says what the histogram says, up to its longest duration, and no further.
func TestPercentileCurveEndsAtTheLongest(t *testing.T) {
	long, short := result.NewHistogram(), result.NewHistogram()
	for i := range int64(10_000) {
		long.Record(1000 + i)
	}
	for i := range int64(100) {
		short.Record(10 * (i + 1))
	}
	var c charts
	one := c.percentiles("", "", []curve{{"long", long, false}, {"none", nil, false}, {"short", short, false}, {"empty", result.NewHistogram(), false}})
	if len(one.Lines) != 2 {
		t.Fatalf("%d lines", len(one.Lines))
	}
	for i, h := range []*result.Histogram{long, short} {
		highest := 0.0
		for _, v := range one.Lines[i].Values {
			if v > highest { // and no NaN
				highest = v
			}
		}
		if longest := float64(h.Percentiles().Max); highest != longest {
			t.Errorf("%s: the curve ends at %v, want %v", one.Lines[i].Label, highest, longest)
		}
	}
	if last := one.Lines[1].Values[len(one.At)-1]; !math.IsNaN(last) {
		t.Errorf("the curve of 100 durations goes on to the end of that of 10,000: %v", last)
	}
	for k, x := range one.At {
		if x == 1 && one.Lines[0].Values[k] != float64(long.At(0.9)) {
			t.Errorf("at 90 %%: %v, want %v", one.Lines[0].Values[k], long.At(0.9))
		}
	}
}

func TestResultsOfRisingRatesAreAScan(t *testing.T) {
	all := sample.Scan()
	other := sample.Result()
	other.Name = "another system"
	c := (&Page{Results: append([]*result.Result{other, sample.Closed()}, all[3], all[0], all[5])}).content()
	if len(c.Scans) != 2 {
		t.Fatalf("%d charts over load, want 2", len(c.Scans))
	}
	if at := c.Scans[0].At; len(at) != 3 || at[0] != 5_000 || at[2] != 30_000 {
		t.Errorf("latency over the rates %v", at)
	}
	if b := c.Scans[0].Bands; len(b) != 1 || b[0].From != 30_000 || !b[0].Bad {
		t.Errorf("the invalid run is not marked: %+v", b)
	}
}

// What is not known is left out, and breaks nothing.
func TestResultThatKnowsLittleIsShown(t *testing.T) {
	bare := &result.Result{Plan: &plan.Plan{Kind: plan.Hold, Conns: 9000}, Valid: true}
	c := (&Page{Results: []*result.Result{bare}}).content()
	if len(c.Charts) != 0 {
		t.Errorf("%d charts of nothing", len(c.Charts))
	}
	text(t, &Page{Results: []*result.Result{bare, bare}, Comparisons: []*result.Comparison{{Systems: []result.System{{Name: "a"}, {Name: "b"}}}}})
	for _, p := range []*Page{{Results: []*result.Result{{}}}, {Comparisons: []*result.Comparison{{}}}} {
		if err := p.Write(&bytes.Buffer{}); err == nil {
			t.Error("a result without a plan, or a comparison of nothing, is taken")
		}
	}
}

// A result as the engine makes it has everything that is drawn.
func TestResultOfTheEngineIsShown(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		_, err := c.CopyTo(c)
		return err
	})}
	at := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	p := &plan.Plan{Kind: plan.RR, Target: plan.Target{Network: "tcp", Address: at.String()}, Conns: 4, Rate: 500, Time: 200 * time.Millisecond, Verify: true}
	p.Defaults()
	r, err := drive.Run(context.Background(), p, &drive.Options{Source: load.Run})
	if err != nil {
		t.Fatal(err)
	}
	c := (&Page{Results: []*result.Result{r}}).content()
	titles := map[string]bool{}
	for _, one := range c.Charts {
		titles[one.Title] = true
	}
	if !titles["Percentiles"] || !titles["Latency over time"] || !titles["Rate over time"] || !titles["CPU over time"] {
		t.Errorf("charts: %v", titles)
	}
	text(t, &Page{Results: []*result.Result{r}})
}

// The command is what a shell reads as the arguments that were given.
func TestCommandIsReadByAShellAsItWas(t *testing.T) {
	args := []string{"plain", "", "a b", "it's", `"$HOME"`, "p99<200us", "*", "--size=64:80,1KiB:20", "new\nline", "ü"}
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+quote(args)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); strings.Join(got, "|") != strings.Join(args, "|") {
		t.Errorf("a shell reads %q, want %q", got, args)
	}
}
