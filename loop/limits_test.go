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
