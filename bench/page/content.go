package page

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

// content is what page.html shows, in its order.
type content struct {
	Title, Policy   string
	Style           template.CSS
	Library, Script template.JS

	Overview    *table   // of the results, if there are several
	Scans       []*chart // latency over load, and all percentile curves
	Comparisons []comparisonView
	Matrix      *table // of the comparisons, if there are several
	Results     []resultView
	Open        bool // they are few: all are unfolded
	Charts      charts
}

// A table is made of cells, so that a narrow screen can show each row by itself.
type table struct {
	Caption string
	Head    []string
	Rows    []row
	Narrow  bool // it fits a phone as it is
	Wrapped bool // its cells may have two lines
}

type row struct {
	Cells []cell
	Bad   bool
}

type cell struct{ Label, Text, Mood string }

// add adds a row of texts.
func (t *table) add(bad bool, texts ...string) *row {
	r := row{Bad: bad}
	for i, text := range texts {
		r.Cells = append(r.Cells, cell{Label: t.Head[i], Text: text})
	}
	t.Rows = append(t.Rows, r)
	return &t.Rows[len(t.Rows)-1]
}

// few is how many results or comparisons are shown unfolded.
const few = 2

func (p *Page) content() *content {
	c := &content{Title: p.Title, Open: len(p.Results)+len(p.Comparisons) <= few}
	results := slices.Clone(p.Results)
	slices.SortStableFunc(results, func(a, b *result.Result) int {
		return cmp.Or(cmp.Compare(shape(a), shape(b)), cmp.Compare(a.AskedRate, b.AskedRate))
	})
	for _, of := range p.Comparisons {
		c.Comparisons = append(c.Comparisons, c.comparison(of))
	}
	if len(p.Comparisons) > 1 {
		c.Matrix = matrix(c.Comparisons)
	}
	if len(results) > 1 {
		c.Overview = overview(results)
		c.scans(results)
	}
	for _, r := range results {
		c.Results = append(c.Results, c.result(r))
	}
	switch {
	case c.Title != "":
	case len(p.Comparisons) == 0 && len(results) == 1:
		c.Title = "A load on " + results[0].Plan.Target.String()
	case len(p.Comparisons) == 0:
		c.Title = several(len(results), "load")
	case len(p.Comparisons) == 1 && len(results) == 0:
		c.Title = "Systems under the same load"
	default:
		c.Title = several(len(p.Comparisons), "comparison") + ", " + several(len(results), "load")
	}
	return c
}

func several(n int, s string) string {
	if n == 1 {
		return "1 " + s
	}
	return fmt.Sprintf("%d %ss", n, s)
}

// shape says what a result was asked for, but for its rate.
func shape(r *result.Result) string { return named(r, view.Shape(r.Plan)) }

// name says what a result was asked for.
func name(r *result.Result) string { return named(r, view.Load(r.Plan)) }

func named(r *result.Result, text string) string {
	if r.Name != "" {
		return r.Name + ": " + text
	}
	return text
}

// overview is a line for each of several results, which are sorted by shape: where
// they are of one, it stands above them.
func overview(results []*result.Result) *table {
	t := &table{Caption: "All results", Head: []string{"load", "asked", "achieved", "p50", "p99", "p99.9", "max", "errors", "CPU per unit", "verdict"}}
	same := shape(results[0]) == shape(results[len(results)-1])
	if same {
		t.Caption, t.Head = shape(results[0]), t.Head[1:]
	}
	for _, r := range results {
		asked, cost, verdict := "closed loop", "–", "valid"
		if r.AskedRate > 0 {
			asked = figure.Rate(r.Plan.Kind, r.AskedRate)
		}
		if r.Cost != nil && r.Cost.CPUPerUnit > 0 {
			cost = figure.Duration(r.Cost.CPUPerUnit)
		}
		if !r.Valid {
			verdict = "INVALID"
		}
		at := [4]string{"–", "–", "–", "–"}
		if p := r.Latency.Response; p != nil {
			at = [4]string{figure.Duration(p.P50), figure.Duration(p.P99), figure.Duration(p.P999), figure.Duration(p.Max)}
		}
		texts := []string{shape(r), asked, figure.Rate(r.Plan.Kind, r.AchievedRate), at[0], at[1], at[2], at[3], figure.Count(r.Errors), cost, verdict}
		if same {
			texts = texts[1:]
		}
		added := t.add(!r.Valid, texts...)
		added.Cells[len(added.Cells)-1].Mood = mood(r.Valid)
	}
	return t
}

func mood(good bool) string {
	if good {
		return "good"
	}
	return "bad"
}

// mostCurves is how many percentile curves can be told apart in one chart.
const mostCurves = 12

// scans draws what several results have to say together.
func (c *content) scans(results []*result.Result) {
	for len(results) > 0 {
		n := 1
		for n < len(results) && shape(results[n]) == shape(results[0]) {
			n++
		}
		c.scan(results[:n])
		results = results[n:]
	}
}

// scan draws results that differ in their rate only. Closed loops have none.
func (c *content) scan(results []*result.Result) {
	for len(results) > 0 && results[0].AskedRate == 0 {
		results = results[1:]
	}
	rates := 0
	for i, r := range results {
		if i == 0 || r.AskedRate != results[i-1].AskedRate {
			rates++
		}
	}
	if rates < 2 {
		return
	}
	add := func(one *chart) {
		if one != nil {
			c.Scans = append(c.Scans, one)
		}
	}
	add(c.Charts.load("Latency over load: "+shape(results[0]), results))
	var curves []curve
	for _, r := range results[max(0, len(results)-mostCurves):] {
		curves = append(curves, curve{name: figure.Rate(r.Plan.Kind, r.AskedRate), h: r.Latency.ResponseHistogram, dashed: !r.Valid})
	}
	add(c.Charts.percentiles("Percentiles at each rate", "Response time that a share of the requests stays below. Dashed: invalid.", curves))
}
