package museum

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// healthy runs every catcher once without a plant: one that is red by itself
// catches nothing. It warms the caches of the compiler, too.
func (o *options) healthy(root string, rows []Row, out io.Writer) error {
	runs := map[string][]string{} // by package
	for _, row := range rows {
		for _, p := range row.Plants {
			for _, c := range p.Catchers {
				if !slices.Contains(runs[c.Package], c.Run) {
					runs[c.Package] = append(runs[c.Package], c.Run)
				}
			}
		}
	}
	type outcome struct {
		pkg string
		n   int
		result
		err error
	}
	outcomes := make(chan outcome)
	limit := make(chan struct{}, max(o.jobs, 1))
	for pkg, patterns := range runs {
		go func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			// A bar parts patterns before the slashes within them are looked at.
			r, err := goTest(root, "", pkg, strings.Join(patterns, "|"), o.patience(pkg)*time.Duration(len(patterns)))
			outcomes <- outcome{pkg, len(patterns), r, err}
		}()
	}
	var first error
	for range runs {
		c := <-outcomes
		if c.err == nil && c.caught() {
			c.err = fmt.Errorf("red without a plant: %s\n%s", strings.Join(c.red, ", "), c.output)
		}
		if c.err != nil && first == nil {
			first = fmt.Errorf("%s: %w", c.pkg, c.err)
		}
		fmt.Fprintf(out, "%-28s %d catchers without a plant, %.1f s: %s\n", c.pkg, c.n, c.took.Seconds(), verdict(c.err))
	}
	return first
}

func verdict(err error) string {
	if err != nil {
		return "red"
	}
	return "green"
}
