package main

import "github.com/penstock/penstock/bench/plan"

type halfCloseCommand struct {
	common
	requestFlags
}

func (c *halfCloseCommand) Run(s *session) error {
	p := c.plan(plan.HalfClose)
	c.set(p)
	return c.run(s, p)
}
