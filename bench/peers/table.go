package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/stats"
)

const penstock = "penstock"

// The columns of the tables, by name of the system.
var (
	echoColumns    = []string{penstock, "std", "gnet", "gnet-et", "nbio", "evio", "netpoll"}
	relayColumns   = []string{penstock, "std", "tcpproxy", "c-copy", "haproxy", "nginx"}
	excerptColumns = []string{penstock, "std", "gnet", "haproxy", "nginx"}
)

// excerpt are the rows of the excerpt.
var excerpt = []string{"echo-64-100", "echo-64-1000", "relay-64-100", "crr-fin", "stream-1", "hold"}

// titles are the systems' names in the tables, where they are not their own.
var titles = map[string]string{
	penstock: "**Penstock**", "std": "Go std", "c-copy": "C copy", "c-splice": "C splice", "c-echo": "C", "haproxy": "HAProxy", "gnet-et": "gnet, edge-triggered",
}

func title(name string) string {
	if t, ok := titles[name]; ok {
		return t
	}
	return name
}

// Markdown returns the whole matrix: where it was measured, and a table for each role,
// with a row for each comparison.
func Markdown(all []*result.Comparison) string {
	return about(all) + "\n" + table(rows(all, func(w *Workload) bool { return w.role == echo }), echoColumns) +
		"\n" + table(rows(all, func(w *Workload) bool { return w.role == relay }), relayColumns)
}

// Excerpt returns a few rows of the matrix as one table.
func Excerpt(all []*result.Comparison) string {
	return about(all) + "\n" + table(rows(all, func(w *Workload) bool { return slices.Contains(excerpt, w.Name) }), excerptColumns)
}

// rows returns the comparisons of some workloads, in their order.
func rows(all []*result.Comparison, want func(*Workload) bool) (some []*result.Comparison) {
	for _, w := range Workloads() {
		for _, c := range all {
			if c.Name == w.Title && want(&w) {
				some = append(some, c)
			}
		}
	}
	return some
}

func table(all []*result.Comparison, columns []string) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := []string{"work", "base"}
	for _, c := range columns {
		head = append(head, title(c))
	}
	head = append(head, "Penstock to the cheapest other")
	row(head)
	row(slices.Repeat([]string{"---"}, len(head)))
	for _, c := range all {
		cells := []string{c.Name, base(c)}
		for _, name := range columns {
			cells = append(cells, cell(c, name))
		}
		row(append(cells, rank(c)))
	}
	return b.String()
}

// base is what the base's cost is.
func base(c *result.Comparison) string {
	s := &c.Systems[0]
	var costs, memory []float64
	for _, t := range s.Turns {
		costs, memory = append(costs, t.Cost), append(memory, t.PerConn)
	}
	if stats.Median(costs) == 0 && stats.Median(memory) > 0 {
		return fmt.Sprintf("%s, %s", title(s.Name), figure.Bytes(stats.Median(memory)))
	}
	return fmt.Sprintf("%s, %s", title(s.Name), figure.Duration(stats.Median(costs)))
}

// against returns a system's ratios to the base: of CPU time, or of memory.
func against(s *result.System) result.Ratio {
	switch {
	case s.Against == nil:
		return result.Ratio{}
	case len(s.Against.Cost.Blocks) == 0 && s.Against.PerConn != nil:
		return *s.Against.PerConn
	}
	return s.Against.Cost
}

// cell is a system's ratio to the base, and its interval.
func cell(c *result.Comparison, name string) string {
	for i := range c.Systems {
		if s := &c.Systems[i]; s.Name == name {
			return ratio(against(s))
		}
	}
	return ""
}

func ratio(r result.Ratio) string {
	if len(r.Blocks) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", r.Median, r.Within.Low, r.Within.High)
}

// first returns the ratio of Penstock to the cheapest other system, block by block,
// and that system's name, "" if there is nothing to compare.
func first(c *result.Comparison) (name string, r result.Ratio) {
	var ours []float64
	for i := range c.Systems {
		if c.Systems[i].Name == penstock {
			ours = against(&c.Systems[i]).Blocks
		}
	}
	if len(ours) == 0 {
		return "", r
	}
	theirs := slices.Repeat([]float64{1}, len(ours)) // the base's
	name = c.Systems[0].Name
	for i := range c.Systems[1:] {
		s := &c.Systems[i+1]
		if b := against(s).Blocks; s.Name != penstock && len(b) == len(ours) && stats.Median(b) < stats.Median(theirs) {
			name, theirs = s.Name, b
		}
	}
	return name, result.NewRatio(ours, theirs)
}

// rank says how Penstock stands to the cheapest other system: in bold if it is not
// the first.
func rank(c *result.Comparison) string {
	name, r := first(c)
	switch {
	case name == "":
		return ""
	case r.Median > 1:
		return fmt.Sprintf("**%.2f of %s** (%.2f–%.2f)", r.Median, title(name), r.Within.Low, r.Within.High)
	}
	return fmt.Sprintf("%.2f of %s (%.2f–%.2f)", r.Median, title(name), r.Within.Low, r.Within.High)
}
