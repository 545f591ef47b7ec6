package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// A runner runs test binaries, each mode in a namespace of its own.
type runner struct {
	*settings
	out      io.Writer
	binaries *binaries
}

// runMode runs the tests of some packages in one mode, and returns the results by
// package. If only is not empty it is the only test to run.
func (r *runner) runMode(ctx context.Context, mode string, packages []string, only string) (all map[string]*results, err error) {
	n, err := newNetwork(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.remove()) }()
	var relay *relayProcess
	if mode != direct {
		if relay, err = startRelay(ctx, n, mode); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, relay.end()) }()
		if err := n.redirect(ctx); err != nil {
			return nil, err
		}
	}
	all = map[string]*results{}
	for _, p := range packages {
		began := time.Now()
		res, err := r.runPackage(ctx, n, relay, p, only)
		if err != nil {
			return nil, fmt.Errorf("suites: %s, %s: %w", p, mode, err)
		}
		all[p] = res
		r.progress(mode, p, res, time.Since(began))
	}
	return all, nil
}

// runPackage runs one test binary and asks the relay, if there is one, what it carried.
func (r *runner) runPackage(ctx context.Context, n *network, relay *relayProcess, p, only string) (*results, error) {
	args := []string{"-test.v=test2json", "-test.timeout=" + r.timeout.String()}
	if !r.long {
		args = append(args, "-test.short")
	}
	if only != "" {
		args = append(args, "-test.run=^"+only+"$")
	}
	b := r.binaries.of[p]
	res, err := execute(ctx, n.within(append([]string{b.path}, args...)...), b.dir, r.timeout)
	if err != nil || relay == nil {
		return res, err
	}
	res.relay, err = relay.carried()
	return res, err
}

// execute runs a test binary. That tests failed is in the results; the error is of
// what kept it from running.
func execute(ctx context.Context, words []string, dir string, timeout time.Duration) (*results, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+30*time.Second) // the binary bounds itself, and prints its stacks
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	apart(cmd)
	from, to := io.Pipe()
	cmd.Stdout, cmd.Stderr = to, to
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait(); to.Close() }()
	tests, last, err := readResults(from)
	res := &results{tests: tests, output: last}
	exit := <-ended
	if err != nil {
		return nil, err
	}
	if exit != nil && res.count(failed) == 0 {
		res.err = exit
	}
	if ctx.Err() != nil && res.err == nil {
		res.err = ctx.Err()
	}
	return res, nil
}

func (r *runner) progress(mode, p string, res *results, took time.Duration) {
	fmt.Fprintf(r.out, "%-7s %-18s %5d passed, %3d skipped, %2d failed, %5.1f s", mode, p,
		res.count(passed), res.count(skipped), res.count(failed), took.Seconds())
	if mode != direct {
		fmt.Fprintf(r.out, "; %s", res.relay)
	}
	if res.err != nil {
		fmt.Fprintf(r.out, "; %v", res.err)
	}
	fmt.Fprintln(r.out)
	if r.verbose && (res.err != nil || res.count(failed) > 0) {
		fmt.Fprintf(r.out, "%s\n", res.output)
	}
}
