package load

import (
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// A peer is a session of a server in a test: what is nil does nothing.
type peer struct {
	data   func(c *loop.Conn) error
	closed func(c *loop.Conn, err error)
}

func (p *peer) Data(c *loop.Conn) error     { return p.data(c) }
func (p *peer) Writable(c *loop.Conn) error { return p.data(c) }
func (p *peer) Closed(c *loop.Conn, err error) {
	if p.closed != nil {
		p.closed(c, err)
	}
}

// opener opens the n-th connection, from 0.
type opener struct {
	n    int
	open func(c *loop.Conn, n int) (loop.Session, error)
}

func (o *opener) Open(c *loop.Conn) (loop.Session, error) {
	o.n++
	return o.open(c, o.n-1)
}

// serve runs a server with one loop until the test ends.
func serve(t testing.TB, open func(c *loop.Conn, n int) (loop.Session, error)) (*loop.Server, plan.Target) {
	t.Helper()
	srv := &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1}, Handler: &opener{open: open}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	return srv, plan.Target{Network: "tcp", Address: addr.String()}
}

// echoes answers what it is sent.
func echoes(c *loop.Conn) error {
	_, err := c.CopyTo(c)
	return err
}

// swallows reads what it is sent, to the end.
func swallows(c *loop.Conn) error {
	for {
		if _, err := c.Next(); err != nil {
			return err
		}
	}
}

// until runs a plan until enough of what it sees has been seen, and answers the sum of
// all windows.
func until(t testing.TB, p *plan.Plan, what string, enough func(sum *result.Interval) bool) *result.Interval {
	t.Helper()
	p.Defaults()
	g := start(t, p)
	sum := result.Empty()
	testkit.Eventually(t, what, func() bool {
		sum.Append(g.Cut())
		return enough(sum)
	})
	sum.Append(g.Stop())
	return sum
}
