package loop_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// exits is a session that ends its goroutine in one of its callbacks.
type exits struct{ in string }

func (s exits) here(in string) {
	if s.in == in {
		runtime.Goexit()
	}
}

func (s exits) Data(c *loop.Conn) error {
	s.here("Data")
	if s.in == "Do" {
		return c.Handle().Do(func(*loop.Conn) { s.here("Do") })
	}
	if s.in == "done" {
		return c.Dial("tcp", "127.0.0.1:1", func(*loop.Conn, error) error { s.here("done"); return nil })
	}
	if s.in == "timer" {
		c.Loop().AfterFunc(0, func() { s.here("timer") })
	}
	return io.ErrUnexpectedEOF
}
func (s exits) Writable(*loop.Conn) error { return nil }
func (s exits) Closed(*loop.Conn, error)  { s.here("Closed") }

// A handler that calls runtime.Goexit, as t.FailNow does, ends its connection, and the
// loop goes on with the others.
func TestGoexitEndsItsConnectionOnly(t *testing.T) {
	for _, lock := range []bool{false, true} {
		for _, in := range []string{"Open", "Data", "Do", "done", "timer", "Closed"} {
			t.Run(in, func(t *testing.T) {
				testkit.Leaks(t)
				first := true
				srv := &loop.Server{
					Config: loop.Config{Loops: 1, LockThreads: lock, Logger: logTo(io.Discard)},
					Handler: openFunc(func(c *loop.Conn) (loop.Session, error) {
						if first {
							first = false
							return echo().Open(c)
						}
						exits{in}.here("Open")
						return exits{in}, nil
					}),
				}
				addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
				bystander := dial(t, addr)
				for i := range 3 {
					bystander.Write([]byte("still"))
					if _, err := io.ReadFull(bystander, make([]byte, 5)); err != nil {
						t.Fatalf("bystander after %d: %v", i, err)
					}
					c, err := net.Dial("tcp", addr.String())
					if err != nil {
						continue // the reset came first
					}
					_, err = c.Write([]byte("x"))
					if err == nil { // else the write has met the reset, which is told once
						_, err = c.Read(make([]byte, 1))
					}
					if err == nil || err == io.EOF {
						t.Errorf("%v, want a reset", err)
					}
					c.Close()
				}
				testkit.Eventually(t, "they are counted as panics", func() bool { return srv.Group().Counters().Panics == 3 })
			})
		}
	}
}

// At the end of a group each callback of the end may do so.
func TestGoexitAtTheEndOfTheLoopEndsNoOthers(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{
		DrainTimeout: -1,
		Config:       loop.Config{Loops: 1, Logger: logTo(io.Discard)},
		Handler:      openFunc(func(*loop.Conn) (loop.Session, error) { return exits{"Closed"}, nil }),
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	for range 5 {
		dial(t, addr)
	}
	testkit.Eventually(t, "all are open", func() bool { return srv.Group().Counters().Conns == 5 })
	cancel()
	if err := <-served; !errors.Is(err, loop.ErrDrainTimeout) {
		t.Error(err)
	}
	testkit.GivenBack(t, srv.Group())
}

// A server that is closed by one of its handlers ends, and the handler does not wait.
func TestServerIsClosedByItsOwnHandler(t *testing.T) {
	testkit.Leaks(t)
	var srv *loop.Server
	srv = &loop.Server{Config: loop.Config{Loops: 2}, Handler: loop.OnData(func(c *loop.Conn) error {
		for range 2 {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
		}
		_, err := c.CopyTo(io.Discard)
		return err
	})}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background()) }()
	dial(t, addr).Write([]byte("x"))
	if err := <-served; !errors.Is(err, loop.ErrServerClosed) {
		t.Error(err)
	}
	testkit.GivenBack(t, srv.Group())
}
