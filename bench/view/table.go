package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
)

// A table is a result as it is written for people.
type table struct {
	w io.Writer
	r *result.Result
	paint
}

// Table writes a result: whether it may be believed, and then what it is.
func Table(w io.Writer, r *result.Result) {
	t := &table{w, r, paint(Terminal(w))}
	t.validity()
	t.work()
	t.latency()
	t.cost()
	t.memory()
	t.load()
	t.thresholds()
	for _, note := range r.Notes {
		t.line("note", "%s", note)
	}
}

func (t *table) line(label, format string, args ...any) {
	fmt.Fprintf(t.w, "  %-11s%s\n", label, fmt.Sprintf(format, args...))
}

func (t *table) validity() {
	r := t.r
	verdict := t.good("VALID")
	if !r.Valid {
		verdict = t.bad("INVALID")
	}
	name := ""
	if r.Name != "" {
		name = r.Name + ": "
	}
	fmt.Fprintf(t.w, "\n%s  %s%s\n", verdict, name, Load(r.Plan))
	for _, why := range r.InvalidReasons {
		fmt.Fprintln(t.w, t.bad("  ✗ "+why))
	}
	if !r.Valid {
		fmt.Fprintln(t.w, "  The figures below cannot be believed.")
	}
	fmt.Fprintln(t.w)
}

func (t *table) work() {
	r := t.r
	asked := "as fast as the target answers"
	if r.AskedRate > 0 {
		asked = fmt.Sprintf("of %s asked (%s)", figure.Rate(r.Plan.Kind, r.AskedRate), figure.Share(r.AchievedRate/r.AskedRate))
	}
	t.line("rate", "%s, %s", figure.Rate(r.Plan.Kind, r.AchievedRate), asked)
	warmup := "without warm-up"
	if r.WarmedUp > 0 {
		warmup = "after " + figure.Duration(int64(r.WarmedUp)) + " of warm-up"
	}
	t.line("measured", "%s, %s", figure.Duration(int64(r.Measured)), warmup)
	t.line("completed", "%s, %s errors, %s unanswered", figure.Count(r.Completed), figure.Count(r.Errors), figure.Count(r.Unanswered))
	for _, what := range slices.Sorted(maps.Keys(r.ErrorsByKind)) {
		t.line("", "%s × %s", figure.Count(r.ErrorsByKind[what]), what)
	}
	if r.Cut > 0 {
		t.line("", "%s connections cut by the target", figure.Count(r.Cut))
	}
	checked := "none checked"
	if r.BytesVerified > 0 {
		checked = figure.Bytes(r.BytesVerified) + " checked, and right"
	}
	t.line("bytes", "%s out, %s in, %s", figure.Bytes(r.BytesOut), figure.Bytes(r.BytesIn), checked)
}

// latency writes the distributions that there are. Those of what nothing waited for
// are left out.
func (t *table) latency() {
	l := &t.r.Latency
	if l.Response == nil && l.Connect == nil {
		return
	}
	fmt.Fprintln(t.w)
	w := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tp50\tp90\tp99\tp99.9\tp99.99\tmax\tmean\t")
	for _, d := range Distributions(l) {
		p := d.Percentiles
		fmt.Fprintf(w, "%-9s\t", d.Name)
		for _, v := range []int64{p.P50, p.P90, p.P99, p.P999, p.P9999, p.Max, int64(p.Mean)} {
			fmt.Fprintf(w, "%s\t", figure.Duration(v))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintln(t.w)
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
		{"service", "from when it was sent", l.Service},
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

func (t *table) cost() {
	c := t.r.Cost
	if c == nil {
		t.line("cost", "not measured: name the system under test with --pid or --start")
		return
	}
	if c.Unit != "" {
		t.line("cost", "%s of CPU per %s, %s cores, waited %s for a CPU per %s", figure.Duration(c.CPUPerUnit), c.Unit,
			figure.Number(c.Cores), figure.Duration(c.RunQueuePerUnit), c.Unit)
	} else {
		t.line("cost", "%s cores", figure.Number(c.Cores))
	}
	calls := "system calls not counted: " + c.NotToBeHad
	if c.Syscalls > 0 {
		calls = fmt.Sprintf("%s system calls per %s", figure.Number(c.SyscallsPerUnit), c.Unit)
	}
	t.line("", "%s context switches, %s", figure.Count(c.ContextSwitches), calls)
	t.line("", "memory %s, peak %s; %d descriptors, %d of them of pipes; %d %s, %d %s", figure.Bytes(c.Memory), figure.Bytes(c.PeakMemory),
		c.Descriptors, c.Pipes, c.Processes, processes(c.Processes), c.Threads, plural(c.Threads, "thread"))
}

func processes(n int) string {
	if n == 1 {
		return "process"
	}
	return "processes"
}

func (t *table) memory() {
	if m := t.r.Memory; m != nil {
		t.line("connection", "%s of the process, %s of the kernel, %s descriptors, %s ends of pipes; %s cores while nothing is sent",
			figure.Bytes(m.ProcessPerConn), figure.Bytes(m.KernelPerConn), figure.Number(m.DescriptorsPerConn), figure.Number(m.PipesPerConn), figure.Number(m.IdleCPU))
	}
}

// load writes what the load itself took, and what bounds it.
func (t *table) load() {
	r := t.r
	g := fmt.Sprintf("%s cores, %s of CPU per %s", figure.Number(r.Generator.Cores), figure.Duration(r.Generator.CPUPerUnit), r.Plan.Kind.Unit())
	if r.GeneratorBound {
		g += t.bad(": it did not keep up")
	}
	t.line("generator", "%s", g)
	if c := r.Ceiling; c != nil {
		t.line("ceiling", "%s against the null target, of which %s was reached", figure.Rate(r.Plan.Kind, c.Rate), figure.Share(c.Share))
	}
	for _, a := range r.Agents {
		lost := ""
		if a.Lost != "" {
			lost = t.bad(": lost: " + a.Lost)
		}
		t.line("agent", "%s on %s: %s completed%s", a.Name, a.Host, figure.Count(a.Completed), lost)
	}
	if m := r.Machine; m != nil {
		t.line("machine", "%s busy, %s stolen by other guests", figure.Share(m.Busy), figure.Share(m.Steal))
	}
}

func (t *table) thresholds() {
	width := 0
	for _, test := range t.r.Thresholds {
		width = max(width, len(test.Want))
	}
	for _, test := range t.r.Thresholds {
		verdict := t.good("kept  ")
		if !test.Kept {
			verdict = t.bad("MISSED")
		}
		t.line("threshold", "%s%s  %s  %s", test.Want, strings.Repeat(" ", width-len(test.Want)), verdict, test.Got)
	}
}
