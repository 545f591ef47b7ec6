package drive

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// windowOf is a window of a generator that completes 100 requests in each of 100 ms.
func windowOf(seq int) *result.Interval {
	i := result.Empty()
	i.Seq, i.From, i.To = seq, time.Duration(seq)*100*time.Millisecond, time.Duration(seq+1)*100*time.Millisecond
	i.Completed, i.Open = 100, 50
	for range 100 {
		i.Service.Record(1e5)
	}
	i.InFlight = 0.1 // as Little's law has it
	return i
}

// steady tells of such windows until it is ended.
func steady(ctx context.Context, _ *plan.Plan, tell func(*result.Interval)) error {
	for seq := range 100 {
		if ctx.Err() != nil {
			last := result.Empty()
			last.Last = true
			tell(last)
			return nil
		}
		tell(windowOf(seq))
	}
	return errors.New("nobody ended the load")
}

// A fakeSystem uses a µs of CPU for each of the requests, and more after its count
// began.
type fakeSystem struct {
	others         float64 // ns that other processes take in a window
	reads, surveys int
	dies           int // at this Read
	refuses        error
	counting       bool
	counts         int
}

func (f *fakeSystem) Read() (Usage, error) {
	f.reads++
	if f.dies > 0 && f.reads >= f.dies {
		return Usage{}, errors.New("it ended with exit status 3")
	}
	return f.usage(), nil
}

func (f *fakeSystem) Survey() (Usage, error) {
	u, err := f.Read()
	f.surveys++
	u.KernelMemory = int64(1000 + 20_000*(f.surveys-1))
	return u, err
}

func (f *fakeSystem) usage() Usage {
	u := Usage{MachineBusy: float64(f.reads), MachineTotal: 2 * float64(f.reads)}
	u.UsedTotal = 2e8 * float64(f.reads) // two CPUs, and windows of 100 ms
	u.UsedBusy = (0.5*2e8 + f.others) * float64(f.reads)
	u.Beside = 0.5 * 2e8 * float64(f.reads)
	u.At = time.Unix(0, int64(f.reads)*int64(100*time.Millisecond))
	u.CPU = int64(f.reads) * 100_000
	u.Memory, u.Descriptors = int64(f.reads)*1000, 10
	if f.counting {
		u.CPU *= 100
	}
	return u
}

func (f *fakeSystem) CountSyscalls() (func() (Syscalls, error), error) {
	if f.refuses != nil {
		return nil, f.refuses
	}
	f.counting = true
	return func() (Syscalls, error) {
		f.counts++
		return Syscalls{N: 250, Moved: map[string]uint64{"splice": 100}, Took: 50 * time.Millisecond}, nil // half of the window
	}, nil
}

func planOf(kind plan.Kind) *plan.Plan {
	p := &plan.Plan{Kind: kind, Conns: 50, Time: time.Second, Warmup: 5 * time.Second, Window: 100 * time.Millisecond, Verify: true}
	p.Defaults()
	return p
}

func TestSystemCallsAreCountedOutsideTheMeasuredTime(t *testing.T) {
	f := &fakeSystem{}
	r, err := Run(t.Context(), planOf(plan.RR), &Options{Source: steady, Meter: f})
	if err != nil {
		t.Fatal(err)
	}
	if r.Cost == nil || r.Cost.CPUPerUnit != 1000 {
		t.Fatalf("%+v: the count's cost is in, or something is missing", r.Cost)
	}
	if f.counts != 1 || math.Abs(r.Cost.SyscallsPerUnit-5) > 1e-9 {
		t.Errorf("%d counts, %v system calls for a request: 250 in half a window of 100 requests are 5", f.counts, r.Cost.SyscallsPerUnit)
	}
	if n := r.Cost.Moved["splice"]; math.Abs(n-2) > 1e-9 {
		t.Errorf("%v splices for a request: 100 in half a window of 100 requests are 2", n)
	}
	if !r.Valid || r.Completed != 1000 {
		t.Errorf("%v, %d completed", r.InvalidReasons, r.Completed)
	}
}

func TestSystemCallsThatCannotBeCountedSayWhy(t *testing.T) {
	r, err := Run(t.Context(), planOf(plan.RR), &Options{Source: steady, Meter: &fakeSystem{refuses: errors.New("not allowed")}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Cost.SyscallsPerUnit != 0 || r.Cost.NotToBeHad != "not allowed" || !r.Valid {
		t.Errorf("%+v, %v", r.Cost, r.InvalidReasons)
	}
}

func TestSystemThatDiesMakesTheRunInvalid(t *testing.T) {
	r, err := Run(t.Context(), planOf(plan.RR), &Options{Source: steady, Meter: &fakeSystem{dies: 8}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Valid || !strings.Contains(strings.Join(r.InvalidReasons, "\n"), "exit status 3") {
		t.Errorf("valid %v: %v", r.Valid, r.InvalidReasons)
	}
	if r.Cost == nil || r.Cost.CPU < 0 {
		t.Errorf("cost %+v", r.Cost)
	}
	// One that dies before anything was measured is an error.
	if _, err := Run(t.Context(), planOf(plan.RR), &Options{Source: steady, Meter: &fakeSystem{dies: 2}}); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
}

func TestErrorsAfterTheMeasuredTimeStayErrors(t *testing.T) {
	failing := func(ctx context.Context, p *plan.Plan, tell func(*result.Interval)) error {
		return steady(ctx, p, func(i *result.Interval) {
			if i.Seq == 13 { // that of the count: 3 warm, 10 are measured
				i.Fail("connection: reset", "")
			}
			tell(i)
		})
	}
	r, err := Run(t.Context(), planOf(plan.RR), &Options{Source: failing, Meter: &fakeSystem{}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Valid || r.Errors != 0 {
		t.Errorf("valid %v, %d errors in the measured time: %v", r.Valid, r.Errors, r.InvalidReasons)
	}
}

func TestHeldConnectionsCostWhatCameWithThem(t *testing.T) {
	f := &fakeSystem{}
	r, err := Run(t.Context(), planOf(plan.Hold), &Options{Source: steady, Meter: f})
	if err != nil {
		t.Fatal(err)
	}
	m := r.Memory
	if m == nil {
		t.Fatal("no memory")
	}
	// The first Survey, before the connections, was the first of 14 reads.
	if m.Conns != 50 || m.ProcessPerConn != 13*1000/50 || m.KernelPerConn != 20_000/50 || m.DescriptorsPerConn != 0 {
		t.Errorf("%+v", m)
	}
	if m.IdleCPU != r.Cost.Cores {
		t.Errorf("idle CPU %v, of %v", m.IdleCPU, r.Cost.Cores)
	}
}

// What is neither the generator's, nor the system's, nor of the set-up is others'. With
// agents, whose machines are elsewhere, nothing is said.
func TestCPUTimeThatOthersTookMakesTheRunInvalid(t *testing.T) {
	agents := func() []result.Agent { return nil }
	for _, c := range []struct {
		others float64
		agents func() []result.Agent
		share  float64
		valid  bool
	}{{0, nil, 0, true}, {2e7, nil, 0.1, false}, {8e6, nil, 0.04, true}, {2e7, agents, 0, true}} {
		r, err := Run(t.Context(), planOf(plan.RR), &Options{Source: steady, Meter: &fakeSystem{others: c.others}, Agents: c.agents})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Machine.Others-c.share) > 0.001 || r.Valid != c.valid || r.Disturbed == c.valid {
			t.Errorf("%+v: %.4f, valid %v: %q", c, r.Machine.Others, r.Valid, r.InvalidReasons)
		}
	}
}
