package loop_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// Faults that this code once had, each by what would happen again.

func resetConn(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func gone(t *testing.T, srv *loop.Server) {
	t.Helper()
	testkit.Eventually(t, "the connection is gone", func() bool {
		c := srv.Group().Counters()
		return c.Registered > 1 && c.Conns == 0 && c.InFlight == 0
	})
}

// A peer that floods, does not read, and resets: Data is not called behind
// back-pressure, so something else must see the reset.
func TestResetBehindBackPressureEndsTheConnection(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	c.Write(make([]byte, 64<<20))
	resetConn(c)
	gone(t, srv)
}

// After the end was read no read tells of a reset.
func TestResetAfterTheEndWasReadEndsTheConnection(t *testing.T) {
	for _, queued := range []int{0, 12 << 20} {
		testkit.Leaks(t)
		srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
			_, err := c.CopyTo(io.Discard)
			if err == io.EOF {
				c.Write(make([]byte, queued))
				return nil // the other half stays open
			}
			return err
		})}
		c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
		c.(*net.TCPConn).CloseWrite()
		time.Sleep(50 * time.Millisecond)
		resetConn(c)
		gone(t, srv)
	}
}

func TestHandlerThatSwallowsAnErrorIsNotCalledForEver(t *testing.T) {
	testkit.Leaks(t)
	var calls atomic.Int64
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		calls.Add(1)
		c.Next()
		return nil
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	time.Sleep(20 * time.Millisecond)
	resetConn(c)
	gone(t, srv)
	if n := calls.Load(); n > 10 {
		t.Errorf("%d calls", n)
	}
}

// A proxy of CopyTo, whose sink is slow: the source waits for it, and is woken.
func TestCopyToAnotherConnectionNeitherSpinsNorStops(t *testing.T) {
	testkit.Leaks(t)
	back, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			toUp, _ := loop.OnData(func(c *loop.Conn) error {
				_, err := c.CopyTo(up)
				if err == io.EOF {
					up.CloseWrite()
				}
				return err
			}).Open(c)
			toDown, _ := loop.OnData(func(up *loop.Conn) error { _, err := up.CopyTo(io.Discard); return err }).Open(up)
			return errors.Join(up.Serve(toDown), c.Serve(toUp))
		})
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	sink, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	const n = 32 << 20
	go func() {
		out := content.Stream{K: 1}
		out.Send(c, n, func() int { return 64 << 10 })
		c.(*net.TCPConn).CloseWrite()
	}()
	testkit.Eventually(t, "the queue is full", func() bool { return srv.Group().Counters().InFlight > 256<<10 })
	time.Sleep(50 * time.Millisecond)
	before := srv.Group().Counters().Turns
	time.Sleep(300 * time.Millisecond)
	if turns := srv.Group().Counters().Turns - before; turns > 200 {
		t.Errorf("%d turns in 0.3 s of waiting", turns)
	}
	in := content.Stream{K: 1}
	if err := in.Receive(sink); err != nil || in.Pos != n {
		t.Errorf("%d bytes, %v", in.Pos, err)
	}
}

// A read from a posted function that stops for its budget goes on by itself.
func TestBudgetSpentOutsideAVisitIsNotTheEnd(t *testing.T) {
	testkit.Leaks(t)
	var got atomic.Int64
	handles := make(chan loop.Handle, 1)
	drain := func(c *loop.Conn) error {
		n, err := c.CopyTo(io.Discard)
		got.Add(n)
		return err
	}
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: openFunc(func(c *loop.Conn) (loop.Session, error) {
		s, err := loop.OnData(drain).Open(c)
		c.Pause()
		handles <- c.Handle()
		return s, err
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	const n = 2 << 20
	go c.Write(make([]byte, n))
	h := <-handles
	time.Sleep(200 * time.Millisecond)
	h.Do(func(c *loop.Conn) { c.Resume(); drain(c) })
	testkit.Eventually(t, "all is read", func() bool { return got.Load() == n })
}

// The peer sends all before it reads, and so do we: a close must read on.
func TestCloseWithBothDirectionsFullDelivers(t *testing.T) {
	testkit.Leaks(t)
	const n = 16 << 20
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Marks: loop.Marks{Limit: 2 * n}, Handler: loop.OnData(func(c *loop.Conn) error {
		if _, err := c.Next(); err != nil {
			return err
		}
		c.Write(make([]byte, n))
		return io.EOF
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); len(b) != n || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestWriteByHandleAfterCloseDoesNotReset(t *testing.T) {
	testkit.Leaks(t)
	handles := make(chan loop.Handle, 1)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		c.Next()
		c.Write(make([]byte, 8<<20))
		handles <- c.Handle()
		return nil
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	h := <-handles
	h.Close()
	h.Write([]byte("too late"))
	if b, err := io.ReadAll(c); len(b) != 8<<20 || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// redialler dials again when its connection ends, as a client that reconnects
// would: also when it ends because the loop does.
type redialler struct {
	loop.Session
	to   string
	told chan error
}

func (r redialler) Closed(c *loop.Conn, err error) {
	again := new(loop.Dialer).Dial(c.Loop(), "tcp", r.to, func(_ *loop.Conn, err error) error { r.told <- err; return err })
	if again != nil {
		r.told <- again
	}
}

func TestDialsAtTheLoopsEndAreToldAndLeakNothing(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo()}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	l := g.Loops()[0]
	told, served := make(chan error, 1), make(chan error)
	l.Post(func() {
		new(loop.Dialer).Dial(l, "tcp", addr.String(), func(c *loop.Conn, err error) error {
			s, _ := echo().Open(c)
			served <- c.Serve(redialler{s, addr.String(), told})
			return nil
		})
	})
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	g.Close()
	if err := <-told; err == nil {
		t.Error("a dial from an ended loop succeeded")
	}
	testkit.GivenBack(t, g)
}

// starving is the host's kernel without a descriptor for new sockets.
type starving struct{ sys.Kernel }

func (starving) Socket(sys.Family) (int, sys.Errno) { return -1, sys.EMFILE }

func TestDialThatWaitsForADescriptorIsToldOfTheEnd(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	g, err := loop.Start(loop.Config{Loops: 1, Kernel: starving{host}})
	if err != nil {
		t.Fatal(err)
	}
	l, told := g.Loops()[0], make(chan error, 1)
	l.Post(func() {
		new(loop.Dialer).Dial(l, "tcp", "127.0.0.1:1", func(_ *loop.Conn, err error) error { told <- err; return err })
	})
	time.Sleep(50 * time.Millisecond)
	g.Close()
	if err := <-told; !errors.Is(err, loop.ErrServerClosed) {
		t.Errorf("%v", err)
	}
	testkit.GivenBack(t, g)
}

func TestTimersCountFromWhenTheyAreArmed(t *testing.T) {
	testkit.Leaks(t)
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	l, took := g.Loops()[0], make(chan time.Duration, 1)
	l.Post(func() {
		time.Sleep(100 * time.Millisecond) // a slow handler: the loop's clock stands still
		begin := time.Now()
		l.AfterFunc(80*time.Millisecond, func() { took <- time.Since(begin) })
	})
	if d := <-took; d < 80*time.Millisecond {
		t.Errorf("80 ms took %v", d)
	}
}

func TestServerServesOnceAndEndsWithClose(t *testing.T) {
	testkit.Leaks(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &loop.Server{Handler: echo()}
	if _, err := srv.Listen("tcp", busy.Addr().String()); err == nil {
		t.Fatal("an address in use was given twice")
	}
	busy.Close()
	addr, err := srv.Listen("tcp", busy.Addr().String()) // as it was before
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background()) }()
	c := dial(t, addr)
	b := []byte("x")
	c.Write(b)
	io.ReadFull(c, b)
	if err := srv.Serve(context.Background()); err == nil {
		t.Error("it serves twice")
	}
	c.Write(b)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Errorf("a second Serve disturbed the first: %v", err)
	}
	srv.Close()
	if err := <-served; !errors.Is(err, loop.ErrServerClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
	if _, err := srv.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, loop.ErrServerClosed) {
		t.Errorf("Listen after Close: %v", err)
	}
	testkit.GivenBack(t, srv.Group())
}

// fullTable is the host's kernel whose descriptors are all in use until one of ours
// is closed.
type fullTable struct {
	sys.Kernel
	freed atomic.Bool
}

func (k *fullTable) Close(fd int) sys.Errno {
	k.freed.Store(true)
	return k.Kernel.Close(fd)
}

func (k *fullTable) Socket(f sys.Family) (int, sys.Errno) {
	if !k.freed.Load() {
		return -1, sys.EMFILE
	}
	return k.Kernel.Socket(f)
}

// With every descriptor in use a dial is lent the reserve's.
func TestReserveDescriptorServesADial(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	g, err := loop.Start(loop.Config{Loops: 1, Kernel: &fullTable{Kernel: host}})
	if err != nil {
		t.Fatal(err)
	}
	l, told := g.Loops()[0], make(chan error, 1)
	l.Post(func() {
		d := &loop.Dialer{Timeout: 500 * time.Millisecond}
		d.Dial(l, "tcp", ln.Addr().String(), func(c *loop.Conn, err error) error {
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
