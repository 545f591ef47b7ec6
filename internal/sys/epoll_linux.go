package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (host) EpollCreate() (int, Errno) {
	return call(unix.SYS_EPOLL_CREATE1, unix.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
}

func (host) EpollAdd(epfd, fd int, events uint32, token uint64) Errno {
	ev := MakeEvent(events, token)
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), unix.EPOLL_CTL_ADD, uintptr(fd),
			uintptr(unsafe.Pointer(&ev)), 0, 0)
		if e != unix.EINTR {
			return e
		}
	}
}

func (host) EpollDel(epfd, fd int) Errno {
	_, e := call(unix.SYS_EPOLL_CTL, epfd, unix.EPOLL_CTL_DEL, fd, 0, 0, 0)
	return e
}

// EpollWait polls raw, and waits through the scheduler: the one blocking call
// of the runtime. An interrupted wait answers no events, and its caller, who
// knows what it was waiting for, decides whether to wait again.
func (host) EpollWait(epfd int, events []Event, timeout int64) (int, Errno) {
	p, n := unsafe.Pointer(unsafe.SliceData(events)), len(events)
	var r uintptr
	var e Errno
	if timeout == 0 {
		r, _, e = syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(p), uintptr(n), 0, 0, 0)
	} else {
		r, _, e = syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(p), uintptr(n), uintptr(millis(timeout)), 0, 0)
	}
	if e == unix.EINTR {
		return 0, 0
	}
	return int(r), e
}

// millis converts a timeout to whole milliseconds, rounded up: rounded down, a
// timer less than a millisecond away would become 0, and the wait a spin.
func millis(ns int64) int {
	if ns < 0 {
		return -1
	}
	const most = 1<<31 - 1
	return int(min((ns+int64(time.Millisecond)-1)/int64(time.Millisecond), most))
}

func (host) Eventfd() (int, Errno) {
	return call(unix.SYS_EVENTFD2, 0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC, 0, 0, 0, 0)
}

func (host) Signal(fd int) Errno {
	one := uint64(1)
	for {
		_, _, e := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
		if e != unix.EINTR {
			return e
		}
	}
}
