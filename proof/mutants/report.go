package mutants

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// A report collects verdicts.
type report struct {
	verdicts []verdict
	listed   map[string]string // the equivalent ones, and why
}

func (r *report) add(v verdict) { r.verdicts = append(r.verdicts, v) }

// A tally counts the verdicts of a package.
type tally struct{ killed, timeouts, survived, listed, broken int }

func (t *tally) tested() int { return t.killed + t.timeouts + t.survived }

// rate is the part that was killed, in per cent. Those that are equivalent do not count.
func (t *tally) rate() float64 {
	if t.tested() == 0 {
		return 100
	}
	return 100 * float64(t.killed+t.timeouts) / float64(t.tested())
}

func (t *tally) add(o tally) {
	t.killed += o.killed
	t.timeouts += o.timeouts
	t.survived += o.survived
	t.listed += o.listed
	t.broken += o.broken
}

// report prints the survivors and the counts. It returns an error if too few were killed,
// or one is listed as equivalent and was killed.
func (r *report) report(o *options, out io.Writer) error {
	slices.SortFunc(r.verdicts, func(a, b verdict) int { return cmp.Compare(a.mutant.number, b.mutant.number) })
	by := map[string]*tally{}
	var wrong []string
	for _, v := range r.verdicts {
		t := by[v.mutant.Package()]
		if t == nil {
			t = &tally{}
			by[v.mutant.Package()] = t
		}
		listed := r.listed[v.ID] != ""
		switch {
		case v.Verdict == broken:
			t.broken++
		case v.Verdict == survived && listed:
			t.listed++
		case v.Verdict == survived:
			t.survived++
			fmt.Fprintln(out, v.mutant)
		case v.Verdict == timeout:
			t.timeouts++
		default:
			t.killed++
		}
		if listed && v.Verdict != survived {
			wrong = append(wrong, fmt.Sprintf("%s is listed as equivalent, and %s killed it", v.ID, v.By))
		}
	}
	sum := tally{}
	for _, pkg := range packages {
		if t := by[pkg]; t != nil {
			t.print(out, pkg)
			sum.add(*t)
		}
	}
	sum.print(out, "all")
	if len(wrong) > 0 {
		return fmt.Errorf("equivalent.txt has rotted:\n%s", joinLines(wrong))
	}
	if sum.rate() < o.least {
		return fmt.Errorf("%w: %.1f %%, and at least %.1f %% must be", errTooFew, sum.rate(), o.least)
	}
	return nil
}

func (t *tally) print(out io.Writer, name string) {
	fmt.Fprintf(out, "%-12s %5.1f %% killed: %d of %d, %d of them by a timeout; %d survived; beside them %d equivalent\n",
		name, t.rate(), t.killed+t.timeouts, t.tested(), t.timeouts, t.survived, t.listed)
}
