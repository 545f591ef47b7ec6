package sys

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTimeoutsAreNeverRoundedDownToZero(t *testing.T) {
	for ns, want := range map[int64]int{-1: -1, 0: 0, 1: 1, 999_999: 1, 1_000_000: 1, 1_000_001: 2,
		int64(time.Hour): 3600_000, int64(100 * 24 * time.Hour): 1<<31 - 1} {
		if got := millis(ns); got != want {
			t.Errorf("%d ns: %d ms, want %d", ns, got, want)
		}
	}
}

func TestSockaddrsSurviveTheKernelsLayout(t *testing.T) {
	for _, a := range []Addr{
		{Family: Inet4, AP: netip.MustParseAddrPort("192.0.2.7:8080")},
		{Family: Inet6, AP: netip.MustParseAddrPort("[2001:db8::7]:65535")},
		{Family: Inet6, AP: netip.MustParseAddrPort("[fe80::1]:1"), Zone: 3},
		{Family: Unix, Path: "/run/a socket"},
		{Family: Unix, Path: "@abstract"},
		{Family: Unix, Path: "/" + string(bytesOf('x', MaxPath-1))},
		{Family: Unix, Path: "@" + string(bytesOf('x', MaxPath))},
	} {
		var s sockaddr
		if e := s.encode(a); e != 0 {
			t.Errorf("%+v: %v", a, e)
		} else if got := s.decode(); got != a {
			t.Errorf("%+v came back as %+v", a, got)
		}
	}
	for _, a := range []Addr{{}, {Family: Unix}, {Family: Unix, Path: string(bytesOf('x', MaxPath+1))},
		{Family: Unix, Path: "@" + string(bytesOf('x', MaxPath+1))}, {Family: Inet4, AP: netip.MustParseAddrPort("[2001:db8::7]:1")},
		{AP: netip.MustParseAddrPort("192.0.2.7:1")}} {
		var s sockaddr
		if e := s.encode(a); e != EINVAL {
			t.Errorf("%+v: %v, want EINVAL", a, e)
		}
	}
}

// The kernel tells how long an address is: a name without a zero behind it, an unnamed
// socket, nothing at all.
func TestSockaddrsOfTheKernelHaveTheirLength(t *testing.T) {
	full := sockaddr{n: unix.SizeofSockaddrUnix + 1} // what a path of 108 bytes counts as
	copy(full.b[2:], bytesOf('x', 108))
	full.b[0] = unix.AF_UNIX
	unnamed := sockaddr{n: 2, b: [unix.SizeofSockaddrUnix]byte{unix.AF_UNIX}}
	short := sockaddr{n: 4, b: [unix.SizeofSockaddrUnix]byte{unix.AF_UNIX, 0, 'a', 'b', 'c'}}
	one := sockaddr{n: 3, b: [unix.SizeofSockaddrUnix]byte{unix.AF_UNIX, 0, 'a'}}
	none := sockaddr{n: 1, b: [unix.SizeofSockaddrUnix]byte{unix.AF_UNIX, 0, 'a'}}
	strange := sockaddr{n: 16, b: [unix.SizeofSockaddrUnix]byte{unix.AF_NETLINK}}
	for _, c := range []struct {
		s    sockaddr
		want Addr
	}{
		{full, Addr{Family: Unix, Path: string(bytesOf('x', 108))}}, {unnamed, Addr{Family: Unix}}, {short, Addr{Family: Unix, Path: "ab"}},
		{one, Addr{Family: Unix, Path: "a"}}, {none, Addr{}}, {strange, Addr{}},
	} {
		if got := c.s.decode(); got != c.want {
			t.Errorf("%d bytes, % x: %+v, want %+v", c.s.n, c.s.b[:8], got, c.want)
		}
	}
	abstract := sockaddr{}
	abstract.encode(Addr{Family: Unix, Path: "@ab"})
	path := sockaddr{}
	path.encode(Addr{Family: Unix, Path: "a@"})
	if abstract.n != 5 || abstract.b[2] != 0 || path.n != 5 || path.b[2] != 'a' {
		t.Errorf("@ab: %d bytes, % x; a@: %d, % x", abstract.n, abstract.b[:6], path.n, path.b[:6])
	}
}

// An address that is none is an error before the kernel is asked: it would take what it
// finds.
func TestAddressThatIsNoneIsNotBound(t *testing.T) {
	k := hostOf(t)
	fd, e := k.Socket(Unix)
	owned(t, fd, e)
	if e := k.Bind(fd, Addr{Family: Unix}); e != EINVAL {
		t.Errorf("bind: %v", e)
	}
	if a, e := k.LocalAddr(fd); a != (Addr{Family: Unix}) || e != 0 {
		t.Errorf("bound to %+v, %v", a, e)
	}
	if e := k.Bind(fd, Addr{Family: Unix, Path: string(bytesOf('x', MaxPath+1))}); e != EINVAL {
		t.Errorf("bind to a path that is too long: %v", e)
	}
	if e := k.Connect(fd, Addr{Family: Unix}); e != EINVAL {
		t.Errorf("connect: %v", e)
	}
	if e := k.Connect(fd, Addr{Family: Unix, Path: "@penstock-nobody-listens"}); e != ECONNREFUSED {
		t.Errorf("connect: %v", e)
	}
}

func bytesOf(c byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = c
	}
	return b
}

// The numbers that are written out for the sake of other systems are Linux's.
func TestConstantsAreLinuxOwn(t *testing.T) {
	for _, c := range [][2]int{
		{SolSocket, unix.SOL_SOCKET}, {IPProtoIP, unix.IPPROTO_IP}, {IPProtoV6, unix.IPPROTO_IPV6}, {IPProtoT, unix.IPPROTO_TCP},
		{SoReuseAddr, unix.SO_REUSEADDR}, {SoType, unix.SO_TYPE}, {SoError, unix.SO_ERROR}, {SoSndbuf, unix.SO_SNDBUF},
		{SoRcvbuf, unix.SO_RCVBUF}, {SoKeepalive, unix.SO_KEEPALIVE}, {SoReusePort, unix.SO_REUSEPORT}, {SoDomain, unix.SO_DOMAIN},
		{TCPNoDelay, unix.TCP_NODELAY}, {TCPKeepIdle, unix.TCP_KEEPIDLE}, {TCPKeepIntvl, unix.TCP_KEEPINTVL},
		{TCPUserTimeout, unix.TCP_USER_TIMEOUT}, {IPBindAddressNoPort, unix.IP_BIND_ADDRESS_NO_PORT}, {IPv6Only, unix.IPV6_V6ONLY},
		{MsgPeek, unix.MSG_PEEK}, {SockStream, unix.SOCK_STREAM}, {AFUnix, unix.AF_UNIX}, {AFInet, unix.AF_INET}, {AFInet6, unix.AF_INET6},
		{ShutWrite, unix.SHUT_WR}, {ShutRead, unix.SHUT_RD}, {ShutBoth, unix.SHUT_RDWR},
		{int(EpollIn), unix.EPOLLIN}, {int(EpollPri), unix.EPOLLPRI}, {int(EpollOut), unix.EPOLLOUT}, {int(EpollErr), unix.EPOLLERR},
		{int(EpollHup), unix.EPOLLHUP}, {int(EpollRdhup), unix.EPOLLRDHUP}, {int(EpollEdge), unix.EPOLLET},
	} {
		if c[0] != c[1] {
			t.Errorf("%#x, want %#x", c[0], c[1])
		}
	}
}

// A length above SSIZE_MAX is EINVAL to the kernel, and would turn splicing off
// without a word (realm#157): it is clamped.
func TestSpliceLengthIsClamped(t *testing.T) {
	k, _ := Host()
	r, w, e := k.Pipe()
	if e != 0 {
		t.Fatal(e)
	}
	r2, w2, _ := k.Pipe()
	defer func() {
		for _, fd := range []int{r, w, r2, w2} {
			k.Close(fd)
		}
	}()
	unix.Write(w, []byte("hello"))
	if n, e := k.Splice(r, w2, int(^uint(0)>>1)); n != 5 || e != 0 {
		t.Errorf("%d, %v", n, e)
	}
}

func TestCallsDoNotAllocate(t *testing.T) {
	k, _ := Host()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ep, _ := k.EpollCreate()
	defer func() { k.Close(pair[0]); k.Close(pair[1]); k.Close(ep) }()
	buf := make([]byte, 64)
	events := make([]Event, 4)
	if n := testing.AllocsPerRun(100, func() {
		k.EpollAdd(ep, pair[0], EpollIn|EpollEdge, 1<<40|7)
		k.Send(pair[1], buf, 0)
		k.EpollWait(ep, events, 0)
		k.Recv(pair[0], buf, 0)
		k.Recv(pair[0], buf, 0)
		k.EpollDel(ep, pair[0])
		k.Option(pair[0], SolSocket, SoType)
		k.Outq(pair[0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if events[0].Token() != 1<<40|7 || events[0].Mask() != EpollIn {
		t.Errorf("token %#x, mask %#x", events[0].Token(), events[0].Mask())
	}
}
