package sweep

import "strings"

// A call is one system call of the runtime and the errnos that its man page
// lists. Nothing is left out; what may be seen of a fault is in rules.
type call struct {
	name   string
	errnos []string
}

var table = []call{
	// socket(2)
	{"socket", list("EACCES EAFNOSUPPORT EINVAL EMFILE ENFILE ENOBUFS ENOMEM EPROTONOSUPPORT")},
	// bind(2), those of Unix sockets included
	{"bind", list("EACCES EADDRINUSE EBADF EINVAL ENOTSOCK EADDRNOTAVAIL EFAULT ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EROFS")},
	// listen(2)
	{"listen", list("EADDRINUSE EBADF ENOTSOCK EOPNOTSUPP")},
	// accept(2), with the errors of the network that "Error handling" names
	{"accept4", list("EAGAIN EBADF ECONNABORTED EFAULT EINTR EINVAL EMFILE ENFILE ENOBUFS ENOMEM ENOTSOCK EOPNOTSUPP EPERM EPROTO " +
		"ENOSR ESOCKTNOSUPPORT EPROTONOSUPPORT ETIMEDOUT ENETDOWN ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH ENETUNREACH")},
	// connect(2)
	{"connect", list("EACCES EPERM EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF ECONNREFUSED EFAULT EINPROGRESS EINTR " +
		"EISCONN ENETUNREACH ENOTSOCK EPROTOTYPE ETIMEDOUT")},
	// shutdown(2)
	{"shutdown", list("EBADF EINVAL ENOTCONN ENOTSOCK")},
	// getsockopt(2) lists both
	{"setsockopt", list("EBADF EFAULT EINVAL ENOPROTOOPT ENOTSOCK")},
	{"getsockopt", list("EBADF EFAULT EINVAL ENOPROTOOPT ENOTSOCK")},
	// getsockname(2), getpeername(2)
	{"getsockname", list("EBADF EFAULT EINVAL ENOBUFS ENOTSOCK")},
	{"getpeername", list("EBADF EFAULT EINVAL ENOBUFS ENOTCONN ENOTSOCK")},
	// ioctl(2): SIOCOUTQ
	{"ioctl", list("EBADF EFAULT EINVAL ENOTTY")},
	// recv(2), and tcp(7)
	{"recvfrom", list("EAGAIN EBADF ECONNREFUSED EFAULT EINTR EINVAL ENOMEM ENOTCONN ENOTSOCK ECONNRESET EPIPE ETIMEDOUT")},
	// send(2), and tcp(7)
	{"sendto", list("EACCES EAGAIN EALREADY EBADF ECONNRESET EDESTADDRREQ EFAULT EINTR EINVAL EISCONN EMSGSIZE ENOBUFS ENOMEM " +
		"ENOTCONN ENOTSOCK EOPNOTSUPP EPIPE ETIMEDOUT")},
	// pipe(2)
	{"pipe2", list("EFAULT EINVAL EMFILE ENFILE ENOPKG")},
	// fcntl(2): F_GETPIPE_SZ, F_SETPIPE_SZ, and what its other commands answer
	{"fcntl", list("EACCES EAGAIN EBADF EBUSY EDEADLK EFAULT EINTR EINVAL EMFILE ENOLCK ENOMEM ENOTDIR EPERM")},
	// splice(2), and what the socket on either side answers: tcp(7)
	{"splice", list("EAGAIN EBADF EINVAL ENOMEM ESPIPE EINTR ECONNRESET EPIPE ETIMEDOUT")},
	// epoll_create(2), epoll_ctl(2), epoll_wait(2)
	{"epoll_create1", list("EINVAL EMFILE ENFILE ENOMEM")},
	{"epoll_ctl", list("EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM")},
	{"epoll_pwait", list("EBADF EFAULT EINTR EINVAL")},
	// eventfd(2)
	{"eventfd2", list("EINVAL EMFILE ENFILE ENODEV ENOMEM")},
	// write(2) to an eventfd(2)
	{"write", list("EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE")},
	// close(2)
	{"close", list("EBADF EINTR EIO ENOSPC EDQUOT")},
}

// refusals are what a sandbox answers to a call that it does not know or does not allow
// (seccomp(2), gVisor, an LSM, an old kernel), whatever the call: once, and for good.
var refusals = list("ENOSYS EPERM EACCES EOPNOTSUPP")

// neverRefused are calls that no sandbox refuses for good: without write(2) to an eventfd
// and without close(2) not even Go's own runtime gets along.
var neverRefused = list("write close")

func list(s string) []string { return strings.Fields(s) }
