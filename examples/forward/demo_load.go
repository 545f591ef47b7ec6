package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/internal/content"
)

// backend is both ends of the demonstration's connections: the server, and the load.
// The first byte of a connection says what it wants: 'u' sends a stream, 'd' wants one,
// 'e' wants its messages back.
type backend struct {
	ln   net.Listener
	ends sync.WaitGroup
	stop atomic.Bool // the streams

	mu             sync.Mutex
	err            error  // guarded by mu
	sent, received uint64 // bytes of the streams, both ways; guarded by mu
}

// patience is how long after its block a connection may take to end. It is an error, then,
// rather than a demonstration that stands.
const patience = 20 * time.Second

func startBackend() (*backend, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &backend{ln: ln}
	b.ends.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.ends.Go(func() { defer c.Close(); b.serve(c) })
		}
	})
	return b, nil
}

func (b *backend) addr() string { return b.ln.Addr().String() }
func (b *backend) close()       { b.ln.Close(); b.ends.Wait() }

func (b *backend) serve(c net.Conn) {
	var want [1]byte
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(c, want[:]); err != nil {
		b.record(err, 0, 0)
		return
	}
	switch want[0] {
	case 'u':
		b.receive(c, 'u')
	case 'd':
		b.send(c, 'd')
	case 'e':
		_, err := io.Copy(c, c)
		b.record(err, 0, 0)
	}
}

func (b *backend) record(err error, sent, received uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
	b.sent += sent
	b.received += received
}

// send sends a stream until it is told to stop, and ends it.
func (b *backend) send(c net.Conn, k uint64) {
	out := content.Stream{K: k}
	var err error
	for !b.stop.Load() && err == nil {
		err = out.Send(c, 1<<20, func() int { return 128 << 10 })
	}
	c.(*net.TCPConn).CloseWrite()
	b.record(err, out.Pos, 0)
}

func (b *backend) receive(c net.Conn, k uint64) {
	in := content.Stream{K: k}
	err := in.Receive(c)
	b.record(err, 0, in.Pos)
}

// dial opens a connection to a proxy, of the kind.
func dial(addr string, kind byte, wait time.Duration) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(wait + patience))
	_, err = c.Write([]byte{kind})
	return c, err
}

// streams sends through the proxy, both ways, and returns the bytes that arrived.
func (b *backend) streams(addr string, d time.Duration) (uint64, error) {
	b.stop.Store(false)
	before := b.moved()
	var running sync.WaitGroup
	run := func(kind byte, f func(net.Conn)) {
		running.Go(func() {
			c, err := dial(addr, kind, d)
			if err == nil {
				defer c.Close()
				f(c)
			}
			b.record(err, 0, 0)
		})
	}
	for range demoStreams {
		run('u', func(c net.Conn) {
			b.send(c, 'u')
			_, err := io.Copy(io.Discard, c) // the other half's end
			b.record(err, 0, 0)
		})
		run('d', func(c net.Conn) { b.receive(c, 'd') })
	}
	time.Sleep(d)
	b.stop.Store(true)
	running.Wait()
	moved := b.moved() - before
	if moved == 0 {
		return 0, errors.Join(errors.New("nothing arrived"), b.verdict())
	}
	return moved, nil
}

func (b *backend) moved() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.received
}

// messages sends one now and then on each of some connections, so seldom that none waits
// for another, and returns how long each took there and back.
func (b *backend) messages(addr string, d time.Duration) ([]time.Duration, error) {
	var all []time.Duration
	var running sync.WaitGroup
	for range demoPings {
		running.Go(func() {
			took, err := ping(addr, d)
			b.record(err, 0, 0)
			b.mu.Lock()
			defer b.mu.Unlock()
			all = append(all, took...)
		})
	}
	running.Wait()
	if len(all) == 0 {
		return nil, errors.Join(errors.New("no message was answered"), b.verdict())
	}
	return all, nil
}

func ping(addr string, d time.Duration) (took []time.Duration, err error) {
	c, err := dial(addr, 'e', d)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	out, in := content.Stream{K: 'e'}, content.Stream{K: 'e'}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(4 * time.Millisecond) {
		begin := time.Now()
		if err := exchangeOne(c, &out, &in); err != nil {
			return took, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

func exchangeOne(c net.Conn, out, in *content.Stream) error {
	message := make([]byte, demoMessage)
	out.Fill(message)
	if _, err := c.Write(message); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, message); err != nil {
		return err
	}
	return in.Verify(message)
}

// hold opens n connections, and exchanges a message on each.
func (b *backend) hold(addr string, n int) (closeAll func(), err error) {
	var conns []net.Conn
	closeAll = func() {
		for _, c := range conns {
			c.Close()
		}
	}
	for range n {
		c, err := dial(addr, 'e', 0)
		if err != nil {
			return closeAll, err
		}
		conns = append(conns, c)
		if err := exchangeOne(c, &content.Stream{K: 'e'}, &content.Stream{K: 'e'}); err != nil {
			return closeAll, err
		}
	}
	return closeAll, nil
}

// lost is how much was sent and did not arrive. What arrived wrong is an error.
func (b *backend) lost() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent - b.received
}

func (b *backend) verdict() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.sent != b.received {
		return fmt.Errorf("%d bytes were sent, and %d arrived", b.sent, b.received)
	}
	return b.err
}
