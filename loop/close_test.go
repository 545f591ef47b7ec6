package loop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// CloseWrite with a queue: the end comes after what was written before it.
func TestEndFollowsTheWriteQueue(t *testing.T) {
	testkit.Leaks(t)
	const n = 12 << 20
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		b, err := c.Next()
		if len(b) > 0 {
			c.Write(make([]byte, n))
			if c.Buffered() == 0 {
				t.Error("nothing is queued: this test stands on a peer that does not read")
			}
			c.CloseWrite()
		}
		return err
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	if b, err := io.ReadAll(c); len(b) != n || err != nil {
		t.Errorf("%d bytes in front of the end, want %d: %v", len(b), n, err)
	}
}

// A peer that never ends its half does not keep a closed connection for ever.
func TestLingerBoundsAClose(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{
		Config:  loop.Config{Loops: 1},
		Socket:  fd.Options{Linger: 100 * time.Millisecond},
		Handler: loop.OnData(func(c *loop.Conn) error { c.Next(); return io.EOF }),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v, want the end", err)
	}
	gone(t, srv) // within 10 s, the peer being there
}

// What a connection's queue held when it was cut is reported.
func TestStrandedBytesOfACutConnectionAreCounted(t *testing.T) {
	testkit.Leaks(t)
	queued := make(chan int, 1)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		c.Next()
		c.Write(make([]byte, 12<<20))
		queued <- c.Buffered()
		c.Abort()
		return nil
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("x"))
	n := <-queued
	gone(t, srv)
	if got := srv.Group().Counters().BytesStranded; n == 0 || got != uint64(n) {
		t.Errorf("%d bytes stranded, %d were queued", got, n)
	}
}

// A connection ends while a dial on its behalf is under way: nobody gets what the
// dial brings, and its end is told.
func TestDialForAConnectionThatEndedBringsNone(t *testing.T) {
	for name, end := range map[string]func(*loop.Conn){
		"aborted": (*loop.Conn).Abort,
		"closing": func(c *loop.Conn) { c.Close() }, // until its peer closes, too
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			back, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer back.Close()
			told := make(chan error, 1)
			srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
				err := c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
					if up != nil {
						err = errors.New("it brought a connection")
					}
					told <- err
					return err
				})
				end(c)
				return err
			})}
			addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
			c, refused := net.Dial("tcp", addr.String()) // the reset may come first
			if err := <-told; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v, want net.ErrClosed", err)
			}
			if refused == nil {
				c.Close()
			}
			gone(t, srv)
		})
	}
}

// What waits in the backlog when the drain begins holds itself for accepted.
func TestBacklogIsServedWhenTheDrainBegins(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), MaxConns: 1, DrainTimeout: 5 * time.Second, Config: loop.Config{Loops: 1, Logger: logTo(io.Discard)}}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	var clients []net.Conn
	for range 4 {
		c := dial(t, addr)
		c.Write([]byte("x"))
		clients = append(clients, c)
	}
	io.ReadFull(clients[0], make([]byte, 1)) // the others wait
	cancel()
	for i, c := range clients[1:] {
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Errorf("client %d: %v", i+1, err)
		}
	}
	for _, c := range clients {
		c.Close()
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	testkit.GivenBack(t, srv.Group())
}

// Linger bounds silence: a peer that is slow, and reads on, gets everything, though it
// takes many times as long.
func TestCloseWaitsForAPeerThatReadsOn(t *testing.T) {
	testkit.Leaks(t)
	const n, linger = 2 << 20, time.Second
	srv := &loop.Server{
		Config: loop.Config{Loops: 1},
		Socket: fd.Options{Linger: linger, SendBuffer: 64 << 10},
		Handler: loop.OnData(func(c *loop.Conn) error {
			if _, err := c.Next(); err != nil {
				return err
			}
			c.Write(make([]byte, n))
			return io.EOF
		}),
	}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(num uintptr) { syscall.SetsockoptInt(int(num), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10) })
	}}
	c, err := d.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("x"))
	begin, got := time.Now(), 0
	for b := make([]byte, 64<<10); ; time.Sleep(linger / 16) {
		m, err := io.ReadFull(c, b)
		got += m
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			t.Fatalf("%d bytes, then %v", got, err)
		}
	}
	if took := time.Since(begin); got != n || took < 3*linger/2 {
		t.Errorf("%d bytes of %d in %v: this test stands on a transfer longer than %v", got, n, took, linger)
	}
}

// What a drain reports as stranded is what it cut itself, and not what was cut before.
func TestDrainReportsWhatItCut(t *testing.T) {
	testkit.Leaks(t)
	queued := make(chan int, 1)
	srv := &loop.Server{
		Config:       loop.Config{Loops: 1, Logger: logTo(io.Discard)},
		DrainTimeout: -1,
		Handler: loop.OnData(func(c *loop.Conn) error {
			b, _ := c.Next()
			c.Write(make([]byte, 12<<20))
			queued <- c.Buffered()
			if string(b) == "abort" {
				c.Abort()
			}
			return nil
		}),
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	dial(t, addr).Write([]byte("abort"))
	before := <-queued
	testkit.Eventually(t, "the first is cut", func() bool { n := srv.Group().Counters(); return n.Resets == 1 && n.Conns == 0 })
	dial(t, addr).Write([]byte("stay"))
	<-queued
	cancel()
	err = <-served
	stranded := int(srv.Group().Counters().BytesStranded) - before
	want := fmt.Sprintf("%v of -1ns: 1 reset, %d bytes stranded", loop.ErrDrainTimeout, stranded)
	if !errors.Is(err, loop.ErrDrainTimeout) || err.Error() != want || before == 0 || stranded <= 0 {
		t.Errorf("%v, want %s", err, want)
	}
	testkit.GivenBack(t, srv.Group())
}
