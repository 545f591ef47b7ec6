package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock/penstock/fd"
)

// A Drainer is a Session that wants to know that the server is being drained: to
// tell its peer, to finish what it is at, and to close. One that does not, a relay,
// a parked connection or a dial goes on until it ends by itself, or the drain's time
// does: with an idle client of a plain echo server Serve answers ErrDrainTimeout.
type Drainer interface {
	Drain(c *Conn)
}

// drain ends the service: no more listening, time for the connections, the rest
// reset.
func (s *Server) drain(g *Group) error {
	timeout := s.DrainTimeout
	if timeout == 0 {
		timeout = defaultDrain
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(timeout, 0))
	defer cancel()
	s.unlink() // first: the path may be a successor's as soon as nobody listens
	s.stopListening(ctx, g)
	for _, l := range g.loops {
		l.Post(l.drainSessions)
	}
	for g.conns.Load() > 0 && ctx.Err() == nil {
		select {
		case <-g.drained:
			continue
		case <-g.stop:
		case <-ctx.Done():
		}
		break
	}
	left := g.conns.Load()
	stranded := g.Counters().BytesStranded
	switch err := g.closeWithin(ctx, endFor); {
	case err == errHeld:
		return fmt.Errorf("%w of %v: %w", ErrDrainTimeout, timeout, err)
	case err != nil:
		return ErrServerClosed // by Close, which is over now
	case left > 0:
		return fmt.Errorf("%w of %v: %d reset, %d bytes stranded", ErrDrainTimeout, timeout, left, g.Counters().BytesStranded-stranded)
	}
	return nil
}

// endFor is how long the loops have to end once the drain's time is over. They need a
// turn each, and their workers and the log a second.
const endFor = 5 * time.Second

// errHeld says that a loop does not end. Its handler does not return, and Go has no way
// to make it.
var errHeld = errors.New("a handler holds its loop, and does not return")

// closeWithin is close, but does not wait for longer than d after ctx has ended. What
// is left then ends when the handler that holds a loop returns.
func (g *Group) closeWithin(ctx context.Context, d time.Duration) error {
	closed := make(chan error, 1)
	go func() { closed <- g.close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-closed:
		return err
	case <-time.After(d):
		return errHeld
	}
}

// stopListening takes what waits in the backlogs, whose peers hold it for
// accepted, and closes the listeners. It returns when that is done or ctx has ended, but
// for those that have run out of descriptors: they go on with what is freed, and count
// as a connection.
func (s *Server) stopListening(ctx context.Context, g *Group) {
	g.mu.Lock()
	listeners := slices.Clone(g.listeners) // they stay: one that is paused waits for a descriptor
	g.mu.Unlock()
	done := make(chan struct{}, len(listeners))
	for _, a := range listeners {
		if a.loop.Post(func() { defer func() { done <- struct{}{} }(); a.stop() }) != nil {
			done <- struct{}{}
		}
	}
	for range listeners {
		select {
		case <-done:
		case <-ctx.Done(): // a handler holds the loop
			return
		}
	}
}

// lastAccepts bounds what is taken from a backlog at the end.
const lastAccepts = 4096

func (a *listener) stop() {
	if a.task == nil {
		return
	}
	l := a.loop
	a.resume()
	a.fd.Note(fd.Readable)
	a.stopping, a.last = true, lastAccepts
	l.guard(&a.Registration, a.takeLast)
}

func (a *listener) takeLast() {
	l := a.loop
	l.left = lastAccepts * acceptCost
	if a.take(); !a.paused {
		a.Fail(ErrServerClosed)
		return
	}
	l.k.Listen(a.fd.Num(), 0) // nobody new, as far as the kernel lets us
	a.counted = true
	l.addConn(1)
}

// drainSessions has Drain called for the sessions that have it, in portions.
func (l *Loop) drainSessions() {
	l.draining = true
	for i := range l.slab.used {
		if r := l.slab.at(i).r; r != nil {
			if v, ok := r.task.(*serving); ok {
				v.c.drainSoon()
			}
		}
	}
}

// drainSoon posts the call of Drain, if the session has it. When its turn comes the
// connection may be closing, or another task's.
func (c *Conn) drainSoon() {
	v := c.task.(*serving)
	if d, ok := v.s.(Drainer); ok {
		c.Handle().Do(func(c *Conn) {
			if c.task == Task(v) && c.flags&closing == 0 {
				c.loop.running.callsSession(v)
				d.Drain(c)
			}
		})
	}
}
