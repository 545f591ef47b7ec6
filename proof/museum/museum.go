// Package museum plants historic bugs into the shipped source and has the tests
// catch them: a test that has never failed proves nothing.
//
// A row is a bug that a real system shipped, and the smallest edit that brings it
// back here: a text to find and a text to put. The edit never touches the tree;
// `go test -overlay` builds the faulty variant. Every catcher of a row must go red
// for it. A text that is not found exactly once is a failure, so that the table
// cannot rot, and so is a catcher that is red without the plant.
package museum

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	rows    *regexp.Regexp
	tier    string
	verbose bool
	timeout time.Duration
	jobs    int
}

// Run plants the bugs and prints what caught each. It answers an error if one was
// not caught, or the table does not fit the source.
func Run(args []string, out io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("museum", flag.ContinueOnError)
	flags.SetOutput(out)
	pattern := flags.String("run", "", "plant only the rows whose name matches this `regexp`")
	list := flags.Bool("list", false, "list the rows, plant nothing")
	flags.StringVar(&o.tier, "tier", "", "run only the catchers of this `tier`: A, D or unit")
	flags.BoolVar(&o.verbose, "v", false, "print what the failing tests said")
	flags.DurationVar(&o.timeout, "timeout", 40*time.Second, "how long a catcher may take before it counts as hanging")
	flags.IntVar(&o.jobs, "jobs", 2, "how many catchers run at a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if o.rows, err = regexp.Compile(*pattern); err != nil {
		return err
	}
	if o.tier != "" && o.tier != tierA && o.tier != tierD && o.tier != unit {
		return fmt.Errorf("tier %q: must be A, D or unit", o.tier)
	}
	rows := o.choose(tables())
	if *list {
		printList(out, rows)
		return nil
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	return o.exhibit(root, rows, out)
}

// choose answers the rows that were asked for, each with the catchers that were.
func (o *options) choose(all []Row) (rows []Row) {
	for _, row := range all {
		if !o.rows.MatchString(row.Name) {
			continue
		}
		var plants []Plant
		for _, p := range row.Plants {
			var catchers []Catcher
			for _, c := range row.catchers(p) {
				if o.tier == "" || o.tier == c.Tier {
					catchers = append(catchers, c)
				}
			}
			if len(catchers) > 0 {
				plants = append(plants, Plant{Edits: p.Edits, Catchers: catchers})
			}
		}
		row.Plants = plants
		if len(plants) > 0 || row.Impossible != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// exhibit runs the catchers without a plant, then with each.
func (o *options) exhibit(root string, rows []Row, out io.Writer) error {
	if len(rows) == 0 {
		return errors.New("no row has that name and tier")
	}
	begin := time.Now()
	if err := o.healthy(root, rows, out); err != nil {
		return err
	}
	planted, missed := 0, 0
	var rotten []error
	for f := range o.findings(root, rows) {
		printFinding(out, f, o.verbose)
		planted++
		switch {
		case f.err != nil:
			rotten = append(rotten, fmt.Errorf("%s: %w", f.row.Name, f.err))
		case !f.caught():
			missed++
		}
	}
	for _, row := range rows {
		if row.Impossible != "" {
			fmt.Fprintf(out, "%-28s cannot be written here: %s\n", row.Name, row.Impossible)
		}
	}
	fmt.Fprintf(out, "%d rows, %d plants under a catcher, %d not caught, %d in disorder, %.0f s\n",
		len(rows), planted, missed, len(rotten), time.Since(begin).Seconds())
	if missed > 0 {
		rotten = append(rotten, fmt.Errorf("%d plants were not caught", missed))
	}
	return errors.Join(rotten...)
}

// findRoot answers the root of the repository.
func findRoot() (string, error) {
	text, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(text)), nil
}

const module = "github.com/penstock/penstock"
