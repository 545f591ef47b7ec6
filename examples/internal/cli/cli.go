// Package cli is what the examples' command lines share.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/penstock/penstock/loop"
)

// The exit codes of the examples.
const (
	Drained = 0
	Failure = 1
	Usage   = 2
)

// maxLoops bounds -loops. More loops than CPUs gain nothing; each costs a thread while
// it runs, 64 KiB and two descriptors.
const maxLoops = 1024

// Bad prints what is wrong with the command line, and how to see what is right.
func Bad(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "%s: %s; -h lists the flags\n", flag.CommandLine.Name(), fmt.Sprintf(format, args...))
	return Usage
}

// Parse parses the flags, and refuses what follows them.
//
// It ignores SIGPIPE. A Go program dies by this signal when it writes to stdout or
// stderr and the reader of that pipe has ended; a server must outlive the reader of its
// log.
func Parse() (code int, ok bool) {
	signal.Ignore(syscall.SIGPIPE)
	f := flag.CommandLine
	f.Init(os.Args[0], flag.ContinueOnError)
	f.SetOutput(io.Discard) // an error is printed below, without all the flags behind it
	err := f.Parse(os.Args[1:])
	f.SetOutput(os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.Usage()
		return Drained, false
	case err != nil:
		return Bad("%v", err), false
	case f.NArg() > 0:
		return Bad("unexpected argument %q", f.Arg(0)), false
	}
	return 0, true
}

// CheckLoops refuses a number of loops that makes no sense.
func CheckLoops(n int) (code int, ok bool) {
	if n < 0 || n > maxLoops {
		return Bad("-loops %d: must be 1 to %d, or 0 for one for each CPU", n, maxLoops), false
	}
	return 0, true
}

// Listen listens on a, and returns the address that it got.
//
// The scheduler is given one processor more than there are loops. With none to
// spare, the runtime's monitor takes the processor of a loop that sleeps away, and
// wakes every 20 us to see whether it should: 7 % of the CPU time of a relay that
// is half loaded, on one CPU.
func Listen(srv *loop.Server, a Addr) (net.Addr, error) {
	if srv.Config.Loops == 0 {
		srv.Config.Loops = runtime.GOMAXPROCS(0)
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), srv.Config.Loops+1))
	return srv.Listen(a.Network, a.Address)
}

// Serve prints the address that Listen returned, and serves until ctx ends and the
// connections with it.
func Serve(ctx context.Context, srv *loop.Server, bound net.Addr) int {
	fmt.Fprintln(os.Stderr, "listening on", Addr{bound.Network(), bound.String()})
	if err := srv.Serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return Failure
	}
	return Drained
}
