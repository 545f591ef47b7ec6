// Package drive leads a run: it discards what comes before the target is warm,
// measures for as long as was asked, and judges whether the figures may be believed.
package drive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A Source generates the load of a plan until ctx ends, and tells of each window,
// from any goroutine, one at a time; of the last one after the end, with Last set.
// load.Run is one; agents elsewhere are another.
type Source func(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error

// A View is told of the run as it goes on.
type View interface {
	// Second is called for each window. remaining is negative in the warm-up.
	Second(s result.Second, done, total time.Duration)
}

// Options are what a run is given beside its plan.
type Options struct {
	Source Source
	Meter  Meter // nil: neither system nor machine is measured
	View   View  // nil: none
	Limits Limits
	Agents func() []result.Agent // who generated the load, if a Source leads several; asked when it has ended
}

// A run is one under way.
type run struct {
	*Options
	plan    *plan.Plan
	cancel  context.CancelFunc
	warm    warmup
	total   *result.Interval // of the measured time; nil while warming up
	began   time.Duration    // of the measured time
	waited  int              // requests that were due, and not answered, when it began
	early   *result.Interval // what was discarded
	over    bool
	series  []result.Second
	unasked string // why the windows did not agree
	left    *result.Interval
	metered
}

// Run runs a plan and answers what it came to. An error says that there was no run;
// a run that cannot be believed is a Result that says so.
func Run(ctx context.Context, p *plan.Plan, o *Options) (*result.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{Options: o, plan: p, cancel: cancel, warm: warmup{plan: p}, early: result.Empty()}
	started := time.Now()
	r.before = r.survey()
	r.last = r.before
	if p.Warmup == 0 {
		r.measure(0)
	}
	err := o.Source(ctx, p, r.tell)
	r.read() // a system that has died since is no better
	if err != nil {
		return nil, errors.Join(r.metering, err)
	}
	agents, lost := r.agents()
	if r.metering != nil {
		lost = append(lost, r.metering.Error())
	}
	if r.total == nil || r.total.To == 0 {
		return nil, errors.New(strings.Join(append([]string{"the run was ended before anything was measured"}, lost...), ": "))
	}
	res := r.result()
	r.credit(res, agents)
	res.InvalidReasons = append(res.InvalidReasons, lost...)
	res.Started = started
	if !r.over && len(lost) == 0 {
		res.InvalidReasons = append(res.InvalidReasons, fmt.Sprintf("interrupted after %v of %v", res.Measured.Round(time.Millisecond), p.Time))
	}
	res.InvalidReasons = append(res.InvalidReasons, o.Limits.judge(res, r.seen())...)
	res.Valid = len(res.InvalidReasons) == 0
	return res, nil
}

// seen is what the run is judged by.
func (r *run) seen() *seen {
	return &seen{early: r.early, total: r.total, left: r.left, waited: r.waited, unsure: r.unsure}
}

// measure begins the measured time.
func (r *run) measure(at time.Duration) {
	r.total, r.began, r.start = result.Empty(), at, r.last
}

// tell takes a window in.
func (r *run) tell(i *result.Interval) {
	if i.Last || r.over {
		r.counted(i)
		if r.left == nil {
			r.left = result.Empty()
		}
		r.left.Append(i)
		return
	}
	// Half a window more or less is nearer to what was asked for than none.
	r.over = r.total != nil && i.To-r.began >= r.plan.Time-r.plan.Window/2
	read := r.read
	if r.over {
		read = r.survey
	}
	u := read()
	second := r.second(i, u)
	r.last = u
	switch {
	case r.total == nil:
		second.Warmup = true
		r.early.Append(i)
		if done, why := r.warm.over(i); done {
			r.unasked, r.waited = why, i.Unanswered+i.Backlog
			r.measure(i.To)
		}
	default:
		r.total.Append(i)
		r.end = u
		if r.over && !r.count() {
			r.cancel()
		}
	}
	r.series = append(r.series, second)
	if r.View != nil {
		done := time.Duration(-1)
		if r.total != nil {
			done = i.To - r.began
		}
		r.View.Second(second, done, r.plan.Time)
	}
}

// second is a window in figures.
func (r *run) second(i *result.Interval, u Usage) result.Second {
	took := (i.To - i.From).Seconds()
	h := i.Response
	if h.Count() == 0 {
		h = i.Service
	}
	p := h.Percentiles()
	s := result.Second{
		At: i.To, For: i.To - i.From, Asked: r.plan.Rate, Rate: units(r.plan.Kind, i) / took, Errors: i.Failed(), Open: i.Open,
		P50: p.P50, P90: p.P90, P99: p.P99, P999: p.P999, Max: p.Max,
		Generator: i.Busy.Seconds() / took,
	}
	if !u.SystemUnknown {
		s.CPU, s.Memory = float64(u.CPU-r.last.CPU)/1e9/max(u.At.Sub(r.last.At).Seconds(), 1e-3), u.Memory
	}
	return s
}

// units is how many units of work were done.
func units(k plan.Kind, i *result.Interval) float64 {
	if k == plan.Stream {
		return float64(i.BytesIn+i.BytesOut) / (1 << 30) // of both directions
	}
	return float64(i.Completed)
}

// verified is how many of the bytes were checked. The other end of a stream tells of what
// it got a little later, so that the first of the measured time were sent before it.
func verified(i *result.Interval) uint64 { return min(i.Verified, i.BytesOut+i.BytesIn) }

// result puts the figures together.
func (r *run) result() *result.Result {
	t, p := r.total, r.plan
	took := (t.To - r.began).Seconds()
	n := units(p.Kind, t)
	res := &result.Result{
		Schema: result.Schema, Command: string(p.Kind), Plan: p, InvalidReasons: []string{},
		AskedRate: p.Rate, AchievedRate: n / took, Measured: t.To - r.began, WarmedUp: r.began,
		Completed: t.Completed, Errors: t.Failed(), ErrorsByKind: t.Errors, ErrorDetails: t.Details,
		BytesOut: t.BytesOut, BytesIn: t.BytesIn, BytesVerified: verified(t), Connects: t.Connects, InFlight: t.InFlight, Cut: t.Cut,
		Series: r.series,
		Generator: result.Generator{
			Loops: p.Loops, CPU: int64(t.Busy), CPUPerUnit: float64(t.Busy) / each(n), Cores: t.Busy.Seconds() / took,
		},
	}
	if r.left != nil {
		res.Unanswered = r.left.Unanswered
	}
	if r.unasked != "" {
		res.Notes = append(res.Notes, r.unasked)
	}
	res.Latency = latencies(t)
	r.usage(res, n, took)
	return res
}

func latencies(t *result.Interval) result.Latency {
	if t.Service.Count() == 0 {
		return result.Latency{Connect: percentilesOf(t.Connect)}
	}
	if t.Response.Count() == 0 { // what is sent when its turn comes is sent when it was to be
		t.Response.Merge(t.Service)
	}
	l := result.Latency{
		Response: t.Response.Percentiles(), Service: t.Service.Percentiles(), Lag: zero(t.Service.Count()),
		Connect: percentilesOf(t.Connect), ResponseHistogram: t.Response, ServiceHistogram: t.Service,
	}
	if t.Lag.Count() > 0 {
		l.Lag, l.Late, l.LagHistogram = t.Lag.Percentiles(), t.Late.Percentiles(), t.Lag
	}
	return l
}

func zero(n int64) *result.Percentiles { return &result.Percentiles{Count: n} }

func percentilesOf(h *result.Histogram) *result.Percentiles {
	if h.Count() == 0 {
		return nil
	}
	return h.Percentiles()
}

// each is what to divide by for a figure of each unit, which is 0 where there was none.
func each(n float64) float64 {
	if n == 0 {
		return math.Inf(1)
	}
	return n
}
