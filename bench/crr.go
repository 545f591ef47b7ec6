package main

import "github.com/penstock/penstock/bench/plan"

type crrCommand struct {
	common
	requestFlags
	End      string `default:"fin" enum:"fin,rst" help:"How a connection ends once it is answered: fin or rst."`
	NoVerify bool   `help:"Do not check bytes."`
}

func (c *crrCommand) Run(s *session) error {
	p := c.plan(plan.CRR)
	if err := c.set(p); err != nil {
		return err
	}
	p.Ending, p.Verify = c.End, !c.NoVerify
	return c.run(s, p)
}
