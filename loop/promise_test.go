package loop_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// A hub is what several sessions of a loop share, under one lock: a callback inside
// another one would wait for itself.
type hub struct {
	mu     sync.Mutex
	nested atomic.Int64
	calls  atomic.Int64
	closed atomic.Int64
}

func (h *hub) enter() (leave func()) {
	h.calls.Add(1)
	if !h.mu.TryLock() {
		h.nested.Add(1)
		return func() {}
	}
	return h.mu.Unlock
}

// A member is a session of a hub, which runs act in its Data.
type member struct {
	h   *hub
	act func(c *loop.Conn) error
	err error // of Closed
	n   int   // calls of Closed
}

func (m *member) Data(c *loop.Conn) error {
	defer m.h.enter()()
	if _, err := c.CopyTo(io.Discard); err != nil {
		return err
	}
	return m.act(c)
}

func (m *member) Writable(*loop.Conn) error { defer m.h.enter()(); return nil }

func (m *member) Drain(c *loop.Conn) { defer m.h.enter()(); c.Abort() }

func (m *member) Closed(_ *loop.Conn, err error) {
	defer m.h.enter()()
	m.n++
	m.err = err
	m.h.closed.Add(1)
}

// Whatever ends a connection, Closed comes after the callback that runs has returned.
func TestClosedComesAfterTheRunningCallback(t *testing.T) {
	back, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	refused := errors.New("refused by the callback")
	var other *loop.Conn
	for name, act := range map[string]func(h *hub, c *loop.Conn) error{
		"Abort in Data": func(_ *hub, c *loop.Conn) error { c.Abort(); return nil },
		"Abort in Do": func(h *hub, c *loop.Conn) error {
			return c.Handle().Do(func(c *loop.Conn) { defer h.enter()(); c.Abort() })
		},
		"Abort in a timer": func(h *hub, c *loop.Conn) error {
			c.Loop().AfterFunc(0, func() { defer h.enter()(); c.Abort() })
			return nil
		},
		"dial's callback": func(h *hub, c *loop.Conn) error {
			return c.Dial("unix", back.Addr().String(), func(*loop.Conn, error) error { defer h.enter()(); return refused })
		},
		"Abort of another": func(_ *hub, c *loop.Conn) error {
			if other == nil {
				other = c
				return nil
			}
			other.Abort() // of the same hub
			c.Abort()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			h := new(hub)
			srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: openFunc(func(*loop.Conn) (loop.Session, error) {
				return &member{h: h, act: func(c *loop.Conn) error { return act(h, c) }}, nil
			})}
			addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
			for range 2 {
				c := dial(t, addr)
				c.Write([]byte("x"))
				if name != "Abort of another" {
					c.Read(make([]byte, 1))
				}
				time.Sleep(10 * time.Millisecond)
			}
			gone(t, srv)
			if n := h.nested.Load(); n > 0 {
				t.Errorf("%d of %d calls came within another", n, h.calls.Load())
			}
			if n := h.closed.Load(); n != 2 {
				t.Errorf("Closed was called %d times, of 2 sessions", n)
			}
		})
	}
}

func TestClosedComesAfterDrain(t *testing.T) {
	testkit.Leaks(t)
	h := new(hub)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: openFunc(func(*loop.Conn) (loop.Session, error) {
		return &member{h: h, act: func(*loop.Conn) error { return nil }}, nil
	})}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()
	c := dial(t, addr)
	c.Write([]byte("x"))
	testkit.Eventually(t, "it is served", func() bool { return h.calls.Load() > 0 })
	cancel()
	if err := <-served; err != nil || h.nested.Load() > 0 || h.closed.Load() != 1 {
		t.Errorf("%v, %d calls within another, %d of Closed", err, h.nested.Load(), h.closed.Load())
	}
}

// Each session that Open returns is told of its end once, however Open leaves the
// connection.
func TestEachSessionOfOpenIsClosedOnce(t *testing.T) {
	refused := errors.New("refused")
	for name, try := range map[string]struct {
		open func(c *loop.Conn, s loop.Session) (loop.Session, error)
		want error
	}{
		"aborted":            {func(c *loop.Conn, s loop.Session) (loop.Session, error) { c.Abort(); return s, nil }, net.ErrClosed},
		"closed":             {func(c *loop.Conn, s loop.Session) (loop.Session, error) { c.Close(); return s, nil }, nil},
		"ended":              {func(c *loop.Conn, s loop.Session) (loop.Session, error) { return s, io.EOF }, nil},
		"refused":            {func(c *loop.Conn, s loop.Session) (loop.Session, error) { return s, refused }, refused},
		"served":             {func(c *loop.Conn, s loop.Session) (loop.Session, error) { return s, c.Serve(s) }, nil},
		"served and aborted": {func(c *loop.Conn, s loop.Session) (loop.Session, error) { c.Serve(s); c.Abort(); return s, nil }, net.ErrClosed},
		"served and closed":  {func(c *loop.Conn, s loop.Session) (loop.Session, error) { c.Serve(s); c.Close(); return s, nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			m := &member{h: new(hub), act: func(*loop.Conn) error { return nil }}
			srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: openFunc(func(c *loop.Conn) (loop.Session, error) {
				return try.open(c, m)
			})}
			if c, err := net.Dial("tcp", testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String()); err == nil { // the reset may come first
				c.Close()
			}
			gone(t, srv)
			if m.n != 1 || !errors.Is(m.err, try.want) {
				t.Errorf("Closed was called %d times, with %v, want %v", m.n, m.err, try.want)
			}
		})
	}
}

// A Read into nothing reads nothing, and says nothing of the stream.
func TestReadOfNothingIsNoEnd(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		if n, err := c.Read(nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
			return err
		}
		_, err := c.CopyTo(c)
		return err
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

// What a read from a posted function leaves behind brings no event of its own.
func TestReadOutsideOfDataLeavesTheRestToData(t *testing.T) {
	testkit.Leaks(t)
	const n = 1000
	var got atomic.Int64
	calls := 0
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		if calls++; calls > 1 {
			m, err := c.CopyTo(io.Discard)
			got.Add(m)
			return err
		}
		time.Sleep(20 * time.Millisecond) // all has arrived
		return c.Handle().Do(func(c *loop.Conn) {
			m, err := c.Read(make([]byte, 10))
			got.Add(int64(m))
			if m != 10 || err != nil {
				t.Errorf("%d, %v", m, err)
			}
		})
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write(make([]byte, n))
	testkit.Eventually(t, "all is read", func() bool { return got.Load() == n })
}

// A Unix socket connects at once. A callback that dials again would fill the stack.
func TestDialThatSucceedsAtOnceReturnsBeforeItsCallback(t *testing.T) {
	testkit.Leaks(t)
	back, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	go func() {
		for {
			c, err := back.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	l, told := g.Loops()[0], make(chan error, 1)
	dialling, left := false, 50
	var again func() error
	again = func() error {
		dialling = true
		defer func() { dialling = false }()
		return new(loop.Dialer).Dial(l, "unix", back.Addr().String(), func(_ *loop.Conn, err error) error {
			if dialling {
				err = errors.New("the callback was invoked within Dial")
			}
			if left--; left == 0 || err != nil {
				told <- err
				return io.EOF
			}
			again()
			return io.EOF
		})
	}
	l.Post(func() {
		if err := again(); err != nil {
			told <- err
		}
	})
	if err := <-told; err != nil {
		t.Error(err)
	}
}

// A producer writes while the queue is below High and goes on in Writable.
type producer struct {
	left, piece int
	wants       func(c *loop.Conn) bool
}

func (p *producer) fill(c *loop.Conn) error {
	for p.left > 0 && p.wants(c) {
		n := min(p.piece, p.left)
		if room := producerHigh - c.Buffered(); c.Buffered() > 0 && room > 0 {
			n = min(n, room) // never beyond High
		}
		if _, err := c.Write(make([]byte, n)); err != nil {
			return err
		}
		p.left -= n
	}
	if p.left == 0 {
		return io.EOF
	}
	return nil
}

func (p *producer) Data(c *loop.Conn) error {
	if _, err := c.CopyTo(io.Discard); err != nil {
		return err
	}
	return p.fill(c)
}
func (p *producer) Writable(c *loop.Conn) error { return p.fill(c) }
func (p *producer) Closed(*loop.Conn, error)    {}

const producerHigh = 128 << 10

// A write that lands exactly on High must bring a call of Writable, as one above it does.
func TestProducerIsCalledAgainWhereverItStopped(t *testing.T) {
	for name, wants := range map[string]func(c *loop.Conn) bool{
		"Buffered":  func(c *loop.Conn) bool { return c.Buffered() < producerHigh },
		"Congested": func(c *loop.Conn) bool { return !c.Congested() },
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			const n = 24 << 20
			srv := &loop.Server{
				Config: loop.Config{Loops: 1},
				Marks:  loop.Marks{Low: 16 << 10, High: producerHigh},
				Handler: openFunc(func(*loop.Conn) (loop.Session, error) {
					return &producer{left: n, piece: 1 << 10, wants: wants}, nil
				}),
			}
			c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
			c.Write([]byte("x"))
			testkit.Eventually(t, "something is queued", func() bool { return srv.Group().Counters().InFlight > 0 })
			if b, err := io.ReadAll(c); len(b) != n || err != nil {
				t.Errorf("%d bytes of %d, %v", len(b), n, err)
			}
		})
	}
}

// A write that is refused at the limit brings a call of Writable too, though the queue
// never reached High.
func TestWritableFollowsARefusedWrite(t *testing.T) {
	testkit.Leaks(t)
	s := &refused{}
	srv := &loop.Server{
		Config:  loop.Config{Loops: 1},
		Marks:   loop.Marks{Low: 1 << 10, High: 16 << 20, Limit: 17 << 20},
		Handler: openFunc(func(*loop.Conn) (loop.Session, error) { return s, nil }),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	time.Sleep(50 * time.Millisecond)
	if b, err := io.ReadAll(c); len(b) != 2*(12<<20) || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if !s.full.Load() {
		t.Error("no write was refused: this test stands on that")
	}
}

type refused struct {
	writes int
	full   atomic.Bool
}

func (s *refused) write(c *loop.Conn) error {
	for s.writes < 2 {
		_, err := c.Write(make([]byte, 12<<20))
		if errors.Is(err, loop.ErrQueueFull) {
			s.full.Store(true)
			return nil
		}
		if err != nil {
			return err
		}
		s.writes++
	}
	return io.EOF
}

func (s *refused) Data(c *loop.Conn) error {
	if _, err := c.CopyTo(io.Discard); err != nil {
		return err
	}
	return s.write(c)
}
func (s *refused) Writable(c *loop.Conn) error { return s.write(c) }
func (s *refused) Closed(*loop.Conn, error)    {}
