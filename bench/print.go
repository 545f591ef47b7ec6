package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/penstock/penstock/bench/result"
)

// printResult prints a result for people.
func printResult(out io.Writer, r *result.Result) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%s %v: %.1f/s over %v, %d completed, %d errors\n", r.Command, r.Plan.Target, r.AchievedRate, r.Measured.Round(time.Millisecond), r.Completed, r.Errors)
	fmt.Fprintln(w, "\tp50\tp90\tp99\tp99.9\tp99.99\tmax\t")
	for _, l := range []struct {
		name string
		p    *result.Percentiles
	}{{"response", r.Latency.Response}, {"service", r.Latency.Service}, {"lag", r.Latency.Lag}} {
		if l.p != nil {
			fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t\n", l.name, time.Duration(l.p.P50), time.Duration(l.p.P90), time.Duration(l.p.P99), time.Duration(l.p.P999), time.Duration(l.p.P9999), time.Duration(l.p.Max))
		}
	}
	w.Flush()
	fmt.Fprintf(out, "generator: %.2f cores, %.0f ns per unit\n", r.Generator.Cores, r.Generator.CPUPerUnit)
	for _, why := range r.InvalidReasons {
		fmt.Fprintln(out, "INVALID:", why)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note:", n)
	}
}
