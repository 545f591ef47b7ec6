package view

import (
	"fmt"
	"io"
	"strings"

	pretty "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/stats"
)

// Comparison prints what systems cost under the same load, as ratios to the first.
func Comparison(w io.Writer, c *result.Comparison) {
	within := "where it lies with 95 % confidence"
	if c.Blocks < stats.Enough {
		within = "their range"
	}
	fmt.Fprintf(w, "CPU time of the system for each %s, as a ratio to %s: median of %d blocks, and %s\n", c.Unit, c.Systems[0].Name, c.Blocks, within)
	t := pretty.NewWriter()
	t.SetStyle(pretty.StyleLight)
	t.AppendHeader(pretty.Row{"system", "CPU", "ratio", "interval", "rate", "p50", "p99", "memory", "verdict"})
	var right []pretty.ColumnConfig
	for n := 2; n <= 8; n++ {
		right = append(right, pretty.ColumnConfig{Number: n, Align: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for i := range c.Systems {
		t.AppendRow(systemRow(&c.Systems[i]))
	}
	fmt.Fprintln(w, t.Render())
	if c.Floor != nil {
		fmt.Fprintf(w, "noise floor: %s against itself %s (%s)\n", c.Systems[0].Name, ratio(c.Floor.Cost), interval(c.Floor.Cost))
	}
	if c.Ceiling != nil {
		fmt.Fprintf(w, "ceiling: %s\n", Ceiling(c))
	}
	if c.Repeated > 0 {
		fmt.Fprintf(w, "%d turns were taken again, because other guests had the machine\n", c.Repeated)
	}
	if !c.Valid {
		fmt.Fprintf(w, "INVALID: %s\n", strings.Join(c.InvalidReasons, "\nINVALID: "))
	}
}

// Ceiling says what the generator could have shown of systems.
func Ceiling(c *result.Comparison) string {
	return fmt.Sprintf("%s against the null target, of which the fastest system reached %s", figure.Rate(c.Plan.Kind, c.Ceiling.Rate), figure.Share(c.Ceiling.Share))
}

// systemRow is what a system cost, and its ratios to the base.
func systemRow(s *result.System) pretty.Row {
	cost, memory := "–", "–"
	if v := MedianOf(s, func(t *result.Turn) float64 { return t.Cost }); v > 0 {
		cost = figure.Duration(v)
	}
	if v := MedianOf(s, func(t *result.Turn) float64 { return t.PerConn }); v > 0 {
		memory = figure.Bytes(v) + " a connection"
	}
	a := s.Against
	if a == nil {
		return pretty.Row{s.Name, cost, "1", "", "1", "1", "1", memory, "base"}
	}
	if a.PerConn != nil {
		memory += ", " + ratio(*a.PerConn)
	}
	return pretty.Row{s.Name, cost, ratio(a.Cost), interval(a.Cost), ratio(a.Rate), ratio(a.P50), ratio(a.P99), memory, a.Verdict}
}

// MedianOf is the median of a figure of a system's turns.
func MedianOf(s *result.System, of func(*result.Turn) float64) float64 {
	var v []float64
	for i := range s.Turns {
		v = append(v, of(&s.Turns[i]))
	}
	return stats.Median(v)
}

func ratio(r result.Ratio) string {
	if len(r.Blocks) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", r.Median)
}

func interval(r result.Ratio) string {
	if len(r.Blocks) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f–%.3f", r.Within.Low, r.Within.High)
}
