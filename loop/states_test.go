package loop

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"golang.org/x/sys/unix"
)

// newTestConn returns a parked connection of l, and the descriptor of its peer. When the
// test ends both are closed, and the loop's registrations and connections are back.
func newTestConn(t *testing.T, l *Loop) (c *Conn, peer int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := l.count
	conns := l.group.conns.Load()
	l.addConn(1)
	c, err = l.newConn(pair[0], sys.Addr{Family: sys.Unix}, defaultSettings)
	if err != nil {
		t.Fatal(err)
	}
	l.turn(false) // takes the event of its registration
	t.Cleanup(func() {
		c.Abort()
		l.turn(false)
		unix.Close(pair[1])
		n := l.count
		if opened, closed := n.Registered-before.Registered, n.Unregistered-before.Unregistered; opened < 1 || closed != opened {
			t.Errorf("%d registrations, %d of them ended", opened, closed)
		}
		if n.Conns != before.Conns || n.InFlight != before.InFlight || l.group.conns.Load() != conns {
			t.Errorf("%d connections and %d bytes are left, %d counted", n.Conns-before.Conns, n.InFlight-before.InFlight, l.group.conns.Load()-conns)
		}
	})
	return c, pair[1]
}

// otherTask is a task that is no session's.
type otherTask struct{ c *Conn }

func (o otherTask) Ready(*Registration) bool { return false }
func (o otherTask) Fail(error)               { o.c.Release(true) }

// What each method returns in each state of a connection, and that it takes nothing when
// it returns an error.
func TestEveryMethodInEveryState(t *testing.T) {
	full := func(t *testing.T, c *Conn) {
		for c.out == nil {
			if _, err := c.Write(make([]byte, 100<<10)); err != nil {
				t.Fatal(err)
			}
			c.loop.turn(false)
		}
	}
	states := []struct {
		name  string
		enter func(t *testing.T, c *Conn, peer int)
		// What Read, Write, CloseWrite, Attend and Close return, in this order.
		want [5]error
	}{
		{"open", func(*testing.T, *Conn, int) {}, [5]error{ErrAgain, nil, nil, nil, nil}},
		{"queued", func(t *testing.T, c *Conn, _ int) { full(t, c) }, [5]error{ErrAgain, nil, nil, nil, nil}},
		{"write side shut", func(t *testing.T, c *Conn, _ int) { c.CloseWrite() }, [5]error{ErrAgain, syscall.EPIPE, nil, nil, nil}},
		{"write side to be shut", func(t *testing.T, c *Conn, _ int) { full(t, c); c.CloseWrite() }, [5]error{ErrAgain, syscall.EPIPE, nil, nil, nil}},
		{"peer's end read", func(t *testing.T, c *Conn, peer int) {
			unix.Shutdown(peer, unix.SHUT_WR)
			c.loop.turn(false)
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal(err)
			}
		}, [5]error{io.EOF, nil, nil, nil, nil}},
		{"sealed", func(t *testing.T, c *Conn, _ int) { c.Seal() }, [5]error{ErrTaken, ErrTaken, ErrTaken, nil, nil}},
		{"taken", func(t *testing.T, c *Conn, _ int) { c.Attend(otherTask{c}) }, [5]error{ErrAgain, nil, nil, ErrTaken, nil}},
		{"closing", func(t *testing.T, c *Conn, _ int) { full(t, c); c.Close() },
			[5]error{ErrAgain, net.ErrClosed, net.ErrClosed, net.ErrClosed, net.ErrClosed}},
		{"closed", func(t *testing.T, c *Conn, _ int) { c.Abort() },
			[5]error{net.ErrClosed, net.ErrClosed, net.ErrClosed, net.ErrClosed, net.ErrClosed}},
	}
	methods := []struct {
		name string
		call func(c *Conn) (int, error)
	}{
		{"Read", func(c *Conn) (int, error) { return c.Read(make([]byte, 1)) }},
		{"Write", func(c *Conn) (int, error) { return c.Write([]byte("x")) }},
		{"CloseWrite", func(c *Conn) (int, error) { return 0, c.CloseWrite() }},
		{"Attend", func(c *Conn) (int, error) { return 0, c.Attend(otherTask{c}) }},
		{"Close", func(c *Conn) (int, error) { return 0, c.Close() }},
	}
	for _, s := range states {
		for i, m := range methods {
			t.Run(s.name+"/"+m.name, func(t *testing.T) {
				l := newTestLoop(t)
				c, peer := newTestConn(t, l)
				s.enter(t, c, peer)
				l.left = visitBytes
				queued := c.Buffered()
				task := c.task
				n, err := m.call(c)
				if !errors.Is(err, s.want[i]) {
					t.Errorf("%v, want %v", err, s.want[i])
				}
				if err != nil && (n != 0 || c.Buffered() != queued || c.task != task) {
					t.Errorf("took %d bytes, %d are queued of %d, the task is %T", n, c.Buffered(), queued, c.task)
				}
				if m.name == "Write" && err == nil && n != 1 {
					t.Errorf("wrote %d bytes", n)
				}
				if m.name == "CloseWrite" && err == nil && c.out == nil != c.fd.WriteEnded() {
					t.Errorf("ended %v, with a queue: %v", c.fd.WriteEnded(), c.out != nil)
				}
			})
		}
	}
}

// The stream ends behind the queue, and not before: the peer reads all, and then the end.
func TestCloseWriteFollowsTheQueueOnce(t *testing.T) {
	l := newTestLoop(t)
	c, peer := newTestConn(t, l)
	sent := 0
	for c.out == nil {
		n, err := c.Write(make([]byte, 100<<10))
		if err != nil {
			t.Fatal(err)
		}
		sent += n
		l.turn(false)
	}
	if err := c.CloseWrite(); err != nil || c.fd.WriteEnded() {
		t.Fatalf("%v, ended %v with %d bytes queued", err, c.fd.WriteEnded(), c.Buffered())
	}
	read, p := 0, make([]byte, 64<<10)
	for range 10_000 {
		n, err := unix.Read(peer, p)
		if err == unix.EAGAIN {
			l.turn(false)
			continue
		}
		if n <= 0 {
			break
		}
		read += n
	}
	if read != sent || !c.fd.WriteEnded() || c.flags&shutting != 0 || c.out != nil {
		t.Errorf("the peer read %d of %d bytes; ended %v, flags %b", read, sent, c.fd.WriteEnded(), c.flags)
	}
}

// A connection that cannot be registered leaves nothing, and its peer reads a reset.
func TestConnThatCannotBeRegisteredIsGivenBack(t *testing.T) {
	l := newTestLoop(t)
	l.ended = true // then nothing can
	defer func() { l.ended = false }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f, err := a.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	num, err := unix.Dup(int(f.Fd()))
	f.Close()
	a.Close()
	if err != nil {
		t.Fatal(err)
	}
	l.addConn(1)
	got, err := l.newConn(num, sys.Addr{Family: sys.Inet4}, defaultSettings)
	var op *net.OpError
	if got != nil || !errors.As(err, &op) || op.Op != "register" || op.Net != "tcp" || !errors.Is(err, syscall.EBADF) {
		t.Errorf("%v, %#v", got, err)
	}
	if n := l.count; n.Rejected != 1 || n.Conns != 0 || n.Registered != 0 || l.group.conns.Load() != 0 || l.conns.Load() != 0 {
		t.Errorf("%+v, %d and %d connections", n, l.group.conns.Load(), l.conns.Load())
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v, want a reset", err)
	}
	if _, err := unix.FcntlInt(uintptr(num), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("descriptor %d is open: %v", num, err)
	}
}

// The marks that are not set, and those that make no sense.
func TestMarksHaveTheirDefaults(t *testing.T) {
	const kib = 1 << 10
	for _, m := range []struct{ is, want Marks }{
		{Marks{}, Marks{64 * kib, 256 * kib, 16384 * kib}},
		{Marks{-1, -1, -1}, Marks{64 * kib, 256 * kib, 16384 * kib}},
		{Marks{High: 10}, Marks{10, 10, 16384 * kib}},
		{Marks{Low: 1, High: 1, Limit: 1}, Marks{1, 1, 1 + 64*kib}},
		{Marks{Low: 2, High: 1}, Marks{1, 1, 16384 * kib}},
		{Marks{High: 100 * kib, Limit: 164 * kib}, Marks{64 * kib, 100 * kib, 164 * kib}},
		{Marks{High: 100 * kib, Limit: 165 * kib}, Marks{64 * kib, 100 * kib, 165 * kib}},
	} {
		if got := m.is.withDefaults(); got != m.want {
			t.Errorf("%v becomes %v, want %v", m.is, got, m.want)
		}
	}
	if s := newSettings(Marks{}, new(fd.Options)); s.linger != 30*time.Second {
		t.Errorf("linger %v", s.linger)
	}
	if s := newSettings(Marks{}, &fd.Options{Linger: 1}); s.linger != 1 {
		t.Errorf("linger %v", s.linger)
	}
}
