package museum

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A finding is what one catcher said to one plant.
type finding struct {
	row     Row
	catcher Catcher
	result
	err error // the table is in disorder: no verdict
}

// A result is the outcome of one go test.
type result struct {
	red       []string // the tests that failed, or how they ended
	schedules string   // of tier A: how many it took
	output    string
	took      time.Duration
}

func (r *result) caught() bool { return len(r.red) > 0 }

// findings plants every row under each of its catchers, o.jobs at a time, and yields
// what came of it in the order of the table.
func (o *options) findings(root string, rows []Row) func(yield func(finding) bool) {
	type job struct {
		row     Row
		plant   Plant
		catcher Catcher
		found   chan finding
	}
	var all []job
	for _, row := range rows {
		for _, p := range row.Plants {
			for _, c := range p.Catchers {
				all = append(all, job{row, p, c, make(chan finding, 1)})
			}
		}
	}
	return func(yield func(finding) bool) {
		next := make(chan job, len(all))
		for _, j := range all {
			next <- j
		}
		close(next)
		var workers sync.WaitGroup
		defer workers.Wait()
		for range max(o.jobs, 1) {
			workers.Go(func() {
				for j := range next {
					f := finding{row: j.row, catcher: j.catcher}
					f.result, f.err = o.try(root, j.plant, j.catcher)
					j.found <- f
				}
			})
		}
		for _, j := range all {
			if !yield(<-j.found) {
				for range next { // nobody wants the rest
				}
				return
			}
		}
	}
}

// try runs one catcher on the variant with one plant.
func (o *options) try(root string, p Plant, c Catcher) (result, error) {
	dir, err := os.MkdirTemp("", "museum")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	path, err := p.overlay(root, dir)
	if err != nil {
		return result{}, err
	}
	r, err := goTest(root, path, c.Package, c.Run, o.patience(c.Package))
	if err == nil && c.Tier == tierA && r.caught() && r.schedules == "" {
		err = fmt.Errorf("no schedule was named, so none showed the fault:\n%s", r.output)
	}
	return r, err
}

// patience is how long a catcher may take. Schedules have a limit of their own, which
// counts; this one would take a busy machine for a plant that was caught.
func (o *options) patience(pkg string) time.Duration {
	if pkg == simPackage {
		return 10 * o.timeout
	}
	return o.timeout
}

// goTest runs tests, and tells those that failed from all that is not a verdict: a
// build that failed, no test of that name, no go.
func goTest(root, overlay, pkg, run string, timeout time.Duration) (result, error) {
	args := []string{"test", "-count=1", "-vet=off", "-timeout", timeout.String(), "-run", run}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	// The timeout is the tests' own; to compile them takes its time before.
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout+3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PENSTOCK_FULL=1") // catchers may be long, and small worlds are tried whole
	begin := time.Now()
	b, err := cmd.CombinedOutput()
	r := result{output: string(b), took: time.Since(begin)}
	switch {
	case strings.Contains(r.output, "[build failed]") || strings.Contains(r.output, "[setup failed]"):
		return r, fmt.Errorf("the plant does not compile:\n%s", r.output)
	case strings.Contains(r.output, "no tests to run"):
		return r, fmt.Errorf("the table has rotted: %s has no test that matches %s", pkg, run)
	case ctx.Err() != nil:
		return r, fmt.Errorf("go test did not end: %w", ctx.Err())
	}
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return r, err
	}
	if err == nil {
		return r, nil
	}
	r.read()
	if !r.caught() {
		return r, fmt.Errorf("go test failed, and no test did: %w\n%s", err, r.output)
	}
	return r, nil
}

var (
	failLine     = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	timeoutLine  = regexp.MustCompile(`(?m)^panic: test timed out`)
	runningLine  = regexp.MustCompile(`(?m)^\s+(Test\S+) \(\d`)
	crashLine    = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|SIG[A-Z]+: .*)`)
	scheduleLine = regexp.MustCompile(`schedules until found: (\d+)`)
)

// read finds in the output of a failed go test what failed: tests, the deepest of
// each; or those that ran when the time was up; or the end of the whole process.
func (r *result) read() {
	var names []string
	for _, m := range failLine.FindAllStringSubmatch(r.output, -1) {
		names = append(names, m[1])
	}
	how := ""
	if timeoutLine.MatchString(r.output) {
		how = " (hangs)"
		for _, m := range runningLine.FindAllStringSubmatch(r.output, -1) {
			names = append(names, m[1])
		}
	} else if m := crashLine.FindString(r.output); m != "" && len(names) == 0 {
		names = append(names, "the process ended: "+m)
	}
	for i, name := range names {
		deeper := false
		for _, other := range names {
			deeper = deeper || strings.HasPrefix(other, name+"/")
		}
		if !deeper && (i == 0 || names[i-1] != name) {
			r.red = append(r.red, name+how)
		}
	}
	if m := scheduleLine.FindStringSubmatch(r.output); m != nil {
		r.schedules = m[1]
	}
}
