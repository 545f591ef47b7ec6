// Package cli is what the examples' command lines share.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/penstock/penstock/loop"
)

// The exit codes of the examples.
const (
	Drained = 0
	Failure = 1
	Usage   = 2
)

// Addr is an address as the command line has it: host:port, unix:/path or
// unix:@abstract. It is a flag.Value.
type Addr struct{ Network, Address string }

func (a *Addr) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return a.Address
}

// Set parses s.
func (a *Addr) Set(s string) error {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || path == "@" {
			return errors.New("a unix address is unix:/path or unix:@name")
		}
		*a = Addr{"unix", path}
		return nil
	}
	if !strings.Contains(s, ":") {
		return errors.New("must be host:port, unix:/path or unix:@name")
	}
	*a = Addr{"tcp", s}
	return nil
}

// Bad says what is wrong with the command line, and how to see what is right.
func Bad(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "%s: %s; -h lists the flags\n", flag.CommandLine.Name(), fmt.Sprintf(format, args...))
	return Usage
}

// Parse parses the flags, and refuses what follows them.
func Parse() (code int, ok bool) {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	switch err := flag.CommandLine.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return Drained, false
	case err != nil:
		return Usage, false
	case flag.NArg() > 0:
		return Bad("unexpected argument %q", flag.Arg(0)), false
	}
	return 0, true
}

// Interrupted answers a context that the first SIGTERM or SIGINT ends; a second
// signal ends the process at once.
func Interrupted() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(Failure)
	}()
	return ctx
}

// Serve listens, says so, and serves until ctx ends and the connections with it.
//
// The scheduler is given one processor more than there are loops. With none to
// spare, the runtime's monitor takes the processor of a loop that sleeps away, and
// wakes every 20 us to see whether it should: 7 % of the CPU time of a relay that
// is half loaded, on one CPU.
func Serve(ctx context.Context, srv *loop.Server, a Addr) int {
	if srv.Config.Loops == 0 {
		srv.Config.Loops = runtime.GOMAXPROCS(0)
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), srv.Config.Loops+1))
	bound, err := srv.Listen(a.Network, a.Address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return Failure
	}
	a.Address = bound.String()
	fmt.Fprintln(os.Stderr, "listening on", a.String())
	if err := srv.Serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return Failure
	}
	return Drained
}
