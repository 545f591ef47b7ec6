package main

import (
	"strings"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/fleet"
	"github.com/penstock/penstock/bench/plan"
)

// agentsFlags are those of a load that agents generate.
type agentsFlags struct {
	Agents       fleet.Crew    `placeholder:"N|NAMES" help:"Have agents generate the load together: so many, or those of the names a,b,c. See the command agent."`
	AgentsListen string        `default:"127.0.0.1:4222" placeholder:"HOST:PORT" help:"Where agents come to (${default}). Other machines reach it only if the host is one of theirs to reach, and then a token is needed."`
	AgentsToken  string        `env:"PENSTOCK_BENCH_TOKEN" help:"What agents must know."`
	AgentsWait   time.Duration `default:"30s" help:"How long to wait for agents."`
	NATS         string        `name:"nats" placeholder:"URL" help:"Meet agents at a NATS cluster, not here."`
}

// lead has agents generate the load of p, if any are asked for. end lets them go.
func (f *agentsFlags) lead(s *session, p *plan.Plan, o *drive.Options) (end func(), err error) {
	if f.Agents.N == 0 {
		return func() {}, nil
	}
	if err := f.Agents.Check(p); err != nil {
		return nil, &exit{exitUsage, err}
	}
	crew, err := fleet.New(&fleet.Options{
		Crew: f.Agents, URL: f.NATS, Listen: f.AgentsListen, Token: f.AgentsToken, Wait: f.AgentsWait, Progress: s.err,
	})
	if err != nil {
		return nil, err
	}
	o.Source, o.Agents = crew.Source, crew.Agents
	return crew.Close, nil
}

// public answers arguments without the token, to be saved with a result.
func public(args []string) []string {
	const flag = "--agents-token"
	kept := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == flag:
			i++
		case strings.HasPrefix(args[i], flag+"="):
		case i > 0 && args[i-1] == "--nats", strings.HasPrefix(args[i], "--nats="):
			kept = append(kept, fleet.Bare(args[i]))
		default:
			kept = append(kept, args[i])
		}
	}
	return kept
}
