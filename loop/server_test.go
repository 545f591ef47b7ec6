package loop_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// teller is a session that echoes, and tells of its end.
type teller struct {
	closed *atomic.Int64
	panics bool
}

func (s *teller) Data(c *loop.Conn) error   { _, err := c.CopyTo(c); return err }
func (s *teller) Writable(*loop.Conn) error { return nil }
func (s *teller) Closed(*loop.Conn, error) {
	s.closed.Add(1)
	if s.panics {
		panic("in Closed")
	}
}

type opens func(c *loop.Conn) (loop.Session, error)

func (f opens) Open(c *loop.Conn) (loop.Session, error) { return f(c) }

// Close while the server drains: Serve answers ErrServerClosed, and neither it nor a
// second Close returns before everything is over.
func TestCloseEndsADrain(t *testing.T) {
	testkit.Leaks(t)
	var closed atomic.Int64
	srv := &loop.Server{Config: loop.Config{Loops: 2}, Handler: opens(func(*loop.Conn) (loop.Session, error) { return &teller{closed: &closed}, nil })}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, closes := make(chan error, 1), make(chan error, 2)
	go func() { served <- srv.Serve(ctx) }()
	const n = 50
	for range n {
		c := dial(t, addr)
		c.Write([]byte("x"))
		io.ReadFull(c, make([]byte, 1))
	}
	cancel()
	testkit.Eventually(t, "the drain", func() bool {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	for range 2 {
		go func() {
			err := srv.Close()
			if got := closed.Load(); got < n {
				t.Errorf("Close returned when %d of %d sessions had been told", got, n)
			}
			closes <- err
		}()
	}
	if err := <-served; !errors.Is(err, loop.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if got := closed.Load(); got < n {
		t.Errorf("Serve returned when %d of %d sessions had been told", got, n)
	}
	if a, b := <-closes, <-closes; (a == nil) == (b == nil) {
		t.Errorf("two Closes: %v, %v", a, b)
	}
	testkit.GivenBack(t, srv.Group())
}

// A panic in Closed is not that of whoever closed the connection.
func TestPanicInClosedEndsNobodyElse(t *testing.T) {
	testkit.Leaks(t)
	var log syncBuffer
	var closed atomic.Int64
	var victim *loop.Conn
	srv := &loop.Server{
		Config: loop.Config{Loops: 1, Logger: logTo(&log)},
		Handler: opens(func(c *loop.Conn) (loop.Session, error) {
			if victim == nil {
				victim = c
				return &teller{closed: &closed, panics: true}, nil
			}
			return &aborts{victim: victim}, nil
		}),
	}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	first := dial(t, addr)
	first.Write([]byte("x"))
	io.ReadFull(first, make([]byte, 1))
	second := dial(t, addr)
	second.Write([]byte("x"))
	if _, err := io.ReadFull(second, make([]byte, 1)); err != nil {
		t.Errorf("who closed another connection was cut: %v", err)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the other was not")
	}
	testkit.Eventually(t, "the panic is logged", func() bool { return strings.Contains(log.String(), "in Closed") })
	if closed.Load() != 1 {
		t.Errorf("closed %d times", closed.Load())
	}
}

// aborts is a session that aborts another's connection first, and then echoes.
type aborts struct{ victim *loop.Conn }

func (s *aborts) Data(c *loop.Conn) error {
	if s.victim != nil {
		s.victim.Abort()
		s.victim = nil
	}
	_, err := c.CopyTo(c)
	return err
}
func (s *aborts) Writable(*loop.Conn) error { return nil }
func (s *aborts) Closed(*loop.Conn, error)  {}

// Nobody would accept on a listener that came after Serve, nor close it.
func TestListenAfterServeIsRefused(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	c := dial(t, addr)
	c.Write([]byte("x"))
	io.ReadFull(c, make([]byte, 1)) // it serves
	if a, err := srv.Listen("tcp", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "Serve") {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

// meeting is the host's kernel, whose second listen(2) gives Close time to run.
type meeting struct {
	sys.Kernel
	calls int
	close func()
}

func (k *meeting) Listen(num, backlog int) sys.Errno {
	if k.calls++; k.calls == 2 {
		go k.close()
		time.Sleep(50 * time.Millisecond)
	}
	return k.Kernel.Listen(num, backlog)
}

// However Listen and Close meet, no listener is left.
func TestListenBesideCloseLeavesNothing(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	over := make(chan error, 1)
	k := &meeting{Kernel: host}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k}}
	k.close = func() { over <- srv.Close() }
	for range 2 {
		if _, err := srv.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A server that ends removes its own Unix socket, and not its successor's.
func TestEndingServerLeavesItsSuccessorsSocket(t *testing.T) {
	testkit.Leaks(t)
	path := filepath.Join(t.TempDir(), "s")
	old := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	if _, err := old.Listen("unix", path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	successor := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	addr := testkit.Serve(t, successor, "unix", path)
	old.Close()
	c := dial(t, addr)
	c.Write([]byte("x"))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestTCP6IsNoIPv4(t *testing.T) {
	testkit.Leaks(t)
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here: ", err)
	} else {
		ln.Close()
	}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1}}
	four, err := srv.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	_, port, _ := net.SplitHostPort(four.String())
	if six, err := srv.Listen("tcp6", ":"+port); err != nil {
		t.Errorf("%v, beside %v: %v", six, four, err)
	}
	other, err := srv.Listen("tcp6", ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(other.String())
	if c, err := net.DialTimeout("tcp4", "127.0.0.1:"+port, time.Second); err == nil {
		c.Close()
		t.Error("tcp6 takes IPv4")
	}
}

// A copy to a connection of another loop would be a race; it is refused.
func TestCopyBetweenLoopsIsRefused(t *testing.T) {
	testkit.Leaks(t)
	first, told := make(chan *loop.Conn, 1), make(chan error, 1)
	var sink *loop.Conn
	srv := &loop.Server{Config: loop.Config{Loops: 2}, Handler: loop.OnData(func(c *loop.Conn) error {
		if sink == nil {
			sink = c
			first <- c
			_, err := c.Next()
			return err
		}
		_, err := c.CopyTo(sink)
		told <- err
		return err
	})}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	a := dial(t, addr)
	a.Write([]byte("x"))
	<-first
	b := dial(t, addr) // to the other loop, which has fewer connections
	b.Write([]byte("x"))
	if err := <-told; err == nil || !strings.Contains(err.Error(), "loop") {
		t.Errorf("%v", err)
	}
}
