package main

import (
	"fmt"

	"github.com/penstock/penstock/bench/plan"
)

type rrCommand struct {
	common
	requestFlags
	Pipeline  int  `default:"1" help:"Requests under way on a connection."`
	Fragments int  `default:"1" help:"Writes of a request."`
	NoVerify  bool `help:"Do not check bytes."`
}

func (c *rrCommand) Run(s *session) error {
	if c.Pipeline < 1 || c.Fragments < 1 {
		return &exit{exitUsage, fmt.Errorf("--pipeline %d, --fragments %d: must be at least 1", c.Pipeline, c.Fragments)}
	}
	p := c.plan(plan.RR)
	if err := c.set(p); err != nil {
		return err
	}
	p.Pipeline, p.Fragments, p.Verify = c.Pipeline, c.Fragments, !c.NoVerify
	return c.run(s, p)
}
