// Forward relays every connection to a backend, inside the kernel.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

func main() { os.Exit(run()) }

func run() int {
	var listen, to cli.Addr
	flag.Var(&listen, "listen", "address to listen on: `host:port`, unix:/path or unix:@name")
	flag.Var(&to, "to", "address to forward to: `host:port`, unix:/path or unix:@name")
	loops := flag.Int("loops", 0, "number of event loops; 0 is one for each CPU")
	mode := flag.String("mode", "auto", "how to move bytes: `auto`, splice or copy")
	idle := flag.Duration("idle", 0, "reset a connection through which nothing moved for so long; 0 is never")
	connect := flag.Duration("connect-timeout", 10*time.Second, "how long the backend has to answer")
	drain := flag.Duration("drain", 30*time.Second, "how long connections have to end after SIGTERM")
	stats := flag.Bool("stats", false, "print a line a second to stderr")
	demo := flag.Bool("demo", false, "show what it does: a backend, a forwarder and a load in one process, 10 s")
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
	case *loops < 0:
		return cli.Bad("-loops %d: must be 1 or more, or 0 for one for each CPU", *loops)
	case *idle < 0 || *connect <= 0 || *drain < 0:
		return cli.Bad("-idle %v, -connect-timeout %v, -drain %v: must not be negative, and the connect timeout not 0", *idle, *connect, *drain)
	}
	if *drain == 0 {
		*drain = -1 // no time, rather than the default
	}
	srv := newForwarder(to, &splice.Options{Mode: way, IdleTimeout: *idle}, *connect)
	srv.Config = loop.Config{Loops: *loops}
	srv.DrainTimeout = *drain
	ctx := cli.Interrupted()
	if *stats {
		go printStats(ctx, srv)
	}
	return cli.Serve(ctx, srv, listen)
}

// newForwarder is the whole of a forwarder.
func newForwarder(to cli.Addr, o *splice.Options, timeout time.Duration) *loop.Server {
	dialer := &loop.Dialer{Timeout: timeout}
	return &loop.Server{Handler: loop.OnOpen(func(c *loop.Conn) error {
		return dialer.DialFor(c, to.Network, to.Address, func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			return splice.Relay(c, up, o)
		})
	})}
}

// printStats prints what the loops did in the last second, every second.
func printStats(ctx context.Context, srv *loop.Server) {
	var last loop.Counters
	for tick := time.Tick(time.Second); ctx.Err() == nil; <-tick {
		if srv.Group() == nil {
			continue
		}
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
