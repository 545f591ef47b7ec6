package fleet

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/penstock/penstock/bench/drive"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// echo serves one until the test ends.
func echo(t *testing.T) plan.Target {
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		_, err := c.CopyTo(c)
		return err
	})}
	return plan.Target{Network: "tcp", Address: testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String()}
}

// fleetOf starts a controller with a server of its own.
func fleetOf(t *testing.T, crew string, change ...func(*Options)) *Fleet {
	t.Helper()
	c, err := ParseCrew(crew)
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Crew: c, Listen: "127.0.0.1:0", Wait: 20 * time.Second, Progress: t.Output()}
	for _, f := range change {
		f(o)
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// agent runs one until the test ends, or stop is called. ended answers what Serve did.
func agent(t *testing.T, a *Agent) (stop func(), ended <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var running sync.WaitGroup
	if a.Log == nil {
		a.Log = t.Output()
	}
	running.Go(func() { done <- a.Serve(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return cancel, done
}

// planOf is a short load.
func planOf(target plan.Target) *plan.Plan {
	p := &plan.Plan{
		Kind: plan.RR, Target: target, Conns: 5, Rate: 500, Time: 400 * time.Millisecond, Window: 50 * time.Millisecond,
		Seed: 1, Timeout: 5 * time.Second, Verify: true,
	}
	p.Defaults()
	return p
}

// endless is one that goes on until something happens to it.
func endless(target plan.Target) *plan.Plan {
	p := planOf(target)
	p.Time, p.Window, p.Rate = time.Minute, 100*time.Millisecond, 100
	return p
}

// A told is all that a Source told.
type told struct {
	windows []*result.Interval
	last    *result.Interval
}

// drives runs a plan by a fleet. each, if it is not nil, is called for every window.
func drives(t *testing.T, f *Fleet, p *plan.Plan, each func(i *result.Interval)) (*result.Result, *told, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	all := &told{}
	source := func(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
		return f.Source(ctx, p, func(i *result.Interval) {
			if i.Last {
				all.last = i
			} else {
				all.windows = append(all.windows, i)
			}
			if each != nil {
				each(i)
			}
			tell(i)
		})
	}
	r, err := drive.Run(ctx, p, &drive.Options{Source: source, Agents: f.Agents})
	return r, all, err
}

// overhears answers what agents report, as it passes by. Call it when the run is over.
func overhears(t *testing.T, f *Fleet) func() []*report {
	c, err := nats.Connect(f.url())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s, err := c.SubscribeSync(runSubject("*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() (all []*report) {
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		for {
			m, err := s.NextMsg(0)
			if errors.Is(err, nats.ErrTimeout) {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			p := new(report)
			decode(t, m.Data, p)
			all = append(all, p)
		}
	}
}

// same says in what two intervals differ.
func same(a, b *result.Interval) string {
	switch {
	case a.Completed != b.Completed || a.Issued != b.Issued || a.BytesIn != b.BytesIn || a.BytesOut != b.BytesOut || a.Verified != b.Verified || a.Busy != b.Busy:
		return "counts differ"
	case !a.Response.Equal(b.Response) || !a.Service.Equal(b.Service) || !a.Lag.Equal(b.Lag) || !a.Late.Equal(b.Late) || !a.Connect.Equal(b.Connect):
		return "histograms differ"
	}
	return ""
}
