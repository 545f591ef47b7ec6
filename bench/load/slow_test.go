package load

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// probing is a plan of a load beside which there are probes.
func probing(kind plan.Kind, target plan.Target, side string) *plan.Plan {
	p := short(kind, target)
	p.Conns, p.Side = 20, side
	p.Defaults()
	return p
}

func TestProbesGoOnBesideSlowPeers(t *testing.T) {
	testkit.Leaks(t)
	target := echo(t)
	for _, side := range []string{plan.Read, plan.Write} {
		for name, rate := range map[string]float64{"closed": 0, "open": 500} {
			p := probing(plan.Slow, target, side)
			p.Rate = rate
			slow := func(sum *result.Interval) uint64 {
				if side == plan.Write {
					return sum.BytesOut - 64*sum.Completed
				}
				return sum.BytesIn - 64*sum.Completed
			}
			sum := until(t, p, "requests beside slow peers", func(sum *result.Interval) bool { return sum.Completed > 20 && slow(sum) > 200 })
			n := int64(sum.Completed)
			if n == 0 || sum.Cut > 0 || sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 || sum.Service.Count() != n || rate > 0 && sum.Response.Count() != n {
				t.Errorf("%s, %s: %d completed, %d cut, %v, %d unanswered, %d open", side, name, n, sum.Cut, sum.Errors, sum.Unanswered, sum.Open)
			}
			if sum.Connects != 22 {
				t.Errorf("%s, %s: %d connections, want 20 slow ones and 2 probes", side, name, sum.Connects)
			}
			// 20 peers of 50 bytes a second move these in a fifth of a second; at the
			// speed of others it would be 64 KiB each at once.
			if n := slow(sum); n > 5000 {
				t.Errorf("%s, %s: slow peers moved %d bytes", side, name, n)
			}
		}
	}
}

// A starving server writes answers to all with one lock held.
func starving(t testing.TB) plan.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var lock sync.Mutex
	var all sync.WaitGroup
	serve := func(c net.Conn) {
		defer all.Done()
		defer c.Close()
		for b := make([]byte, 64<<10); ; {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			lock.Lock()
			_, err = c.Write(b[:n])
			lock.Unlock()
			if err != nil {
				return
			}
		}
	}
	all.Add(1)
	go func() {
		defer all.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Add(1)
			go serve(c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return plan.Target{Network: "tcp", Address: l.Addr().String()}
}

func TestServerThatSlowReadersStarveShowsInTheProbes(t *testing.T) {
	testkit.Leaks(t)
	p := probing(plan.Slow, starving(t), plan.Read)
	p.Defaults()
	g := start(t, p)
	sum := result.Empty()
	testkit.Eventually(t, "a window without a response", func() bool {
		time.Sleep(500 * time.Millisecond)
		i := g.Cut()
		sum.Append(i)
		return i.Completed == 0 && i.InFlight == 2
	})
	sum.Append(g.Stop()) // the slow ones end, and the probes' turn comes
	if longest := time.Duration(sum.Service.At(1)); longest < 400*time.Millisecond && sum.Unanswered == 0 {
		t.Errorf("the longest response took %v", longest)
	}
	if sum.Failed() > 0 || sum.Cut > 0 {
		t.Errorf("%v, %d cut", sum.Errors, sum.Cut)
	}
}

func TestSlowPeersThatTheTargetCutsAreNoErrors(t *testing.T) {
	testkit.Leaks(t)
	for name, end := range map[string]func(c *loop.Conn){
		"closed": func(c *loop.Conn) { c.Close() },
		"reset":  func(c *loop.Conn) { c.Abort() },
	} {
		for _, side := range []string{plan.Read, plan.Write} {
			_, target := serve(t, func(c *loop.Conn, n int) (loop.Session, error) {
				var timer loop.Timer
				if n >= 2 { // the first two are the probes
					c.Loop().Arm(&timer, 20*time.Millisecond, expire(func() { end(c) }))
				}
				return &peer{data: echoes, closed: func(*loop.Conn, error) { c.Loop().Disarm(&timer) }}, nil
			})
			sum := until(t, probing(plan.Slow, target, side), "as many cuts as make two of each connection", func(sum *result.Interval) bool { return sum.Cut >= 40 })
			if sum.Failed() > 0 || sum.Completed == 0 || sum.Unanswered > 0 || sum.Open != 0 {
				t.Errorf("%s, %s: %v, %d completed, %d unanswered, %d open", name, side, sum.Errors, sum.Completed, sum.Unanswered, sum.Open)
			}
		}
	}
}

type expire func()

func (f expire) Expire() { f() }

func TestProbeThatTheTargetCutsIsAnError(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
		if n > 0 {
			return &peer{data: echoes}, nil
		}
		left := 1000
		return &peer{data: func(c *loop.Conn) error {
			m, err := c.CopyTo(c)
			if left -= int(m); left < 0 {
				c.Abort()
			}
			return err
		}}, nil
	})
	sum := until(t, probing(plan.Slow, target, plan.Write), "an error", func(sum *result.Interval) bool { return sum.Failed() > 0 })
	if sum.Failed() == 0 || sum.Cut > 0 {
		t.Errorf("%v, %d cut", sum.Errors, sum.Cut)
	}
	for what := range sum.Errors {
		if !strings.HasPrefix(what, "probe: ") {
			t.Errorf("counted as %q", what)
		}
	}
}

func TestSlowReaderChecksWhatItReads(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
		if n < 2 {
			return &peer{data: echoes}, nil
		}
		return &peer{data: func(c *loop.Conn) error {
			b, err := c.Next()
			if err != nil {
				return err
			}
			_, err = c.Write(make([]byte, len(b)))
			return err
		}}, nil
	})
	sum := until(t, probing(plan.Slow, target, plan.Read), "an error", func(sum *result.Interval) bool { return sum.Failed() > 0 })
	if sum.Failed() == 0 || sum.Cut > 0 {
		t.Errorf("%v, %d cut", sum.Errors, sum.Cut)
	}
	for what := range sum.Errors {
		if !strings.HasPrefix(what, "slow connection: wrong byte") {
			t.Errorf("counted as %q", what)
		}
	}
}

func TestSlowWriterNeverEndsItsHead(t *testing.T) {
	var head []byte
	for at := 0; at < 10_000; {
		b := make([]byte, 1+at%97)
		at += fillHead(b, at)
		head = append(head, b...)
	}
	lines := bytes.Split(head, []byte("\r\n"))
	for i, line := range lines[1 : len(lines)-1] {
		if !bytes.Contains(line, []byte(": ")) {
			t.Fatalf("line %d is %q, no header", i+1, line)
		}
	}
	if !bytes.HasPrefix(head, []byte("GET / HTTP/1.1\r\n")) && !bytes.HasPrefix(head, []byte("GET /0 HTTP/1.1\r\n")) {
		t.Errorf("begins with %.20q", head)
	}
}
