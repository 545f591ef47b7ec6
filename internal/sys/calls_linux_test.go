package sys

import (
	"net/netip"
	"os"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"
)

// An error that a call swallowed would be taken for success by all that stands above.
func TestErrorsOfCallsComeThrough(t *testing.T) {
	k := hostOf(t)
	a := Addr{Family: Inet4, AP: netip.MustParseAddrPort("127.0.0.1:1")}
	one := make([]byte, 1)
	value := func(f func(fd int) (int, Errno)) func(int) Errno {
		return func(fd int) Errno { _, e := f(fd); return e }
	}
	address := func(f func(fd int) (Addr, Errno)) func(int) Errno {
		return func(fd int) Errno {
			got, e := f(fd)
			if got != (Addr{}) {
				t.Errorf("an address beside an error: %+v", got)
			}
			return e
		}
	}
	r, _, e := pipeOf(t, k)
	if e != 0 {
		t.Fatal(e)
	}
	for name, c := range map[string]struct {
		call   func(fd int) Errno
		ofPipe Errno
	}{
		"bind":        {func(fd int) Errno { return k.Bind(fd, a) }, ENOTSOCK},
		"listen":      {func(fd int) Errno { return k.Listen(fd, 1) }, ENOTSOCK},
		"connect":     {func(fd int) Errno { return k.Connect(fd, a) }, ENOTSOCK},
		"shutdown":    {func(fd int) Errno { return k.Shutdown(fd, ShutBoth) }, ENOTSOCK},
		"setsockopt":  {func(fd int) Errno { return k.SetOption(fd, SolSocket, SoKeepalive, 1) }, ENOTSOCK},
		"linger":      {func(fd int) Errno { return k.SetLinger(fd, true, 0) }, ENOTSOCK},
		"getsockopt":  {value(func(fd int) (int, Errno) { return k.Option(fd, SolSocket, SoType) }), ENOTSOCK},
		"outq":        {value(k.Outq), unix.ENOTTY},
		"recv":        {value(func(fd int) (int, Errno) { return k.Recv(fd, one, 0) }), ENOTSOCK},
		"send":        {value(func(fd int) (int, Errno) { return k.Send(fd, one, 0) }), ENOTSOCK},
		"getsockname": {address(k.LocalAddr), ENOTSOCK},
		"getpeername": {address(k.PeerAddr), ENOTSOCK},
		"splice":      {value(func(fd int) (int, Errno) { return k.Splice(fd, fd, 1) }), EBADF}, // not open for writing
		"epoll_ctl":   {func(fd int) Errno { return k.EpollAdd(fd, r, EpollIn, 1) }, EINVAL},
		"epoll del":   {func(fd int) Errno { return k.EpollDel(fd, r) }, EINVAL},
		"epoll poll":  {value(func(fd int) (int, Errno) { return k.EpollWait(fd, make([]Event, 1), 0) }), EINVAL},
		"epoll wait":  {value(func(fd int) (int, Errno) { return k.EpollWait(fd, make([]Event, 1), 1) }), EINVAL},
		"signal":      {k.Signal, EBADF},      // not open for writing
		"pipe size":   {value(k.PipeSize), 0}, //
		"set size":    {func(fd int) Errno { _, e := k.SetPipeSize(fd, 1<<12); return e }, 0},
		"accept": {func(fd int) Errno {
			got, peer, e := k.Accept(fd)
			if got != -1 || peer != (Addr{}) {
				t.Errorf("accept: %d from %+v beside an error", got, peer)
			}
			return e
		}, ENOTSOCK},
	} {
		if e := c.call(-1); e != EBADF {
			t.Errorf("%s of no descriptor: %v", name, e)
		}
		if e := c.call(r); e != c.ofPipe {
			t.Errorf("%s of a pipe: %v, want %v", name, e, c.ofPipe)
		}
	}
	if e := k.Close(-1); e != EBADF {
		t.Errorf("close of no descriptor: %v", e)
	}
	if _, e := k.Option(r, SolSocket, SoType); e != ENOTSOCK {
		t.Errorf("getsockopt of a pipe: %v", e)
	}
}

func pipeOf(t *testing.T, k Kernel) (r, w int, e Errno) {
	t.Helper()
	if r, w, e = k.Pipe(); e == 0 {
		owned(t, r, 0)
		owned(t, w, 0)
	}
	return r, w, e
}

// A descriptor that a child inherits stays open when it should close; one that blocks
// stops its loop.
func TestDescriptorsAreCloseOnExecAndDoNotBlock(t *testing.T) {
	k := hostOf(t)
	check := func(name string, fd int, e Errno, nonblock bool) {
		t.Helper()
		owned(t, fd, e)
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: not close-on-exec: %#x, %v", name, flags, err)
		}
		status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || (status&unix.O_NONBLOCK != 0) != nonblock || status&(unix.O_DIRECT|unix.O_ASYNC) != 0 {
			t.Errorf("%s: flags %#x, %v", name, status, err)
		}
	}
	fd, e := k.EpollCreate()
	check("epoll", fd, e, false)
	fd, e = k.Eventfd()
	check("eventfd", fd, e, true)
	r, w, e := k.Pipe()
	check("pipe, read", r, e, true)
	check("pipe, write", w, e, true)
	for f, domain := range map[Family]int{Inet4: AFInet, Inet6: AFInet6, Unix: AFUnix} {
		fd, e = k.Socket(f)
		check("socket", fd, e, true)
		for name, want := range map[int]int{SoDomain: domain, SoType: SockStream} {
			if got, e := k.Option(fd, SolSocket, name); got != want || e != 0 {
				t.Errorf("socket of family %d: option %d is %d, %v, want %d", f, name, got, e, want)
			}
		}
	}
}

// The address of the peer comes with the connection: after a reset nobody could ask.
func TestAcceptedConnectionIsAsItWasMade(t *testing.T) {
	k := hostOf(t)
	for f, ip := range map[Family]string{Inet4: "127.0.0.1", Inet6: "::1"} {
		ln, at := tcpListener(t, k, f, ip)
		if at.Family != f || at.AP.Addr() != netip.MustParseAddr(ip) || at.AP.Port() == 0 {
			t.Errorf("the listener is at %+v", at)
		}
		info, err := unix.GetsockoptTCPInfo(ln, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.Sacked != 17 { // a listener tells its backlog there (tcp_get_info)
			t.Errorf("backlog %d, %v, want 17", info.Sacked, err)
		}
		if got, peer, e := k.Accept(ln); got != -1 || peer != (Addr{}) || e != EAGAIN {
			t.Errorf("nobody connected, and accept: %d from %+v, %v", got, peer, e)
		}
		c, e := k.Socket(f)
		owned(t, c, e)
		if e := k.Connect(c, at); e != 0 && e != EINPROGRESS {
			t.Fatal(e)
		}
		s, peer, e := k.Accept(ln)
		owned(t, s, e)
		if status, err := unix.FcntlInt(uintptr(s), unix.F_GETFL, 0); err != nil || status&unix.O_NONBLOCK == 0 {
			t.Errorf("accepted: flags %#x, %v", status, err)
		}
		if flags, err := unix.FcntlInt(uintptr(s), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("accepted: not close-on-exec: %v", err)
		}
		for name, got := range map[string]func() (Addr, Errno){
			"accept4": func() (Addr, Errno) { return peer, 0 }, "getpeername": func() (Addr, Errno) { return k.PeerAddr(s) },
			"getsockname": func() (Addr, Errno) { return k.LocalAddr(c) },
		} {
			if a, e := got(); e != 0 || a.Family != f || a.AP.Addr() != netip.MustParseAddr(ip) || a.AP.Port() == at.AP.Port() || a != peer {
				t.Errorf("%s: %+v, %v; the listener is at %+v", name, a, e, at)
			}
		}
	}
}

// Each option is set on the level and under the name that were asked for, with its value.
func TestOptionsAreReadBack(t *testing.T) {
	k := hostOf(t)
	fd, e := k.Socket(Inet4)
	owned(t, fd, e)
	for _, o := range [][3]int{{SolSocket, SoKeepalive, 1}, {IPProtoT, TCPKeepIdle, 77}, {IPProtoT, TCPKeepIntvl, 78}, {SolSocket, SoReuseAddr, 1}} {
		if e := k.SetOption(fd, o[0], o[1], o[2]); e != 0 {
			t.Errorf("%v: %v", o, e)
		}
	}
	for _, o := range [][3]int{{SolSocket, SoKeepalive, 1}, {IPProtoT, TCPKeepIdle, 77}, {IPProtoT, TCPKeepIntvl, 78}, {SolSocket, SoReuseAddr, 1}} {
		if got, e := k.Option(fd, o[0], o[1]); got != o[2] || e != 0 {
			t.Errorf("%v: %d, %v", o, got, e)
		}
	}
	for _, want := range []unix.Linger{{Onoff: 1, Linger: 0}, {Onoff: 1, Linger: 7}, {Onoff: 0, Linger: 7}} {
		if e := k.SetLinger(fd, want.Onoff == 1, int(want.Linger)); e != 0 {
			t.Fatal(e)
		}
		if got, err := unix.GetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER); err != nil || got.Onoff != want.Onoff || want.Onoff == 1 && *got != want {
			t.Errorf("linger %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestBytesFlagsAndEndsArePassedOn(t *testing.T) {
	k := hostOf(t)
	a, b := unixPair(t)
	buf := make([]byte, 10)
	if n, e := k.Outq(a); n != 0 || e != 0 {
		t.Errorf("nothing was sent: %d unread, %v", n, e)
	}
	if n, e := k.Send(a, []byte("hello"), 0); n != 5 || e != 0 {
		t.Fatal(n, e)
	}
	if n, e := k.Outq(a); n < 5 || e != 0 {
		t.Errorf("5 bytes were sent: %d unread, %v", n, e)
	}
	if n, e := k.Recv(b, buf[:3], MsgPeek); n != 3 || e != 0 || string(buf[:3]) != "hel" {
		t.Errorf("peek: %d, %v, %q", n, e, buf[:3])
	}
	if n, e := k.Recv(b, buf, 0); n != 5 || e != 0 || string(buf[:5]) != "hello" {
		t.Errorf("recv: %d, %v, %q", n, e, buf[:5])
	}
	if _, e := k.Recv(b, buf, 0); e != EAGAIN {
		t.Errorf("recv of nothing: %v", e)
	}
	if n, e := k.Send(a, []byte("!"), unix.MSG_OOB); n != 1 || e != 0 {
		t.Error(n, e)
	}
	if n, e := k.Recv(b, buf, unix.MSG_OOB); n != 1 || e != 0 || buf[0] != '!' {
		t.Errorf("a flag of send was lost: %d, %v, %q", n, e, buf[:1])
	}
	if e := k.Shutdown(a, ShutWrite); e != 0 {
		t.Fatal(e)
	}
	if n, e := k.Recv(b, buf, 0); n != 0 || e != 0 {
		t.Errorf("behind the end: %d, %v", n, e)
	}
	if n, e := k.Send(b, []byte("back"), 0); n != 4 || e != 0 {
		t.Errorf("the other half was shut, too: %d, %v", n, e)
	}
}

// Without MSG_NOSIGNAL a peer that has gone would end a program that asks for SIGPIPE.
func TestSendToNobodySendsNoSignal(t *testing.T) {
	k := hostOf(t)
	sent := make(chan os.Signal, 1)
	signal.Notify(sent, unix.SIGPIPE)
	defer signal.Stop(sent)
	a, b := unixPair(t)
	if e := k.Shutdown(b, ShutRead); e != 0 {
		t.Fatal(e)
	}
	if _, e := k.Send(a, []byte("x"), 0); e != EPIPE {
		t.Errorf("%v", e)
	}
	signal.Notify(sent, unix.SIGWINCH) // comes behind whatever was sent before
	unix.Kill(unix.Getpid(), unix.SIGWINCH)
	if got := <-sent; got != unix.SIGWINCH {
		t.Error(got)
	}
}
