package main

import "github.com/penstock/penstock/bench/plan"

type holdCommand struct {
	common
	Active   float64  `default:"0.05" help:"Share of the connections that send requests. 0: all are idle."`
	Touch    bool     `default:"true" negatable:"" help:"Send one request on every connection before the load begins, so that it has what a used one has."`
	Size     plan.Mix `default:"64" help:"Bytes of a request, or a mix: 64:80,1KiB:15,16KiB:5."`
	Response int      `help:"Bytes of a response. 0: as many as the request, an echo whose every byte is checked."`
	Protocol string   `default:"echo" enum:"echo,http" help:"echo, or http: GET /RESPONSE."`
}

func (c *holdCommand) Run(s *session) error {
	p := c.plan(plan.Hold)
	p.Active, p.Touch, p.Request, p.Response, p.Protocol = c.Active, c.Touch, c.Size, c.Response, c.Protocol
	return c.run(s, p)
}
