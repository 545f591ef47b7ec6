package page

import (
	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// overTime draws a result's windows: latency, rate, CPU, memory.
func (c *charts) overTime(r *result.Result) (all []*chart) {
	s := r.Series
	if len(s) < 2 {
		return nil
	}
	put := func(one chart) {
		one.X, one.At, one.Bands = axis{Label: "seconds", Unit: "seconds"}, of(s, func(w result.Second) float64 { return w.At.Seconds() }), bandsOf(s)
		if added := c.add(one); added != nil {
			all = append(all, added)
		}
	}
	put(chart{
		Title: "Latency over time", What: "Response time in each window.", Y: axis{Unit: "duration", Log: true},
		Lines: []line{
			{Label: "p50", Values: positive(of(s, func(w result.Second) float64 { return float64(w.P50) }))},
			{Label: "p99", Values: positive(of(s, func(w result.Second) float64 { return float64(w.P99) }))},
			{Label: "max", Values: positive(of(s, func(w result.Second) float64 { return float64(w.Max) })), Dashed: true},
		},
		Summary: worst(s),
	})
	rate := chart{
		Title: "Rate over time", What: r.Plan.Kind.Unit() + "s a second.", Y: axis{Unit: "number", Zero: true},
		Lines: []line{
			{Label: "achieved", Values: of(s, func(w result.Second) float64 { return w.Rate })},
			{Label: "asked", Values: positive(of(s, func(w result.Second) float64 { return w.Asked })), Dashed: true},
		},
		Summary: "achieved " + figure.Rate(r.Plan.Kind, r.AchievedRate),
	}
	if r.Plan.Kind == plan.Stream {
		rate.What = "GiB a second."
	}
	put(rate)
	cpu := chart{
		Title: "CPU over time", What: "Cores in use.", Y: axis{Unit: "number", Zero: true},
		Lines:   []line{{Label: "generator", Values: of(s, func(w result.Second) float64 { return w.Generator })}},
		Summary: "generator " + figure.Number(r.Generator.Cores) + " cores",
	}
	if r.Cost != nil {
		cpu.Lines = append([]line{{Label: "system under test", Values: of(s, func(w result.Second) float64 { return w.CPU })}}, cpu.Lines...)
		cpu.Summary = "system under test " + figure.Number(r.Cost.Cores) + " cores, " + cpu.Summary
	}
	put(cpu)
	if r.Cost != nil {
		put(chart{
			Title: "Memory over time", What: "Anonymous and private memory of the system under test.", Y: axis{Unit: "bytes", Zero: true},
			Lines:   []line{{Label: "memory", Values: positive(of(s, func(w result.Second) float64 { return float64(w.Memory) }))}},
			Summary: figure.Bytes(r.Cost.Memory) + " at the end",
		})
	}
	return all
}

// of picks a figure of each window.
func of(s []result.Second, figure func(result.Second) float64) numbers {
	n := make(numbers, len(s))
	for i, w := range s {
		n[i] = figure(w)
	}
	return n
}

// bandsOf tells the warm-up apart, and windows with errors in them.
func bandsOf(s []result.Second) (b []band) {
	for _, w := range s {
		from, to := (w.At - w.For).Seconds(), w.At.Seconds()
		switch {
		case w.Errors > 0:
			b = append(b, band{From: from, To: to, Label: "errors", Bad: true})
		case w.Warmup && len(b) > 0 && b[len(b)-1].Label == "warm-up":
			b[len(b)-1].To = to
		case w.Warmup:
			b = append(b, band{From: from, To: to, Label: "warm-up"})
		}
	}
	return b
}

// worst tells of the window with the highest p99.
func worst(s []result.Second) string {
	var at result.Second
	for _, w := range s {
		if !w.Warmup && w.P99 > at.P99 {
			at = w
		}
	}
	return "the highest p99 is " + figure.Duration(at.P99) + ", in the window that ends at " + figure.Number(at.At.Seconds()) + " s"
}
