package load

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// holding is a plan of held connections.
func holding(target plan.Target, conns int, active float64) *plan.Plan {
	p := &plan.Plan{
		Kind: plan.Hold, Target: target, Conns: conns, Active: active, Touch: true,
		Time: 100 * time.Millisecond, Seed: 1, Verify: true, Timeout: 5 * time.Second,
	}
	p.Defaults()
	return p
}

func start(t testing.TB, p *plan.Plan) *Generator {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	g, err := Start(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestHeldConnectionsAreOpenAndTouchedWhenStartReturns(t *testing.T) {
	testkit.Leaks(t)
	const n = 2000
	var bytes atomic.Int64
	srv, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
		return &peer{data: func(c *loop.Conn) error {
			m, err := c.CopyTo(c)
			bytes.Add(m)
			return err
		}}, nil
	})
	p := holding(target, n, 0)
	p.Loops = 2
	g := start(t, p)
	if got := bytes.Load(); got != n*64 {
		t.Errorf("the target was sent %d bytes before the load, want one request of 64 for each of %d", got, n)
	}
	testkit.Eventually(t, "the target counts all connections", func() bool { return srv.Group().Counters().Conns == n })
	if i := g.Cut(); i.Open != n || i.Completed != 0 || i.BytesOut != 0 || i.Verified != 0 || i.Failed() > 0 {
		t.Errorf("%d open, %d completed, %v: want %d, and nothing that was asked counted", i.Open, i.Completed, i.Errors, n)
	}
	last := g.Stop()
	if last.Dead != 0 || last.Unanswered != 0 || last.Failed() > 0 || last.Open != 0 {
		t.Errorf("at the end %d dead, %d unanswered, %v, %d open", last.Dead, last.Unanswered, last.Errors, last.Open)
	}
	if got := bytes.Load(); got != 2*n*64 {
		t.Errorf("the target was sent %d bytes, want another request for each of %d at the end", got, n)
	}
}

func TestUntouchedConnectionsAreSentNothingBeforeTheEnd(t *testing.T) {
	testkit.Leaks(t)
	var bytes atomic.Int64
	_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
		return &peer{data: func(c *loop.Conn) error {
			m, err := c.CopyTo(c)
			bytes.Add(m)
			return err
		}}, nil
	})
	p := holding(target, 20, 0)
	p.Touch = false
	g := start(t, p)
	if got := bytes.Load(); got != 0 {
		t.Errorf("the target was sent %d bytes", got)
	}
	if last := g.Stop(); last.Dead != 0 || bytes.Load() != 20*64 {
		t.Errorf("%d dead, %d bytes at the end", last.Dead, bytes.Load())
	}
}

func TestOnlyTheActiveShareSends(t *testing.T) {
	testkit.Leaks(t)
	for name, rate := range map[string]float64{"closed": 0, "open": 3000} {
		var asked [100]atomic.Int64
		_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
			return &peer{data: func(c *loop.Conn) error {
				m, err := c.CopyTo(c)
				asked[n].Add(m / 64)
				return err
			}}, nil
		})
		p := holding(target, 100, 0.05)
		p.Rate = rate
		g := start(t, p)
		sum := g.Cut()
		testkit.Eventually(t, "requests on every active connection", func() bool {
			sum.Append(g.Cut())
			return sum.Completed > 100
		})
		last := g.Stop()
		sum.Append(last)
		active := 0
		for i := range asked {
			switch n := asked[i].Load(); {
			case n > 2:
				active++
			case n < 2:
				t.Errorf("%s: connection %d was asked %d times, want at the begin and at the end", name, i, n)
			}
		}
		if active != 5 || sum.Failed() > 0 || last.Dead > 0 || last.Unanswered > 0 {
			t.Errorf("%s: %d of 100 connections were active, want 5; %v, %d dead", name, active, sum.Errors, last.Dead)
		}
	}
}

func TestHeldConnectionThatTheTargetClosesIsDead(t *testing.T) {
	testkit.Leaks(t)
	for name, end := range map[string]func(h loop.Handle) error{"closed": loop.Handle.Close, "reset": loop.Handle.Abort} {
		victims := make(chan loop.Handle, 50)
		_, target := serve(t, func(c *loop.Conn, n int) (loop.Session, error) {
			if n%10 == 3 {
				victims <- c.Handle()
			}
			return &peer{data: echoes}, nil
		})
		g := start(t, holding(target, 50, 0.5))
		for range 5 {
			end(<-victims)
		}
		sum := g.Cut()
		testkit.Eventually(t, "five errors", func() bool {
			sum.Append(g.Cut())
			return sum.Failed() == 5
		})
		if sum.Open != 45 {
			t.Errorf("%s: %d open, want 45", name, sum.Open)
		}
		if last := g.Stop(); last.Dead != 5 || last.Failed() > 0 {
			t.Errorf("%s: %d dead at the end, want 5; %v", name, last.Dead, last.Errors)
		}
		for what := range sum.Errors {
			if !strings.HasPrefix(what, "held connection: ") {
				t.Errorf("%s: counted as %q", name, what)
			}
		}
	}
}

func TestHeldConnectionThatIsDeadOnlyWhenAskedIsFound(t *testing.T) {
	testkit.Leaks(t)
	answers := func(second func(c *loop.Conn) error) func(*loop.Conn, int) (loop.Session, error) {
		return func(_ *loop.Conn, n int) (loop.Session, error) {
			asked := 0
			return &peer{data: func(c *loop.Conn) error {
				b, err := c.Next()
				if err != nil {
					return err
				}
				if asked++; asked == 2 && n < 7 {
					return second(c)
				}
				_, err = c.Write(b)
				return err
			}}, nil
		}
	}
	for name, second := range map[string]func(c *loop.Conn) error{
		"reset":      func(*loop.Conn) error { return errors.New("go away") },
		"wrong byte": func(c *loop.Conn) error { _, err := c.Write(make([]byte, 64)); return err },
	} {
		_, target := serve(t, answers(second))
		g := start(t, holding(target, 20, 0))
		if last := g.Stop(); last.Dead != 7 || last.Failed() != 7 {
			t.Errorf("%s: %d dead at the end, %v, want 7", name, last.Dead, last.Errors)
		}
	}
	_, target := serve(t, answers(func(*loop.Conn) error { return nil }))
	p := holding(target, 20, 0)
	p.Timeout = 300 * time.Millisecond
	g := start(t, p)
	if last := g.Stop(); last.Unanswered != 7 {
		t.Errorf("mute: %d unanswered, want 7", last.Unanswered)
	}
}

func TestTargetThatDoesNotAnswerTheTouchIsNotLoaded(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
		if n == 70 {
			return &peer{data: swallows}, nil
		}
		return &peer{data: echoes}, nil
	})
	p := holding(target, 100, 0.1)
	p.Timeout = 300 * time.Millisecond
	if _, err := Start(context.Background(), p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Start: %v, want a deadline", err)
	}
	_, target = serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
		return &peer{data: func(*loop.Conn) error { return errors.New("go away") }}, nil
	})
	if _, err := Start(context.Background(), holding(target, 100, 0.1)); err == nil || !strings.Contains(err.Error(), "first request") {
		t.Errorf("Start: %v", err)
	}
}

func TestMoreConnectionsThanDescriptorsAreRefused(t *testing.T) {
	testkit.Leaks(t)
	p := holding(plan.Target{Network: "tcp", Address: "127.0.0.1:1"}, 1<<40, 0)
	_, err := Start(context.Background(), p)
	var bad *plan.Invalid
	if !errors.As(err, &bad) || bad.Flag != "c" || !strings.Contains(err.Error(), "ask for at most") {
		t.Errorf("Start: %v", err)
	}
}
