package museum

import (
	"fmt"
	"io"
	"strings"
)

// printFinding is one line of the report, and the words of the tests if asked for.
func printFinding(out io.Writer, f finding, verbose bool) {
	what := "NOT CAUGHT by " + f.catcher.Run
	switch {
	case f.err != nil:
		what = "IN DISORDER: " + f.err.Error()
	case f.caught():
		what = strings.Join(few(f.red), ", ")
	}
	if f.schedules != "" {
		what += " in " + f.schedules + " schedules"
	}
	fmt.Fprintf(out, "%-28s %-4s %5.1f s  %s: %s\n", f.row.Name, f.catcher.Tier, f.took.Seconds(), f.catcher.Package, what)
	if verbose && f.caught() {
		fmt.Fprintf(out, "%s\n", indent(f.output))
	}
}

// few shortens a long list of tests.
func few(names []string) []string {
	const most = 3
	if len(names) <= most {
		return names
	}
	return append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
}

// indent sets a text off, without its middle if it is long: the stacks of a process
// that hung.
func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	const most = 60
	if len(lines) > most {
		lines = append(append(lines[:most/2:most/2], "…"), lines[len(lines)-most/2:]...)
	}
	return "\t" + strings.Join(lines, "\n\t")
}

// printList tells the rows, their tiers and their stories.
func printList(out io.Writer, rows []Row) {
	for _, row := range rows {
		fmt.Fprintf(out, "%-28s %-7s %s\n", row.Name, row.Tiers, row.Story)
	}
}
