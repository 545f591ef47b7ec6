package loop_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// The limit of a write queue counts what is in the queue. A write above it is
// refused whole, and what was taken before arrives.
func TestWriteAboveTheLimitIsRefusedWhole(t *testing.T) {
	testkit.Leaks(t)
	const limit, piece = 256 << 10, 32 << 10
	taken := make(chan int, 1)
	srv := &loop.Server{
		Config: loop.Config{Loops: 1},
		Marks:  loop.Marks{Low: 1 << 10, High: 2 << 10, Limit: limit},
		Handler: loop.OnData(func(c *loop.Conn) error {
			if _, err := c.Next(); err != nil {
				return err
			}
			for n := 0; ; n += piece { // to a peer that does not read
				m, err := c.Write(make([]byte, piece))
				if c.Buffered() > limit {
					t.Errorf("%d bytes are queued, the limit is %d", c.Buffered(), limit)
					return io.ErrShortBuffer
				}
				if err == nil {
					continue
				}
				if m != 0 || !errors.Is(err, loop.ErrQueueFull) || c.Buffered() <= limit-piece {
					t.Errorf("%d, %v, with %d bytes queued", m, err, c.Buffered())
				}
				taken <- n
				return io.EOF
			}
		}),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	b, err := io.ReadAll(c)
	select {
	case n := <-taken:
		if len(b) != n || err != nil {
			t.Errorf("%d bytes arrived of %d taken, %v", len(b), n, err)
		}
	default:
		t.Errorf("no write was refused; %d bytes arrived, %v", len(b), err)
	}
}

// A handler that reads and writes by itself is held back as CopyTo is: above the
// high mark Data is not called.
func TestDataIsNotCalledAboveTheHighMark(t *testing.T) {
	testkit.Leaks(t)
	const high, visit = 100 << 10, 256 << 10
	var most atomic.Int64
	srv := &loop.Server{
		Config: loop.Config{Loops: 1},
		Marks:  loop.Marks{Low: 10 << 10, High: high},
		Handler: loop.OnData(func(c *loop.Conn) error {
			for {
				b, err := c.Next()
				if err != nil {
					return err
				}
				if _, err := c.Write(b); err != nil {
					return err
				}
				most.Store(max(most.Load(), int64(c.Buffered())))
			}
		}),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	const n = 32 << 20
	go func() {
		c.Write(make([]byte, n))
		c.(*net.TCPConn).CloseWrite()
	}()
	time.Sleep(300 * time.Millisecond)
	if b, err := io.ReadAll(c); len(b) != n || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	// Below the mark one visit may read its budget, and a buffer at the end of it.
	if got := most.Load(); got <= high || got > high+visit+64<<10 {
		t.Errorf("%d bytes were queued, want more than High, and at most a visit more", got)
	}
}

// noSockets is the host's kernel without descriptors for new sockets, when told.
type noSockets struct {
	sys.Kernel
	on atomic.Bool
}

func (k *noSockets) Socket(f sys.Family) (int, sys.Errno) {
	if k.on.Load() {
		return -1, sys.EMFILE
	}
	return k.Kernel.Socket(f)
}

// Accepting is paused for a dial that waits for a descriptor, and goes on when the
// dial has one.
func TestAcceptingGoesOnAfterADialWaited(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &noSockets{Kernel: host}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k, Logger: logTo(io.Discard)}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	for range 3 {
		k.on.Store(true)
		l, told := srv.Group().Loops()[0], make(chan error, 1)
		l.Post(func() {
			err := new(loop.Dialer).Dial(l, "tcp", addr.String(), func(_ *loop.Conn, err error) error {
				told <- err
				return io.EOF
			})
			if err != nil {
				told <- err
			}
		})
		time.Sleep(50 * time.Millisecond)
		k.on.Store(false)
		if err := <-told; err != nil {
			t.Fatalf("the dial that waited: %v", err)
		}
		c := dial(t, addr)
		c.SetDeadline(time.Now().Add(3 * time.Second))
		c.Write([]byte("x"))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatalf("a connection after it: %v", err)
		}
		c.Close()
	}
}

// flooder writes above its high mark, and is told when it may go on.
type flooder struct{ told chan int }

func (s flooder) Closed(*loop.Conn, error) {}
func (s flooder) Data(c *loop.Conn) error {
	b, err := c.Next()
	if len(b) > 0 {
		c.Write(make([]byte, 12<<20))
	}
	return err
}
func (s flooder) Writable(c *loop.Conn) error { s.told <- c.Buffered(); return nil }

func TestWritableIsCalledOnceAtTheLowMark(t *testing.T) {
	testkit.Leaks(t)
	s := flooder{make(chan int, 100)}
	srv := &loop.Server{
		Config:  loop.Config{Loops: 1},
		Marks:   loop.Marks{Low: 10 << 10, High: 100 << 10},
		Handler: openFunc(func(*loop.Conn) (loop.Session, error) { return s, nil }),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	time.Sleep(50 * time.Millisecond)
	if len(s.told) > 0 {
		t.Error("it was called above the mark")
	}
	if _, err := io.ReadFull(c, make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	gone(t, srv)
	if len(s.told) != 1 {
		t.Fatalf("%d calls, want 1", len(s.told))
	}
	if n := <-s.told; n > 10<<10 {
		t.Errorf("it was called with %d bytes queued", n)
	}
}

// MaxConns is met exactly, however many wait, and each that goes makes room for one
// at once: a pause would end by itself, but only after 100 ms.
func TestNoConnectionAboveMaxConns(t *testing.T) {
	testkit.Leaks(t)
	const limit, all = 2, 5
	srv := &loop.Server{Handler: echo(), MaxConns: limit, Config: loop.Config{Loops: 1, Stepped: true, Logger: logTo(io.Discard)}}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer srv.Close()
	var clients []net.Conn
	for range all {
		clients = append(clients, dial(t, addr))
	}
	srv.Accept()
	step := func() loop.Counters {
		l := srv.Group().Loops()[0]
		l.Step(false)
		c := l.Counters()
		if c.Conns > limit {
			t.Fatalf("%d connections at once", c.Conns)
		}
		return c
	}
	testkit.Eventually(t, "the first are accepted", func() bool { return step().Accepted == limit })
	for i, c := range clients {
		c.Close()
		testkit.Eventually(t, "its end is seen", func() bool { return step().Finished == uint64(i+1) })
		step() // in which the listener is told
		if n := step().Accepted; n != uint64(min(limit+i+1, all)) {
			t.Errorf("%d were accepted when %d had gone", n, i+1)
		}
	}
}
