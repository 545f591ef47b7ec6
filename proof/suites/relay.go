package suites

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A relay listens on both loopbacks, relays, and counts.
type relay interface {
	listen(address string) error
	serve(ctx context.Context) error
	count() counters
}

// relays makes a relay of each mode.
var relays = map[string]func() relay{
	"splice": func() relay { return newPenstock(splice.Splice) },
	"copy":   func() relay { return newPenstock(splice.Copy) },
	"auto":   func() relay { return newPenstock(splice.Auto) },
	plain:    func() relay { return &copier{} },
	lossy:    func() relay { return &copier{loses: true} },
}

// runRelay is the relay's process. It prints its counters once it listens, and
// again for each line of stdin; it ends when stdin does.
func runRelay(args []string, stdin io.Reader, out io.Writer) error {
	if len(args) != 1 || relays[args[0]] == nil {
		return fmt.Errorf("suites: no relay %q", args)
	}
	if err := become(relayUser); err != nil {
		return fmt.Errorf("become user %d: %w", relayUser, err)
	}
	r := relays[args[0]]()
	for _, ip := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		if err := r.listen(netip.AddrPortFrom(ip, relayPort).String()); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.serve(ctx) }()
	say := json.NewEncoder(out)
	say.Encode(r.count())
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		say.Encode(r.count())
	}
	cancel()
	return <-served
}

// A penstock is the product as a transparent forwarder.
type penstock struct {
	srv     loop.Server
	options splice.Options
	dials   atomic.Uint32
}

func newPenstock(mode splice.Mode) *penstock {
	p := &penstock{options: splice.Options{Mode: mode}}
	p.srv = loop.Server{
		Handler: loop.OnOpen(p.open), DrainTimeout: time.Second,
		Config: loop.Config{Loops: 2, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))},
	}
	return p
}

func (p *penstock) open(c *loop.Conn) error {
	to, err := originalDestination(c.FD().Num(), c.FD().Family() == sys.Inet6)
	if err != nil {
		return err
	}
	d := &loop.Dialer{Source: sourceFor(c.RemoteAddr(), p.dials.Add(1))}
	return d.DialFor(c, "tcp", to.String(), func(up *loop.Conn, err error) error {
		if err != nil {
			return err
		}
		return splice.Relay(c, up, &p.options)
	})
}

func (p *penstock) listen(address string) error {
	_, err := p.srv.Listen("tcp", address)
	return err
}

func (p *penstock) serve(ctx context.Context) error {
	if err := p.srv.Serve(ctx); !errors.Is(err, loop.ErrDrainTimeout) {
		return err
	}
	return nil // on an error of the tests' connections may be left
}

func (p *penstock) count() counters {
	c := p.srv.Group().Counters()
	return counters{Open: c.Conns, Accepted: c.Accepted, Spliced: c.BytesSpliced, Copied: c.BytesCopied, Panics: c.Panics}
}

// checkDestination refuses the relay's own address: it would connect to itself
// until it has no descriptor left.
func checkDestination(to netip.AddrPort) (netip.AddrPort, error) {
	if to.Port() == relayPort {
		return to, &net.OpError{Op: "redirect", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: errors.New("is the relay's own address")}
	}
	return to, nil
}
