package measure

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The modes of pinning. Which one a figure was taken in is part of it.
const (
	Shared = "shared" // nothing is pinned: the scheduler decides, and the generator may take the system's CPU
	Split  = "split"  // the system under test and the generator have CPUs of their own
	Duet   = "duet"   // two systems run at the same time, so that what disturbs one disturbs the other
)

// CPUs are numbers of CPUs, in order. None means: as it comes.
type CPUs []int

// String is the form of cpuset(7): 0-2,4.
func (c CPUs) String() string {
	var parts []string
	for i := 0; i < len(c); {
		end := i
		for end+1 < len(c) && c[end+1] == c[end]+1 {
			end++
		}
		part := strconv.Itoa(c[i])
		if end > i {
			part += "-" + strconv.Itoa(c[end])
		}
		parts = append(parts, part)
		i = end + 1
	}
	return strings.Join(parts, ",")
}

// given are the CPUs that this process had when it began.
var given = affinityOf(0)

// Given answers the CPUs that this process had when it began, whatever it was pinned
// to since.
func Given() CPUs { return slices.Clone(given) }

// A Pinning says on which CPUs the systems under test and the generator run.
type Pinning struct {
	Mode      string
	Systems   []CPUs // one for each system
	Generator CPUs
}

// Pin divides the CPUs that this process was given: the last ones go to the generator,
// one for each of its loops, and the systems have the others: each all of them if one
// runs at a time, each a part of them in a duet, if there are enough.
func Pin(mode string, systems, loops int) (Pinning, error) {
	return divide(mode, systems, loops, Given())
}

func divide(mode string, systems, loops int, cpus CPUs) (Pinning, error) {
	p := Pinning{Mode: mode, Systems: make([]CPUs, systems)}
	switch {
	case mode == Shared:
		return p, nil
	case mode != Split && mode != Duet:
		return p, fmt.Errorf("--pin %s: must be %s, %s or %s", mode, Shared, Split, Duet)
	case len(cpus) < 2:
		return p, fmt.Errorf("--pin %s: needs 2 CPUs, and this process may use %d: --pin %s", mode, len(cpus), Shared)
	case mode == Split && loops > len(cpus)-1:
		return p, fmt.Errorf("--pin %s: %d loops have a CPU each, and of %d one at least is the system's: --loops %d, or --pin %s", mode, loops, len(cpus), len(cpus)-1, Shared)
	}
	n := len(cpus) - min(max(loops, 1), len(cpus)-1)
	theirs := cpus[:n]
	p.Generator = cpus[n:]
	for i := range systems {
		p.Systems[i] = theirs
		if mode == Duet && n >= systems {
			p.Systems[i] = theirs[i*n/systems : (i+1)*n/systems]
		}
	}
	return p, nil
}

// Apply pins this process to the generator's CPUs, and answers what undoes it.
func (p Pinning) Apply() (undo func() error, err error) {
	if len(p.Generator) == 0 {
		return func() error { return nil }, nil
	}
	before := affinityOf(0)
	procs := runtime.GOMAXPROCS(len(p.Generator))
	undo = func() error {
		runtime.GOMAXPROCS(procs)
		return pinSelf(before)
	}
	if err := pinSelf(p.Generator); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// pinSelf pins all threads of this process. Those that come later inherit it from
// those that are there, which are looked for until there is no new one.
func pinSelf(cpus CPUs) error {
	pinned := map[int]bool{}
	for more := true; more; {
		more = false
		for _, tid := range threadsOf(os.Getpid()) {
			if pinned[tid] {
				continue
			}
			if err := setAffinity(tid, cpus); err != nil && err != unix.ESRCH {
				return fmt.Errorf("sched_setaffinity of a thread to CPU %v: %w", cpus, err)
			}
			pinned[tid], more = true, true
		}
	}
	return nil
}

func setAffinity(tid int, cpus CPUs) error {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	return unix.SchedSetaffinity(tid, &set)
}

// affinityOf answers the CPUs that a thread may use; that of a process is its first
// thread's.
func affinityOf(tid int) (cpus CPUs) {
	var set unix.CPUSet
	if unix.SchedGetaffinity(tid, &set) != nil {
		return nil
	}
	for c := range 64 * len(set) {
		if set.IsSet(c) {
			cpus = append(cpus, c)
		}
	}
	return cpus
}
