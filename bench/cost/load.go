package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/loop"
)

// The other end: an echo, a sink, and a server that answers every request of
// requestSize with responseSize bytes. They share the load's one loop.
const (
	requestSize  = 128
	responseSize = 1024
)

type backends struct {
	srv                *loop.Server
	echo, sink, answer string
	received           atomic.Uint64 // bytes at the sink
}

func startBackends() (*backends, error) {
	b := &backends{}
	b.srv = &loop.Server{
		Config: loop.Config{Loops: 1},
		Marks:  loop.Marks{High: 1},
		Handler: loop.OnOpen(func(c *loop.Conn) error {
			switch c.LocalAddr().String() {
			case b.echo:
				return c.Serve(echoSession{})
			case b.sink:
				return c.Serve(&sinkSession{b: b})
			}
			return c.Serve(&answerSession{})
		}),
	}
	for _, at := range []*string{&b.echo, &b.sink, &b.answer} {
		addr, err := b.srv.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*at = addr.String()
	}
	return b, nil
}

type quiet struct{}

func (quiet) Writable(*loop.Conn) error { return nil }
func (quiet) Closed(*loop.Conn, error)  {}
func (quiet) Data(c *loop.Conn) error   { _, err := c.CopyTo(io.Discard); return err }
func nextAll(c *loop.Conn) (n int, err error) {
	for {
		b, err := c.Next()
		n += len(b)
		if err != nil {
			return n, err
		}
	}
}

type echoSession struct{ quiet }

func (echoSession) Data(c *loop.Conn) error { _, err := c.CopyTo(c); return err }

type sinkSession struct {
	quiet
	b *backends
}

func (s *sinkSession) Data(c *loop.Conn) error {
	n, err := nextAll(c)
	s.b.received.Add(uint64(n))
	return err
}

type answerSession struct {
	quiet
	got int
}

var answer = make([]byte, responseSize)

func (s *answerSession) Data(c *loop.Conn) error {
	n, err := nextAll(c)
	for s.got += n; s.got >= requestSize; s.got -= requestSize {
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
	return err
}

// A load drives one target until it is stopped, and counts its units of work.
type load struct {
	done   atomic.Uint64
	errors atomic.Uint64
	stop   atomic.Bool
	open   atomic.Int64
}

// A session of a load sends first.
type session interface {
	loop.Session
	begin(c *loop.Conn) error
}

// start opens conns connections on the loop.
func (ld *load) start(l *loop.Loop, target string, conns int, fresh func() session) {
	for range conns {
		l.Post(func() { ld.dial(l, target, fresh) })
	}
}

func (ld *load) dial(l *loop.Loop, target string, fresh func() session) {
	d := &loop.Dialer{Marks: loop.Marks{High: 1}, Socket: fd.Options{KeepAlive: -1}}
	ld.open.Add(1)
	err := d.Dial(l, "tcp", target, func(c *loop.Conn, err error) error {
		if err != nil {
			ld.errors.Add(1)
			ld.open.Add(-1)
			return err
		}
		s := fresh()
		c.Serve(s)
		return s.begin(c)
	})
	if err != nil {
		panic(err)
	}
}

// wait waits until all connections are gone.
func (ld *load) wait() error {
	for range 1000 {
		if ld.open.Load() == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%d connections did not end", ld.open.Load())
}

// pingSession sends a request and waits for its answer, over and over.
type pingSession struct {
	ld       *load
	request  []byte
	response int
	got      int
}

func (s *pingSession) begin(c *loop.Conn) error  { _, err := c.Write(s.request); return err }
func (s *pingSession) Writable(*loop.Conn) error { return nil }
func (s *pingSession) Closed(_ *loop.Conn, err error) {
	if err != nil {
		s.ld.errors.Add(1)
	}
	s.ld.open.Add(-1)
}

func (s *pingSession) Data(c *loop.Conn) error {
	n, err := nextAll(c)
	s.got += n
	if err != loop.ErrAgain {
		return err
	}
	if s.got < s.response {
		return nil
	}
	s.got -= s.response
	s.ld.done.Add(1)
	if s.ld.stop.Load() {
		return io.EOF
	}
	_, err = c.Write(s.request)
	return err
}

// bulkSession writes as much as the connection takes.
type bulkSession struct {
	ld    *load
	chunk []byte
}

func (s *bulkSession) begin(c *loop.Conn) error { return s.Writable(c) }
func (s *bulkSession) Data(c *loop.Conn) error  { _, err := nextAll(c); return err }
func (s *bulkSession) Closed(_ *loop.Conn, err error) {
	if err != nil {
		s.ld.errors.Add(1)
	}
	s.ld.open.Add(-1)
}

func (s *bulkSession) Writable(c *loop.Conn) error {
	for range 8 {
		if s.ld.stop.Load() {
			c.Close()
			return nil
		}
		if _, err := c.Write(s.chunk); err != nil {
			return err
		}
		if c.Buffered() > 0 {
			return nil
		}
	}
	c.Loop().AfterFunc(0, func() { c.Handle().Do(func(c *loop.Conn) { s.Writable(c) }) })
	return nil
}

// onceSession sends one request, and closes when it is answered.
type onceSession struct {
	pingSession
	again func()
}

func (s *onceSession) Data(c *loop.Conn) error {
	n, err := nextAll(c)
	if s.got += n; s.got >= s.response && err == loop.ErrAgain {
		s.ld.done.Add(1)
		return io.EOF
	}
	return err
}

func (s *onceSession) Closed(c *loop.Conn, err error) {
	s.pingSession.Closed(c, err)
	if !s.ld.stop.Load() {
		s.again()
	}
}
