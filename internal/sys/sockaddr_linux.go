package sys

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sockaddr is room for any address of our families, as the kernel lays it out:
// family in host order, port and address in network order (ip(7), ipv6(7), unix(7)).
type sockaddr struct {
	b [unix.SizeofSockaddrUnix]byte
	n uint32
}

func (s *sockaddr) encode(a Addr) Errno {
	order := binary.NativeEndian
	switch a.Family {
	case Inet4:
		if !a.AP.Addr().Unmap().Is4() {
			return EINVAL
		}
		order.PutUint16(s.b[0:], unix.AF_INET)
		binary.BigEndian.PutUint16(s.b[2:], a.AP.Port())
		ip := a.AP.Addr().Unmap().As4()
		copy(s.b[4:], ip[:])
		s.n = unix.SizeofSockaddrInet4
	case Inet6:
		order.PutUint16(s.b[0:], unix.AF_INET6)
		binary.BigEndian.PutUint16(s.b[2:], a.AP.Port())
		ip := a.AP.Addr().As16()
		copy(s.b[8:], ip[:])
		order.PutUint32(s.b[24:], a.Zone)
		s.n = unix.SizeofSockaddrInet6
	case Unix:
		if a.Path == "" || !PathFits(a.Path) {
			return EINVAL
		}
		order.PutUint16(s.b[0:], unix.AF_UNIX)
		copy(s.b[2:], a.Path)
		if a.Path[0] == '@' { // abstract: a zero first, and no zero to end it
			s.b[2] = 0
			s.n = uint32(2 + len(a.Path))
		} else {
			s.n = uint32(2 + len(a.Path) + 1)
		}
	default:
		return EINVAL
	}
	return 0
}

func (s *sockaddr) decode() Addr {
	if s.n < 2 {
		return Addr{}
	}
	order := binary.NativeEndian
	switch order.Uint16(s.b[0:]) {
	case unix.AF_INET:
		ip := netip.AddrFrom4([4]byte(s.b[4:8]))
		return Addr{Family: Inet4, AP: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(s.b[2:]))}
	case unix.AF_INET6:
		ip := netip.AddrFrom16([16]byte(s.b[8:24])).Unmap()
		return Addr{Family: Inet6, AP: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(s.b[2:])), Zone: order.Uint32(s.b[24:])}
	case unix.AF_UNIX:
		return Addr{Family: Unix, Path: unixPath(s.b[2:min(int(s.n), len(s.b))])}
	}
	return Addr{}
}

func unixPath(b []byte) string {
	if len(b) == 0 {
		return "" // unnamed
	}
	if b[0] == 0 {
		return "@" + string(b[1:])
	}
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

func (host) Bind(fd int, a Addr) Errno    { return withAddr(unix.SYS_BIND, fd, a) }
func (host) Connect(fd int, a Addr) Errno { return withAddr(unix.SYS_CONNECT, fd, a) }

// withAddr makes bind(2) or connect(2). An interrupted connect of a non-blocking
// socket has not begun (the kernel answers EINTR only while it waits), so that
// making it again is right for both.
func withAddr(trap uintptr, fd int, a Addr) Errno {
	var s sockaddr
	if e := s.encode(a); e != 0 {
		return e
	}
	for {
		_, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&s.b)), uintptr(s.n))
		if e != unix.EINTR {
			return e
		}
	}
}

func (host) Accept(fd int) (int, Addr, Errno) {
	for {
		s := sockaddr{n: unix.SizeofSockaddrUnix}
		r, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&s.b)),
			uintptr(unsafe.Pointer(&s.n)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e == 0 {
			return int(r), s.decode(), 0
		}
		if e != unix.EINTR {
			return -1, Addr{}, e
		}
	}
}

func (host) LocalAddr(fd int) (Addr, Errno) { return askAddr(unix.SYS_GETSOCKNAME, fd) }
func (host) PeerAddr(fd int) (Addr, Errno)  { return askAddr(unix.SYS_GETPEERNAME, fd) }

func askAddr(trap uintptr, fd int) (Addr, Errno) {
	s := sockaddr{n: unix.SizeofSockaddrUnix}
	for {
		_, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&s.b)), uintptr(unsafe.Pointer(&s.n)))
		if e == 0 {
			return s.decode(), 0
		}
		if e != unix.EINTR {
			return Addr{}, e
		}
	}
}
