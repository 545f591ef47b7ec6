package main

import (
	"fmt"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/serve"
)

type serveCommand struct {
	Kind   string       `arg:"" enum:"echo,sink,source,http" help:"echo: what comes is sent back. sink, source: read, and send, as the stream that connects says. http: GET /N is answered with N bytes."`
	Listen listenTarget `default:"tcp://127.0.0.1:0" help:"tcp://host:port (port 0: one that is free), unix:///path or unix:@name."`
	Loops  int          `default:"1" help:"Event loops."`
	Light  bool         `help:"Of sink and source: touch and verify no byte. A source sends at once then."`
}

// Run serves until it is interrupted, and then resets what is left.
func (c *serveCommand) Run(s *session) error {
	kind := serve.Kind(c.Kind)
	switch {
	case c.Loops < 1:
		return &exit{exitUsage, &plan.Invalid{Flag: "loops", Value: fmt.Sprint(c.Loops), Remedy: "must be at least 1"}}
	case c.Light && kind != serve.Sink && kind != serve.Source:
		return &exit{exitUsage, &plan.Invalid{Flag: "light", Value: c.Kind, Remedy: "must be a sink or a source"}}
	case c.Light:
		kind = "light-" + kind
	}
	srv, err := serve.Start(kind, plan.Target(c.Listen), c.Loops)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "listening on", srv.Addr())
	<-s.ctx.Done()
	return srv.Close()
}

// A listenTarget is a target whose port may be 0.
type listenTarget plan.Target

// UnmarshalText lets a flag be one.
func (t *listenTarget) UnmarshalText(text []byte) error {
	at, err := plan.ParseListen(string(text))
	*t = listenTarget(at)
	return err
}
