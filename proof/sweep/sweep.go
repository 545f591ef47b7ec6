// Package sweep injects every errno that a system call's man page lists, at every
// index of every system call that the runtime makes, and checks each time that
// the process survives, that nothing leaks, and that no byte is lost silently: it
// arrives, or the peer sees a reset.
//
// The target is this binary started again: a server with a forwarder in each mode
// and an echo, on one loop. The load is in the harness, which is not traced. strace
// traces one thread of the target, so that when=N counts the calls of that thread
// alone; the harness starts it when the thread stands still, between two steps.
package sweep

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	calls, errnos, threads, scenarios []string
	max, index, parallel              int
	verbose                           bool
	lasting                           string
}

// What -lasting says.
const (
	onlyLasting  = "only"
	neverLasting = "never"
)

// Run parses its flags, runs the grid and prints a report. It answers an error if
// anything failed.
func Run(args []string, out io.Writer) error {
	if isTarget() {
		runTarget()
		os.Exit(0)
	}
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	if err := usable(); err != nil {
		return err
	}
	began := time.Now()
	b, err := measure()
	if err != nil {
		return err
	}
	rows := o.rows(b)
	if len(rows) == 0 {
		return errors.New("no such call site: the runtime makes no such call, or its errno is not listed")
	}
	o.run(rows, b, func(r *row) {
		if o.verbose {
			fmt.Fprintf(out, "%s %s %s %s: %d indexes, %d cases, %d failed\n", r.Scenario, r.Thread, r.Call, r.errno, r.reached, r.cases, len(r.failures))
		}
	})
	failures := report(out, rows)
	fmt.Fprintf(out, "in %v\n", time.Since(began).Round(time.Second))
	for _, r := range rows {
		if r.err != nil {
			return r.err
		}
	}
	if failures > 0 {
		return fmt.Errorf("%d failures", failures)
	}
	return nil
}

func parse(args []string, out io.Writer) (*options, error) {
	var o options
	flags := flag.NewFlagSet("sweep", flag.ContinueOnError)
	flags.SetOutput(out)
	names := func(to *[]string, name, usage string) {
		flags.Func(name, usage, func(s string) error {
			*to = strings.Split(s, ",")
			return nil
		})
	}
	names(&o.calls, "call", "only these system `calls`, separated by commas")
	names(&o.errnos, "errno", "only these `errnos`")
	names(&o.threads, "thread", "only the calls of these `threads`: loop, caller, poster")
	names(&o.scenarios, "scenario", "only in these `scenarios`: main, bulk")
	flags.IntVar(&o.max, "max", 0, "largest index; 0 is all")
	flags.IntVar(&o.index, "index", 0, "only this index")
	flags.IntVar(&o.parallel, "parallel", 4*runtime.NumCPU(), "cases at a time; they wait more than they work")
	flags.BoolFunc("lasting", "only faults that last, of the errnos of a sandbox; -lasting=never: only single ones", func(s string) error {
		switch s {
		case "true", onlyLasting:
			o.lasting = onlyLasting
		case neverLasting:
			o.lasting = neverLasting
		default:
			return fmt.Errorf("%q: must be %q or %q", s, onlyLasting, neverLasting)
		}
		return nil
	})
	flags.BoolVar(&o.verbose, "v", false, "print each errno of each call as it is done")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.parallel < 1 || o.max < 0 || o.index < 0 || flags.NArg() > 0 {
		return nil, fmt.Errorf("-parallel %d, -max %d, -index %d, %q: must be at least 1, 0 and 0, and nothing else", o.parallel, o.max, o.index, flags.Args())
	}
	return &o, nil
}

// skips says that a choice was made, and not for name.
func (o *options) skips(chosen []string, name string) bool {
	return len(chosen) > 0 && !slices.Contains(chosen, name)
}

// usable says why the sweep cannot run here.
func usable() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("strace and epoll are Linux: %w", errors.ErrUnsupported)
	}
	if _, err := exec.LookPath("strace"); err != nil {
		return fmt.Errorf("strace is not installed: %w", errors.ErrUnsupported)
	}
	return nil
}
