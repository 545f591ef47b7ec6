// Package load generates load, on Penstock's event loops: each loop has its own
// connections, histograms and counters, and nothing that it owns is touched by
// others, so that a request costs no lock and no allocation.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/loop"
)

// A Generator drives the load of one plan.
type Generator struct {
	plan    *plan.Plan
	group   *loop.Group
	workers []*worker
	began   time.Time
	start   int64 // the same, by the loops' clock
	seq     int
	cut     time.Duration // end of the last window
	busy    time.Duration // CPU time of the process at that moment
}

// kinds make the workload of one worker.
var kinds = map[plan.Kind]func(w *worker) workload{}

// Start connects, and begins the load. It answers an error, and there is no load, if
// the target cannot be reached.
func Start(ctx context.Context, p *plan.Plan) (*Generator, error) {
	g, err := Connect(ctx, p)
	if err != nil {
		return nil, err
	}
	g.Begin()
	return g, nil
}

// Connect opens the connections and sends nothing yet, so that several generators can
// begin together. Begin and Run go on from there, or Stop gives it up.
func Connect(ctx context.Context, p *plan.Plan) (*Generator, error) {
	make := kinds[p.Kind]
	if make == nil {
		return nil, fmt.Errorf("no load of kind %q", p.Kind)
	}
	if err := Check(p); err != nil {
		return nil, err
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	group, err := loop.Start(loop.Config{Loops: p.Loops, Watchdog: -1, Logger: quiet})
	if err != nil {
		return nil, err
	}
	g := &Generator{plan: p, group: group}
	for i, l := range group.Loops() {
		share := p.Share(i, p.Loops)
		w := newWorker(l, &share, i, p.Loops)
		w.load = make(w)
		g.workers = append(g.workers, w)
	}
	if err := g.connect(ctx); err != nil {
		return nil, errors.Join(err, group.Close())
	}
	return g, nil
}

// Begin begins the load, and the first window.
func (g *Generator) Begin() {
	g.began, g.busy = time.Now(), processTime()
	begins := make([]int64, len(g.workers))
	g.each(func(w *worker) {
		begins[w.id] = w.now()
		w.reset(begins[w.id])
		w.load.begin()
	})
	for _, at := range begins {
		g.start += at
	}
	g.start /= int64(len(begins))
}

// connect has every worker open its connections, and waits for them.
func (g *Generator) connect(ctx context.Context) error {
	ready := make(chan error, len(g.workers))
	for _, w := range g.workers {
		w.loop.Post(func() { w.connect(ready) })
	}
	for range g.workers {
		select {
		case err := <-ready:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// each runs f on every worker's loop, and waits for it.
func (g *Generator) each(f func(w *worker)) {
	done := make(chan struct{}, len(g.workers))
	for _, w := range g.workers {
		w.loop.Post(func() {
			f(w)
			done <- struct{}{}
		})
	}
	for range g.workers {
		<-done
	}
}

// Cut ends a window, begins the next, and answers what was seen in the one that
// ended. It belongs to the caller.
func (g *Generator) Cut() *result.Interval {
	sum := result.Empty()
	parts := make([]*result.Interval, len(g.workers))
	g.each(func(w *worker) { parts[w.id] = w.swap() })
	busy := processTime()
	// A window ends when the loops end it, not when this goroutine comes to know of
	// it, which a busy loop can keep from its CPU for milliseconds.
	var ends int64
	for _, part := range parts {
		ends += int64(part.To)
		sum.Beside(part)
	}
	now := time.Duration(ends/int64(len(parts)) - g.start)
	sum.Seq, sum.From, sum.To, sum.Busy = g.seq, g.cut, now, busy-g.busy
	g.seq, g.cut, g.busy = g.seq+1, now, busy
	for i, part := range parts {
		g.workers[i].spare(part)
	}
	return sum
}

// Stop sends nothing more, waits for what is under way for as long as the plan's
// Timeout, and ends the connections. It answers what was seen since the last Cut.
func (g *Generator) Stop() *result.Interval {
	g.each(func(w *worker) { w.halt() })
	for deadline := time.Now().Add(g.plan.Timeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		left := 0
		for _, w := range g.workers {
			left += int(w.open.Load())
		}
		if left == 0 {
			break
		}
	}
	last := g.Cut()
	last.Last = true
	g.group.Close()
	return last
}

// Run generates the load of p until ctx ends, and tells of every window: of the last
// one after the end, with Last set.
func Run(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
	g, err := Start(ctx, p)
	if err != nil {
		return err
	}
	g.Run(ctx, tell)
	return nil
}

// Run tells of every window of a load that has begun, until ctx ends, and then of the
// last one.
func (g *Generator) Run(ctx context.Context, tell func(*result.Interval)) {
	for next := g.began.Add(g.plan.Window); ; next = next.Add(g.plan.Window) {
		select {
		case <-ctx.Done():
			tell(g.Stop())
			return
		case <-time.After(time.Until(next)):
			tell(g.Cut())
		}
	}
}

// processTime is the CPU time of this process.
func processTime() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
