package peers

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/stats"
)

// columns are the systems of the table, in order, by name.
var columns = []string{"penstock", "std", "netpoll", "c-copy", "haproxy", "nginx"}

// Markdown is the matrix as a table: a row for each comparison, in which every system
// is a ratio to the base.
func Markdown(all []*result.Comparison) string {
	var b strings.Builder
	head := []string{"work", "base"}
	for _, c := range columns {
		head = append(head, title(c))
	}
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row(head)
	row(slices.Repeat([]string{"---"}, len(head)))
	for _, c := range all {
		cells := []string{c.Name, base(c)}
		for _, name := range columns {
			cells = append(cells, cell(c, name))
		}
		row(cells)
	}
	return b.String()
}

func title(name string) string {
	switch name {
	case "penstock":
		return "**Penstock**"
	case "std":
		return "Go std"
	case "c-copy":
		return "C copy"
	case "haproxy":
		return "HAProxy"
	}
	return name
}

// base is what the base's cost is.
func base(c *result.Comparison) string {
	s := &c.Systems[0]
	var costs, memory []float64
	for _, t := range s.Turns {
		costs, memory = append(costs, t.Cost), append(memory, t.PerConn)
	}
	if stats.Median(costs) == 0 && stats.Median(memory) > 0 {
		return fmt.Sprintf("%s, %s", s.Name, figure.Bytes(stats.Median(memory)))
	}
	return fmt.Sprintf("%s, %s", s.Name, figure.Duration(stats.Median(costs)))
}

// cell is a system's ratio to the base, and its interval.
func cell(c *result.Comparison, name string) string {
	for i := range c.Systems {
		s := &c.Systems[i]
		if s.Name != name || s.Against == nil {
			continue
		}
		r := s.Against.Cost // of the base's, or memory
		if len(r.Blocks) == 0 && s.Against.PerConn != nil {
			r = *s.Against.PerConn
		}
		if len(r.Blocks) == 0 {
			return ""
		}
		text := fmt.Sprintf("%.2f (%.2f–%.2f)", r.Median, r.Within.Low, r.Within.High)
		if name == "penstock" {
			text = "**" + fmt.Sprintf("%.2f", r.Median) + "**" + strings.TrimPrefix(text, fmt.Sprintf("%.2f", r.Median))
		}
		return text
	}
	return ""
}

// The marks in a file between which Write puts the table.
const (
	begin = "<!-- peers: begin -->\n"
	end   = "<!-- peers: end -->\n"
)

// Write replaces what is between the marks in a file.
func Write(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: has no lines %q and %q to put the table between", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}
