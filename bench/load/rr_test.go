package load

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	other "github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// echo serves an echo until the test ends, and answers it as a target.
func echo(t testing.TB) plan.Target {
	t.Helper()
	addr := testkit.Serve(t, &loop.Server{
		DrainTimeout: time.Second,
		Config:       loop.Config{Loops: 1},
		Handler: loop.OnData(func(c *loop.Conn) error {
			_, err := c.CopyTo(c)
			return err
		}),
	}, "tcp", "127.0.0.1:0")
	return plan.Target{Network: "tcp", Address: addr.String()}
}

// generate runs a plan for its time, and answers the sum of all windows.
func generate(t testing.TB, p *plan.Plan) *result.Interval {
	t.Helper()
	p.Defaults()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), p.Time)
	defer cancel()
	sum := result.Empty()
	var last *result.Interval
	if err := Run(ctx, p, func(i *result.Interval) { sum.Append(i); last = i }); err != nil {
		t.Fatal(err)
	}
	if last == nil || !last.Last {
		t.Fatal("no last window")
	}
	return sum
}

func TestRequestsDoNotAllocate(t *testing.T) {
	if testkit.Race() {
		t.Skip("the race detector allocates")
	}
	target, http := echo(t), otherEnd(t, other.HTTP, plan.Target{})
	get := []plan.Message{{Bytes: []byte("GET /64 HTTP/1.1\r\nHost: h\r\n\r\n")}}
	ping := []plan.Message{{Bytes: []byte("PING\r\n")}, {Bytes: []byte("PING again\r\n")}}
	for name, p := range map[string]plan.Plan{
		"closed loop": {},
		"open loop":   {Rate: 5000},
		"pipeline":    {Pipeline: 16, Request: plan.Mix{{Bytes: 64, Weight: 4}, {Bytes: 1024, Weight: 1}}},
		"http":        {Target: http, Protocol: plan.HTTP, Messages: get},
		"raw":         {Protocol: plan.Raw, Messages: ping, Until: "\r\n"},
		"raw, length": {Protocol: plan.Raw, Messages: ping[:1], Response: 6, Pipeline: 4},
	} {
		p.Kind, p.Conns, p.Time, p.Verify = plan.RR, 10, 10*time.Second, true
		if p.Target == (plan.Target{}) {
			p.Target = target
		}
		p.Defaults()
		g, err := Start(context.Background(), &p)
		if err != nil {
			t.Fatal(err)
		}
		// A few requests for each connection first: what they keep is made then.
		for done := uint64(0); done < 1000; done += g.Cut().Completed {
			runtime.Gosched()
		}
		var before, after runtime.MemStats
		g.Cut()
		runtime.ReadMemStats(&before)
		time.Sleep(200 * time.Millisecond) // looking on would allocate
		runtime.ReadMemStats(&after)
		completed := g.Cut().Completed
		each := float64(after.Mallocs-before.Mallocs) / float64(completed)
		t.Logf("%s: %.4f allocations for a request of %d", name, each, completed)
		if completed < 100 || each > 0.05 { // Cut itself makes a few
			t.Errorf("%s: %.4f allocations for a request of %d, want none", name, each, completed)
		}
		g.Stop()
	}
}

func TestEveryRequestIsAnsweredAndVerified(t *testing.T) {
	testkit.Leaks(t)
	target := echo(t)
	for name, p := range map[string]plan.Plan{
		"closed":     {},
		"open":       {Rate: 2000},
		"constant":   {Rate: 2000, Arrival: plan.Constant},
		"pipelined":  {Pipeline: 8},
		"fragments":  {Fragments: 4, Pipeline: 3},
		"mix":        {Request: plan.Mix{{Bytes: 1, Weight: 1}, {Bytes: 200 << 10, Weight: 1}}},
		"two loops":  {Loops: 2, Rate: 1000},
		"loop, open": {Loops: 2, Rate: 3000, Pipeline: 4, Fragments: 2},
	} {
		p.Kind, p.Target, p.Conns, p.Time, p.Seed, p.Verify = plan.RR, target, 7, 200*time.Millisecond, 1, true
		sum := generate(t, &p)
		if n := sum.Failed(); n > 0 || sum.Completed == 0 || sum.Unanswered > 0 || sum.Open != 0 {
			t.Errorf("%s: %d completed, %v, %d unanswered, %d open", name, sum.Completed, sum.Errors, sum.Unanswered, sum.Open)
		}
		if sum.BytesIn != sum.BytesOut || sum.Verified != sum.BytesIn {
			t.Errorf("%s: %d bytes out, %d in, %d verified", name, sum.BytesOut, sum.BytesIn, sum.Verified)
		}
		if int64(sum.Completed) != sum.Service.Count() || p.Rate > 0 && int64(sum.Completed) != sum.Response.Count() {
			t.Errorf("%s: %d completed, %d service times, %d response times", name, sum.Completed, sum.Service.Count(), sum.Response.Count())
		}
	}
}

// A request that is not answered within the timeout is an error, and its connection is
// replaced: on a loop that is closed, open, or pipelined.
func TestUnansweredRequestEndsItsConnection(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
		answered := false
		return &peer{data: func(c *loop.Conn) error {
			if answered {
				return nil // what was not read waits
			}
			answered = true
			b, err := c.Next()
			if err != nil {
				return err
			}
			_, err = c.Write(b)
			return err
		}}, nil
	})
	for name, change := range map[string]func(p *plan.Plan){
		"closed":   func(p *plan.Plan) {},
		"open":     func(p *plan.Plan) { p.Rate = 200 },
		"pipeline": func(p *plan.Plan) { p.Pipeline = 4 },
	} {
		p := short(plan.RR, target)
		p.Conns, p.Timeout = 2, 200*time.Millisecond
		change(p)
		sum := until(t, p, "requests without an answer", func(sum *result.Interval) bool { return sum.Failed() >= 4 })
		for what := range sum.Errors {
			if what != "connection: "+errNoAnswer.Error() {
				t.Errorf("%s: %v", name, sum.Errors)
			}
		}
		if sum.Connects < 4 {
			t.Errorf("%s: %d connections were opened", name, sum.Connects)
		}
	}
}
