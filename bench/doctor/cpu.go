package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/measure"
)

func cpus(m *machine) []Finding {
	n := len(measure.Given())
	return one("CPUs", below(n, 4, 2), strconv.Itoa(n),
		"the generator needs one of its own, and so does the system under test: --pin split, duet",
		"with less than 2 the load and the system take each other's time, with less than 4 the rest of the machine takes theirs")
}

// pinned tells of CPUs that the machine has and this process may not use.
func pinned(m *machine) []Finding {
	stat, err := m.proc.Stat()
	if err != nil || len(stat.CPU) == 0 {
		return nil
	}
	given := measure.Given()
	level := OK
	if len(given) < len(stat.CPU) {
		level = Warn
	}
	return one("CPU affinity", level, fmt.Sprintf("CPU %v, of %d", given, len(stat.CPU)),
		"--pin divides what this process may use",
		"start it without taskset, or in a cpuset with all that it should use")
}

// quota looks for a limit of CPU time in this process's control groups and those above.
func quota(m *machine) []Finding {
	const (
		name = "CPU quota"
		why  = "a quota stops the load and what is tested within it for most of a period, when it is used up"
	)
	for dir, v2 := range m.groups() {
		cores, ok := m.quotaOf(dir, v2)
		if ok {
			return one(name, Bad, fmt.Sprintf("%.2f cores, in %s", cores, dir), why,
				"run outside of the control group, or lift its limit: cpu.max of v2, cpu.cfs_quota_us of v1; CPULimit of a container")
		}
	}
	return one(name, OK, "none", why, "")
}

// groups yields the folders of the control groups that this process is in, and if they
// are of version 2.
func (m *machine) groups() func(yield func(dir string, v2 bool) bool) {
	return func(yield func(string, bool) bool) {
		self, err := m.proc.Self()
		if err != nil {
			return
		}
		groups, err := self.Cgroups()
		if err != nil {
			return
		}
		for _, g := range groups {
			v2 := g.HierarchyID == 0
			if !v2 && !slices.Contains(g.Controllers, "cpu") {
				continue
			}
			root := filepath.Join(m.sys, "fs/cgroup", strings.Join(g.Controllers, ","))
			for path := g.Path; ; path = filepath.Dir(path) {
				if !yield(filepath.Join(root, path), v2) {
					return
				}
				if path == "/" || path == "." {
					break
				}
			}
		}
	}
}

func (m *machine) quotaOf(dir string, v2 bool) (cores float64, ok bool) {
	file := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		return strings.TrimSpace(string(text))
	}
	limit, period := file("cpu.cfs_quota_us"), file("cpu.cfs_period_us")
	if v2 {
		limit, period, _ = strings.Cut(file("cpu.max"), " ")
	}
	l, err := strconv.ParseFloat(limit, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	return l / p, err == nil && err2 == nil && l > 0 && p > 0
}

func governor(m *machine) []Finding {
	g := m.read("devices/system/cpu/cpu0/cpufreq/scaling_governor")
	level := OK
	switch g {
	case "":
		g = "none: the frequency is not this machine's to set"
	case "performance":
	default:
		level = Warn
	}
	return one("CPU governor", level, g,
		"with a frequency that follows the load a half idle system looks dearer for each request than a busy one",
		"cpupower frequency-set -g performance")
}

func turbo(m *machine) []Finding {
	on := false
	if n, ok := m.number("devices/system/cpu/intel_pstate/no_turbo"); ok {
		on = n == 0
	} else if n, ok := m.number("devices/system/cpu/cpufreq/boost"); ok {
		on = n == 1
	} else {
		return nil
	}
	level, value := OK, "off"
	if on {
		level, value = Warn, "on"
	}
	return one("turbo", level, value,
		"the frequency falls when the chip is warm, or other cores are busy: the first of two runs looks cheaper",
		"echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > /sys/devices/system/cpu/cpufreq/boost")
}

func siblings(m *machine) []Finding {
	n, ok := m.number("devices/system/cpu/smt/active")
	if !ok {
		return nil
	}
	level, value := OK, "off"
	if n == 1 {
		level, value = Warn, "on"
	}
	return one("hyper-threads", level, value,
		"two threads of a core slow each other down, the load and what is tested among them",
		"pin both to cores of their own (lscpu -e), or echo off > /sys/devices/system/cpu/smt/control")
}

func clockSource(m *machine) []Finding {
	c := m.read("devices/system/clocksource/clocksource0/current_clocksource")
	if c == "" {
		return nil
	}
	level := Bad
	if slices.Contains([]string{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"}, c) {
		level = OK
	}
	return one("clock source", level, c,
		"with some, each look at the clock is a system call of a µs or more, and the generator looks at every request",
		"clocksource=tsc on the kernel's command line, if dmesg does not call the TSC unstable")
}

func hypervisor(m *machine) []Finding {
	info, err := m.proc.CPUInfo()
	if err != nil || len(info) == 0 || !slices.Contains(info[0].Flags, "hypervisor") {
		return nil
	}
	return one("virtual machine", Warn, "yes",
		"other guests take time and caches without being seen, and waking an idle CPU is dear: 80 to 400 µs",
		"compare in alternation only (ab), and do not take latencies of an idle system at their word")
}

func numa(m *machine) []Finding {
	nodes, _ := filepath.Glob(filepath.Join(m.sys, "devices/system/node/node[0-9]*"))
	if len(nodes) < 2 {
		return nil
	}
	return one("NUMA nodes", Warn, strconv.Itoa(len(nodes)),
		"memory of another node is slower: the same run is dearer when it happens to be spread",
		"numactl --cpunodebind=0 --membind=0 around the generator and the system under test")
}
