package loop

import (
	"errors"
	"io"

	"github.com/penstock/penstock/fd"
)

// A Handler opens connections.
type Handler interface {
	// Open is called once for each accepted connection, on the loop that will own
	// it, and answers the object that serves it. It may write at once. With nil
	// and no error the connection is parked until Serve (or a relay) takes it: what
	// is written to it is sent, but what arrives waits in the kernel, the peer's
	// end or reset is not noticed, and no timeout runs. io.EOF as error closes it
	// in order, any other resets it. Every Session that Open returns has its Closed
	// called once, with an error too.
	Open(c *Conn) (Session, error)
}

// A Session serves one connection. Its methods are called on the connection's loop
// and must not block: work that blocks goes to Group.Do. No callback of a loop is
// invoked within another one, whatever that one ends: sessions of one loop may share a
// mutex.
type Session interface {
	// Data is called when the connection can be read: bytes, the end of the
	// stream, or an error. Read until ErrAgain or io.EOF; what is left is given
	// another call in the next turn, and what was not read at all waits for more.
	// io.EOF as answer closes the connection in order, ErrAgain is nil, and any
	// other error resets it. After nil at the end of the stream the other half
	// stays open until Close.
	Data(c *Conn) error
	// Writable is called when the connection is not congested any more: the write
	// queue, having reached its high mark or refused a write, has come down to its low
	// mark. Errors are treated as Data's.
	Writable(c *Conn) error
	// Closed is the last call, exactly one for each session, when the connection's
	// descriptor is closed and the callback that ended it has returned. err is
	// nil after an end in order, else why it was cut: what a handler answered, a
	// *net.OpError, os.ErrDeadlineExceeded (a Close without progress for Linger),
	// net.ErrClosed (Abort), ErrPanic, or ErrServerClosed. It is not called once
	// another Session or a relay has taken the connection.
	Closed(c *Conn, err error)
}

// OnData makes a Handler of what is done with data, for servers whose
// connections keep no state.
func OnData(f func(c *Conn) error) Handler { return dataHandler(f) }

// OnOpen makes a Handler of what is done with a new connection, which is parked
// until f, or what f began, calls Serve or has it relayed.
func OnOpen(f func(c *Conn) error) Handler { return openHandler(f) }

type dataHandler func(c *Conn) error

func (h dataHandler) Open(*Conn) (Session, error) { return h, nil }
func (h dataHandler) Data(c *Conn) error          { return h(c) }
func (h dataHandler) Writable(*Conn) error        { return nil }
func (h dataHandler) Closed(*Conn, error)         {}

type openHandler func(c *Conn) error

func (h openHandler) Open(c *Conn) (Session, error) { return nil, h(c) }

// Serve makes s serve the connection, which must be parked (opened with a nil
// Session, or dialled), or served by another Session, which is not told. It answers
// net.ErrClosed if the connection has ended or is closing.
func (c *Conn) Serve(s Session) error {
	if err := c.Attend(&serving{c: c, s: s}); err != nil {
		return err
	}
	c.flags |= served
	if c.loop.draining {
		c.drainSoon()
	}
	return nil
}

// adopt makes s, which Open returned, serve the connection. Closed is called for s as
// well if Open left the connection ended, closing, or to another task.
func (c *Conn) adopt(s Session) {
	had := c.flags&served != 0 // by Serve: most likely s itself
	err := c.Serve(s)
	if err == nil || had {
		return
	}
	if v, ok := c.task.(*serving); ok {
		v.s = s // closing
		return
	}
	c.loop.Later(func() { s.Closed(c, err) })
}

// serving is the task of a connection that a session serves.
type serving struct {
	c     *Conn
	s     Session // nil: a parked connection that is being closed
	err   error   // for Closed
	timer Timer   // of a close under way
	left  uint32  // closing: bytes still to be taken or acknowledged at the last look
	quiet uint8   // closing: looks since there was progress
}

// Ready sends what is queued, then lets the session read. Above the high mark it
// does not: that is the back-pressure.
func (v *serving) Ready(*Registration) (again bool) {
	c := v.c
	c.Flush() // an error is kept, and met again below
	if c.loop.left <= 0 {
		return true
	}
	if c.flags&closing != 0 {
		return v.finish()
	}
	if v.cut() {
		return false
	}
	c.loop.running.callsSession(v)
	if c.flags&congested != 0 && c.Buffered() <= c.set.Low {
		c.flags &^= congested
		if !v.settle(v.s.Writable(c)) {
			return false
		}
	}
	if !v.wantsData() {
		return false
	}
	c.flags &^= touched
	if !v.settle(v.s.Data(c)) {
		return c.flags&closing != 0 // Close has work to do at once
	}
	if v.cut() {
		return false // Data met the error, or ran into back-pressure that will not end
	}
	return v.wantsData() && c.flags&touched != 0
}

// cut ends the connection if it has failed and no call of Data will return the error:
// a read has returned it already, or the queue will never come down to the low mark, or
// the end has been read, after which a reset shows in no read.
func (v *serving) cut() bool {
	c := v.c
	if c.fd.ReadEnded() && c.fd.Ready()&fd.Broken != 0 {
		c.fd.Probe(c.loop.k)
	}
	if c.fd.Err() == 0 || !c.fd.ReadEnded() && c.flags&(congested|told) == 0 {
		return false
	}
	op := "write"
	if c.flags&told != 0 {
		op = "read"
	}
	v.Fail(c.opError(op, c.fd.Err()))
	return true
}

func (v *serving) wantsData() bool {
	c := v.c
	return c.fd.Ready()&fd.Readable != 0 && c.flags&(paused|congested|closing) == 0 && !c.fd.ReadEnded()
}

// settle acts on a handler's answer and says whether the session goes on.
func (v *serving) settle(err error) (goesOn bool) {
	switch {
	case v.c.closed.Load() || v.c.flags&closing != 0 || v.c.task != Task(v):
		return false // it ended, or handed the connection on
	case err == nil || errors.Is(err, ErrAgain):
		return true
	case errors.Is(err, io.EOF):
		v.c.Close()
	default:
		v.Fail(err)
	}
	return false
}

// Fail resets the connection.
func (v *serving) Fail(err error) {
	v.err = err
	v.end(true)
}
