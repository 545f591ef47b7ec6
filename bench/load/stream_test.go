package load

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	other "github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// otherEnd serves until the test ends.
func otherEnd(t testing.TB, kind other.Kind, at plan.Target) plan.Target {
	t.Helper()
	s, err := other.Start(kind, at, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		testkit.Eventually(t, "the server's connections end", func() bool { return s.Counters().Conns == 0 })
		s.Close()
	})
	return s.Addr()
}

func streamsTo(target plan.Target, direction string) *plan.Plan {
	return &plan.Plan{Kind: plan.Stream, Target: target, Conns: 3, Direction: direction, Time: time.Second, Seed: 1, Verify: true, Timeout: 5 * time.Second}
}

func moved(n uint64) func(*result.Interval) bool {
	return func(sum *result.Interval) bool { return sum.BytesIn+sum.BytesOut > n }
}

func TestStreamsAreVerifiedToTheLastByte(t *testing.T) {
	testkit.Leaks(t)
	tcp := otherEnd(t, other.Sink, plan.Target{})
	unix := otherEnd(t, other.Source, plan.Target{Network: "unix", Address: fmt.Sprint("@penstock-bench-streams-", os.Getpid())})
	for name, change := range map[string]func(p *plan.Plan){
		"one loop":    func(p *plan.Plan) {},
		"two loops":   func(p *plan.Plan) { p.Loops = 2 },
		"unix":        func(p *plan.Plan) { p.Target = unix },
		"small":       func(p *plan.Plan) { p.Request = plan.Mix{{Bytes: 1000, Weight: 1}} },
		"two sources": func(p *plan.Plan) { p.Sources = 2 },
	} {
		for _, direction := range []string{plan.Up, plan.Down, plan.Both} {
			p := streamsTo(tcp, direction)
			change(p)
			sum := until(t, p, "bytes enough", func(sum *result.Interval) bool {
				return (sum.BytesOut > 1<<20 || direction == plan.Down) && (sum.BytesIn > 1<<20 || direction == plan.Up)
			})
			if sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 || sum.Completed != 3 || sum.Connects != 3 {
				t.Errorf("%s, %s: %v, %d unanswered, %d open, %d ended of %d", name, direction, sum.Errors, sum.Unanswered, sum.Open, sum.Completed, sum.Connects)
			}
			if sum.Verified != sum.BytesIn+sum.BytesOut || (sum.BytesOut > 0) != (direction != plan.Down) || (sum.BytesIn > 0) != (direction != plan.Up) {
				t.Errorf("%s, %s: %d bytes out, %d in, %d verified", name, direction, sum.BytesOut, sum.BytesIn, sum.Verified)
			}
		}
	}
}

func TestStreamsThatAreNotVerifiedNeedNoHello(t *testing.T) {
	testkit.Leaks(t)
	for name, c := range map[string]struct {
		kind      other.Kind
		direction string
		light     bool
	}{
		"up":          {other.Sink, plan.Up, false},
		"light up":    {other.LightSink, plan.Up, true},
		"light down":  {other.LightSource, plan.Down, true},
		"light both":  {other.LightSource, plan.Both, true},
		"an echo":     {other.Echo, plan.Both, false},
		"plain, down": {other.LightSource, plan.Down, false},
	} {
		p := streamsTo(otherEnd(t, c.kind, plan.Target{}), c.direction)
		p.Verify, p.Light = false, c.light
		sum := until(t, p, "bytes enough", moved(8<<20))
		if sum.Failed() > 0 || sum.Unanswered > 0 || sum.Open != 0 || sum.Verified != 0 {
			t.Errorf("%s: %v, %d unanswered, %d open, %d verified", name, sum.Errors, sum.Unanswered, sum.Open, sum.Verified)
		}
	}
}

// A sink that knows nothing of Penstock, as nc or iperf are, does for a plain stream.
func TestAnySinkTakesAPlainStream(t *testing.T) {
	testkit.Leaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	p := streamsTo(plan.Target{Network: "tcp", Address: l.Addr().String()}, plan.Up)
	p.Verify = false
	if sum := until(t, p, "bytes enough", moved(8<<20)); sum.Failed() > 0 || sum.Open != 0 {
		t.Errorf("%v, %d open", sum.Errors, sum.Open)
	}
	p.Verify = true
	sum := until(t, p, "that it gives no account", func(sum *result.Interval) bool { return true })
	if sum.Failed() == 0 {
		t.Error("a sink that gives no account is believed")
	}
}

// What a target does to a stream is an error, and another stream takes its place.
func TestWhatHappensToAStreamIsAnError(t *testing.T) {
	testkit.Leaks(t)
	for name, c := range map[string]struct {
		data func(c *loop.Conn) error
		want string
	}{
		"resets":           {func(c *loop.Conn) error { c.Next(); return io.ErrShortBuffer }, "connection reset"},
		"ends":             {func(c *loop.Conn) error { c.Next(); return io.EOF }, "without an account"},
		"echoes":           {echoes, "wrong byte"},
		"ends a plain one": {func(c *loop.Conn) error { c.Next(); return io.EOF }, "ended early"},
	} {
		_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) { return &peer{data: c.data}, nil })
		p := streamsTo(target, plan.Up)
		p.Verify = name != "ends a plain one"
		sum := until(t, p, name, func(sum *result.Interval) bool { return sum.Failed() >= 6 && sum.Connects >= 6 })
		for what := range sum.Errors {
			if !strings.Contains(what, c.want) && !strings.Contains(what, "broken pipe") {
				t.Errorf("%s: %v", name, sum.Errors)
			}
		}
		if sum.Open != 0 {
			t.Errorf("%s: %d open", name, sum.Open)
		}
	}
}

func TestAStreamThatStallsFails(t *testing.T) {
	testkit.Leaks(t)
	_, deaf := serve(t, func(c *loop.Conn, _ int) (loop.Session, error) { return nil, nil })
	for _, direction := range []string{plan.Up, plan.Down} {
		p := streamsTo(deaf, direction)
		p.Timeout = 200 * time.Millisecond
		sum := until(t, p, "a stall", func(sum *result.Interval) bool { return sum.Failed() >= 3 })
		if sum.Errors["stream: nothing moves"] < 3 {
			t.Errorf("%s: %v", direction, sum.Errors)
		}
	}
}

// A target that reads what it is sent, and never ends, holds up no end of a load.
func TestAPlainStreamEndsWithoutItsPeer(t *testing.T) {
	testkit.Leaks(t)
	_, target := serve(t, func(*loop.Conn, int) (loop.Session, error) {
		return &peer{data: func(c *loop.Conn) error { swallows(c); return nil }}, nil
	})
	p := streamsTo(target, plan.Up)
	p.Verify, p.Timeout = false, 20*time.Second
	if sum := until(t, p, "bytes enough", moved(1<<20)); sum.Failed() > 0 || sum.Open != 0 {
		t.Errorf("%v, %d open", sum.Errors, sum.Open)
	}
}

// A load that is given up once it has connected ends at once.
func TestStreamsThatNeverBeginEnd(t *testing.T) {
	testkit.Leaks(t)
	p := streamsTo(otherEnd(t, other.Sink, plan.Target{}), plan.Up)
	p.Timeout = time.Minute
	p.Defaults()
	g, err := Connect(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if i := g.Stop(); i.Failed() > 0 || i.Open != 0 || i.Unanswered != 0 || i.BytesOut > 0 {
		t.Errorf("%v, %d open, %d unanswered, %d bytes out", i.Errors, i.Open, i.Unanswered, i.BytesOut)
	}
}

func TestStreamsDoNotAllocate(t *testing.T) {
	if testkit.Race() {
		t.Skip("the race detector allocates")
	}
	testkit.Leaks(t)
	target := otherEnd(t, other.Sink, plan.Target{})
	p := streamsTo(target, plan.Both)
	p.Defaults()
	g := start(t, p)
	bytes, mallocs := uint64(0), uint64(0)
	for range 10 {
		before := allocations()
		time.Sleep(20 * time.Millisecond) // looking on would allocate
		mallocs += allocations() - before
		i := g.Cut()
		bytes += i.BytesIn + i.BytesOut
	}
	g.Stop()
	if each := float64(mallocs) / (float64(bytes) / (1 << 20)); bytes == 0 || each > 0.5 {
		t.Errorf("%.2f allocations for a MiB", each)
	}
}

func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
