package measure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// A process is one of the system's. Its start tells it from another that got its
// number later.
type process struct {
	procfs.Proc
	started uint64
}

// A tree is a process and all that descend from it, parents first.
type tree struct {
	root  process
	procs []process
}

// scan looks for the processes anew.
func (t *tree) scan() error {
	t.procs = append(t.procs[:0], t.root)
	for i := 0; i < len(t.procs); i++ {
		children, err := childrenOf(t.procs[i].PID)
		if err != nil {
			return err
		}
		for _, pid := range children {
			// One that has ended and was not waited for yet is counted by its clock.
			if p, err := procfs.NewProc(pid); err == nil {
				t.procs = append(t.procs, process{Proc: p})
			}
		}
	}
	return nil
}

// childrenOf answers the children of all threads of a process: none if it is gone.
func childrenOf(pid int) (children []int, err error) {
	dir := fmt.Sprintf("/proc/%d/task/", pid)
	for _, tid := range threadsOf(pid) {
		text, err := os.ReadFile(dir + strconv.Itoa(tid) + "/children")
		if errors.Is(err, fs.ErrNotExist) && exists(dir+strconv.Itoa(tid)) {
			return nil, fmt.Errorf("this kernel does not tell a process's children (CONFIG_PROC_CHILDREN)")
		}
		for _, field := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				children = append(children, n)
			}
		}
	}
	return children, nil
}

// threadsOf answers the threads of a process: none if it is gone.
func threadsOf(pid int) (threads []int) {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			threads = append(threads, tid)
		}
	}
	return threads
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cpu sums up the CPU time of all processes, in ns, and says if none has gone. A
// parent comes before its children: what it has taken over from one that goes
// meanwhile is not counted twice.
func (t *tree) cpu() (ns int64, complete bool) {
	for _, p := range t.procs {
		stat, err := p.Stat()
		if err != nil {
			return ns, false
		}
		own, err := processClock(p.PID)
		if err != nil {
			return ns, false
		}
		ns += own + int64(stat.CUTime+stat.CSTime)*tick
	}
	return ns, true
}

// tick is the unit of times in /proc, in ns: USER_HZ is 100 on all that Go runs on.
const tick = 10_000_000

// processClock reads the CPU clock of another process, which counts all its threads,
// those that have ended too: clock_getcpuclockid(3) says how its number is made.
func processClock(pid int) (int64, error) {
	const scheduled = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|scheduled, &ts); err != nil {
		return 0, err
	}
	return ts.Nano(), nil
}
