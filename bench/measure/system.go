// Package measure tells what the system under test uses: CPU time to the nanosecond,
// of all threads and children; waits for a CPU, context switches, system calls,
// memory, descriptors. And what the whole machine uses beside it.
//
// What is read for every window is cheap: for each process its CPU clock and one
// small file, for each thread one. What is dear to find out (which processes there
// are, memory, for which the kernel walks page tables, descriptors) is found out once
// a second at most, and what each descriptor is only by Survey.
package measure

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"github.com/penstock/penstock/bench/drive"
)

// A System is a process under test, with its children and theirs. It is a
// drive.System. One goroutine at a time may use it.
//
// A child counts while it lives and, from when its parent has waited for it, with
// its parent. One that nobody waits for (SIGCHLD ignored) takes its CPU time with it,
// and one that leaves its parent, as daemons do, is no longer part of the system.
type System struct {
	tree    tree
	threads ledger
	machine *Machine
	output  uint64 // inode of the pipe into which a launched system writes
	close   func() error
	// ended says how a launched system ended, if it did; if it surely did, it waits
	// until that is known.
	ended func(surely bool) error

	used   CPUs      // the generator's and the system's; none: they are not watched
	beside []*System // what belongs to the set-up

	cpu      int64 // the last that was read
	standing standing
	surveyed time.Time
}

// surveyEvery is how long what is dear to find out is believed: no longer than the
// longest window, of a second.
const surveyEvery = 900 * time.Millisecond

// Attach measures a process that runs already.
func Attach(pid int) (*System, error) {
	s := &System{ended: func(bool) error { return nil }, close: func() error { return nil }}
	return s, s.attach(pid)
}

func (s *System) attach(pid int) (err error) {
	if s.machine, err = NewMachine(); err != nil {
		return err
	}
	if s.tree.root, err = identify(pid); err != nil {
		return fmt.Errorf("process %d: %w", pid, ErrGone)
	}
	_, err = s.Survey()
	return err
}

// ErrGone says that there is no such process, or not any more.
var ErrGone = errors.New("there is no such process")

// PID is the first process of the system.
func (s *System) PID() int { return s.tree.root.PID }

// CPUs are those that the system may use.
func (s *System) CPUs() CPUs { return affinityOf(s.PID()) }

// Command is its command line.
func (s *System) Command() string {
	words, _ := s.tree.root.CmdLine()
	return strings.Join(words, " ")
}

// Read answers what the system has used since its start, its memory and descriptors
// being up to a second old. It fails when the first process has ended.
func (s *System) Read() (drive.Usage, error) {
	if time.Since(s.surveyed) >= surveyEvery {
		return s.survey(false)
	}
	return s.read()
}

// Survey is Read with all as it is now.
func (s *System) Survey() (drive.Usage, error) { return s.survey(true) }

func (s *System) survey(all bool) (drive.Usage, error) {
	if err := s.alive(); err != nil {
		return drive.Usage{}, err
	}
	if err := s.tree.scan(); err != nil {
		return drive.Usage{}, err
	}
	u, err := s.read() // first: the system goes on while we look at the rest
	if err != nil {
		return u, err
	}
	if all { // before descriptors: looking at them makes the kernel keep entries of /proc
		if u.KernelMemory, err = s.machine.KernelMemory(); err != nil {
			return u, err
		}
	}
	s.stand(all)
	s.standing.fill(&u.Cost)
	s.surveyed = time.Now()
	return u, nil
}

// read sums up the processes that are known. Where one has ended since they were
// looked for, they are looked for again: its time may have become its parent's.
func (s *System) read() (u drive.Usage, err error) {
	if err := s.alive(); err != nil {
		return u, err
	}
	cpu, complete := s.tree.cpu()
	for range 3 {
		if complete {
			break
		}
		if err := s.tree.scan(); err != nil {
			return u, err
		}
		cpu, complete = s.tree.cpu()
	}
	// The time of children that were waited for is told in whole ticks, a little less
	// than they had used.
	s.cpu = max(s.cpu, cpu)
	s.threads.read(s.tree.procs)
	stat, err := s.machine.fs.Stat()
	if err != nil {
		return u, err
	}
	u = usageOf(stat)
	u.UsedBusy, u.UsedTotal = busyOn(s.used, stat)
	if u.Beside, err = s.others(); err != nil {
		return u, fmt.Errorf("a process beside it: %w", err)
	}
	u.SystemUnknown = false
	s.standing.fill(&u.Cost)
	u.CPU, u.RunQueue, u.ContextSwitches = s.cpu, int64(s.threads.total().waited), s.threads.total().switches
	u.Processes, u.Threads = len(s.tree.procs), len(s.threads.live)
	return u, nil
}

// alive says why the system is no more, if so.
func (s *System) alive() error {
	if err := s.ended(false); err != nil {
		return err
	}
	if p, err := identify(s.tree.root.PID); err != nil || p.started != s.tree.root.started {
		if err := s.ended(true); err != nil {
			return err
		}
		return fmt.Errorf("process %d has ended", s.tree.root.PID)
	}
	return nil
}

// Close ends a system that was launched. One that was attached to goes on.
func (s *System) Close() error { return s.close() }

// identify answers a process that runs.
func identify(pid int) (process, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return process{}, err
	}
	stat, err := p.Stat()
	if err != nil {
		return process{}, err
	}
	if stat.State == "Z" || stat.State == "X" {
		return process{}, os.ErrProcessDone
	}
	return process{p, stat.Starttime}, nil
}
