package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	other "github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// Each request has a connection of its own, and each of the sums says the same.
func TestEachRequestHasAConnection(t *testing.T) {
	testkit.Leaks(t)
	tcp := otherEnd(t, other.Echo, plan.Target{})
	unix := otherEnd(t, other.Echo, plan.Target{Network: "unix", Address: fmt.Sprint("@penstock-bench-crr-", os.Getpid())})
	http := otherEnd(t, other.HTTP, plan.Target{})
	for name, change := range map[string]func(p *plan.Plan){
		"closed":       func(p *plan.Plan) {},
		"closed, rst":  func(p *plan.Plan) { p.Ending = plan.Reset },
		"open":         func(p *plan.Plan) { p.Rate = 1000 },
		"open, rst":    func(p *plan.Plan) { p.Rate, p.Ending = 1000, plan.Reset },
		"two loops":    func(p *plan.Plan) { p.Loops = 2 },
		"unix":         func(p *plan.Plan) { p.Target = unix },
		"large":        func(p *plan.Plan) { p.Request = plan.Mix{{Bytes: 300 << 10, Weight: 1}, {Bytes: 1, Weight: 1}} },
		"more sources": func(p *plan.Plan) { p.Sources = 3 },
		"http":         func(p *plan.Plan) { p.Target, p.Protocol, p.Response, p.Verify = http, plan.HTTP, 100, false },
	} {
		p := short(plan.CRR, tcp)
		change(p)
		sum := until(t, p, "connections enough", func(sum *result.Interval) bool { return sum.Completed > 20 })
		n := sum.Completed
		if sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 || sum.Service.Count() != int64(n) || sum.Response.Count() != int64(n) {
			t.Errorf("%s: %d completed, %v, %d unanswered, %d open, %d and %d times", name, n, sum.Errors, sum.Unanswered, sum.Open, sum.Service.Count(), sum.Response.Count())
		}
		if n != sum.Connects || int64(n) != sum.Connect.Count() {
			t.Errorf("%s: %d completed, %d connections, %d times", name, n, sum.Connects, sum.Connect.Count())
		}
		if p.Verify && (sum.BytesOut != sum.BytesIn || sum.BytesIn != sum.Verified) {
			t.Errorf("%s: %d bytes out, %d in, %d verified", name, sum.BytesOut, sum.BytesIn, sum.Verified)
		}
	}
}

// A server sees an end after each response, or a reset, as was asked for.
func TestConnectionsEndAsAskedFor(t *testing.T) {
	testkit.Leaks(t)
	for _, ending := range []string{plan.FIN, plan.Reset} {
		ends := make(chan error, 1<<16)
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			return &peer{data: echoes, closed: func(_ *loop.Conn, err error) { ends <- err }}, nil
		})
		p := short(plan.CRR, target)
		p.Ending = ending
		sum := until(t, p, "connections enough", func(sum *result.Interval) bool { return sum.Completed > 20 })
		if sum.Failed() > 0 {
			t.Errorf("%s: %v", ending, sum.Errors)
		}
		<-ends // of prepare's
		for range 20 {
			if err := <-ends; (err != nil) != (ending == plan.Reset) {
				t.Errorf("%s: the server's connection ended with %v", ending, err)
			}
		}
	}
}

// What an open loop cannot send for want of a slot waits, and its response time counts
// from when it should have been sent.
func TestAnArrivalThatWaitsForASlotIsLate(t *testing.T) {
	testkit.Leaks(t)
	const delay = 20 * time.Millisecond
	_, target := serve(t, func(c *loop.Conn, n int) (loop.Session, error) {
		return &peer{data: func(c *loop.Conn) error {
			c.Loop().AfterFunc(delay, func() { c.Handle().Do(func(c *loop.Conn) { c.Resume() }) })
			c.Pause()
			return echoes(c)
		}}, nil
	})
	p := short(plan.CRR, target)
	p.Conns, p.Rate, p.Arrival = 1, 500, plan.Constant
	sum := until(t, p, "a queue", func(sum *result.Interval) bool { return sum.Completed > 5 && sum.Backlog > 20 })
	if service, response := sum.Service.At(0.5), sum.Response.At(0.99); response < 2*service {
		t.Errorf("response time %v, service time %v: an arrival that waits is not late", time.Duration(response), time.Duration(service))
	}
	if lag := sum.Lag.At(0.99); lag < int64(delay) {
		t.Errorf("a lag of %v behind a slot that takes %v", time.Duration(lag), delay)
	}
}

func TestWhatATargetDoesToAConnectionIsAnError(t *testing.T) {
	testkit.Leaks(t)
	reset := errors.New("reset")
	for name, c := range map[string]struct {
		data func(c *loop.Conn) error
		want string
	}{
		"resets":   {func(c *loop.Conn) error { c.Next(); return reset }, "connection reset"},
		"ends":     {func(c *loop.Conn) error { c.Next(); return io.EOF }, "unexpected EOF"},
		"corrupts": {func(c *loop.Conn) error { return corrupt(c, func(b []byte) { b[len(b)-1] ^= 1 }) }, "wrong byte"},
		"swaps":    {func(c *loop.Conn) error { return corrupt(c, func(b []byte) { b[0], b[1] = b[1], b[0] }) }, "wrong byte"},
	} {
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) { return &peer{data: c.data}, nil })
		sum := until(t, short(plan.CRR, target), name, func(sum *result.Interval) bool { return sum.Failed() >= 8 })
		if sum.Completed > 0 || sum.Open != 0 || sum.Unanswered != 0 {
			t.Errorf("%s: %d completed, %d open, %d unanswered", name, sum.Completed, sum.Open, sum.Unanswered)
		}
		for what := range sum.Errors {
			if !strings.Contains(what, c.want) {
				t.Errorf("%s: %v", name, sum.Errors)
			}
		}
	}
}

// Bytes behind the response, that come as late as the peer's end, are found.
func TestRepeatedBytesInFrontOfTheEndAreFound(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
		var all []byte
		return &peer{data: func(c *loop.Conn) error {
			b, err := c.Next()
			all = append(all, b...)
			if err == io.EOF {
				c.Write(all)
			}
			if err != nil {
				return err
			}
			_, err = c.Write(b)
			return err
		}}, nil
	})
	sum := until(t, short(plan.CRR, target), "surplus bytes", func(sum *result.Interval) bool { return sum.Failed() >= 8 })
	for what := range sum.Errors {
		if !strings.Contains(what, "nobody asked for") {
			t.Errorf("%v", sum.Errors)
		}
	}
}

// corrupt is an echo that does something to each piece.
func corrupt(c *loop.Conn, f func(b []byte)) error {
	b, err := c.Next()
	if err != nil {
		return err
	}
	f(b)
	_, err = c.Write(b)
	return err
}

// A server that goes away in the middle of a load refuses: that is counted, and does
// not end the load.
func TestRefusedConnectionsAreErrors(t *testing.T) {
	testkit.Leaks(t)
	for _, rate := range []float64{0, 500} {
		s, err := other.Start(other.Echo, plan.Target{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		p := short(plan.CRR, s.Addr())
		p.Rate = rate
		p.Defaults()
		g := start(t, p)
		sum := result.Empty()
		testkit.Eventually(t, "connections", func() bool { sum.Append(g.Cut()); return sum.Completed > 0 })
		s.Close()
		testkit.Eventually(t, "refusals", func() bool { sum.Append(g.Cut()); return sum.Errors["dial: connection refused"] >= 8 })
		sum.Append(g.Stop())
		if sum.Open != 0 || sum.Unanswered != 0 {
			t.Errorf("rate %v: %d open, %d unanswered", rate, sum.Open, sum.Unanswered)
		}
	}
}

func TestATargetThatCannotBeReachedIsNoLoad(t *testing.T) {
	testkit.Leaks(t)
	for _, kind := range []plan.Kind{plan.CRR, plan.Stream} {
		s, err := other.Start(other.Echo, plan.Target{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		at := s.Addr()
		s.Close()
		p := short(kind, at)
		p.Defaults()
		if _, err := Start(t.Context(), p); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Short connections cost few allocations: those of the connection itself.
func TestConnectionsAllocateLittle(t *testing.T) {
	if testkit.Race() {
		t.Skip("the race detector allocates")
	}
	testkit.Leaks(t)
	p := short(plan.CRR, otherEnd(t, other.HTTP, plan.Target{})) // both ends are in this process
	p.Protocol, p.Response = plan.HTTP, 64
	p.Defaults()
	g := start(t, p)
	conns, mallocs := uint64(0), uint64(0)
	for range 10 {
		before := allocations()
		time.Sleep(20 * time.Millisecond) // looking on would allocate
		mallocs += allocations() - before
		conns += g.Cut().Completed
	}
	g.Stop()
	each := float64(mallocs) / float64(conns)
	t.Logf("%.1f allocations for a connection, of both ends", each)
	if conns == 0 || each > 40 {
		t.Errorf("%.1f allocations for a connection", each)
	}
}

// All source addresses are used, however few connections there are at a time: else
// their ports would not count.
func TestSourceAddressesTakeTurns(t *testing.T) {
	testkit.Leaks(t)
	from := make(chan string, 1<<16)
	_, target := serve(t, func(c *loop.Conn, _ int) (loop.Session, error) {
		from <- c.RemoteAddr().(*net.TCPAddr).IP.String()
		return &peer{data: echoes}, nil
	})
	p := short(plan.CRR, target)
	p.Conns, p.Sources = 1, 3
	until(t, p, "connections", func(sum *result.Interval) bool { return sum.Completed > 10 })
	seen := map[string]int{}
	for range 10 {
		seen[<-from]++
	}
	if len(seen) != 3 {
		t.Errorf("connections came from %v, want 3 addresses", seen)
	}
}
