// Package threshold reads what a run is asked to keep, as in 'p99<200us', and holds
// results against it. What does not exist is refused when it is read, before any
// load starts.
package threshold

import (
	"fmt"
	"strings"

	"github.com/penstock/penstock/bench/result"
)

// A Threshold is one condition on one figure of a result.
type Threshold struct {
	text   string // as it was written
	figure figure
	op     string
	limit  float64 // in the figure's own unit: ns, bytes, a plain number
}

// The operators. A longer one stands before its own beginning.
var operators = []string{"<=", ">=", "<", ">"}

// Parse reads FIGURE OP VALUE: p99<200us, p99.9.service<=1ms, rate>10000.
func Parse(s string) (t Threshold, err error) {
	at := strings.IndexAny(s, "<>")
	if at < 0 {
		return t, fmt.Errorf("threshold %q: no comparison in it: write FIGURE<VALUE, with <, <=, > or >=, as in 'p99<200us'", s)
	}
	t = Threshold{text: s}
	for _, op := range operators {
		if strings.HasPrefix(s[at:], op) {
			t.op = op
			break
		}
	}
	name, value := strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+len(t.op):])
	if t.figure, err = parseFigure(name); err != nil {
		return t, fmt.Errorf("threshold %q: %w", s, err)
	}
	if t.limit, err = t.figure.unit.parse(value); err != nil {
		return t, fmt.Errorf("threshold %q: %w", s, err)
	}
	return t, nil
}

// UnmarshalText lets a flag be a Threshold.
func (t *Threshold) UnmarshalText(text []byte) (err error) {
	*t, err = Parse(string(text))
	return err
}

func (t Threshold) String() string { return t.text }

// OfSystem says that the figure is of the system under test, which has to be named
// for it to be measured.
func (t Threshold) OfSystem() bool { return t.figure.ofSystem }

// Test holds a result against t. A figure that was not measured keeps nothing.
func (t Threshold) Test(r *result.Result) result.Test {
	got, measured := t.figure.of(r)
	test := result.Test{Want: t.text, Got: "not measured"}
	if measured {
		test.Got, test.Kept = t.figure.unit.write(r.Plan, got), t.keeps(got)
	}
	return test
}

func (t Threshold) keeps(v float64) bool {
	switch t.op {
	case "<":
		return v < t.limit
	case "<=":
		return v <= t.limit
	case ">":
		return v > t.limit
	}
	return v >= t.limit
}

// All holds a result against several, and says whether all are kept.
func All(thresholds []Threshold, r *result.Result) (tests []result.Test, kept bool) {
	kept = true
	for _, t := range thresholds {
		test := t.Test(r)
		tests, kept = append(tests, test), kept && test.Kept
	}
	return tests, kept
}
