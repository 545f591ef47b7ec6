// Forward relays every connection to a backend, inside the kernel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

func main() { os.Exit(run()) }

func run() int {
	if through := os.Getenv(demoThrough); through != "" {
		return serveDemo(through)
	}
	var listen, to cli.Addr
	cli.ListenVar(&listen, "listen", "address to listen on: `host:port`, unix:/path or unix:@name")
	cli.DialVar(&to, "to", "address to forward to: `host:port`, unix:/path or unix:@name; :port is this machine")
	loops := flag.Int("loops", 0, "number of event loops; 0 is one for each CPU")
	mode := flag.String("mode", "auto", "how to move bytes: `auto`, splice or copy")
	idle := flag.Duration("idle", 0, "reset a connection through which nothing moved for so long; 0 is never")
	connect := flag.Duration("connect-timeout", 10*time.Second, "how long the backend has to answer")
	drain := flag.Duration("drain", 30*time.Second, "how long connections have to end after SIGTERM")
	stats := flag.Bool("stats", false, "print a line a second to stderr")
	demo := flag.Bool("demo", false, "show what it does and costs, beside a proxy with io.Copy, in 10 s")
	if code, ok := cli.Parse(); !ok {
		return code
	}
	if *demo {
		return runDemo()
	}
	way, ok := map[string]splice.Mode{"auto": splice.Auto, "splice": splice.Splice, "copy": splice.Copy}[*mode]
	switch {
	case listen.Network == "":
		return cli.Bad("-listen is missing: say where, for example -listen :8080")
	case to.Network == "":
		return cli.Bad("-to is missing: say where to, for example -to 127.0.0.1:80")
	case !ok:
		return cli.Bad("-mode %q: must be auto, splice or copy", *mode)
	case *idle < 0 || *connect <= 0 || *drain < 0:
		return cli.Bad("-idle %v, -connect-timeout %v, -drain %v: must not be negative, and the connect timeout not 0", *idle, *connect, *drain)
	}
	if code, ok := cli.CheckLoops(*loops); !ok {
		return code
	}
	if *drain == 0 {
		*drain = -1 // no time, rather than the default
	}
	f := &forwarder{to: to, dialer: loop.Dialer{Timeout: *connect}, options: splice.Options{Mode: way, IdleTimeout: *idle}, outage: newOutage(to.String())}
	srv := &loop.Server{
		Handler: loop.OnOpen(f.open), Config: loop.Config{Loops: *loops}, DrainTimeout: *drain,
		MaxConns: maxConns(), BacklogTimeout: *connect,
	}
	bound, err := cli.Listen(srv, listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cli.Failure
	}
	switch err := f.check(bound); {
	case errors.Is(err, errItself):
		srv.Close()
		return cli.Bad("-to %s: %v: give another address", to, err)
	case err != nil:
		fmt.Fprintf(os.Stderr, "-to %s does not resolve now, and is looked up again for each connection: %v\n", to, err)
	}
	ctx := cli.Interrupted()
	go f.outage.report(os.Stderr)
	if *stats {
		go printStats(ctx, srv)
	}
	return cli.Serve(ctx, srv, bound)
}

// A forwarder relays every connection to one backend.
type forwarder struct {
	to      cli.Addr
	dialer  loop.Dialer
	options splice.Options
	outage  *outage
	own     netip.AddrPort // of the listener; not valid if the backend's address cannot come to lead to it
	circle  atomic.Int64   // until when, in ns of Unix time, the backend counts as this forwarder itself
}

// check returns why the backend cannot be forwarded to by the listener that is bound
// to `bound`.
func (f *forwarder) check(bound net.Addr) error {
	if own, ok := bound.(*net.TCPAddr); ok && f.to.Network == "tcp" && isName(f.to.Address) {
		f.own = own.AddrPort()
	}
	return checkItself(f.to, bound)
}

// maxConns returns how many connections may be open: as many as descriptors, less those
// of the loops, the log and a few pipes. Were it more, a backend that leads back here
// would take them all.
func maxConns() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	files := int(min(limit.Cur, math.MaxInt32))
	return max(files-16-min(files/32, 1000), 2)
}

func (f *forwarder) open(c *loop.Conn) error {
	if f.circle.Load() != 0 && f.fromItself(c) {
		return errItself
	}
	return f.dialer.DialFor(c, f.to.Network, f.to.Address, func(up *loop.Conn, err error) error {
		if err == nil && f.own.IsValid() && f.reachedItself(up) {
			err = errItself
		}
		f.outage.note(err)
		if err != nil {
			return err // resets c
		}
		return splice.Relay(c, up, &f.options)
	})
}

// printStats prints what the loops did in the last second, every second.
func printStats(ctx context.Context, srv *loop.Server) {
	var last loop.Counters
	tick := time.Tick(time.Second)
	for <-tick; ctx.Err() == nil; <-tick {
		c := srv.Group().Counters()
		pages, budget := srv.Group().PipePages()
		fmt.Fprintf(os.Stderr, "conns %d relays %d accepted %d dial errors %d MiB spliced %.1f copied %.1f in flight %.1f KiB pipes %d (%d of %d pages) calls %d resets %d stranded %d\n",
			c.Conns, c.Relays, c.Accepted-last.Accepted, c.DialErrors-last.DialErrors,
			mib(c.BytesSpliced-last.BytesSpliced), mib(c.BytesCopied-last.BytesCopied),
			float64(c.InFlight)/1024, c.Pipes.Leased, pages, budget, c.Calls()-last.Calls(), c.Resets-last.Resets, c.BytesStranded)
		last = c
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
