package mutants

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A trial is one test, or one command of the proof, that may kill mutants.
type trial struct {
	pkg     string // whose binary it is in: "fd", "proof"
	name    string // of the test
	args    []string
	took    time.Duration
	reached map[int]bool // the functions
}

// commands are the trials that are no tests.
var commands = []trial{
	{pkg: "proof", name: "schedules", args: []string{"schedules", "-n", "3000", "-seed", "1"}},
	{pkg: "proof", name: "exhaust", args: []string{"exhaust", "-max", "3000"}},
	{pkg: "proof", name: "conform", args: []string{"conform", "-n", "200", "-seed", "1"}},
}

// trials are the commands and tests that the options ask for.
func (b *build) trials(o *options) (all []*trial, err error) {
	for _, c := range commands {
		all = append(all, &c)
	}
	for _, pkg := range tested {
		paths, err := filepath.Glob(filepath.Join(b.root, filepath.FromSlash(pkg), "*_test.go"))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				return nil, err
			}
			for _, m := range testFunction.FindAllSubmatch(text, -1) {
				all = append(all, &trial{pkg: pkg, name: string(m[1])})
			}
		}
	}
	return slices.DeleteFunc(all, func(t *trial) bool { return !o.run.MatchString(t.pkg + "." + t.name) }), nil
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz)\w*)\((?:t \*testing\.T|f \*testing\.F|)\) \{`)

// measure runs every trial without a mutant, and records how long it takes and which
// functions it reaches. A trial that fails twice is left out, and told: it kills nothing.
func (b *build) measure(o *options, all []*trial, out io.Writer) []*trial {
	errs := make([]error, len(all))
	each(o.jobs, len(all), func(i int) { errs[i] = all[i].measure(b) })
	var green []*trial
	for i, t := range all {
		if errs[i] == nil {
			green = append(green, t)
		} else {
			fmt.Fprintf(out, "left out, as it is red without a mutant: %v\n", errs[i])
		}
	}
	slices.SortStableFunc(green, func(x, y *trial) int { return int(x.took - y.took) })
	return green
}

func (t *trial) measure(b *build) error {
	path := filepath.Join(b.dir, "touched_"+flat(t.pkg)+"_"+t.name)
	var text string
	var err error
	for range 2 {
		began := time.Now()
		text, err = b.runTouched(t, path)
		if t.took = time.Since(began); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s.%s: %w\n%s", t.pkg, t.name, err, text)
	}
	list, err := os.ReadFile(path)
	defer os.Remove(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	t.reached = map[int]bool{}
	for word := range bytes.FieldsSeq(list) {
		n, err := strconv.Atoi(string(word))
		if err != nil {
			return err
		}
		t.reached[n] = true
	}
	return nil
}

// arguments run trials of one binary in one process.
func arguments(group []*trial) []string {
	if group[0].args != nil {
		return group[0].args
	}
	var names []string
	for _, t := range group {
		names = append(names, t.name)
	}
	return []string{"-test.short", "-test.failfast", "-test.run", "^(" + strings.Join(names, "|") + ")$"}
}

// each calls f for 0 to n-1, jobs at a time.
func each(jobs, n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(jobs, 1) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
