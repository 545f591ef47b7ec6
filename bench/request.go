package main

import "github.com/penstock/penstock/bench/plan"

// requestFlags say what is asked of a target, and what it answers.
type requestFlags struct {
	Size     plan.Mix `default:"64" help:"Bytes of a request, or a mix: 64:80,1KiB:15,16KiB:5."`
	Response int      `help:"Bytes of a response. 0: as many as the request, an echo whose every byte is checked."`
	Protocol string   `default:"echo" enum:"echo,http" help:"echo, or http: GET /RESPONSE."`
}

func (f *requestFlags) set(p *plan.Plan) {
	p.Request, p.Response, p.Protocol = f.Size, f.Response, f.Protocol
}
