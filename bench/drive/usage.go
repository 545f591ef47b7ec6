package drive

import (
	"fmt"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A Usage is what the system under test and the machine have used up to a moment.
type Usage struct {
	result.Cost             // since the system's start; Units and what is per unit are left out
	At            time.Time // of this; zero: when it was asked for
	MachineBusy   float64   // ns of all CPUs since the machine's start
	MachineSteal  float64
	MachineTotal  float64
	UsedBusy      float64 // ns of processes on the CPUs that generator and system may use
	UsedTotal     float64 // ns of these CPUs; 0: they are not watched
	Beside        float64 // ns of processes beside the system that belong to the set-up
	SystemUnknown bool    // there is no system under test: only the machine's figures count
	KernelMemory  int64   // bytes that the machine's kernel keeps; of a Survey only
}

// A Meter reads usage: cheaply, since it is asked in every window.
type Meter interface {
	Read() (Usage, error)
}

// A System is a Meter of a system under test. measure.System is one.
type System interface {
	Meter
	// Survey is Read with what is dear to find out as it is now.
	Survey() (Usage, error)
	// CountSyscalls begins to count system calls, which makes them dearer. stop ends
	// the count and returns it.
	CountSyscalls() (stop func() (Syscalls, error), err error)
}

// Syscalls are the system calls of some time.
type Syscalls struct {
	N     uint64            // all of them
	Moved map[string]uint64 // those that moved at least one byte, by name
	Took  time.Duration
}

// metered is what a run knows of the usage.
type metered struct {
	before   Usage   // the load, and its connections
	start    Usage   // at the begin of the measured time
	end      Usage   // and at its end
	last     Usage   // at the end of the window before
	metering error   // the meter failed: the system is gone
	unsure   float64 // share of CPU time by which that of others may be off

	counting func() (Syscalls, error) // ends the count of system calls; nil: there is none
	counts   countTime                // in which they are counted
	calls    calls
}

// A countTime is the time in which system calls are counted, and what was done in it.
type countTime struct {
	windows int // of the generators
	span    time.Duration
	units   float64
}

// calls are the system calls of a time after the measured time.
type calls struct {
	n       uint64
	perUnit float64
	moved   map[string]float64 // per unit, by name
	unknown string             // why there are none
}

func (r *run) read() Usage {
	if r.Meter == nil {
		return Usage{SystemUnknown: true}
	}
	return r.meter(r.Meter.Read)
}

func (r *run) survey() Usage {
	if s, ok := r.Meter.(System); ok {
		return r.meter(s.Survey)
	}
	return r.read()
}

// meter asks the meter. When that fails the run ends, and what was last read stands.
func (r *run) meter(read func() (Usage, error)) Usage {
	if r.metering != nil {
		return r.last
	}
	at := time.Now()
	u, err := read()
	if u.At.IsZero() {
		u.At = at
	}
	if err != nil {
		r.metering = fmt.Errorf("the system under test: %w", err)
		r.cancel()
		return r.last
	}
	return u
}

// count begins to count system calls, if it can be done, and says whether it has
// begun. It is done in a window of its own when the measured time is over, because
// it makes them dearer.
func (r *run) count() bool {
	s, ok := r.Meter.(System)
	if !ok || r.metering != nil {
		return false
	}
	stop, err := s.CountSyscalls()
	if err != nil {
		r.calls.unknown = err.Error()
		return false
	}
	r.counting = stop
	return true
}

// mostCounted bounds in how many windows system calls are counted.
const mostCounted = 10

// counted ends the count of system calls with the first window in which a unit of
// work was done, or with the end of a run that is cut off.
func (r *run) counted(i *result.Interval) {
	if r.counting == nil {
		return
	}
	w := &r.counts
	w.windows++
	w.span += i.To - i.From
	w.units += units(r.plan.Kind, i)
	if w.units == 0 && w.windows < mostCounted && !i.Last && !r.plan.Idle() {
		return
	}
	counted, err := r.counting()
	r.counting = nil
	r.cancel()
	switch {
	case err != nil:
		r.calls.unknown = err.Error()
	case i.Last:
		r.calls.unknown = "the run ended before system calls could be counted"
	case w.span > 0 && counted.Took > 0:
		// The count began a moment after the window did, so rates are divided.
		perUnit := func(n uint64) float64 {
			return float64(n) / counted.Took.Seconds() / each(w.units/w.span.Seconds())
		}
		r.calls.n, r.calls.perUnit, r.calls.moved = counted.N, perUnit(counted.N), map[string]float64{}
		for name, n := range counted.Moved {
			r.calls.moved[name] = perUnit(n)
		}
	}
}

// usage puts in what the system and the machine used in the measured time.
func (r *run) usage(res *result.Result, n, took float64) {
	if r.Meter == nil {
		return
	}
	a, b := &r.start, &r.end
	if total := b.MachineTotal - a.MachineTotal; total > 0 {
		res.Machine = &result.MachineUsage{Busy: (b.MachineBusy - a.MachineBusy) / total, Steal: (b.MachineSteal - a.MachineSteal) / total}
	}
	if b.SystemUnknown {
		return
	}
	c := b.Cost
	c.Unit, c.Units = r.plan.Kind.Unit(), n
	c.CPU -= a.CPU
	c.RunQueue -= a.RunQueue
	c.ContextSwitches -= a.ContextSwitches
	// The meter is read a moment after the window has ended, and not always the same:
	// what was used in a second is held against what was done in a second.
	between := b.At.Sub(a.At).Seconds()
	if between <= 0 { // it was read once, and then was gone
		between = took
	}
	n = each(n)
	if r.plan.Warmup > 0 { // else it was read before the connections were opened
		n *= between / took
	}
	c.Cores = float64(c.CPU) / 1e9 / between
	c.CPUPerUnit, c.RunQueuePerUnit = float64(c.CPU)/n, float64(c.RunQueue)/n
	r.others(res, float64(c.CPU))
	c.Syscalls, c.SyscallsPerUnit, c.Moved = r.calls.n, r.calls.perUnit, r.calls.moved
	if r.calls.n == 0 && r.calls.unknown == "" {
		r.calls.unknown = "the run ended before system calls could be counted, or there were none"
	}
	if r.calls.unknown != "" {
		c.NotToBeHad = join(c.NotToBeHad, r.calls.unknown)
	}
	res.Cost = &c
	if r.plan.Warmup == 0 {
		res.Notes = append(res.Notes, "without a warm-up the cost of the system includes the opening of the connections")
	}
	if r.plan.Kind == plan.Hold && r.over && r.metering == nil { // else nobody looked while they were held
		res.Memory = r.held(&c)
	}
}

// others puts in what processes took of the CPUs that the generator and the system use,
// other than these two and those that belong to the set-up. With agents it is not known
// where the generator is.
func (r *run) others(res *result.Result, system float64) {
	a, b := &r.start, &r.end
	total := b.UsedTotal - a.UsedTotal
	if total <= 0 || res.Machine == nil || r.Agents != nil {
		return
	}
	taken := b.UsedBusy - a.UsedBusy - system - float64(r.total.Busy) - (b.Beside - a.Beside)
	res.Machine.Others, r.unsure = max(taken, 0)/total, uncertain/total
}

// uncertain is by how many ns the machine's account of its CPUs may be off: it counts in
// ticks of 10 ms, and charges a tick of 4 ms to whom it finds.
const uncertain = 50e6

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// held is what connections cost that are there at the end, and were not before.
func (r *run) held(c *result.Cost) *result.Memory {
	a, b := &r.before, &r.end
	conns := r.total.Open
	n := each(float64(conns))
	m := &result.Memory{
		Conns:              conns,
		ProcessPerConn:     float64(b.Memory-a.Memory) / n,
		KernelPerConn:      float64(b.KernelMemory-a.KernelMemory) / n,
		DescriptorsPerConn: float64(b.Descriptors-a.Descriptors) / n,
		PipesPerConn:       float64(b.Pipes-a.Pipes) / n,
	}
	if r.plan.Idle() {
		m.IdleCPU = c.Cores
	}
	return m
}
