// Package suites runs test suites that were written for other code through a
// relay: Go's own tests of net, net/http and crypto/tls, and TestConn of
// golang.org/x/net/nettest.
//
// The tests run unchanged, in a network namespace. There nftables redirects every
// TCP connection to a transparent forwarder, which learns the original destination
// by SO_ORIGINAL_DST, dials it, and relays. A test that passes on a direct
// connection must pass through the relay as well, unless it fails through a plain
// forwarder of two goroutines and io.Copy too: then it tests something that no
// forwarder can hide, such as a refused connection.
package suites

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	modes    []string
	packages []string
	long     bool
	verbose  bool
	timeout  time.Duration
}

// conntest is the package of this directory that runs nettest.TestConn. It is a
// module of its own, so that the library does not depend on golang.org/x/net.
const conntest = "conntest"

// packages are what is run by default: the tests of packages that speak TCP.
var packages = []string{"net", "net/http", "crypto/tls", "net/http/httputil", "net/rpc", "net/smtp", conntest}

// modes of the relay, as examples/forward has them.
var modes = []string{"splice", "copy", "auto"}

// Run is the command "suites". It returns an error if a test failed that must pass.
func Run(args []string, out io.Writer) error {
	if err := supported(); err != nil {
		return err
	}
	if len(args) > 0 && args[0] == relayRole {
		return runRelay(args[1:], os.Stdin, out)
	}
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	defer stop()
	return s.run(ctx, out)
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("suites", flag.ContinueOnError)
	flags.SetOutput(out)
	mode := flags.String("mode", "all", "how the relay moves bytes: splice, copy, auto, or `all` of them in turn")
	names := flags.String("packages", strings.Join(packages, ","), "whose tests to run: packages of the standard library, and "+conntest+" for nettest.TestConn")
	flags.BoolVar(&s.long, "long", false, "run the tests without -test.short")
	flags.BoolVar(&s.verbose, "v", false, "print the output of the tests that fail")
	flags.DurationVar(&s.timeout, "timeout", 5*time.Minute, "how long one run of one package may take")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	s.packages, s.modes = strings.Split(*names, ","), strings.Split(*mode, ",")
	if *mode == "all" {
		s.modes = modes
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("suites: unexpected argument %q", flags.Arg(0))
	case slices.ContainsFunc(s.modes, func(m string) bool { return !slices.Contains(modes, m) }):
		return nil, fmt.Errorf("suites: -mode %q: must be splice, copy, auto or all", *mode)
	case s.timeout < time.Second:
		return nil, fmt.Errorf("suites: -timeout %v: must be 1s or more", s.timeout)
	}
	return s, nil
}

// direct and plain are the baselines: no relay, and a relay that is not ours.
const (
	direct = "direct"
	plain  = "plain"
)

// run builds the test binaries, runs them directly and in each mode, and prints
// the table.
func (s *settings) run(ctx context.Context, out io.Writer) (err error) {
	if err := needs(); err != nil {
		return err
	}
	began := time.Now()
	b, err := buildAll(ctx, s.packages, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove()) }()
	r := &runner{settings: s, out: out, binaries: b}
	t := &table{packages: s.packages}
	base, err := r.runMode(ctx, direct, s.packages, "")
	if err != nil {
		return err
	}
	t.base = base
	for _, mode := range s.modes {
		got, err := r.runMode(ctx, mode, s.packages, "")
		if err != nil {
			return err
		}
		v, err := r.judge(ctx, mode, base, got)
		if err != nil {
			return err
		}
		t.add(mode, v)
	}
	t.print(out)
	fmt.Fprintf(out, "suites: %d tests through the relay, %d failed, %d excused; %s\n",
		t.passed(), len(t.faults()), len(t.excused()), time.Since(began).Round(time.Second))
	if faults := t.faults(); len(faults) > 0 {
		return fmt.Errorf("suites: %d tests that pass directly fail through the relay, the first: %s", len(faults), faults[0])
	}
	return nil
}
