package loop

import (
	"net"
	"slices"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// Marks bound the write queue of a connection, in bytes. At High the connection is
// congested (Conn.Congested): the loop stops calling Data, so that a peer which does
// not read its answers cannot make us read its questions. When the queue has come down
// to Low, it calls Writable, and then Data again. A Write that would take the queue
// above Limit is refused with ErrQueueFull; into an empty queue any one Write is taken.
// Limit is at least 64 KiB above High.
//
// High holds back the connection's own Data, not other writers: copy to it with CopyTo,
// or Pause the source and Resume it in the sink's Writable. A producer writes while the
// connection is not congested, and goes on in Writable.
type Marks struct {
	Low, High, Limit int
}

// Default marks: 64 KiB, 256 KiB, 16 MiB.
const (
	defaultLow   = 64 << 10
	defaultHigh  = 256 << 10
	defaultLimit = 16 << 20
)

// settings are what connections of one server or dialer share.
type settings struct {
	Marks
	linger time.Duration
}

func newSettings(m Marks, o *fd.Options) *settings {
	set := &settings{m.withDefaults(), o.Linger}
	if set.linger <= 0 {
		set.linger = defaultLinger
	}
	return set
}

func (m Marks) withDefaults() Marks {
	if m.High <= 0 {
		m.High = defaultHigh
	}
	if m.Low <= 0 || m.Low > m.High {
		m.Low = min(defaultLow, m.High)
	}
	if m.Limit <= 0 {
		m.Limit = defaultLimit
	}
	// Back-pressure comes first: what was read below High can always be written.
	m.Limit = max(m.Limit, m.High+pool.BufferSize)
	return m
}

// A queue holds what was written and not yet taken by the socket: b[from:].
type queue struct {
	b    []byte
	from int
	// waiters copy to this connection, and are woken at the low mark.
	waiters []*Registration
}

func (q *queue) await(r *Registration) {
	if !slices.Contains(q.waiters, r) {
		q.waiters = append(q.waiters, r)
	}
}

// wake has the sources that wait for room visited. When there will be none, as the
// connection has failed or ended, their Data is called whether they can be read or
// not: nothing else would tell them.
func (q *queue) wake(l *Loop, failed bool) {
	for _, r := range q.waiters {
		if failed {
			r.fd.Note(fd.Readable)
		}
		l.push(r)
	}
	q.waiters = nil
}

func (q *queue) len() int { return len(q.b) - q.from }

// add appends p, moving what is left to the front when that saves growing.
func (q *queue) add(p []byte) {
	if q.from > 0 && len(q.b)+len(p) > cap(q.b) {
		q.b = q.b[:copy(q.b, q.b[q.from:])]
		q.from = 0
	}
	q.b = append(q.b, p...)
}

// Write sends p, and queues what the socket does not take: it never waits, and p
// is the caller's again when it returns. All of p is taken, or it answers an error:
// ErrQueueFull at the limit (Writable is called when there is room again), a *net.OpError with EPIPE after CloseWrite,
// net.ErrClosed after Close, ErrTaken of a connection that is relayed, none of p being
// taken; or why the connection failed,
// with the number of bytes that were sent before.
func (c *Conn) Write(p []byte) (int, error) {
	switch {
	case c.closed.Load() || c.flags&closing != 0:
		return 0, net.ErrClosed
	case c.flags&sealed != 0:
		return 0, ErrTaken // it would stand in the middle of another's stream
	case c.fd.WriteEnded() || c.flags&shutting != 0:
		return 0, c.opError("write", sys.EPIPE)
	case c.fd.Err() != 0:
		return 0, c.opError("write", c.fd.Err()) // its queue would never be sent
	case c.out != nil && c.out.len()+len(p) > c.set.Limit:
		c.flags |= congested
		return 0, ErrQueueFull
	}
	rest := p
	if c.out == nil {
		var e sys.Errno
		if rest, e = c.send(p); e != 0 {
			c.loop.push(&c.Registration) // a timer's Write: no event will bring the task here
			return len(p) - len(rest), c.opError("write", e)
		}
	}
	if len(rest) > 0 {
		if c.out == nil {
			c.out = new(queue)
		}
		c.out.add(rest)
		c.loop.count.InFlight += len(rest)
		if c.out.len() >= c.set.High {
			c.flags |= congested
		}
	}
	return len(p), nil
}

// send writes until the socket takes no more, and answers what is left. A short
// send is tried again: only EAGAIN promises the event that goes on with it.
func (c *Conn) send(p []byte) (rest []byte, e sys.Errno) {
	l := c.loop
	for len(p) > 0 && c.fd.Ready()&fd.Writable != 0 {
		l.count.Sends++
		n, e := c.fd.Send(l.k, p)
		if e == sys.EAGAIN {
			break
		}
		if e != 0 {
			return p, e
		}
		l.count.BytesOut += uint64(n)
		p = p[n:]
	}
	return p, 0
}

// Flush sends what is queued, as far as the socket takes it, and says whether
// nothing is left. A task that took over from handlers calls it before it writes.
func (c *Conn) Flush() (empty bool, err error) {
	if c.out == nil {
		return true, nil
	}
	before := c.out.len()
	rest, e := c.send(c.out.b[c.out.from:])
	c.out.from = len(c.out.b) - len(rest)
	c.loop.count.InFlight -= before - len(rest)
	if e != 0 {
		c.out.wake(c.loop, true)
		return false, c.opError("write", e)
	}
	if len(rest) <= c.set.Low {
		c.out.wake(c.loop, false)
	}
	if len(rest) > 0 {
		return false, nil
	}
	c.out = nil
	if c.flags&shutting != 0 {
		c.flags &^= shutting
		c.fd.ShutdownWrite(c.loop.k)
	}
	return true, nil
}

// Buffered is the number of bytes in the write queue.
func (c *Conn) Buffered() int {
	if c.out == nil {
		return 0
	}
	return c.out.len()
}

// Congested reports whether the write queue has reached its high mark, or has refused a
// write, and has not come down to its low mark since: a producer should stop. Each time
// that it has begun to return true, Writable is called when it returns false again,
// unless the connection ends.
func (c *Conn) Congested() bool { return c.flags&congested != 0 }

// CloseWrite sends our end of the stream once the write queue has been sent.
// Reading goes on until the peer's end: the other half lives by itself.
func (c *Conn) CloseWrite() error {
	switch {
	case c.closed.Load() || c.flags&closing != 0:
		return net.ErrClosed
	case c.flags&sealed != 0:
		return ErrTaken
	case c.out != nil:
		c.flags |= shutting
		return nil
	}
	if e := c.fd.ShutdownWrite(c.loop.k); e != 0 {
		return c.opError("shutdown", e)
	}
	return nil
}
