package suites

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A verdict is what one mode came to.
type verdict struct {
	passed  map[string]int // tests, by package
	excused []string       // tests that fail through a plain forwarder, too
	faults  []string       // tests that must pass, and did not
	carried counters
}

// judge compares a mode with the direct run. The tests that it wants are run again
// through a plain forwarder, which excuses those that do not pass there.
func (r *runner) judge(ctx context.Context, mode string, base, got map[string]*results) (*verdict, error) {
	control := map[string]outcome{}
	controls := 0
	for _, p := range r.packages {
		for _, top := range topLevel(got[p].wanting(base[p])) {
			if controls++; controls > maxControls {
				break // each of the others is a fault
			}
			if err := r.control(ctx, p, top, control); err != nil {
				return nil, err
			}
		}
	}
	return judge(mode, r.packages, base, got, control), nil
}

// control runs one test of a package through the plain forwarder, in a process of
// its own, as what fails may take the others with it. It adds to all.
func (r *runner) control(ctx context.Context, p, top string, all map[string]outcome) error {
	alone := *r
	short := *r.settings
	short.timeout = controlTime
	alone.settings = &short
	got, err := alone.runMode(ctx, plain, []string{p}, top)
	if err != nil {
		return err
	}
	all[p+" "+top] = failed // unless it ended
	for name, o := range got[p].tests {
		all[p+" "+name] = o
	}
	return nil
}

// maxControls is how many tests are run again. Where more fail the relay, or the
// redirection, is broken.
const maxControls = 20

// controlTime bounds a test that is run alone.
const controlTime = 30 * time.Second

// judge is the rule: what passed directly must pass, unless it did not pass through
// the plain forwarder either.
func judge(mode string, packages []string, base, got map[string]*results, control map[string]outcome) *verdict {
	v := &verdict{passed: map[string]int{}}
	for _, p := range packages {
		g := got[p]
		v.passed[p] = g.count(passed)
		v.carried = v.carried.plus(g.relay)
		fault := func(format string, args ...any) {
			v.faults = append(v.faults, fmt.Sprintf("%s, %s: %s", p, mode, fmt.Sprintf(format, args...)))
		}
		if base[p].count(passed) == 0 {
			fault("no test passed directly: %v", base[p].err)
		}
		if g.err != nil {
			fault("the test binary failed: %v", g.err)
		}
		if err := g.relay.honest(mode); err != nil {
			fault("%v", err)
		}
		for _, name := range g.wanting(base[p]) {
			_, ran := control[p+" "+top(name)]
			if ran && control[p+" "+name] != passed {
				v.excused = append(v.excused, p+" "+name)
			} else {
				fault("%s: %s", name, g.tests[name])
			}
		}
	}
	return v
}

// honest reports whether a relay carried connections, and in the way that its mode
// says: a run that went around the relay proves nothing.
func (c counters) honest(mode string) error {
	switch {
	case c.Accepted == 0:
		return errors.New("no connection went through the relay")
	case c.Panics != 0:
		return fmt.Errorf("the relay had %d panics", c.Panics)
	case mode == "splice" && c.Copied != 0:
		return fmt.Errorf("the relay copied %d bytes", c.Copied)
	case mode == "copy" && c.Spliced != 0:
		return fmt.Errorf("the relay spliced %d bytes", c.Spliced)
	}
	return nil
}
