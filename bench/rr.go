package main

import "github.com/penstock/penstock/bench/plan"

type rrCommand struct {
	common
	Size      plan.Mix `default:"64" help:"Bytes of a request, or a mix: 64:80,1KiB:15,16KiB:5."`
	Response  int      `help:"Bytes of a response. 0: as many as the request, an echo whose every byte is checked."`
	Protocol  string   `default:"echo" enum:"echo,http" help:"echo, or http: GET /RESPONSE."`
	Pipeline  int      `default:"1" help:"Requests under way on a connection."`
	Fragments int      `default:"1" help:"Writes of a request."`
	NoVerify  bool     `help:"Do not check bytes."`
}

func (c *rrCommand) Run(s *session) error {
	p := c.plan(plan.RR)
	p.Request, p.Response, p.Protocol, p.Pipeline, p.Fragments, p.Verify = c.Size, c.Response, c.Protocol, c.Pipeline, c.Fragments, !c.NoVerify
	return c.run(s, p)
}
