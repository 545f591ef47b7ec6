package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

// A resultView is a result as it is shown.
type resultView struct {
	*result.Result
	Name        string
	Brief       string // for the fold
	Tiles       []tile
	Charts      []*chart
	Percentiles *table
	Facts       []view.Fact
	Environment []view.Fact
	Windows     *table
	Command     string
	When        string
}

// A tile is a figure that is read first.
type tile struct{ Label, Text, Beside, Mood string }

func (c *content) result(r *result.Result) resultView {
	v := resultView{
		Result: r, Name: name(r), Tiles: tiles(r), Percentiles: percentiles(r), Windows: windows(r),
		Facts: slices.Concat(view.Work(r), view.Cost(r), view.Generator(r)), Environment: environment(&r.Environment),
		Command: quote(append([]string{"penstock-bench"}, r.Args...)), When: r.Started.UTC().Format("2 January 2006, 15:04:05 UTC"),
	}
	v.Brief = figure.Rate(r.Plan.Kind, r.AchievedRate)
	if p := r.Latency.Response; p != nil {
		v.Brief += ", p99 " + figure.Duration(p.P99)
	}
	if one := c.Charts.percentiles("Percentiles", "Duration that a share of the requests stays below.", curvesOf(r)); one != nil {
		v.Charts = append(v.Charts, one)
	}
	v.Charts = append(v.Charts, c.Charts.overTime(r)...)
	return v
}

func tiles(r *result.Result) (t []tile) {
	beside := "closed loop"
	if r.AskedRate > 0 {
		beside = figure.Share(r.AchievedRate/r.AskedRate) + " of " + figure.Rate(r.Plan.Kind, r.AskedRate)
	}
	t = append(t, tile{"rate", figure.Rate(r.Plan.Kind, r.AchievedRate), beside, ""})
	if p := r.Latency.Response; p != nil {
		t = append(t, tile{"p50", figure.Duration(p.P50), "response time", ""}, tile{"p99", figure.Duration(p.P99), "response time", ""},
			tile{"p99.9", figure.Duration(p.P999), "response time", ""}, tile{"max", figure.Duration(p.Max), "response time", ""})
	}
	bad := ""
	if r.Errors > 0 {
		bad = "bad"
	}
	t = append(t, tile{"errors", figure.Count(r.Errors), "of " + figure.Count(r.Completed+r.Errors), bad})
	if c := r.Cost; c != nil && c.CPUPerUnit > 0 {
		t = append(t, tile{"CPU", figure.Duration(c.CPUPerUnit), "per " + c.Unit, ""})
	}
	return t
}

// percentiles has a row for each percentile, so that it is narrow.
func percentiles(r *result.Result) *table {
	all := view.Distributions(&r.Latency)
	if len(all) == 0 {
		return nil
	}
	t := &table{Head: []string{"at"}, Narrow: true}
	var what []string
	for _, d := range all {
		t.Head = append(t.Head, d.Name)
		what = append(what, d.Name+": "+d.What)
	}
	t.Caption = strings.Join(what, "; ") + "."
	put := func(name string, of func(*result.Percentiles) string) {
		texts := []string{name}
		for _, d := range all {
			texts = append(texts, of(d.Percentiles))
		}
		t.add(false, texts...)
	}
	put("p50", func(p *result.Percentiles) string { return figure.Duration(p.P50) })
	put("p90", func(p *result.Percentiles) string { return figure.Duration(p.P90) })
	put("p99", func(p *result.Percentiles) string { return figure.Duration(p.P99) })
	put("p99.9", func(p *result.Percentiles) string { return figure.Duration(p.P999) })
	put("p99.99", func(p *result.Percentiles) string { return figure.Duration(p.P9999) })
	put("max", func(p *result.Percentiles) string { return figure.Duration(p.Max) })
	put("mean", func(p *result.Percentiles) string { return figure.Duration(p.Mean) })
	put("count", func(p *result.Percentiles) string { return figure.Count(p.Count) })
	return t
}

// windows is every window in figures: what the charts over time are drawn of.
func windows(r *result.Result) *table {
	t := &table{Caption: "Every window", Head: []string{"until", "phase", "asked", "achieved", "p50", "p99", "p99.9", "max", "errors", "open", "CPU", "memory", "generator"}}
	for _, s := range r.Series {
		phase, asked, cpu, memory := "measured", "–", "–", "–"
		if s.Warmup {
			phase = "warm-up"
		}
		if s.Asked > 0 {
			asked = figure.Rate(r.Plan.Kind, s.Asked)
		}
		if r.Cost != nil {
			cpu, memory = figure.Number(s.CPU), figure.Bytes(s.Memory)
		}
		t.add(s.Errors > 0, figure.Number(s.At.Seconds())+" s", phase, asked, figure.Rate(r.Plan.Kind, s.Rate),
			figure.Duration(s.P50), figure.Duration(s.P99), figure.Duration(s.P999), figure.Duration(s.Max),
			figure.Count(s.Errors), figure.Count(s.Open), cpu, memory, figure.Number(s.Generator))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// environment tells of the machine, as far as it is known.
func environment(e *result.Environment) (f []view.Fact) {
	add := func(label, text string) {
		if text != "" {
			f = append(f, view.Fact{Label: label, Text: text})
		}
	}
	add("system under test", e.System)
	add("host", e.Host)
	add("CPU", e.CPU)
	if e.CPUs > 0 {
		add("CPUs", fmt.Sprint(e.CPUs))
	}
	add("pinning", e.Pinning)
	add("system's CPUs", e.SystemCPUs)
	add("generator's CPUs", e.GeneratorCPUs)
	add("governor", e.Governor)
	if e.Memory > 0 {
		add("memory", figure.Bytes(e.Memory))
	}
	add("kernel", e.Kernel)
	add("Go", e.Go)
	for _, key := range slices.Sorted(maps.Keys(e.Sysctls)) {
		add(key, e.Sysctls[key])
	}
	return f
}
