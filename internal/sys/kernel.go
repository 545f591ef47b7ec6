// Package sys is the only place of Penstock that makes system calls.
//
// Kernel names the calls that the runtime needs, and nothing more; everything
// above is handed a Kernel and never asks which one it is. Host answers the one
// of the machine; a simulated one implements the same interface in memory.
//
// The contract of every method, which callers rely on and do not repeat:
//
//   - No call blocks, except EpollWait with a timeout other than zero.
//   - EINTR is never answered: the call is made again here, once for all.
//   - No call allocates.
//   - Errors are plain Errno values, zero meaning success, so that the hot path
//     never boxes one into an error interface.
//   - Every descriptor made here is close-on-exec and, if it is a socket or an
//     end of a pipe, non-blocking.
package sys

import "syscall"

// Errno is a system call's error number; 0 is success.
type Errno = syscall.Errno

// Kernel is what the runtime needs of an operating system.
type Kernel interface {
	// Sockets: socket(2), bind(2), listen(2), accept4(2), connect(2), shutdown(2).
	Socket(f Family) (fd int, e Errno)
	Bind(fd int, a Addr) Errno
	Listen(fd, backlog int) Errno
	Accept(fd int) (nfd int, peer Addr, e Errno)
	Connect(fd int, a Addr) Errno
	Shutdown(fd int, how int) Errno

	// Options and addresses: setsockopt(2), getsockopt(2), getsockname(2), getpeername(2).
	SetOption(fd, level, name, value int) Errno
	Option(fd, level, name int) (value int, e Errno)
	// SetLinger sets SO_LINGER. seconds 0 turns close(2) of a TCP socket into a reset.
	SetLinger(fd int, on bool, seconds int) Errno
	LocalAddr(fd int) (Addr, Errno)
	PeerAddr(fd int) (Addr, Errno)
	// Outq is SIOCOUTQ: bytes that the peer's kernel has not acknowledged yet.
	Outq(fd int) (bytes int, e Errno)

	// Bytes: recvfrom(2) and sendto(2) without an address, MSG_NOSIGNAL always set.
	Recv(fd int, p []byte, flags int) (n int, e Errno)
	Send(fd int, p []byte, flags int) (n int, e Errno)

	// Pipes. Splice is splice(2) with SPLICE_F_NONBLOCK always set and n clamped
	// to MaxSplice: a length above SSIZE_MAX would be refused with EINVAL.
	Pipe() (r, w int, e Errno)
	PipeSize(fd int) (bytes int, e Errno)
	SetPipeSize(fd, bytes int) (got int, e Errno)
	Splice(from, to, n int) (moved int, e Errno)
	// PipeLimits answers the page budget that pipes of this user share.
	PipeLimits() PipeLimits

	// Readiness: epoll_create1(2), epoll_ctl(2), epoll_wait(2), eventfd(2).
	EpollCreate() (fd int, e Errno)
	EpollAdd(epfd, fd int, events uint32, token uint64) Errno
	EpollDel(epfd, fd int) Errno
	// EpollWait waits at most timeout nanoseconds; 0 polls, below 0 waits
	// without limit. It may answer 0 events early: when a signal came.
	EpollWait(epfd int, events []Event, timeout int64) (n int, e Errno)
	Eventfd() (fd int, e Errno)
	// Signal adds 1 to an eventfd.
	Signal(fd int) Errno

	Close(fd int) Errno

	// MaxFiles is the soft limit of descriptors of the process: RLIMIT_NOFILE.
	MaxFiles() int

	// Now is a monotonic clock in nanoseconds.
	Now() int64
}

// PipeLimits is the page budget that the kernel keeps per user id: pipe(7),
// /proc/sys/fs/pipe-user-pages-soft and -hard. Pages are 4096 bytes.
type PipeLimits struct {
	Soft   int  // pages; 0 is no limit
	Hard   int  // pages; 0 is no limit
	Exempt bool // the process has CAP_SYS_RESOURCE or CAP_SYS_ADMIN
}

// MaxSplice is the longest length that is handed to splice(2): 1 GiB.
// Longer would never fit a pipe, and far longer answers EINVAL.
const MaxSplice = 1 << 30

// PageSize is the size of one slot of a pipe, in bytes.
const PageSize = 4096

// The error numbers that the runtime tells apart.
const (
	EAGAIN        = syscall.EAGAIN
	EBADF         = syscall.EBADF
	EALREADY      = syscall.EALREADY
	EINPROGRESS   = syscall.EINPROGRESS
	EISCONN       = syscall.EISCONN
	EINTR         = syscall.EINTR
	EINVAL        = syscall.EINVAL
	EIO           = syscall.EIO
	EPIPE         = syscall.EPIPE
	EPERM         = syscall.EPERM
	EMFILE        = syscall.EMFILE
	ENFILE        = syscall.ENFILE
	ENOBUFS       = syscall.ENOBUFS
	ENOMEM        = syscall.ENOMEM
	ENOENT        = syscall.ENOENT
	ENOPROTOOPT   = syscall.ENOPROTOOPT
	EOPNOTSUPP    = syscall.EOPNOTSUPP
	EACCES        = syscall.EACCES
	EADDRINUSE    = syscall.EADDRINUSE
	EADDRNOTAVAIL = syscall.EADDRNOTAVAIL
	EAFNOSUPPORT  = syscall.EAFNOSUPPORT
	EBUSY         = syscall.EBUSY
	EEXIST        = syscall.EEXIST
	ECONNABORTED  = syscall.ECONNABORTED
	ECONNREFUSED  = syscall.ECONNREFUSED
	ECONNRESET    = syscall.ECONNRESET
	ENOSYS        = syscall.ENOSYS
	ENOTCONN      = syscall.ENOTCONN
	ENOTSOCK      = syscall.ENOTSOCK
	ETIMEDOUT     = syscall.ETIMEDOUT
)

// The directions of Shutdown.
const (
	ShutRead  = 0
	ShutWrite = 1
	ShutBoth  = 2
)
