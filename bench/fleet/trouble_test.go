package fleet

import (
	"context"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
)

// invalid checks that a run is, for that reason, and did not take long to say so.
func invalid(t *testing.T, res *result.Result, err error, reason string, took time.Duration) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range res.InvalidReasons {
		if strings.Contains(why, reason) {
			if res.Valid || took > 20*time.Second {
				t.Errorf("valid: %v, after %v", res.Valid, took)
			}
			return
		}
	}
	t.Errorf("no %q in %q", reason, res.InvalidReasons)
}

// befalls runs a load by agents a and b, has something happen after its second window,
// and checks that the run is invalid for that reason.
func befalls(t *testing.T, f *Fleet, target plan.Target, reason string, happen func()) {
	t.Helper()
	var at time.Time
	res, _, err := drives(t, f, endless(target), func(i *result.Interval) {
		if i.Seq == 2 {
			at = time.Now()
			happen()
		}
	})
	invalid(t, res, err, reason, time.Since(at))
}

func TestAnAgentThatDiesMakesTheRunInvalidByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "a,b")
	newDouble(t, f.url(), "a", schema)
	b := agentProcess(t, nil, f.url(), "b", "")
	befalls(t, f, echo(t), "agent b: disconnected", func() { b.Process.Kill() })
}

func TestAnAgentThatIsInterruptedMakesTheRunInvalidByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "a,b")
	newDouble(t, f.url(), "a", schema)
	stop, ended := agent(t, &Agent{URL: f.url(), Name: "b"})
	befalls(t, f, echo(t), "agent b: interrupted", stop)
	if err := <-ended; err != nil {
		t.Errorf("an interrupted agent fails: %v", err)
	}
}

func TestAnAgentThatFailsMakesTheRunInvalidByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "a,b")
	newDouble(t, f.url(), "a", schema)
	b := newDouble(t, f.url(), "b", schema)
	befalls(t, f, nowhere, "agent b: out of luck", b.does(fails))
}

func TestAWindowThatIsMissingMakesTheRunInvalidByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "a,b")
	newDouble(t, f.url(), "a", schema)
	b := newDouble(t, f.url(), "b", schema)
	befalls(t, f, nowhere, "agent b: sent window ", b.does(skips))
}

// What takes seconds of silence to be noticed is waited for at once.
func TestSilence(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	target := echo(t)
	t.Run("group", func(t *testing.T) {
		t.Run("in namespaces, an agent whose link is cut makes the run invalid by name", agentsInNamespaces)
		t.Run("an agent that lags makes the run invalid by name", func(t *testing.T) {
			t.Parallel()
			f := fleetOf(t, "a,b")
			newDouble(t, f.url(), "a", schema)
			b := newDouble(t, f.url(), "b", schema)
			befalls(t, f, nowhere, "agent b: lags: its window ", b.does(lags))
		})
		t.Run("an agent that is stopped makes the run invalid by name", func(t *testing.T) {
			t.Parallel()
			f := fleetOf(t, "a,b")
			newDouble(t, f.url(), "a", schema)
			b := agentProcess(t, nil, f.url(), "b", "")
			befalls(t, f, target, "agent b: no word for 3.", func() { b.Process.Signal(syscall.SIGSTOP) })
		})
		t.Run("a controller that is gone ends the load", func(t *testing.T) {
			t.Parallel()
			s, err := serve("127.0.0.1:0", "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Shutdown)
			f := fleetOf(t, "a", func(o *Options) { o.URL = url(s) })
			_, ended := agent(t, &Agent{URL: url(s), Name: "a", Once: true})
			befalls(t, f, target, "agent a: the connection to NATS was lost", f.conn.Close)
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "no word of the controller for 3.") {
				t.Errorf("the agent ended by %v", err)
			}
		})
	})
}

func TestAnAgentThatCannotBeginEndsTheRunByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "1")
	agent(t, &Agent{URL: f.url(), Name: "a"})
	nobody := plan.Target{Network: "tcp", Address: freeAddress(t)}
	_, _, err := drives(t, f, planOf(nobody), nil)
	if err == nil || !strings.Contains(err.Error(), "agent a: ") || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	p := planOf(nobody)
	p.Conns = int(limit.Max)
	_, _, err = drives(t, f, p, nil)
	if err == nil || !strings.Contains(err.Error(), "agent a: ") || !strings.Contains(err.Error(), "raise the hard limit") {
		t.Errorf("more connections than descriptors: %v", err)
	}
}

func TestWhoCannotTakePartIsRefused(t *testing.T) {
	testkit.Leaks(t)
	for _, c := range []struct{ name, crew, why string }{
		{"an unknown name", "a,c", "the run is for a, c"},
		{"a name twice", "2", "there is another agent of this name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fleetOf(t, c.crew)
			ctx, cancel := context.WithCancel(context.Background())
			failed := make(chan error, 1)
			go func() { failed <- f.Source(ctx, planOf(nowhere), nil) }()
			_, one := agent(t, &Agent{URL: f.url(), Name: "b", Once: true})
			_, two := agent(t, &Agent{URL: f.url(), Name: "b", Once: true})
			var err error
			select {
			case err = <-one:
			case err = <-two:
			}
			cancel()
			if err == nil || !strings.Contains(err.Error(), "refused: "+c.why) {
				t.Errorf("the agent says: %v", err)
			}
			if err := <-failed; err == nil || !strings.Contains(err.Error(), "refused: b ("+c.why) {
				t.Errorf("the controller says: %v", err)
			}
		})
	}
}

func TestAnOrderThatCannotBeReadEndsTheRunByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "1")
	agent(t, &Agent{URL: f.url(), Name: "a"})
	_, _, err := drives(t, f, planOf(plan.Target{}), nil)
	if err == nil || !strings.Contains(err.Error(), "agent a: an order that cannot be read") {
		t.Error(err)
	}
}

func TestAnotherSchemaIsRefusedByName(t *testing.T) {
	testkit.Leaks(t)
	f := fleetOf(t, "1")
	b := newDouble(t, f.url(), "b", "penstock-bench/0")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-b.refused
		cancel()
	}()
	err := f.Source(ctx, planOf(nowhere), nil)
	if err == nil || !strings.Contains(err.Error(), `refused: b (the agent's figures are of schema "penstock-bench/0"`) {
		t.Error(err)
	}
}

// nowhere is a target for those that do not go there.
var nowhere = plan.Target{Network: "tcp", Address: "127.0.0.1:9"}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
