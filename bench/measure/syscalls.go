package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CountSyscalls begins to count the system calls of the system; stop answers how many
// there were, and in what time.
//
// Counting makes every system call of the machine dearer, those of the system by some
// 400 ns, which is a tenth of an echo. So it is no part of Read, and what is measured
// meanwhile is not CPU time.
func (s *System) CountSyscalls() (stop func() (n uint64, took time.Duration, err error), err error) {
	id, err := sysEnter()
	if err != nil {
		return nil, fmt.Errorf("trace point raw_syscalls:sys_enter: %w", err)
	}
	c := &counter{}
	for range 5 {
		if err = c.open(s, id); err != errMoved {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	began := time.Now()
	return func() (uint64, time.Duration, error) {
		n, err := c.read()
		took := time.Since(began)
		return n, took, errors.Join(err, c.close())
	}, nil
}

// A counter counts in each thread, and in those that it makes from then on.
type counter struct{ events []int }

// errMoved says that a thread came while the counter was opened: it may have
// inherited a count, or not.
var errMoved = errors.New("perf_event_open: threads come and go too fast to count in each")

func (c *counter) open(s *System, id uint64) error {
	if err := c.close(); err != nil {
		return err
	}
	threads, err := s.allThreads()
	if err != nil {
		return err
	}
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: id, Bits: unix.PerfBitInherit}
	attr.Size = uint32(unsafe.Sizeof(attr))
	for _, tid := range threads {
		event, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		switch err {
		case nil:
			c.events = append(c.events, event)
		case unix.ESRCH: // it has ended
		case unix.EACCES, unix.EPERM:
			return fmt.Errorf("perf_event_open: %w: needs root, or CAP_PERFMON, or kernel.perf_event_paranoid of at most 1", err)
		default:
			return fmt.Errorf("perf_event_open: %w", err)
		}
	}
	after, err := s.allThreads()
	if err == nil && slices.ContainsFunc(after, func(tid int) bool { return !slices.Contains(threads, tid) }) {
		err = errMoved
	}
	return err
}

// allThreads answers the threads of all processes.
func (s *System) allThreads() (threads []int, err error) {
	if err := s.tree.scan(); err != nil {
		return nil, err
	}
	for _, p := range s.tree.procs {
		threads = append(threads, threadsOf(p.PID)...)
	}
	return threads, nil
}

func (c *counter) read() (n uint64, err error) {
	var value [8]byte
	for _, event := range c.events {
		if _, err := unix.Read(event, value[:]); err != nil {
			return 0, fmt.Errorf("perf event: %w", err)
		}
		n += binary.NativeEndian.Uint64(value[:])
	}
	return n, nil
}

func (c *counter) close() (err error) {
	for _, event := range c.events {
		err = errors.Join(err, unix.Close(event))
	}
	c.events = nil
	return err
}

// sysEnter answers the number of the trace point at the entry of system calls. It is
// in tracefs, which need not be mounted: an instance that is mounted nowhere will do.
func sysEnter() (id uint64, err error) {
	const name = "events/raw_syscalls/sys_enter/id"
	for _, dir := range []string{"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"} {
		if text, err := os.ReadFile(dir + name); err == nil {
			return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		}
	}
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("tracefs: %w: needs root, or a tracefs that can be read", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return 0, fmt.Errorf("tracefs: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("tracefs: %w", err)
	}
	defer unix.Close(mount)
	file, err := unix.Openat(mount, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("tracefs: %w", err)
	}
	defer unix.Close(file)
	var text [32]byte
	n, err := unix.Read(file, text[:])
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text[:n])), 10, 64)
}
