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
	fmt.Fprintf(w, "CPU time of the system for each %s, as a ratio to %s: median of %d blocks, and where it lies with 95 %% confidence\n",
		c.Unit, c.Systems[0].Name, c.Blocks)
	t := pretty.NewWriter()
	t.SetStyle(pretty.StyleLight)
	t.AppendHeader(pretty.Row{"system", "CPU", "ratio", "interval", "rate", "p50", "p99", "verdict"})
	t.SetColumnConfigs([]pretty.ColumnConfig{{Number: 2, Align: text.AlignRight}, {Number: 3, Align: text.AlignRight}, {Number: 5, Align: text.AlignRight}, {Number: 6, Align: text.AlignRight}, {Number: 7, Align: text.AlignRight}})
	for i := range c.Systems {
		s := &c.Systems[i]
		row := pretty.Row{s.Name, figure.Duration(MedianCost(s)), "1", "", "1", "1", "1", "base"}
		if a := s.Against; a != nil {
			row = pretty.Row{s.Name, figure.Duration(MedianCost(s)), ratio(a.Cost.Median), interval(a.Cost.Within),
				ratio(a.Rate.Median), ratio(a.P50.Median), ratio(a.P99.Median), a.Verdict}
		}
		t.AppendRow(row)
	}
	fmt.Fprintln(w, t.Render())
	if c.Floor != nil {
		fmt.Fprintf(w, "noise floor: %s against itself %s (%s)\n", c.Systems[0].Name, ratio(c.Floor.Cost.Median), interval(c.Floor.Cost.Within))
	}
	if !c.Valid {
		fmt.Fprintf(w, "INVALID: %s\n", strings.Join(c.InvalidReasons, "\nINVALID: "))
	}
}

// MedianCost is the CPU time of a system for a unit of work, in ns.
func MedianCost(s *result.System) float64 {
	var costs []float64
	for i := range s.Turns {
		costs = append(costs, s.Turns[i].Cost)
	}
	return stats.Median(costs)
}

func ratio(v float64) string           { return fmt.Sprintf("%.3f", v) }
func interval(i stats.Interval) string { return fmt.Sprintf("%.3f–%.3f", i.Low, i.High) }
