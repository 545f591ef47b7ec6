package main

import (
	"time"

	"github.com/penstock/penstock/bench/plan"
)

type churnCommand struct {
	common
	requestFlags
	End   string        `default:"fin" enum:"fin,rst" help:"How the connections of a storm end: fin or rst."`
	Pause time.Duration `help:"From the end of a storm to the next."`
}

func (c *churnCommand) Run(s *session) error {
	p := c.plan(plan.Churn)
	if err := c.set(p); err != nil {
		return err
	}
	p.Ending, p.Pause = c.End, c.Pause
	return c.run(s, p)
}
