package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A duty is the run that an agent serves.
type duty struct {
	mu     sync.Mutex
	run    string // "": none
	cancel context.CancelCauseFunc
	heard  atomic.Int64 // when the controller asked whether the agent is there
}

// Why a run ended, where that is no fault.
var (
	errStopped = errors.New("stopped by the controller")
	errOver    = errors.New("over")
)

func (d *duty) set(run string, cancel context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run, d.cancel = run, cancel
}

// end ends the run, if there is one.
func (d *duty) end(why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel(why)
	}
}

// admits says that an order concerns the agent: one of its run, or any call if it has
// none.
func (d *duty) admits(o *order) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return o.Run == d.run || d.run == "" && o.Do == doCall
}

// run serves one run, from the call to its end, and says whether the load has begun.
// What goes wrong the controller is told of, at once.
func (l *link) run(ctx context.Context, id string) (begun bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.duty.heard.Store(time.Now().UnixNano())
	l.duty.set(id, cancel)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		l.watch(ctx, cancel, id)
	}()
	defer func() {
		l.duty.set("", nil)
		cancel(cmp.Or(err, errOver))
		<-watched
	}()
	l.introduce(id)
	p, err := l.share(ctx, id)
	if err != nil || p == nil {
		return false, err
	}
	if err := p.Check(); err != nil {
		return false, err
	}
	return l.generate(ctx, cancel, id, p)
}

// watch ends the run when the controller is gone, and tells the controller when the
// agent is: the load may take a while to end.
func (l *link) watch(ctx context.Context, cancel context.CancelCauseFunc, id string) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			switch why := context.Cause(ctx); why {
			case errStopped, errOver, errLost:
			case context.Canceled:
				l.report(id, report{Is: isFailed, Why: "interrupted"})
			default:
				l.report(id, report{Is: isFailed, Why: why.Error()})
			}
			l.conn.FlushTimeout(time.Second)
			return
		case <-l.lost.Done():
			cancel(errLost)
		case <-ticker.C:
			now := time.Now()
			quiet := now.Sub(time.Unix(0, l.duty.heard.Load()))
			if quiet > silence && now.Sub(last) < 4*beat { // and it was not us who slept
				cancel(fmt.Errorf("no word of the controller for %.1f s", quiet.Seconds()))
			}
			last = now
		}
	}
}

// over is why a run ended early, nil if that is no fault.
func over(ctx context.Context) error {
	switch why := context.Cause(ctx); why {
	case errStopped, context.Canceled:
		return nil
	default:
		return why
	}
}

// share waits for the agent's share of the plan. It answers nil if the run ends before.
func (l *link) share(ctx context.Context, id string) (*plan.Plan, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, over(ctx)
		case o := <-l.orders:
			switch {
			case o.Run != id:
			case o.Do == doCall:
				l.introduce(id) // the first time it may not have arrived
			case o.Do == doRefuse:
				return nil, fmt.Errorf("refused: %s", o.Why)
			case o.Do == doPrepare && o.Plan != nil:
				return o.Plan, nil
			}
		}
	}
}

// generate connects, begins when told to, and reports until the run ends.
func (l *link) generate(ctx context.Context, cancel context.CancelCauseFunc, id string, p *plan.Plan) (begun bool, err error) {
	l.say("%s: connecting to %v: %d connections", p.Kind, p.Target, p.Conns)
	g, err := load.Connect(ctx, p)
	if err != nil {
		if ctx.Err() != nil {
			err = over(ctx)
		}
		return false, err
	}
	l.report(id, report{Is: isReady})
	if !l.started(ctx, id) {
		g.Stop()
		return false, over(ctx)
	}
	g.Begin()
	l.say("%s: started", p.Kind)
	var completed, failed uint64
	var took time.Duration
	machine := newMeter()
	g.Run(ctx, func(i *result.Interval) {
		completed, failed, took = completed+i.Completed, failed+i.Failed(), i.To
		if i.Last && context.Cause(ctx) != errStopped {
			return // the controller has been told why there is none
		}
		i.Machine, i.Stolen = machine.since()
		if err := l.report(id, report{Is: isWindow, Window: slim(i)}); err != nil {
			cancel(fmt.Errorf("a window could not be sent: %w", err))
		}
	})
	l.say("%s: ended after %v: %d completed, %d errors", p.Kind, took.Round(time.Millisecond), completed, failed)
	return true, over(ctx)
}

// started waits for the go, and says whether it came.
func (l *link) started(ctx context.Context, id string) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case o := <-l.orders:
			if o.Run == id && o.Do == doGo {
				return true
			}
		}
	}
}
