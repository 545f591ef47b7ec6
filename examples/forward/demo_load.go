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

// backend is the demo's other end. The first byte of a connection says what it
// wants: 'u' sends a stream, 'd' wants one, 'e' wants its messages back.
type backend struct {
	ln   net.Listener
	now  *atomic.Int32 // the phase
	ends sync.WaitGroup

	mu       sync.Mutex
	err      error  // guarded by mu; the first
	received uint64 // guarded by mu; verified bytes of the streams up
	sent     uint64 // guarded by mu; bytes of the streams down
}

func startBackend(now *atomic.Int32) (*backend, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &backend{ln: ln, now: now}
	b.ends.Add(1)
	go func() {
		defer b.ends.Done()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.ends.Add(1)
			go func() { defer b.ends.Done(); defer c.Close(); b.serve(c) }()
		}
	}()
	return b, nil
}

func (b *backend) addr() string { return b.ln.Addr().String() }
func (b *backend) close()       { b.ln.Close(); b.ends.Wait() }

func (b *backend) serve(c net.Conn) {
	var want [1]byte
	if _, err := io.ReadFull(c, want[:]); err != nil {
		return
	}
	switch want[0] {
	case 'u':
		in := content.Stream{K: 'u'}
		b.record(in.Receive(c), in.Pos, 0)
	case 'd':
		sent, err := sendUntil(c, b.now, 'd')
		b.record(err, 0, sent) // before the end, by which the client knows
		c.(*net.TCPConn).CloseWrite()
	case 'e':
		_, err := io.Copy(c, c)
		b.record(err, 0, 0)
	}
}

func (b *backend) record(err error, received, sent uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
	b.received += received
	b.sent += sent
}

// sendUntil sends a stream, in the phases that have one, until it is told to stop.
func sendUntil(c net.Conn, now *atomic.Int32, k uint64) (sent uint64, err error) {
	out := content.Stream{K: k}
	for now.Load() != over && err == nil {
		if now.Load() == messagesAlone {
			time.Sleep(time.Millisecond)
			continue
		}
		err = out.Send(c, 1<<20, func() int { return 128 << 10 })
	}
	return out.Pos, err
}

// load is the demo's clients.
type load struct {
	back     *backend
	now      *atomic.Int32 // the phase
	messages atomic.Int64
	streams  sync.WaitGroup
	pings    sync.WaitGroup
	conns    []net.Conn

	mu             sync.Mutex
	err            error                 // guarded by mu; the first
	took           [over][]time.Duration // by phase; guarded by mu until the pings have ended
	sent, received uint64                // guarded by mu
}

func startLoad(addr string, back *backend) (*load, error) {
	ld := &load{back: back, now: back.now}
	open := func(n int, kind byte, run func(net.Conn) error, group *sync.WaitGroup) error {
		for range n {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_, err = c.Write([]byte{kind})
			}
			if err != nil {
				return err
			}
			ld.conns = append(ld.conns, c)
			group.Add(1)
			go func() { defer group.Done(); ld.failed(run(c)) }()
		}
		return nil
	}
	err := errors.Join(
		open(demoStreams, 'u', ld.up, &ld.streams),
		open(demoStreams, 'd', ld.down, &ld.streams),
		open(demoPings, 'e', ld.ping, &ld.pings))
	return ld, err
}

func (ld *load) up(c net.Conn) error {
	sent, err := sendUntil(c, ld.now, 'u')
	c.(*net.TCPConn).CloseWrite()
	if _, e := io.Copy(io.Discard, c); e != nil { // the other half's end
		err = errors.Join(err, e)
	}
	ld.mu.Lock()
	defer ld.mu.Unlock()
	ld.sent += sent
	return err
}

func (ld *load) down(c net.Conn) error {
	in := content.Stream{K: 'd'}
	err := in.Receive(c)
	c.(*net.TCPConn).CloseWrite()
	ld.mu.Lock()
	defer ld.mu.Unlock()
	ld.received += in.Pos
	return err
}

func (ld *load) ping(c net.Conn) error {
	out, in := content.Stream{K: 'e'}, content.Stream{K: 'e'}
	message := make([]byte, demoMessage)
	var took [over][]time.Duration
	defer func() {
		ld.mu.Lock()
		defer ld.mu.Unlock()
		for i := range took {
			ld.took[i] = append(ld.took[i], took[i]...)
		}
	}()
	for phase := ld.now.Load(); phase != over; phase = ld.now.Load() {
		if phase == streamsAlone {
			time.Sleep(time.Millisecond)
			continue
		}
		out.Fill(message)
		begin := time.Now()
		if _, err := c.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, message); err != nil {
			return err
		}
		took[phase] = append(took[phase], time.Since(begin))
		if err := in.Verify(message); err != nil {
			return err
		}
		ld.messages.Add(1)
	}
	return nil
}

func (ld *load) failed(err error) {
	ld.mu.Lock()
	defer ld.mu.Unlock()
	ld.err = errors.Join(ld.err, err)
}

// end ends the streams, and the messages; the small connections stay open.
func (ld *load) end() {
	ld.now.Store(over)
	ld.streams.Wait()
	ld.pings.Wait()
}

func (ld *load) close() {
	for _, c := range ld.conns {
		c.Close()
	}
}

// lost is what was sent and did not arrive. What arrived wrong is an error.
func (ld *load) lost() uint64 {
	ld.back.mu.Lock()
	defer ld.back.mu.Unlock()
	return ld.sent - ld.back.received + ld.back.sent - ld.received
}

func (ld *load) verdict() error {
	ld.back.mu.Lock()
	defer ld.back.mu.Unlock()
	if err := errors.Join(ld.err, ld.back.err); err != nil {
		return err
	}
	if ld.sent != ld.back.received || ld.received != ld.back.sent {
		return fmt.Errorf("%d bytes up of %d, %d down of %d", ld.back.received, ld.sent, ld.received, ld.back.sent)
	}
	return nil
}
