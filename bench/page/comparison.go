package page

import (
	"fmt"
	"slices"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

// A comparisonView is a comparison as it is shown.
type comparisonView struct {
	*result.Comparison
	Name        string
	Load        string
	Verdicts    []verdict
	Charts      []*chart
	Ratios      *table
	Turns       *table
	Environment []view.Fact
	Command     string
	When        string
}

// A verdict is what is said of one system.
type verdict struct{ Name, Text, Why, Mood string }

func (c *content) comparison(of *result.Comparison) comparisonView {
	v := comparisonView{
		Comparison: of, Name: of.Name, Ratios: ratios(of), Turns: turns(of), Environment: environment(&of.Environment),
		Command: quote(append([]string{"penstock-bench"}, of.Args...)), When: of.Started.UTC().Format("2 January 2006, 15:04:05 UTC"),
	}
	if of.Plan != nil {
		v.Load = view.Load(of.Plan)
	}
	if of.Ceiling != nil {
		v.Environment = append(v.Environment, view.Fact{Label: "ceiling", Text: view.Ceiling(of)})
	}
	if v.Name == "" {
		v.Name = v.Load
	}
	for _, s := range of.Systems[1:] {
		if s.Against != nil {
			why := ""
			if len(s.Against.Cost.Blocks) > 0 {
				why = "CPU " + ratio(s.Against.Cost) + " of " + of.Systems[0].Name + "'s"
			}
			v.Verdicts = append(v.Verdicts, verdict{s.Name, s.Against.Verdict, why, moodOf(s.Against.Verdict)})
		}
	}
	for _, one := range []*chart{c.Charts.ratios(of), c.Charts.turns(of)} {
		if one != nil {
			v.Charts = append(v.Charts, one)
		}
	}
	return v
}

func moodOf(verdict string) string {
	switch verdict {
	case result.Cheaper:
		return "good"
	case result.Dearer:
		return "bad"
	}
	return ""
}

// ratio writes a ratio with its interval. One of what was not measured has no blocks.
func ratio(r result.Ratio) string {
	if len(r.Blocks) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s\u00a0to\u00a0%s)", figure.Number(r.Median), figure.Number(r.Within.Low), figure.Number(r.Within.High))
}

// ratios has a row for each system, the first being the base against itself.
func ratios(of *result.Comparison) *table {
	t := &table{
		Wrapped: true,
		Caption: "Ratios to " + of.Systems[0].Name + ": median of the blocks, and where it lies with 95 % confidence.",
		Head:    []string{"system", "CPU per " + of.Unit, "rate", "p50", "p99", "verdict", "memory per connection"},
	}
	held := slices.ContainsFunc(of.Systems, func(s result.System) bool { return s.Against != nil && s.Against.PerConn != nil })
	if !held {
		t.Head = t.Head[:6]
	}
	put := func(name string, a *result.Against, verdict string) {
		if a == nil {
			return
		}
		texts := []string{name, ratio(a.Cost), ratio(a.Rate), ratio(a.P50), ratio(a.P99), verdict, "–"}
		if a.PerConn != nil {
			texts[6] = ratio(*a.PerConn)
		}
		added := t.add(false, texts[:len(t.Head)]...)
		added.Cells[5].Mood = moodOf(verdict)
	}
	put(of.Systems[0].Name+" against itself", of.Floor, "noise floor")
	for _, s := range of.Systems[1:] {
		if s.Against != nil {
			put(s.Name, s.Against, s.Against.Verdict)
		}
	}
	return t
}

// turns has a row for every run.
func turns(of *result.Comparison) *table {
	t := &table{Caption: "Every turn", Head: []string{"block", "system", "CPU per " + of.Unit, "rate", "p50", "p99", "system calls per " + of.Unit, "memory", "verdict"}}
	for block := range of.Blocks {
		for _, s := range of.Systems {
			for _, u := range s.Turns {
				if u.Block != block {
					continue
				}
				verdict := "valid"
				if len(u.InvalidReasons) > 0 {
					verdict = "INVALID: " + u.InvalidReasons[0]
				}
				rate := figure.Number(u.Rate) + "/s"
				if of.Plan != nil {
					rate = figure.Rate(of.Plan.Kind, u.Rate)
				}
				t.add(len(u.InvalidReasons) > 0, fmt.Sprint(block+1), s.Name, figure.Duration(u.Cost), rate,
					figure.Duration(u.P50), figure.Duration(u.P99), figure.Number(u.Syscalls), figure.Bytes(u.Memory), verdict)
			}
		}
	}
	return t
}

// matrix has a row for each comparison and a column for each system.
func matrix(all []comparisonView) *table {
	t := &table{Wrapped: true, Caption: "CPU per unit of work, as a ratio to the base.", Head: []string{"load", "base"}}
	for _, of := range all {
		for _, s := range of.Systems[1:] {
			if !slices.Contains(t.Head, s.Name) {
				t.Head = append(t.Head, s.Name)
			}
		}
	}
	for _, of := range all {
		texts := slices.Repeat([]string{"–"}, len(t.Head))
		moods := make([]string, len(t.Head))
		texts[0], texts[1] = of.Name, of.Systems[0].Name
		for _, s := range of.Systems[1:] {
			if at := slices.Index(t.Head, s.Name); s.Against != nil {
				texts[at], moods[at] = ratio(s.Against.Cost), moodOf(s.Against.Verdict)
			}
		}
		added := t.add(!of.Valid, texts...)
		for i := range added.Cells {
			added.Cells[i].Mood = moods[i]
		}
	}
	return t
}
