package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/threshold"
)

// common are the flags of every load.
type common struct {
	Target plan.Target `arg:"" help:"tcp://host:port or host:port, unix:///path or unix:@name, http://host/path, https://host/path."`

	Conns   int           `short:"c" name:"connections" default:"100" help:"Connections at a time."`
	Rate    float64       `short:"r" help:"Units of work a second, whatever the target does (open loop): the loops poll, to be in time, and take a CPU each. 0: as fast as it answers (closed loop)."`
	Arrival string        `default:"poisson" enum:"poisson,constant" help:"How an open loop's requests are spread: poisson or constant."`
	Time    time.Duration `short:"d" name:"duration" default:"10s" help:"How long to measure."`
	Warmup  time.Duration `default:"5s" help:"How much may be discarded before, until the target is warm. 0: nothing."`
	Loops   int           `default:"1" help:"Event loops that generate the load."`
	Seed    uint64        `help:"What is drawn from. 0: a fresh one, which the result names."`
	Timeout time.Duration `default:"10s" help:"When what does not answer has failed."`
	Sources int           `help:"Addresses of 127.0.0.0/8 to connect from."`

	showFlags `embed:""`

	systemFlags `embed:"" group:"System under test"`
	agentsFlags `embed:"" group:"Many machines"`
}

// plan makes a plan of the flags.
func (c *common) plan(kind plan.Kind) *plan.Plan {
	if c.Seed == 0 {
		c.Seed = rand.Uint64() >> 24
	}
	return &plan.Plan{
		Kind: kind, Target: c.Target, Conns: c.Conns, Rate: c.Rate, Arrival: c.Arrival, Time: c.Time, Warmup: c.Warmup,
		Loops: c.Loops, Seed: c.Seed, Timeout: c.Timeout, Sources: c.Sources, Verify: true,
	}
}

// run runs a plan, and tells the user what came of it. All loads come through here.
func (c *common) run(s *session, p *plan.Plan) error {
	if c.Loops < 1 || c.Timeout <= 0 {
		return &exit{exitUsage, fmt.Errorf("--loops %d, --timeout %v: must be at least 1, and above 0", c.Loops, c.Timeout)}
	}
	p.Defaults()
	if err := p.Check(); err != nil {
		return &exit{exitUsage, err}
	}
	if err := c.check(); err != nil {
		return &exit{exitUsage, err}
	}
	if s.capture != nil {
		return s.capture(c, p)
	}
	r, err := c.measure(s, p)
	if err != nil {
		return err
	}
	c.ceiling(s, p, r)
	return c.conclude(s, r)
}

// measure runs a plan that has been checked, and finds out whose fault a missed rate is.
func (c *common) measure(s *session, p *plan.Plan) (*result.Result, error) {
	own := *p // for the result to keep: the next run may have another rate
	r, err := c.once(s, &own)
	if err == nil && r.RateMissed {
		c.ceiling(s, &own, r)
	}
	return r, err
}

func (c *common) once(s *session, p *plan.Plan) (*result.Result, error) {
	if err := c.preflight(s.ctx, p); err != nil {
		return nil, err
	}
	at, err := c.stage(s.ctx, p)
	if err != nil {
		return nil, err
	}
	defer at.close()
	o := &drive.Options{Source: load.Run, Meter: at.meter}
	end, err := c.lead(s, p, o)
	if err != nil {
		return nil, err
	}
	defer end()
	shown, err := c.show(s, p, o)
	if err != nil {
		return nil, err
	}
	defer shown.Close()
	r, err := drive.Run(s.ctx, p, o)
	if err != nil {
		return nil, usage(err)
	}
	at.describe(r)
	r.Thresholds, _ = threshold.All(c.Thresholds, r)
	r.Args = public(s.args)
	return r, nil
}
