package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
)

// A Fact is a line of what is told of a result. Label is that of the line before if
// it is empty.
type Fact struct {
	Label, Text string
	Bad         bool // it spoils the run
}

// facts are built line by line.
type facts []Fact

func (f *facts) add(label, format string, args ...any) {
	*f = append(*f, Fact{Label: label, Text: fmt.Sprintf(format, args...)})
}

func (f *facts) bad(label, format string, args ...any) {
	*f = append(*f, Fact{label, fmt.Sprintf(format, args...), true})
}

// Work tells what was done.
func Work(r *result.Result) []Fact {
	var f facts
	asked := "as fast as the target answers"
	if r.AskedRate > 0 {
		asked = fmt.Sprintf("of %s asked (%s)", figure.Rate(r.Plan.Kind, r.AskedRate), figure.Share(r.AchievedRate/r.AskedRate))
	}
	f.add("rate", "%s, %s", figure.Rate(r.Plan.Kind, r.AchievedRate), asked)
	warmup := "without warm-up"
	if r.WarmedUp > 0 {
		warmup = "after " + figure.Duration(int64(r.WarmedUp)) + " of warm-up"
	}
	f.add("measured", "%s, %s", figure.Duration(int64(r.Measured)), warmup)
	f.add("completed", "%s, %s errors, %s unanswered", figure.Count(r.Completed), figure.Count(r.Errors), figure.Count(r.Unanswered))
	for _, what := range slices.Sorted(maps.Keys(r.ErrorsByKind)) {
		first := ""
		if detail := r.ErrorDetails[what]; detail != "" {
			first = "; the first: " + detail
		}
		f.bad("", "%s × %s%s", figure.Count(r.ErrorsByKind[what]), what, first)
	}
	if r.Cut > 0 {
		f.add("", "%s connections cut by the target", figure.Count(r.Cut))
	}
	checked := "none checked"
	if r.BytesVerified > 0 {
		checked = figure.Bytes(r.BytesVerified) + " checked, and right"
	}
	f.add("bytes", "%s out, %s in, %s", figure.Bytes(r.BytesOut), figure.Bytes(r.BytesIn), checked)
	return f
}

// Cost tells what the system under test took.
func Cost(r *result.Result) []Fact {
	var f facts
	c := r.Cost
	if c == nil {
		f.add("cost", "not measured: name the system under test with --pid or --start")
		return f
	}
	per := " per " + c.Unit
	if c.CPUPerUnit > 0 {
		f.add("cost", "%s of CPU%s, %s cores, waited %s for a CPU%s", figure.Duration(c.CPUPerUnit), per, figure.Number(c.Cores), figure.Duration(c.RunQueuePerUnit), per)
	} else { // nothing was done for which it could be charged
		f.add("cost", "%s cores, waited %s for a CPU", figure.Number(c.Cores), figure.Duration(c.RunQueue))
	}
	calls := "system calls not counted: " + c.NotToBeHad
	if c.Syscalls > 0 {
		calls = figure.Number(c.SyscallsPerUnit) + " system calls" + per
	}
	f.add("", "%s context switches, %s", figure.Count(c.ContextSwitches), calls)
	f.add("", "memory %s, peak %s; %d descriptors, %d of them of pipes; %s, %s", figure.Bytes(c.Memory), figure.Bytes(c.PeakMemory),
		c.Descriptors, c.Pipes, several(c.Processes, "process"), several(c.Threads, "thread"))
	if m := r.Memory; m != nil {
		idle := ""
		if m.IdleCPU > 0 || r.Plan.Idle() {
			idle = "; " + figure.Number(m.IdleCPU) + " cores while nothing is sent"
		}
		f.add("connection", "%s of the process, %s of the kernel, %s descriptors, %s ends of pipes%s",
			figure.Bytes(m.ProcessPerConn), figure.Bytes(m.KernelPerConn), figure.Number(m.DescriptorsPerConn), figure.Number(m.PipesPerConn), idle)
	}
	return f
}

// Generator tells what the load itself took, and what bounds it.
func Generator(r *result.Result) []Fact {
	var f facts
	g := figure.Number(r.Generator.Cores) + " cores"
	if r.Generator.CPUPerUnit > 0 {
		g += fmt.Sprintf(", %s of CPU per %s", figure.Duration(r.Generator.CPUPerUnit), r.Plan.Kind.Unit())
	}
	f.add("generator", "%s", g)
	if r.GeneratorBound {
		f.bad("", "it did not keep up")
	}
	if c := r.Ceiling; c != nil {
		switch {
		case r.Plan.Rate == 0:
			f.add("ceiling", "%s against the null target, of which %s was reached", figure.Rate(r.Plan.Kind, c.Rate), figure.Share(c.Share))
		case c.Response != nil:
			f.add("ceiling", "response time %s at p50 and %s at p99 against the null target, at the same rate", figure.Duration(c.Response.P50), figure.Duration(c.Response.P99))
		}
	}
	for _, a := range r.Agents {
		if a.Lost != "" {
			f.bad("agent", "%s on %s was lost: %s", a.Name, a.Host, a.Lost)
			continue
		}
		f.add("agent", "%s on %s: %s completed", a.Name, a.Host, figure.Count(a.Completed))
	}
	if m := r.Machine; m != nil {
		others := ""
		if m.Others > 0 {
			others = ", " + figure.Share(m.Others) + " of the CPUs in use taken by other processes"
		}
		f.add("machine", "%s busy, %s stolen by other guests%s", figure.Share(m.Busy), figure.Share(m.Steal), others)
	}
	return f
}

// A Distribution is one of a Latency, with its name and what it is.
type Distribution struct {
	Name, What string
	*result.Percentiles
}

// Distributions are those that were measured. In a closed loop nothing is to be sent
// before it is: the service time is the response time, and there is no lag.
func Distributions(l *result.Latency) (d []Distribution) {
	for _, one := range []Distribution{
		{"response", "from when a request was to be sent to its response", l.Response},
		{"service", "from when it was sent to its response", l.Service},
		{"lag", "from when it was to be sent to when it was", l.Lag},
		{"late", "the part of the lag that is the generator's own", l.Late},
		{"connect", "from connect to connected", l.Connect},
	} {
		same := one.Percentiles != nil && len(d) > 0 && *one.Percentiles == *d[0].Percentiles
		if one.Percentiles != nil && one.Max > 0 && !same {
			d = append(d, one)
		}
	}
	return d
}

// several writes a number of things.
func several(n int, s string) string {
	switch {
	case n == 1:
		return "1 " + s
	case strings.HasSuffix(s, "s"):
		return figure.Count(n) + " " + s + "es"
	}
	return figure.Count(n) + " " + s + "s"
}
