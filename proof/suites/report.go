package suites

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A table is what all modes came to.
type table struct {
	packages []string
	base     map[string]*results
	modes    []string
	verdicts []*verdict
}

func (t *table) add(mode string, v *verdict) {
	t.modes, t.verdicts = append(t.modes, mode), append(t.verdicts, v)
}

// shownFaults is how many faults are printed.
const shownFaults = 20

// print prints a line for each package, and lists what failed and what is excused.
func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\ntests passed\tdirect\t")
	for _, m := range t.modes {
		fmt.Fprint(w, m, "\t")
	}
	fmt.Fprintln(w)
	for _, p := range t.packages {
		fmt.Fprintf(w, "%s\t%d\t", p, t.base[p].count(passed))
		for _, v := range t.verdicts {
			fmt.Fprintf(w, "%d\t", v.passed[p])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	for i, m := range t.modes {
		fmt.Fprintf(out, "%s: %v\n", m, t.verdicts[i].carried)
	}
	for _, name := range t.excused() {
		fmt.Fprintln(out, "excused, fails through io.Copy as well:", name)
	}
	for i, f := range t.faults() {
		if i == shownFaults {
			fmt.Fprintln(out, "and", len(t.faults())-i, "more")
			break
		}
		fmt.Fprintln(out, "FAULT:", f)
	}
}

// excused returns the tests that were excused in any mode.
func (t *table) excused() (names []string) {
	for _, v := range t.verdicts {
		names = append(names, v.excused...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (t *table) faults() (all []string) {
	for _, v := range t.verdicts {
		all = append(all, v.faults...)
	}
	return all
}

// passed is the number of tests that passed through the relay, in all modes.
func (t *table) passed() (n int) {
	for _, v := range t.verdicts {
		for _, of := range v.passed {
			n += of
		}
	}
	return n
}
