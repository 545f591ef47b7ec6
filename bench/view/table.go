package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
)

// A table is a result as it is written for people.
type table struct {
	w io.Writer
	r *result.Result
	paint
}

// Table writes a result: whether it may be believed, and then what it is.
func Table(w io.Writer, r *result.Result) {
	t := &table{w, r, paint(Terminal(w))}
	t.validity()
	t.facts(Work(r))
	t.latency()
	t.facts(Cost(r))
	t.facts(Generator(r))
	t.thresholds()
	for _, note := range r.Notes {
		t.line("note", note)
	}
}

func (t *table) line(label, text string) { fmt.Fprintf(t.w, "  %-11s%s\n", label, text) }

func (t *table) facts(all []Fact) {
	for _, f := range all {
		if f.Bad {
			f.Text = t.bad(f.Text)
		}
		t.line(f.Label, f.Text)
	}
}

func (t *table) validity() {
	r := t.r
	verdict := t.good("VALID")
	if !r.Valid {
		verdict = t.bad("INVALID")
	}
	name := ""
	if r.Name != "" {
		name = r.Name + ": "
	}
	fmt.Fprintf(t.w, "\n%s  %s%s\n", verdict, name, Load(r.Plan))
	for _, why := range r.InvalidReasons {
		fmt.Fprintln(t.w, t.bad("  ✗ "+why))
	}
	if !r.Valid {
		fmt.Fprintln(t.w, "  The figures below cannot be believed.")
	}
	fmt.Fprintln(t.w)
}

// latency writes the distributions that there are.
func (t *table) latency() {
	all := Distributions(&t.r.Latency)
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(t.w)
	w := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tp50\tp90\tp99\tp99.9\tp99.99\tmax\tmean\t")
	for _, p := range all {
		fmt.Fprintf(w, "%-9s\t", p.Name)
		for _, v := range []int64{p.P50, p.P90, p.P99, p.P999, p.P9999, p.Max, int64(p.Mean)} {
			fmt.Fprintf(w, "%s\t", figure.Duration(v))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintln(t.w)
}

func (t *table) thresholds() {
	width := 0
	for _, test := range t.r.Thresholds {
		width = max(width, len(test.Want))
	}
	for _, test := range t.r.Thresholds {
		verdict := t.good("kept  ")
		if !test.Kept {
			verdict = t.bad("MISSED")
		}
		t.line("threshold", fmt.Sprintf("%s%s  %s  %s", test.Want, strings.Repeat(" ", width-len(test.Want)), verdict, test.Got))
	}
}
