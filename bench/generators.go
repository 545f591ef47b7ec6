package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/generators"
	"github.com/penstock/penstock/bench/measure"
)

type generatorsCommand struct {
	Only   []string `arg:"" optional:"" help:"Other generators: wrk, h2load, fortio, redis-benchmark, iperf3. None: all."`
	Turns  int      `default:"5" help:"Turns of each."`
	Time   int      `short:"d" name:"seconds" default:"3" help:"Seconds of a turn."`
	Output string   `short:"o" placeholder:"FILE.md" help:"Write the tables, with the commands and what explains the differences."`
}

const generatorsAbout = `# Beside other load generators

The same servers, asked by this harness and by generators that others wrote, in turns on
one CPU; the servers have another. Written by

    %s

A figure is the median of %d turns of %d s. All are closed loops: an open one, in which a request
has a time at which it is due, is not compared yet.

`

// Run runs the pairs that are wanted.
func (c *generatorsCommand) Run(s *session) error {
	if c.Turns < 1 || c.Time < 1 {
		return &exit{exitUsage, fmt.Errorf("--turns %d, --seconds %d: must be at least 1", c.Turns, c.Time)}
	}
	pairs, err := generators.Chosen(generators.Loads(strconv.Itoa(c.Time)), c.Only)
	if err != nil {
		return &exit{exitUsage, err}
	}
	if missing := generators.Missing(pairs); len(missing) > 0 {
		return &exit{exitUsage, fmt.Errorf("%s: not on this machine; install them (Debian: wrk, nghttp2-client, redis, iperf3, nginx; go install fortio.org/fortio@latest), or name those that there are", strings.Join(missing, ", "))}
	}
	pin, err := measure.Pin(measure.Split, 1, 1)
	if err != nil {
		return err
	}
	var all []generators.Readings
	var wrong error
	for _, p := range pairs {
		r, err := p.Run(s.ctx, c.Turns, pin)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if theirs, ours := r.Errors(); theirs+ours > 0 {
			wrong = errors.Join(wrong, fmt.Errorf("%s: they counted %d errors, this harness %d", p.Name, theirs, ours))
		}
		fmt.Fprintln(s.out, r.Line(p.Name))
		all = append(all, r)
	}
	if c.Output != "" {
		text := fmt.Sprintf(generatorsAbout, "go run ./bench "+strings.Join(s.args, " "), c.Turns, c.Time) + generators.Table(pairs, all)
		wrong = errors.Join(wrong, os.WriteFile(c.Output, []byte(text), 0o644))
	}
	return wrong
}
