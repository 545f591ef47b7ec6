package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

type compareCommand struct {
	X     string `arg:"" help:"A result that was saved with --json."`
	Y     string `arg:"" help:"Another, which is held against it."`
	Force bool   `help:"Compare results of different loads all the same."`
}

// Run holds two saved runs against each other.
func (c *compareCommand) Run(s *session) error {
	x, err := result.Load(c.X)
	if err != nil {
		return &exit{exitUsage, err}
	}
	y, err := result.Load(c.Y)
	if err != nil {
		return &exit{exitUsage, err}
	}
	other, rest := differences(x, y)
	if len(other) > 0 && !c.Force {
		return &exit{exitUsage, fmt.Errorf("the loads differ, so that their figures say nothing about each other: %s; --force compares them all the same", strings.Join(other, "; "))}
	}
	introduce(s.out, "X", c.X, x)
	introduce(s.out, "Y", c.Y, y)
	for _, d := range append(other, rest...) {
		fmt.Fprintln(s.out, "   differs:", d)
	}
	fmt.Fprintln(s.out)
	sideBySide(s.out, x, y)
	fmt.Fprintln(s.out, "\nTwo single runs prove little: a difference may be the machine's, and not the system's. Use ab, which takes turns, and says what a difference is worth.")
	if !x.Valid || !y.Valid {
		return &exit{exitInvalid, errors.New("a run that is invalid is compared")}
	}
	return nil
}

func introduce(out io.Writer, letter, file string, r *result.Result) {
	verdict := "VALID"
	if !r.Valid {
		verdict = "INVALID"
	}
	fmt.Fprintf(out, "%s  %s  %s  %s\n", letter, verdict, file, view.Load(r.Plan))
	for _, why := range r.InvalidReasons {
		fmt.Fprintln(out, "   ✗", why)
	}
}

// sideBySide writes the figures that both have, and their ratios.
func sideBySide(out io.Writer, x, y *result.Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, a, b float64, write func(float64) string) {
		ratio := "–"
		if a > 0 {
			ratio = figure.Number(b / a)
		}
		fmt.Fprintf(w, "%-28s\t%s\t%s\t%s\t\n", name, write(a), write(b), ratio)
	}
	fmt.Fprintln(w, "\tX\tY\tY / X\t")
	row("rate", x.AchievedRate, y.AchievedRate, func(v float64) string { return figure.Rate(x.Plan.Kind, v) })
	row("errors", float64(x.Errors), float64(y.Errors), func(v float64) string { return figure.Count(int64(v)) })
	if a, b := x.Cost, y.Cost; a != nil && b != nil {
		row("CPU per "+a.Unit, a.CPUPerUnit, b.CPUPerUnit, figure.Duration)
		row("cores", a.Cores, b.Cores, figure.Number)
		row("wait for a CPU per "+a.Unit, a.RunQueuePerUnit, b.RunQueuePerUnit, figure.Duration)
		if a.Syscalls > 0 && b.Syscalls > 0 {
			row("system calls per "+a.Unit, a.SyscallsPerUnit, b.SyscallsPerUnit, figure.Number)
		}
		row("memory", float64(a.Memory), float64(b.Memory), figure.Bytes)
	}
	row("CPU of the generator", x.Generator.CPUPerUnit, y.Generator.CPUPerUnit, figure.Duration)
	theirs := view.Distributions(&y.Latency)
	for _, a := range view.Distributions(&x.Latency) {
		for _, b := range theirs {
			if a.Name == b.Name {
				percentiles(row, a, b)
			}
		}
	}
	w.Flush()
}

// percentiles writes two distributions of the same time.
func percentiles(row func(string, float64, float64, func(float64) string), a, b view.Distribution) {
	for _, p := range []struct {
		name string
		a, b int64
	}{
		{"p50", a.P50, b.P50}, {"p90", a.P90, b.P90}, {"p99", a.P99, b.P99}, {"p99.9", a.P999, b.P999}, {"p99.99", a.P9999, b.P9999},
		{"max", a.Max, b.Max}, {"mean", int64(a.Mean), int64(b.Mean)},
	} {
		row(a.Name+" "+p.name, float64(p.a), float64(p.b), figure.Duration)
	}
}
