package main

import "github.com/penstock/penstock/bench/plan"

type slowCommand struct {
	common
	requestFlags
	Side   string `default:"read" enum:"read,write" help:"What is slow: reading what was asked for, or writing a request that never ends (slowloris)."`
	Pace   int    `default:"10" help:"Bytes a second that a slow connection moves."`
	Probes int    `default:"4" help:"Connections beside the slow ones whose requests are measured, and sent at the rate."`
}

func (c *slowCommand) Run(s *session) error {
	p := c.plan(plan.Slow)
	if err := c.set(p); err != nil {
		return err
	}
	p.Side, p.Pace, p.Probes = c.Side, c.Pace, c.Probes
	return c.run(s, p)
}
