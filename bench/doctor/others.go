package doctor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// A sample is what the machine and its processes have used up to a moment.
type sample struct {
	at        time.Time
	cpu       procfs.CPUStat
	processes map[int]procfs.ProcStat
}

func (m *machine) sample() (s sample, err error) {
	stat, err := m.proc.Stat()
	if err != nil {
		return s, err
	}
	processes, err := m.proc.AllProcs()
	if err != nil {
		return s, err
	}
	s = sample{time.Now(), stat.CPUTotal, map[int]procfs.ProcStat{}}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil {
			s.processes[p.PID] = stat
		}
	}
	return s, nil
}

// others watches for a second what others do on the machine.
func others(ctx context.Context, m *machine) []Finding {
	before, err := m.sample()
	if err != nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(time.Second):
	}
	after, err := m.sample()
	if err != nil {
		return nil
	}
	averages := ""
	if l, err := m.proc.LoadAvg(); err == nil {
		averages = fmt.Sprintf("; load averages %.2f %.2f %.2f", l.Load1, l.Load5, l.Load15)
	}
	return slices.Concat(stolen(before.cpu, after.cpu), busy(before.cpu, after.cpu, averages, busiest(before, after)))
}

// shares answers which shares of the time between two samples were busy and stolen.
func shares(a, b procfs.CPUStat) (busy, steal float64) {
	work := func(c procfs.CPUStat) float64 { return c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ }
	total := func(c procfs.CPUStat) float64 { return work(c) + c.Idle + c.Iowait + c.Steal }
	all := max(total(b)-total(a), 1e-9)
	return (work(b) - work(a)) / all, (b.Steal - a.Steal) / all
}

func stolen(a, b procfs.CPUStat) []Finding {
	_, steal := shares(a, b)
	return one("steal", above(steal, 0.002, 0.01), fmt.Sprintf("%.1f %% of a second", 100*steal),
		"time that the hypervisor gave to other guests is missing in what is measured; above 1 % a run is invalid",
		"measure at another time, or on a machine of your own")
}

func busy(a, b procfs.CPUStat, averages, by string) []Finding {
	share, _ := shares(a, b)
	value := fmt.Sprintf("%.0f %% of all CPUs", 100*share)
	if by != "" {
		value += ": " + by
	}
	return one("other load", above(share, 0.05, 0.25), value+averages,
		"others take CPU time and caches from the generator and the system under test",
		"end what need not run, and begin when it is quiet")
}

// busiest names the processes that used most CPU time, other than this one.
func busiest(a, b sample) string {
	type used struct {
		name  string
		share float64 // of a CPU
	}
	var all []used
	for pid, now := range b.processes {
		before, there := a.processes[pid]
		if there && before.Starttime == now.Starttime && pid != os.Getpid() {
			share := (now.CPUTime() - before.CPUTime()) / b.at.Sub(a.at).Seconds()
			all = append(all, used{fmt.Sprintf("%s (%d)", now.Comm, pid), share})
		}
	}
	slices.SortFunc(all, func(x, y used) int { return cmp.Compare(y.share, x.share) })
	var parts []string
	for _, u := range all[:min(3, len(all))] {
		if u.share >= 0.02 {
			parts = append(parts, fmt.Sprintf("%s %.0f %% of one", u.name, 100*u.share))
		}
	}
	return strings.Join(parts, ", ")
}
