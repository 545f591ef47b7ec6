package main

import "github.com/penstock/penstock/bench/plan"

type halfCloseCommand struct {
	common
	requestFlags
}

func (c *halfCloseCommand) Run(s *session) error {
	p := c.plan(plan.HalfClose)
	if err := c.set(p); err != nil {
		return err
	}
	return c.run(s, p)
}
