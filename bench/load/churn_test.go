package load

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

func TestStormsAreOpenAllAtOnceAndEndTogether(t *testing.T) {
	testkit.Leaks(t)
	const n = 300
	for _, ending := range []string{plan.FIN, plan.Reset} {
		var open, most, resets atomic.Int64
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
			if now := open.Add(1); now > most.Load() {
				most.Store(now)
			}
			return &peer{data: echoes, closed: func(_ *loop.Conn, err error) {
				open.Add(-1)
				if errors.Is(err, syscall.ECONNRESET) {
					resets.Add(1)
				}
			}}, nil
		})
		p := short(plan.Churn, target)
		p.Conns, p.Ending, p.Pause = n, ending, time.Millisecond
		sum := until(t, p, "a storm", func(sum *result.Interval) bool { return sum.Completed >= n })
		if c := sum.Completed; c < n || c%n != 0 || sum.Connects != c || sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 {
			t.Errorf("%s: %d completed on %d connections, %v, %d unanswered, %d open", ending, c, sum.Connects, sum.Errors, sum.Unanswered, sum.Open)
		}
		if sum.Verified != 64*sum.Completed || sum.Response.Count() != int64(sum.Completed) || sum.Connect.Count() != int64(sum.Connects) {
			t.Errorf("%s: %d bytes verified, %d response times", ending, sum.Verified, sum.Response.Count())
		}
		// Of those that end by resets some may still be there when the next come.
		if m := most.Load(); m < n {
			t.Errorf("%s: %d connections at a time, want all %d of a storm", ending, m, n)
		}
		if r := resets.Load(); (r > 0) != (ending == plan.Reset) {
			t.Errorf("%s: %d resets", ending, r)
		}
	}
}

func TestStormsGoOnBesideConnectionsThatFail(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(_ *loop.Conn, n int) (loop.Session, error) {
		if n%10 == 5 {
			return nil, errors.New("go away")
		}
		return &peer{data: echoes}, nil
	})
	p := short(plan.Churn, target)
	p.Conns = 50
	sum := until(t, p, "two storms", func(sum *result.Interval) bool { return sum.Completed > 50 })
	if sum.Completed < 2*40 || sum.Failed() < 2*4 || (sum.Completed+sum.Failed())%50 != 0 || sum.Open != 0 {
		t.Errorf("%d completed, %v on %d connections, %d open", sum.Completed, sum.Errors, sum.Connects, sum.Open)
	}
}

func TestStormOfWhichSomeAreLeftInTheBacklogIsReported(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1}, MaxConns: 10, Handler: loop.OnData(echoes)}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	p := short(plan.Churn, plan.Target{Network: "tcp", Address: addr.String()})
	p.Conns, p.Timeout = 30, 300*time.Millisecond
	sum := until(t, p, "an error", func(sum *result.Interval) bool { return sum.Failed() > 0 })
	if sum.Failed() == 0 || sum.Unanswered > 0 || sum.Open != 0 {
		t.Errorf("%d completed, %v, %d unanswered, %d open", sum.Completed, sum.Errors, sum.Unanswered, sum.Open)
	}
	for what := range sum.Errors {
		if !strings.Contains(what, "no answer") {
			t.Errorf("counted as %q", what)
		}
	}
}

func TestTargetThatCannotBeReachedIsNotLoaded(t *testing.T) {
	testkit.Leaks(t)
	for _, kind := range []plan.Kind{plan.RR, plan.Hold, plan.Churn, plan.Slow, plan.HalfClose, plan.RST} {
		p := short(kind, plan.Target{Network: "tcp", Address: "127.0.0.1:1"})
		p.Defaults()
		if _, err := Start(context.Background(), p); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: Start: %v, want %v", kind, err, syscall.ECONNREFUSED)
		}
	}
}
