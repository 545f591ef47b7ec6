package main

import (
	"os"
	"strings"

	"github.com/penstock/penstock/bench/fleet"
)

type agentCommand struct {
	NATS  string `name:"nats" default:"nats://127.0.0.1:4222" placeholder:"URL" help:"Where the controller is, or the cluster that it is at (${default})."`
	Name  string `help:"Unique among the agents of a run. Default: the host's."`
	Token string `env:"PENSTOCK_BENCH_TOKEN" help:"The controller's --agents-token."`
	Once  bool   `help:"Serve one run, then end."`
}

func (c *agentCommand) Run(s *session) error {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return err
		}
		c.Name, _, _ = strings.Cut(host, ".")
	}
	if err := fleet.CheckName(c.Name); err != nil {
		return &exit{exitUsage, err}
	}
	return (&fleet.Agent{URL: c.NATS, Name: c.Name, Token: c.Token, Once: c.Once, Log: s.out}).Serve(s.ctx)
}
