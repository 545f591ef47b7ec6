package main

import "github.com/penstock/penstock/bench/plan"

type rstCommand struct {
	common
	requestFlags
	Probes int `default:"4" help:"Connections beside those that are reset, whose requests must go on, and are measured."`
}

func (c *rstCommand) Run(s *session) error {
	p := c.plan(plan.RST)
	if err := c.set(p); err != nil {
		return err
	}
	p.Probes = c.Probes
	return c.run(s, p)
}
