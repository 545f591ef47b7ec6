package loop_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// faulty is the host's kernel, but for the calls that are told to fail.
type faulty struct {
	sys.Kernel
	localAddr, shutdown sys.Errno
	unconnected         atomic.Int32 // so many connects are not made, and said to be under way
	eventless           atomic.Bool  // no wait brings an event
}

func newFaulty(t *testing.T) *faulty {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	return &faulty{Kernel: host}
}

func (k *faulty) LocalAddr(num int) (sys.Addr, sys.Errno) {
	if k.localAddr != 0 {
		return sys.Addr{}, k.localAddr
	}
	return k.Kernel.LocalAddr(num)
}

func (k *faulty) Shutdown(num, how int) sys.Errno {
	if k.shutdown != 0 {
		return k.shutdown
	}
	return k.Kernel.Shutdown(num, how)
}

func (k *faulty) Connect(num int, a sys.Addr) sys.Errno {
	if k.unconnected.Add(-1) >= 0 {
		return sys.EINPROGRESS
	}
	return k.Kernel.Connect(num, a)
}

func (k *faulty) EpollWait(epfd int, events []sys.Event, timeout int64) (int, sys.Errno) {
	if k.eventless.Load() {
		return 0, 0
	}
	return k.Kernel.EpollWait(epfd, events, timeout)
}

func TestListenWhoseAddressIsUnknownFails(t *testing.T) {
	testkit.Leaks(t)
	k := newFaulty(t)
	k.localAddr = syscall.ENOBUFS
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 2, Kernel: k}, Balance: loop.ByKernel}
	if addr, err := srv.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("%v, %v: want ENOBUFS", addr, err)
	}
}

// A peer that waits for our end must not wait for one that could not be sent.
func TestCloseWhoseShutdownFailsResets(t *testing.T) {
	testkit.Leaks(t)
	k := newFaulty(t)
	k.shutdown = syscall.EINVAL
	srv := &loop.Server{Config: loop.Config{Loops: 1, Kernel: k}, Handler: loop.OnData(func(c *loop.Conn) error {
		if _, err := c.CopyTo(c); err != nil {
			return err
		}
		return c.Close()
	})}
	c, err := net.Dial("tcp", testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write([]byte("abc"))
	if b, err := io.ReadAll(c); string(b) != "abc" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%q, %v: want abc, and a reset", b, err)
	}
}

// A connect that turns out not to have been made is made, and waited for.
func TestDialGoesOnAfterAFalseInProgress(t *testing.T) {
	testkit.Leaks(t)
	k := newFaulty(t)
	k.unconnected.Store(1)
	back := testkit.Serve(t, &loop.Server{Handler: echo()}, "tcp", "127.0.0.1:0")
	g, err := loop.Start(loop.Config{Loops: 1, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	d := &loop.Dialer{Timeout: 10 * time.Second}
	g.Loops()[0].Post(func() {
		d.Dial(g.Loops()[0], "tcp", back.String(), func(c *loop.Conn, err error) error {
			told <- err
			return io.EOF
		})
	})
	if err := <-told; err != nil {
		t.Error(err)
	}
	g.Close()
	testkit.GivenBack(t, g)
}

// A dial that is given up just when it came to be must not look like a connection
// that was ended in order.
func TestDialGivenUpIsReset(t *testing.T) {
	testkit.Leaks(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	k := newFaulty(t)
	g, err := loop.Start(loop.Config{Loops: 1, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	l := g.Loops()[0]
	told := make(chan error, 1)
	l.Post(func() {
		k.eventless.Store(true) // the event comes a moment too late
		d := &loop.Dialer{Timeout: 5 * time.Millisecond}
		d.Dial(l, "tcp", ln.Addr().String(), func(c *loop.Conn, err error) error {
			k.eventless.Store(false)
			told <- err
			return err
		})
	})
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-told; err == nil {
		t.Fatal("the dial came to be, without an event")
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v: want a reset", err)
	}
	g.Close()
	testkit.GivenBack(t, g)
}
