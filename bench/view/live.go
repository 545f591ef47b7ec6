package view

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// live draws a few lines and a progress bar, anew for each window and no more often:
// what draws takes its CPU time from the generator. It is there from the first window
// on, so that what is told before, such as which agents have come, stands above it; and
// when it is closed it is gone, for the result to stand there.
type live struct {
	w        io.Writer
	plan     *plan.Plan
	progress *mpb.Progress // nil before the first window
	bar      *mpb.Bar
	refresh  chan any

	mu     sync.Mutex // the lines are drawn on a goroutine of the bar
	lines  [3]string
	phase  string
	time   string
	errors uint64
}

func newLive(w io.Writer, p *plan.Plan) *live {
	return &live{w: w, plan: p, refresh: make(chan any, 1)}
}

func (v *live) start() {
	v.progress = mpb.New(mpb.WithOutput(v.w), mpb.WithManualRefresh(v.refresh))
	fillers := []mpb.BarFiller{v.line(func() string { return Load(v.plan) })}
	for i := range v.lines {
		fillers = append(fillers, v.line(func() string { return v.lines[i] }))
	}
	slices.Reverse(fillers) // they are stacked upwards
	// A bar without a total is never complete by itself, wherever it stands.
	v.bar = v.progress.New(0, mpb.BarStyle(), mpb.BarTopExtender(fillers...), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(v.decorator(&v.phase)), mpb.AppendDecorators(v.decorator(&v.time)))
}

// line fills a line with text, as far as it fits: a line that wraps could not be
// redrawn.
func (v *live) line(text func() string) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		_, err := fmt.Fprintln(w, runewidth.Truncate(text(), s.AvailableWidth, "…"))
		return err
	})
}

func (v *live) decorator(s *string) decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		v.mu.Lock()
		defer v.mu.Unlock()
		return *s
	})
}

// Second shows a window. The bar is that of the measured time; before it, that of the
// longest warm-up there can be.
func (v *live) Second(s result.Second, done, total time.Duration) {
	if v.progress == nil {
		v.start()
	}
	v.update(s, done, total)
	if s.Warmup {
		v.bar.SetTotal(int64(max(v.plan.Warmup, s.At)), false)
		v.bar.SetCurrent(int64(s.At))
	} else {
		v.bar.SetTotal(int64(total), false)
		v.bar.SetCurrent(int64(min(done, total)))
	}
	v.draw()
}

// draw asks for the display to be drawn, unless that has been asked for already. It
// does not wait: a terminal that has gone away takes nothing.
func (v *live) draw() {
	select {
	case v.refresh <- time.Now():
	default:
	}
}

func (v *live) update(s result.Second, done, total time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := v.plan.Kind
	asked := "as fast as it answers"
	if s.Asked > 0 {
		asked = figure.Rate(k, s.Asked) + " asked"
	}
	v.errors += s.Errors
	v.lines = [...]string{
		fmt.Sprintf("  rate      %s, %s   open %s   errors %s", figure.Rate(k, s.Rate), asked, figure.Count(s.Open), figure.Count(v.errors)),
		fmt.Sprintf("  response  p50 %s   p99 %s   p99.9 %s   max %s", some(s.P50), some(s.P99), some(s.P999), some(s.Max)),
		"  CPU       " + usage(s),
	}
	v.phase, v.time = "measuring", seconds(done)+" of "+seconds(total)
	if s.Warmup {
		v.phase, v.time = "warming up", seconds(s.At)+" of "+seconds(v.plan.Warmup)+" at most"
	}
}

func usage(s result.Second) string {
	text := fmt.Sprintf("generator %.2f cores", s.Generator)
	if measured(s) {
		text = fmt.Sprintf("system under test %.2f cores, %s   %s", s.CPU, figure.Bytes(s.Memory), text)
	}
	return text
}

// Close takes the display away.
func (v *live) Close() {
	if v.progress == nil {
		return
	}
	v.bar.Abort(true)
	v.progress.Wait()
}
