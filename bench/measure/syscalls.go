package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/bench/drive"
)

// moving are the system calls that move bytes. Each is counted by name when it has
// moved at least one.
var moving = []struct {
	name   string
	number uintptr
}{
	{"read", unix.SYS_READ}, {"readv", unix.SYS_READV}, {"recvfrom", unix.SYS_RECVFROM}, {"recvmsg", unix.SYS_RECVMSG},
	{"write", unix.SYS_WRITE}, {"writev", unix.SYS_WRITEV}, {"sendto", unix.SYS_SENDTO}, {"sendmsg", unix.SYS_SENDMSG},
	{"splice", unix.SYS_SPLICE}, {"sendfile", unix.SYS_SENDFILE},
}

// CountSyscalls begins to count the system calls of the system. stop ends the count
// and returns it.
//
// Counting makes every system call of the machine dearer, those of the system by
// about 1 µs, which is a quarter of an echo. So it is no part of Read, and what is
// measured meanwhile is not CPU time.
func (s *System) CountSyscalls() (stop func() (drive.Syscalls, error), err error) {
	enter, err := tracePoint("sys_enter")
	if err != nil {
		return nil, err
	}
	exit, err := tracePoint("sys_exit")
	if err != nil {
		return nil, err
	}
	c := &counter{enter: enter, exit: exit}
	for range 5 {
		if err = c.open(s); err != errMoved {
			break
		}
	}
	began := time.Now()
	if err == nil {
		err = c.enable()
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return func() (drive.Syscalls, error) {
		calls, err := c.read()
		calls.Took = time.Since(began)
		return calls, errors.Join(err, c.close())
	}, nil
}

// A counter counts in each thread, and in the threads that they start from then on.
type counter struct {
	enter, exit uint64 // trace points
	events      []event
}

// An event is a count of one thread and its children.
type event struct {
	fd   int
	name string // of the system call; "": of all of them
}

// errMoved says that a thread came while the counter was opened: it may have
// inherited a count, or not.
var errMoved = errors.New("perf_event_open: threads come and go too fast to count in each")

func (c *counter) open(s *System) error {
	if err := c.close(); err != nil {
		return err
	}
	threads, err := s.allThreads()
	if err != nil {
		return err
	}
	for _, tid := range threads {
		if err := c.add(tid); err != nil {
			return err
		}
	}
	after, err := s.allThreads()
	if err == nil && slices.ContainsFunc(after, func(tid int) bool { return !slices.Contains(threads, tid) }) {
		err = errMoved
	}
	return err
}

// add counts in one thread.
func (c *counter) add(tid int) error {
	fd, err := c.event(tid, c.enter, "")
	if err != nil || fd < 0 {
		return err
	}
	c.events = append(c.events, event{fd, ""})
	for _, m := range moving {
		fd, err := c.event(tid, c.exit, fmt.Sprintf("id == %d && ret > 0", m.number))
		if err != nil || fd < 0 {
			return err
		}
		c.events = append(c.events, event{fd, m.name})
	}
	return nil
}

// event opens a count of a thread at a trace point. It counts once it is enabled: until
// its filter is set it would count every call. It returns -1 if the thread has ended.
func (c *counter) event(tid int, point uint64, filter string) (fd int, err error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: point, Bits: unix.PerfBitInherit | unix.PerfBitDisabled}
	attr.Size = uint32(unsafe.Sizeof(attr))
	fd, err = unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	switch err {
	case nil:
	case unix.ESRCH:
		return -1, nil
	case unix.EACCES, unix.EPERM:
		return -1, fmt.Errorf("perf_event_open: %w: needs root, or CAP_PERFMON, or kernel.perf_event_paranoid of at most 1", err)
	default:
		return -1, fmt.Errorf("perf_event_open: %w", err)
	}
	if filter == "" {
		return fd, nil
	}
	if err := setFilter(fd, filter); err != nil {
		return -1, errors.Join(fmt.Errorf("perf event filter %q: %w", filter, err), unix.Close(fd))
	}
	return fd, nil
}

func setFilter(fd int, filter string) error {
	text, err := unix.BytePtrFromString(filter)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.PERF_EVENT_IOC_SET_FILTER, uintptr(unsafe.Pointer(text)))
	if errno != 0 {
		return errno
	}
	return nil
}

// enable begins the count.
func (c *counter) enable() error {
	for _, e := range c.events {
		if err := unix.IoctlSetInt(e.fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
			return fmt.Errorf("perf event: %w", err)
		}
	}
	return nil
}

// allThreads returns the threads of all processes.
func (s *System) allThreads() (threads []int, err error) {
	if err := s.tree.scan(); err != nil {
		return nil, err
	}
	for _, p := range s.tree.procs {
		threads = append(threads, threadsOf(p.PID)...)
	}
	return threads, nil
}

func (c *counter) read() (calls drive.Syscalls, err error) {
	calls.Moved = map[string]uint64{}
	var value [8]byte
	for _, e := range c.events {
		if _, err := unix.Read(e.fd, value[:]); err != nil {
			return calls, fmt.Errorf("perf event: %w", err)
		}
		n := binary.NativeEndian.Uint64(value[:])
		switch {
		case e.name == "":
			calls.N += n
		case n > 0:
			calls.Moved[e.name] += n
		}
	}
	return calls, nil
}

func (c *counter) close() (err error) {
	for _, e := range c.events {
		err = errors.Join(err, unix.Close(e.fd))
	}
	c.events = nil
	return err
}
