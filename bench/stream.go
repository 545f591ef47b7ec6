package main

import "github.com/penstock/penstock/bench/plan"

type streamCommand struct {
	common
	Size      plan.Bytes `default:"128KiB" help:"Bytes of a write."`
	Direction string     `default:"up" enum:"up,down,both" help:"up: to the target; down: from it; both."`
	NoVerify  bool       `help:"Do not check bytes: for a target other than serve, which knows no hello."`
	Light     bool       `help:"Touch and check no byte: send pages of a file, have the kernel discard what comes. The other end is serve --light, or any."`
}

func (c *streamCommand) Run(s *session) error {
	p := c.plan(plan.Stream)
	p.Request = plan.Mix{{Bytes: int(c.Size), Weight: 1}}
	p.Direction, p.Light, p.Verify = c.Direction, c.Light, !c.NoVerify && !c.Light
	return c.run(s, p)
}
