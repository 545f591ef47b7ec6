package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/penstock/penstock/bench/ab"
	"github.com/penstock/penstock/bench/figure"
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
	t.plan, t.noCeiling = p, load.NoCeiling
	if t.beside, err = measure.AttachAll(load.Beside); err != nil {
		return &exit{exitUsage, fmt.Errorf("--beside: %w", err)}
	}
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
