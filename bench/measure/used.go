package measure

import (
	"errors"
	"slices"

	"github.com/prometheus/procfs"
)

// Watch has Read find out, too, how busy the CPUs are that the generator and the system
// may use, and what processes beside them use that belong to the set-up, such as the
// backends of a relay. None of generator's CPUs means all that this process was given.
func (s *System) Watch(generator CPUs, beside ...*System) {
	if len(generator) == 0 {
		generator = given
	}
	used := slices.Concat(generator, s.CPUs())
	slices.Sort(used)
	s.used, s.beside = slices.Compact(used), beside
}

// AttachAll is Attach for each of several processes.
func AttachAll(pids []int) (all []*System, err error) {
	for _, pid := range pids {
		one, e := Attach(pid)
		all, err = append(all, one), errors.Join(err, e)
	}
	return all, err
}

// busyOn sums up the time of CPUs: of it that of processes, and all but what other guests
// took. Interrupts are left out: kernels differ in whether a process is charged for those
// that come while it runs, so that what others than some processes took is no less than
// what is found here.
func busyOn(cpus CPUs, stat procfs.Stat) (busy, total float64) {
	for _, n := range cpus {
		c := stat.CPU[int64(n)] // User and Nice count guests, too
		ours := c.User + c.Nice + c.System
		busy += ours * 1e9
		total += (ours + c.IRQ + c.SoftIRQ + c.Idle + c.Iowait) * 1e9
	}
	return busy, total
}

// others sums up what the processes beside the system have used.
func (s *System) others() (ns float64, err error) {
	for _, one := range s.beside {
		u, err := one.Read()
		if err != nil {
			return 0, err
		}
		ns += float64(u.CPU)
	}
	return ns, nil
}
