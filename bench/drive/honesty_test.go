package drive_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/load"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// childVariable is set for a process that is an echo server, to be stopped or killed.
const childVariable = "PENSTOCK_BENCH_ECHO"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	srv := &loop.Server{Handler: loop.OnData(echo)}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(addr)
	srv.Serve(context.Background())
}

func echo(c *loop.Conn) error {
	_, err := c.CopyTo(c)
	return err
}

// child starts an echo server as a process of its own.
func child(t *testing.T) (*os.Process, plan.Target) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	return cmd.Process, plan.Target{Network: "tcp", Address: address}
}

// serve runs a server of sessions until the test ends.
func serve(t *testing.T, open func() loop.Session) plan.Target {
	t.Helper()
	addr := testkit.Serve(t, &loop.Server{
		Config: loop.Config{Loops: 1}, DrainTimeout: time.Second,
		Handler: loop.OnOpen(func(c *loop.Conn) error { return c.Serve(open()) }),
	}, "tcp", "127.0.0.1:0")
	return plan.Target{Network: "tcp", Address: addr.String()}
}

// measure runs a load of 64-byte requests, each of whose bytes is checked.
func measure(t *testing.T, p plan.Plan) *result.Result {
	t.Helper()
	return measureOf(t, p, load.Run)
}

func measureOf(t *testing.T, p plan.Plan, source drive.Source) *result.Result {
	t.Helper()
	p.Kind, p.Verify, p.Seed = plan.RR, true, 1
	p.Defaults()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	r, err := drive.Run(t.Context(), &p, &drive.Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.0f/s, response %+v, service p99 %v, %v", r.AchievedRate, r.Latency.Response, time.Duration(r.Latency.Service.P99), r.InvalidReasons)
	return r
}

func reasons(r *result.Result) string { return strings.Join(r.InvalidReasons, "; ") }

// A server that is stopped for a second makes wait everybody who comes in that second.
// Whoever sends only when the last answer has come sends nothing meanwhile, and does
// not see it: the service time, as other harnesses measure it, stays small.
func TestStoppedServerShowsInTheResponseTime(t *testing.T) {
	testkit.NeedFull(t)
	server, target := child(t)
	go func() {
		time.Sleep(time.Second)
		server.Signal(syscall.SIGSTOP)
		time.Sleep(time.Second)
		server.Signal(syscall.SIGCONT)
	}()
	r := measure(t, plan.Plan{Target: target, Conns: 5, Rate: 1000, Arrival: plan.Constant, Time: 4 * time.Second})
	if p99 := time.Duration(r.Latency.Response.P99); p99 < 900*time.Millisecond {
		t.Errorf("the p99 of the response time is %v, of a server that was away for 1 s of 4", p99)
	}
	if n := r.Latency.Response.Count; n < 3900 {
		t.Errorf("%d requests in 4 s: those that were due while the server was away were left out", n)
	}
	if r.Latency.Service.P99 > r.Latency.Response.P99/2 {
		t.Errorf("the service time counts from the actual write, and that of 5 of 4,000 requests was long: p99 %v", time.Duration(r.Latency.Service.P99))
	}
	if r.Latency.Lag.P99 < int64(800*time.Millisecond) {
		t.Errorf("the lag of the writes behind their time was %v at p99", time.Duration(r.Latency.Lag.P99))
	}
}

// delayer is an echo that answers every n-th request after a delay.
type delayer struct {
	count   *int
	n       int
	delay   time.Duration
	longest *atomic.Int64 // that it really was, as timers and a busy machine have it
}

func (d *delayer) Writable(*loop.Conn) error { return nil }
func (d *delayer) Closed(*loop.Conn, error)  {}
func (d *delayer) Data(c *loop.Conn) error {
	b, err := c.Next()
	if err != nil {
		return err
	}
	if *d.count++; *d.count%d.n != 0 {
		_, err = c.Write(b)
		return err
	}
	late := append([]byte(nil), b...)
	h, began := c.Handle(), time.Now()
	c.Loop().AfterFunc(d.delay, func() {
		h.Write(late)
		d.longest.Store(max(d.longest.Load(), int64(time.Since(began))))
	})
	return nil
}

// Of a server that answers a little more than one request in a hundred 5 ms late, p99
// and p99.9 must say 5 ms, and nothing below may.
func TestKnownDelayIsFound(t *testing.T) {
	const delay = 5 * time.Millisecond
	count, longest := 0, new(atomic.Int64)
	target := serve(t, func() loop.Session { return &delayer{&count, 98, delay, longest} })
	r := measure(t, plan.Plan{Target: target, Conns: 1, Time: 2 * time.Second})
	p := r.Latency.Response
	bucket := delay / 1000 // three significant digits
	for name, got := range map[string]int64{"p99": p.P99, "p99.9": p.P999} {
		if got := time.Duration(got); got < delay-bucket || got > time.Duration(longest.Load())+delay {
			t.Errorf("%s is %v, want %v to %v, and what the way there and back adds", name, got, delay, time.Duration(longest.Load()))
		}
	}
	if p.P50 > int64(delay)/2 {
		t.Errorf("p50 is %v of a server that delays one in 98", time.Duration(p.P50))
	}
	if share := float64(r.Completed) * float64(p.Mean) / 1e9 / r.Measured.Seconds(); share > 1.01 {
		t.Errorf("one connection was busy for %.2f of the time", share)
	}
}

// paced is an echo that answers at most so many requests a second, all connections
// together.
type paced struct {
	next     *int64
	gap      time.Duration
	answered *atomic.Int64
}

func (p *paced) Writable(*loop.Conn) error { return nil }
func (p *paced) Closed(*loop.Conn, error)  {}
func (p *paced) Data(c *loop.Conn) error {
	b, err := c.Next()
	if err != nil {
		return err
	}
	now := c.Loop().Kernel().Now()
	*p.next = max(*p.next+int64(p.gap), now)
	late := append([]byte(nil), b...)
	h := c.Handle()
	c.Loop().AfterFunc(time.Duration(*p.next-now), func() {
		p.answered.Add(1)
		h.Write(late)
	})
	return nil
}

// The rate that is found of a server that answers at most 500 requests a second is
// what that server answered, and a load of 800 a second on it is found not to have
// been one. The bounds hold on a machine of any load: at most a request of each
// connection is under way when a window begins or ends.
func TestKnownRateIsFound(t *testing.T) {
	const conns, gap = 10, 2 * time.Millisecond
	var next int64
	answered := new(atomic.Int64)
	target := serve(t, func() loop.Session { return &paced{&next, gap, answered} })
	var windows []*result.Interval
	kept := func(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
		return load.Run(ctx, p, func(i *result.Interval) {
			windows = append(windows, i)
			tell(i)
		})
	}
	began := time.Now()
	r := measureOf(t, plan.Plan{Target: target, Conns: conns, Time: 2 * time.Second}, kept)
	if took := time.Since(began); r.Measured < 1900*time.Millisecond || r.WarmedUp+r.Measured > took {
		t.Errorf("measured for %v after %v, in a run of %v: want 2 s of it", r.Measured, r.WarmedUp, took)
	}
	if rate := float64(r.Completed) / r.Measured.Seconds(); math.Abs(r.AchievedRate-rate) > 0.01 {
		t.Errorf("%.2f/s, and %d requests in %v are %.2f/s", r.AchievedRate, r.Completed, r.Measured, rate)
	}
	if most := uint64(r.Measured/gap) + conns + 1; r.Completed > most {
		t.Errorf("%d requests in %v of a server that answers %d in that time", r.Completed, r.Measured, most)
	}
	var all, measured uint64
	for _, i := range windows {
		all += i.Completed
		if i.From >= r.WarmedUp && i.To <= r.WarmedUp+r.Measured && !i.Last {
			measured += i.Completed
		}
	}
	if measured != r.Completed {
		t.Errorf("%d requests, and the windows of the measured time have %d", r.Completed, measured)
	}
	if n := uint64(answered.Load()); all > n || all+conns < n {
		t.Errorf("%d requests were counted, the server answered %d", all, n)
	}
	r = measure(t, plan.Plan{Target: target, Conns: conns, Rate: 800, Time: time.Second})
	missed, saturated := strings.Contains(reasons(r), "the rate was not reached"), strings.Contains(reasons(r), "the generator is saturated")
	if r.Valid || missed == saturated { // saturated: on a machine so busy that 800 a second do not come to be due
		t.Errorf("800/s on a server that answers 500/s: %q", reasons(r))
	}
	if blamed := saturated || strings.Contains(reasons(r), "the generator was late"); r.GeneratorBound != blamed {
		t.Errorf("the generator is blamed: %v, for what the server did not do: %q", r.GeneratorBound, reasons(r))
	}
}

// spoiler is an echo that does something to the n-th request.
type spoiler struct {
	delayer
	spoil func([]byte) []byte
}

func (s *spoiler) Data(c *loop.Conn) error {
	b, err := c.Next()
	if err != nil {
		return err
	}
	if *s.count++; *s.count == s.n {
		b = s.spoil(append([]byte(nil), b...))
	}
	_, err = c.Write(b)
	return err
}

func TestSpoiledBytesAreFound(t *testing.T) {
	testkit.NeedFull(t)
	for name, c := range map[string]struct {
		spoil func([]byte) []byte
		want  string
	}{
		"lost":     {func(b []byte) []byte { return append(b[:10], b[11:]...) }, "wrong byte"},
		"lost end": {func(b []byte) []byte { return b[:len(b)-1] }, "not answered"},
		"repeated": {func(b []byte) []byte { return append(b[:20:20], b[19:]...) }, "wrong byte"},
		"swapped":  {func(b []byte) []byte { b[30], b[31] = b[31], b[30]; return b }, "wrong byte"},
		"more":     {func(b []byte) []byte { return append(b, 'x') }, "errors"},
	} {
		t.Run(name, func(t *testing.T) {
			count := 0
			target := serve(t, func() loop.Session { return &spoiler{delayer{count: &count, n: 500}, c.spoil} })
			r := measure(t, plan.Plan{Target: target, Conns: 2, Time: 500 * time.Millisecond, Timeout: 500 * time.Millisecond})
			if r.Valid || !strings.Contains(reasons(r), c.want) {
				t.Errorf("invalid because of %q, want %q", reasons(r), c.want)
			}
		})
	}
}

func TestServerThatDiesIsFound(t *testing.T) {
	server, target := child(t)
	go func() {
		time.Sleep(300 * time.Millisecond)
		server.Kill()
	}()
	r := measure(t, plan.Plan{Target: target, Conns: 4, Time: time.Second, Timeout: time.Second})
	if r.Valid || r.Errors == 0 || !strings.Contains(reasons(r), "errors") {
		t.Errorf("%d errors, %q", r.Errors, reasons(r))
	}
}

func TestServerThatIsNotThereIsAnError(t *testing.T) {
	server, target := child(t)
	server.Kill()
	server.Wait()
	p := plan.Plan{Kind: plan.RR, Target: target, Conns: 4, Time: time.Second}
	p.Defaults()
	if _, err := drive.Run(t.Context(), &p, &drive.Options{Source: load.Run}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v, want that the connection was refused", err)
	}
}

// What several loops, windows or agents have recorded is what one would have recorded.
func TestMergedHistogramsAreThoseRecordedTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	together, merged := result.NewHistogram(), result.NewHistogram()
	for range 5 {
		part := result.NewHistogram()
		for range 10_000 {
			ns := int64(1000 * random.ExpFloat64() * random.ExpFloat64() * 1e3)
			part.Record(ns)
			together.Record(ns)
		}
		text, err := part.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		sent := new(result.Histogram)
		if err := sent.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		merged.Merge(sent)
	}
	if !merged.Equal(together) || *merged.Percentiles() != *together.Percentiles() {
		t.Errorf("%+v merged, %+v together", merged.Percentiles(), together.Percentiles())
	}
}
