package testkit

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/penstock/penstock/loop"
)

// Serve runs srv until the test ends, and answers its address. At the end it
// waits for the connections, and checks that the loops have given back all they
// had.
func Serve(t testing.TB, srv *loop.Server, network, address string) net.Addr {
	t.Helper()
	addr, err := srv.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ServeBound(t, srv)
	return addr
}

// ServeBound is Serve for a server that listens already.
func ServeBound(t testing.TB, srv *loop.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, loop.ErrDrainTimeout) {
			t.Errorf("Serve: %v", err)
		}
		GivenBack(t, srv.Group())
	})
}

// GivenBack checks the counters of a group that has been closed.
func GivenBack(t testing.TB, g *loop.Group) {
	t.Helper()
	c := g.Counters()
	if c.Conns != 0 || c.Relays != 0 || c.InFlight != 0 || c.Buffers != 0 || c.TimersArmed != 0 {
		t.Errorf("not given back: %d connections, %d relays, %d bytes in flight, %d buffers, %d timers",
			c.Conns, c.Relays, c.InFlight, c.Buffers, c.TimersArmed)
	}
	if c.Registered != c.Unregistered {
		t.Errorf("not given back: %d registered, %d unregistered", c.Registered, c.Unregistered)
	}
	if p := c.Pipes; p.Leased != 0 || p.Stock != 0 || p.Created != p.Destroyed {
		t.Errorf("pipes not given back: %+v", p)
	}
	if used, _ := g.PipePages(); used != 0 {
		t.Errorf("pipe pages not given back: %d", used)
	}
	if c.StaleNever != 0 {
		t.Errorf("%d events of registrations that never were", c.StaleNever)
	}
}

// Eventually waits for ok to answer true, at most 10 seconds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// Race says that the race detector is on: everything costs ten times as much.
func Race() bool { return race }
