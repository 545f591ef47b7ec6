package main

import "github.com/penstock/penstock/bench/plan"

type holdCommand struct {
	common
	requestFlags
	Active float64 `default:"0.05" help:"Share of the connections that send requests. 0: all are idle."`
	Touch  bool    `default:"true" negatable:"" help:"Send one request on every connection before the load begins, so that it has what a used one has."`
}

func (c *holdCommand) Run(s *session) error {
	p := c.plan(plan.Hold)
	if err := c.set(p); err != nil {
		return err
	}
	p.Active, p.Touch = c.Active, c.Touch
	return c.run(s, p)
}
