package main

import (
	"fmt"
	"math"
	"time"

	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/threshold"
)

type searchCommand struct {
	SLO       string   `name:"slo" required:"" help:"The objective, as of --threshold: 'p99<1ms'."`
	From      float64  `default:"1000" help:"The rate to begin with."`
	Precision float64  `default:"0.02" help:"How near the answer is to be to the highest rate, as a share of it."`
	JSON      string   `name:"json" placeholder:"FILE" help:"Save the result of the highest rate that kept the objective."`
	Load      []string `arg:"" passthrough:"" help:"A load command, such as: rr tcp://127.0.0.1:7000 -c 100 -d 2s."`
}

// Run looks for the highest rate that keeps the objective.
func (c *searchCommand) Run(s *session) error {
	slo, err := threshold.Parse(c.SLO)
	if err != nil {
		return &exit{exitUsage, err}
	}
	if !(c.From > 0) || !(c.Precision >= 0.001 && c.Precision <= 0.5) {
		return &exit{exitUsage, fmt.Errorf("--from %v, --precision %v: must be above 0, and from 0.001 to 0.5", c.From, c.Precision)}
	}
	if err := checkJSON(c.JSON); err != nil {
		return err
	}
	load, p, err := s.nested(c.Load)
	if err != nil {
		return err
	}
	if slo.OfSystem() && load.PID == 0 && load.Start == "" {
		return &exit{exitUsage, fmt.Errorf("--slo %s: is of the system under test, which has to be named with --pid or --start behind the load", slo)}
	}
	if err := rated(load, p, c.From); err != nil {
		return err
	}
	var best *result.Result
	f := &finder{precision: c.Precision, try: func(rate float64) (verdict, error) {
		if err := rated(load, p, rate); err != nil {
			return verdict{generator: true, why: err.Error()}, nil // it cannot be asked for here
		}
		p.Rate = rate
		r, err := load.measure(s, p)
		if err != nil {
			return verdict{}, err
		}
		v := judge(r, slo)
		fmt.Fprintf(s.out, "%10.0f/s  %9.0f/s achieved  p50 %-10v p99 %-10v %s\n", rate, r.AchievedRate, response(r).p50(), response(r).p99(), v.why)
		if v.kept {
			best = r
		}
		return v, nil
	}}
	rate, err := f.highest(c.From)
	if err != nil {
		return err
	}
	if best == nil {
		return &exit{exitThreshold, fmt.Errorf("no rate keeps %s", c.SLO)}
	}
	fmt.Fprintf(s.out, "%.0f/s is the highest rate that keeps %s, within %.1f %%%s\n", rate, c.SLO, 100*c.Precision, f.limit)
	load.ceiling(s, best.Plan, best)
	tellCeiling(s, best)
	if c.JSON != "" {
		return best.Save(c.JSON)
	}
	return nil
}

// responseOf tells percentiles, which may be missing, to the microsecond.
type responseOf struct{ *result.Percentiles }

func response(r *result.Result) responseOf { return responseOf{r.Latency.Response} }

func (o responseOf) p50() time.Duration {
	return o.round(func(p *result.Percentiles) int64 { return p.P50 })
}

func (o responseOf) p99() time.Duration {
	return o.round(func(p *result.Percentiles) int64 { return p.P99 })
}

func (o responseOf) round(of func(*result.Percentiles) int64) time.Duration {
	if o.Percentiles == nil {
		return 0
	}
	return time.Duration(of(o.Percentiles)).Round(time.Microsecond)
}

// tellCeiling says what the null target's response time was at the same rate.
func tellCeiling(s *session, r *result.Result) {
	if c := r.Ceiling; c != nil {
		null := responseOf{c.Response}
		fmt.Fprintf(s.out, "%31s  p50 %-10v p99 %-10v\n", "null target", null.p50(), null.p99())
	}
}

// A verdict is what a try at a rate came to.
type verdict struct {
	kept      bool
	generator bool // it was the generator that did not keep up
	disturbed bool // others had the CPUs: it says nothing
	why       string
}

// judge says whether a run kept the objective. A run that did not reach its rate has
// not; one that failed by the generator says nothing of the target.
func judge(r *result.Result, slo threshold.Threshold) verdict {
	if !r.Valid {
		return verdict{why: "no: " + r.InvalidReasons[0], generator: r.GeneratorBound, disturbed: r.Disturbed}
	}
	test := slo.Test(r)
	if test.Kept {
		return verdict{kept: true, why: "yes"}
	}
	return verdict{why: "no: " + test.Got}
}

// A finder looks for the highest rate at which try is kept.
type finder struct {
	try       func(rate float64) (verdict, error)
	precision float64
	limit     string // what is to be said of the answer
	blamed    int    // rates at which the generator did not keep up, before one was kept
}

// highest doubles the rate while it is kept, halves it while it is not, and then goes
// on between the two. A failure counts when it was seen twice: machines have hiccups.
func (f *finder) highest(from float64) (float64, error) {
	low, high := 0.0, math.Inf(1)
	for rate := from; high > low*(1+f.precision); {
		v, err := f.twice(rate)
		switch {
		case err != nil:
			return 0, err
		case v.kept:
			low = rate
		default:
			high, f.limit = rate, ""
			if v.generator {
				f.limit = "; above it the generator did not keep up, and the target may do more"
				f.blamed++
			}
		}
		switch {
		case math.IsInf(high, 1):
			rate = 2 * low
		case low == 0 && f.blamed == mostBlamed:
			return 0, fmt.Errorf("the generator does not keep up at %.0f/s: run doctor to see what holds it, or begin --from a lower rate", rate)
		case low == 0:
			if rate = high / 2; rate < 1 {
				return 0, nil
			}
		default:
			rate = math.Sqrt(low * high)
		}
	}
	return low, nil
}

const (
	mostBlamed    = 3 // after so many rates the search for one that is kept is given up
	mostDisturbed = 5 // so often a try is repeated that others disturbed
)

// twice tries a rate, and again if it is not kept.
func (f *finder) twice(rate float64) (v verdict, err error) {
	for range 2 {
		if v, err = f.undisturbed(rate); err != nil || v.kept {
			break
		}
	}
	return v, err
}

func (f *finder) undisturbed(rate float64) (verdict, error) {
	for range mostDisturbed {
		if v, err := f.try(rate); err != nil || !v.disturbed {
			return v, err
		}
	}
	return verdict{}, fmt.Errorf("others took the CPU time in %d tries at %.0f/s: nothing can be said here", mostDisturbed, rate)
}
