package sweep

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// report prints a line for each site, the failures, and the sum. It answers how
// many faults there were.
func report(out io.Writer, rows []*row) (failures int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "call\tthread\tscenario\terrnos\tindexes\tcases\tfaults hit\tsurvived\tfailed\t")
	var cases, hits int
	for _, group := range bySite(rows) {
		var sum row
		for _, r := range group {
			sum.reached = max(sum.reached, r.reached)
			sum.cases += r.cases
			sum.hits += r.hits
			sum.failures = append(sum.failures, r.failures...)
		}
		s := group[0].site
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.Call, s.Thread, s.Scenario, len(group), sum.reached,
			sum.cases, sum.hits, sum.hits-len(sum.failures), len(sum.failures))
		cases, hits, failures = cases+sum.cases, hits+sum.hits, failures+len(sum.failures)
	}
	w.Flush()
	reportFailures(out, rows)
	reportLimits(out, rows)
	fmt.Fprintf(out, "%d call sites, %d with an errno: %d cases, %d injected faults hit, %d failures\n",
		len(bySite(rows)), len(rows), cases, hits, failures)
	return failures
}

// bySite groups rows, in the order of the table.
func bySite(rows []*row) (groups [][]*row) {
	for _, c := range table {
		for _, scenario := range []string{scenarioMain, scenarioBulk} {
			for _, thread := range []string{threadCaller, threadLoop, threadPoster} {
				var group []*row
				for _, r := range rows {
					if r.site == (site{scenario, thread, c.name}) {
						group = append(group, r)
					}
				}
				if group != nil {
					groups = append(groups, group)
				}
			}
		}
	}
	return groups
}

func reportFailures(out io.Writer, rows []*row) {
	for _, r := range rows {
		for _, f := range r.failures {
			fmt.Fprintf(out, "\nFAILED: %v\n\thit: %s\n", f.fault, f.line)
			for _, w := range f.wrong {
				fmt.Fprintf(out, "\t%s\n", w)
			}
		}
		if r.err != nil {
			fmt.Fprintf(out, "\nNOT RUN: %v\n", r.err)
		}
	}
	fmt.Fprintln(out)
}

// reportLimits prints what is expected less of than that everything goes on.
func reportLimits(out io.Writer, rows []*row) {
	whys := map[string][]string{}
	for _, r := range rows {
		if b := before(r.fault(1)); b.dies || b.stalls || b.patient {
			if name := r.name(); !slices.Contains(whys[b.why], name) {
				whys[b.why] = append(whys[b.why], name)
			}
		}
	}
	for _, why := range sortedKeys(whys) {
		slices.Sort(whys[why])
		fmt.Fprintf(out, "expected: %s: %s\n", strings.Join(whys[why], ", "), why)
	}
	missed, gos := 0, 0
	for _, r := range rows {
		missed, gos = missed+r.missed, gos+r.gos
	}
	if gos > 0 {
		fmt.Fprintf(out, "%d faults hit Go's own runtime, which writes to an eventfd, too: not counted, as it dies of some\n", gos)
	}
	if missed > 0 {
		fmt.Fprintf(out, "%d indexes below the count of the run without a fault were not reached again in two runs\n", missed)
	}
}

// name says which errno of which call, and whether it lasted.
func (r *row) name() string {
	if r.lasting {
		return r.Call + " " + r.errno + " for good"
	}
	return r.Call + " " + r.errno
}

func sortedKeys(m map[string][]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
