package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/penstock/penstock/bench/ab"
	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

type abCommand struct {
	A      string   `name:"a" required:"" placeholder:"CMD" help:"The base. {addr} in it is the address to listen on, {port} its port."`
	B      string   `name:"b" required:"" placeholder:"CMD" help:"What is held against it."`
	C      string   `name:"c" placeholder:"CMD" help:"And another."`
	D      string   `name:"d" placeholder:"CMD" help:"And another."`
	Blocks int      `default:"5" help:"Blocks of turns: A B B A, so that each system has two turns in each. 5 at least, or the intervals are mere ranges."`
	Pin    string   `default:"split" enum:"split,shared,duet" help:"split: the system on CPUs of its own. shared: nothing is pinned. duet: A and B at the same time."`
	JSON   string   `name:"json" placeholder:"FILE" help:"Save the comparison."`
	Load   []string `arg:"" passthrough:"" help:"A load command, such as: rr tcp://{addr} -c 100 -d 1s."`
}

// Run starts the systems in turn, and holds them against each other.
func (c *abCommand) Run(s *session) error {
	t := &turns{pinMode: c.Pin, own: strings.Contains(strings.Join(c.Load, " "), "{")}
	b := &ab.Bench{Blocks: c.Blocks, Together: c.Pin == measure.Duet, Turn: t.take}
	for _, command := range []struct{ name, line string }{{"a", c.A}, {"b", c.B}, {"c", c.C}, {"d", c.D}} {
		if command.line == "" {
			continue
		}
		words, err := measure.Words(command.line)
		if err != nil {
			return &exit{exitUsage, fmt.Errorf("--%s %q: %w", command.name, command.line, err)}
		}
		t.commands = append(t.commands, func(string) ([]string, error) { return words, nil })
		b.Systems = append(b.Systems, ab.System{Name: command.name, Command: command.line})
	}
	switch {
	case c.Blocks < 1:
		return &exit{exitUsage, fmt.Errorf("--blocks %d: must be at least 1", c.Blocks)}
	case b.Together && len(b.Systems) != 2:
		return &exit{exitUsage, errors.New("--pin duet: two systems run at the same time, and no more: leave out --c and --d")}
	}
	if err := checkJSON(c.JSON); err != nil {
		return err
	}
	load, p, err := s.nested(fillAddress(c.Load, "127.0.0.1:1"))
	if err != nil {
		return err
	}
	if load.PID != 0 || load.Start != "" || load.Agents.N > 0 {
		return &exit{exitUsage, errors.New("--pid, --start and --agents: ab starts the systems itself, and generates the load here: leave them out of the load")}
	}
	t.plan = p
	b.Told = tellTurns(s, t.plan.Kind)
	comparison, err := t.compare(s, b)
	if err != nil {
		return err
	}
	comparison.Args = public(s.args)
	view.Comparison(s.out, comparison)
	if c.JSON != "" {
		if err := comparison.Save(c.JSON); err != nil {
			return err
		}
	}
	if !comparison.Valid {
		return &exit{exitInvalid, errors.New("the comparison is invalid")}
	}
	return nil
}

// tellTurns tells those who wait of each turn.
func tellTurns(s *session, kind plan.Kind) func(string, int, int, string, *result.Turn) {
	return func(doing string, done, of int, name string, t *result.Turn) {
		bad := ""
		if len(t.InvalidReasons) > 0 {
			bad = "  INVALID: " + t.InvalidReasons[0]
		}
		fmt.Fprintf(s.err, "%s %d of %d: %s: %s CPU, %s, p99 %s%s\n", doing, done, of, name, figure.Duration(t.Cost), figure.Rate(kind, t.Rate), figure.Duration(t.P99), bad)
	}
}

// turns runs the load of one plan against systems that it starts and ends.
type turns struct {
	plan     *plan.Plan
	commands []func(addr string) ([]string, error) // the words that start a system which is to listen on addr; nil: none is, and the load goes to direct
	direct   plan.Target
	own      bool // each system is given a free port of 127.0.0.1; else the plan's target is where they listen
	pinMode  string
	pin      measure.Pinning
}

func (t *turns) compare(s *session, b *ab.Bench) (_ *result.Comparison, err error) {
	together := 1
	if b.Together {
		together = 2
	}
	if err := load.Check(t.plan); err != nil { // which raises the limit of descriptors, for the systems as well
		return nil, usage(err)
	}
	if t.pin, err = measure.Pin(t.pinMode, together, together*t.plan.Loops); err != nil {
		return nil, &exit{exitUsage, err}
	}
	undo, err := t.pin.Apply()
	if err != nil {
		return nil, err
	}
	defer undo()
	return b.Run(s.ctx)
}

// take is one turn: of one system, or of several at the same time.
func (t *turns) take(ctx context.Context, at ...int) ([]*result.Result, error) {
	results, errs := make([]*result.Result, len(at)), make([]error, len(at))
	var all sync.WaitGroup
	for k, i := range at {
		all.Go(func() { results[k], errs[k] = t.one(ctx, i, t.pin.Systems[k]) })
	}
	all.Wait()
	return results, errors.Join(errs...)
}

func (t *turns) one(ctx context.Context, i int, cpus measure.CPUs) (r *result.Result, err error) {
	p := *t.plan
	if t.commands[i] == nil {
		return t.unhelped(ctx, p)
	}
	if t.own {
		addr, err := freeAddress()
		if err != nil {
			return nil, err
		}
		p.Target = plan.Target{Network: "tcp", Address: addr}
	}
	words, err := t.commands[i](p.Target.Address)
	if err != nil {
		return nil, err
	}
	system, err := measure.Launch(ctx, fillAddress(words, p.Target.Address), cpus, p.Target, p.Timeout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, system.Close()) }()
	r, err = drive.Run(ctx, &p, &drive.Options{Source: load.Run, Meter: system})
	if err != nil {
		return nil, err
	}
	r.Environment = measure.Environment()
	r.Environment.Pinning, r.Environment.System = t.pin.Mode, strings.Join(words, " ")
	return r, nil
}

// unhelped runs the load against what the systems relay to.
func (t *turns) unhelped(ctx context.Context, p plan.Plan) (*result.Result, error) {
	p.Target = t.direct
	r, err := drive.Run(ctx, &p, &drive.Options{Source: load.Run})
	if err == nil {
		r.Environment = measure.Environment()
		r.Environment.Pinning = t.pin.Mode
	}
	return r, err
}

// freeAddress is an address of 127.0.0.1 on which nobody listens at this moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// fillAddress puts an address where words say {addr}, and its port where they say {port}.
func fillAddress(words []string, addr string) []string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		port = addr
	}
	r := strings.NewReplacer("{addr}", addr, "{port}", port)
	filled := make([]string, len(words))
	for i, w := range words {
		filled[i] = r.Replace(w)
	}
	return filled
}
