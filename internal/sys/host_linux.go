package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Host answers the kernel of this machine.
//
// Calls that cannot block are made raw, without telling the scheduler. Telling
// it costs an echo loop 30-40 % more per request, since the P is given up and
// taken back around every call. EpollWait with a timeout is the exception.
//
// Pointers are converted in the argument list of RawSyscall6 itself, the one
// place where the unsafe rules let a uintptr keep its object alive.
func Host() (Kernel, error) { return host{}, nil }

type host struct{}

var epoch = time.Now()

func (host) Now() int64 { return int64(time.Since(epoch)) }

// call makes a call that has no pointer among its arguments, again on EINTR.
func call(trap uintptr, a1, a2, a3, a4, a5, a6 int) (int, Errno) {
	for {
		r, _, e := syscall.RawSyscall6(trap, uintptr(a1), uintptr(a2), uintptr(a3), uintptr(a4), uintptr(a5), uintptr(a6))
		if e != unix.EINTR {
			return int(r), e
		}
	}
}

// Close is close(2), which is never made again: Linux has freed the number
// before EINTR can be answered, so a second call could close a stranger's.
func (host) Close(fd int) Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	if e == unix.EINTR {
		return 0
	}
	return e
}

// MaxFiles answers the limit as it is now; none that could be read is none at all.
func (host) MaxFiles() int {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return maxFiles(limit.Cur, err)
}

func maxFiles(limit uint64, err error) int {
	const most = 1 << 30
	if err != nil {
		return most
	}
	return int(min(limit, most))
}

func (host) Socket(f Family) (int, Errno) {
	domain := unix.AF_INET
	switch f {
	case Inet6:
		domain = unix.AF_INET6
	case Unix:
		domain = unix.AF_UNIX
	}
	return call(unix.SYS_SOCKET, domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0, 0, 0)
}

func (host) Listen(fd, backlog int) Errno {
	_, e := call(unix.SYS_LISTEN, fd, backlog, 0, 0, 0, 0)
	return e
}

func (host) Shutdown(fd, how int) Errno {
	_, e := call(unix.SYS_SHUTDOWN, fd, how, 0, 0, 0, 0)
	return e
}

func (host) SetOption(fd, level, name, value int) Errno {
	v := int32(value)
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
			uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
		if e != unix.EINTR {
			return e
		}
	}
}

func (host) Option(fd, level, name int) (int, Errno) {
	var v int32
	size := uint32(unsafe.Sizeof(v))
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
			uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&size)), 0)
		if e != unix.EINTR {
			return int(v), e
		}
	}
}

func (host) SetLinger(fd int, on bool, seconds int) Errno {
	v := unix.Linger{Linger: int32(seconds)}
	if on {
		v.Onoff = 1
	}
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
			uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
		if e != unix.EINTR {
			return e
		}
	}
}

func (host) Outq(fd int) (int, Errno) {
	var v int32
	for {
		_, _, e := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&v)))
		if e != unix.EINTR {
			return int(v), e
		}
	}
}

func (host) Recv(fd int, p []byte, flags int) (int, Errno) {
	for {
		r, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), uintptr(flags), 0, 0)
		if e != unix.EINTR {
			return int(r), e
		}
	}
}

func (host) Send(fd int, p []byte, flags int) (int, Errno) {
	for {
		r, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), uintptr(flags|unix.MSG_NOSIGNAL), 0, 0)
		if e != unix.EINTR {
			return int(r), e
		}
	}
}

// ThreadCPU is the CPU time of the calling thread, which means something only
// to a goroutine that is locked to it: clock_gettime(2), CLOCK_THREAD_CPUTIME_ID.
func ThreadCPU() (ns int64, err error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, err
	}
	return ts.Nano(), nil
}
