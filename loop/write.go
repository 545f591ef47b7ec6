package loop

import (
	"math"
	"net"
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
	local  *sys.Addr // the listener's address, nil if it is unspecified, or none
}

func newSettings(m Marks, o *fd.Options) *settings {
	set := &settings{Marks: m.withDefaults(), linger: o.Linger}
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

// Write sends p, and queues what the socket does not take, and what is above 255 KiB in
// one turn: it never waits, and p is the caller's again when it returns. All of p is
// taken, or Write returns an error. It takes nothing and returns ErrQueueFull at the
// limit (Writable is called when there is room again), a *net.OpError with EPIPE after
// CloseWrite, net.ErrClosed after Close, and ErrTaken on a relayed connection. When the
// connection has failed it returns why, with the number of bytes that were sent before.
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
	case c.out != nil && c.out.n+len(p) > c.set.Limit:
		c.flags |= congested
		return 0, ErrQueueFull
	}
	rest, e := c.sendNow(p)
	if e != 0 {
		c.loop.push(&c.Registration) // a timer's Write: no event will bring the task here
		return len(p) - len(rest), c.opError("write", e)
	}
	if len(rest) > 0 {
		c.enqueue(rest)
	}
	return len(p), nil
}

func (c *Conn) enqueue(p []byte) {
	if c.out == nil {
		c.out = new(queue)
	}
	c.out.add(c.loop, p)
	c.loop.count.InFlight += len(p)
	if c.out.n >= c.set.High {
		c.flags |= congested
	}
}

// sendNow sends what the socket takes of p, if nothing is queued before it, and returns
// the rest. A short send is tried again: only EAGAIN promises the event that goes on
// with it. A peer that reads fast could keep the loop so: what is above the connection's
// share of the turn is left, and sent in the next.
func (c *Conn) sendNow(p []byte) (rest []byte, e sys.Errno) {
	if c.out != nil {
		return p, 0
	}
	for len(p) > 0 && c.fd.Ready()&fd.Writable != 0 {
		room := c.room()
		if room == 0 {
			c.loop.push(&c.Registration)
			break
		}
		n, e := c.send(p[:min(len(p), room)])
		if e == sys.EAGAIN {
			break
		}
		if e != 0 {
			return p, e
		}
		c.wrote += uint8((n + 1<<10 - 1) >> 10)
		p = p[n:]
	}
	return p, 0
}

// room is how many bytes more Write may send in this turn.
func (c *Conn) room() int {
	if turn := uint8(c.loop.batch); c.turn != turn {
		c.turn, c.wrote = turn, 0
	}
	return int(math.MaxUint8-c.wrote) << 10
}

// send makes one call, and takes what it moved out of the visit's budget.
func (c *Conn) send(p []byte) (n int, e sys.Errno) {
	l := c.loop
	l.count.Sends++
	n, e = c.fd.Send(l.k, p)
	l.count.BytesOut += uint64(n)
	l.left -= n
	return n, e
}

// Flush sends what is queued, as far as the socket takes it and the visit's budget goes,
// and reports whether nothing is left. With the budget spent, the connection's task is
// run again in the next turn. A task that took over from handlers calls it before it
// writes.
func (c *Conn) Flush() (empty bool, err error) {
	if c.out == nil {
		return true, nil
	}
	l := c.loop
	for c.out.n > 0 && c.fd.Ready()&fd.Writable != 0 {
		if l.left <= 0 {
			l.push(&c.Registration)
			break
		}
		n, e := c.send(c.out.head())
		if e == sys.EAGAIN {
			break
		}
		if e != 0 {
			c.out.wake(l, true)
			return false, c.opError("write", e)
		}
		c.out.sent(l, n)
		l.count.InFlight -= n
	}
	if c.out.n <= c.set.Low {
		c.out.wake(l, false)
	}
	if c.out.n > 0 {
		return false, nil
	}
	c.out = nil
	if c.flags&shutting != 0 {
		c.flags &^= shutting
		c.fd.ShutdownWrite(l.k)
	}
	return true, nil
}

// Buffered is the number of bytes in the write queue.
func (c *Conn) Buffered() int {
	if c.out == nil {
		return 0
	}
	return c.out.n
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
