package loop

import (
	"math"
	"net"
	"os"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

const defaultLinger = 30 * time.Second

// Close ends the connection in order: what is queued is sent, then our end of
// the stream; what the peer still sends is thrown away until its own end. A peer that
// takes nothing of what is left, or has all and does not end, is waited for for
// fd.Options.Linger (30 s), and then reset. Closing at once instead would answer those
// bytes with a reset, which destroys what we sent and the peer has not read yet
// (tcp_close). Of a relayed connection it cuts the relay: both sides are reset.
func (c *Conn) Close() error {
	if c.closed.Load() || c.flags&closing != 0 {
		return net.ErrClosed
	}
	v, ok := c.task.(*serving)
	if !ok {
		if _, isParked := c.task.(parked); !isParked {
			c.task.Fail(net.ErrClosed) // a relay has it: it ends as a whole
			return nil
		}
		v = &serving{c: c}
		c.task = v
	}
	c.flags |= closing
	v.left, v.quiet = unknownLeft, 0
	c.loop.Arm(&v.timer, c.set.linger/lingerLooks, (*lingering)(v))
	c.loop.push(&c.Registration)
	return nil
}

// Abort resets the connection: what is queued is dropped, and the peer's next
// read or write fails with ECONNRESET. It has no such effect on Unix sockets,
// which know no reset.
func (c *Conn) Abort() {
	if !c.closed.Load() {
		c.task.Fail(net.ErrClosed)
	}
}

// lingerLooks is how often within Linger a close that waits is looked at.
const lingerLooks = 4

// unknownLeft is serving.left before the first look, which counts as progress: the peer may
// have taken the last of it just before.
const unknownLeft = math.MaxUint32

// lingering is a session's task while Close waits for its peer. Linger bounds the time
// without progress: what the socket has taken of the queue, or what the peer's kernel
// has acknowledged, of which no event tells. What the peer sends is no progress.
type lingering serving

func (v *lingering) Expire() {
	c := v.c
	left := uint32(c.Buffered())
	if n, e := c.loop.k.Outq(c.fd.Num()); e == 0 {
		left += uint32(n)
	}
	if v.quiet++; left != v.left {
		v.left, v.quiet = left, 0
	}
	if v.quiet == lingerLooks {
		(*serving)(v).Fail(os.ErrDeadlineExceeded)
		return
	}
	c.loop.Arm(&v.timer, c.set.linger/lingerLooks, v)
}

// finish goes on with a Close: flush, send our end, wait for the peer's.
func (v *serving) finish() (again bool) {
	c, l := v.c, v.c.loop
	if c.out == nil {
		c.fd.ShutdownWrite(l.k)
	}
	if c.fd.Err() != 0 {
		v.end(true)
		return false
	}
	// Reading goes on while the queue is being sent: a peer that sends all before
	// it reads would never come to read ours.
	for c.fd.Ready()&fd.Readable != 0 && !c.fd.ReadEnded() && l.left > 0 {
		l.count.Recvs++
		n, e := c.fd.Recv(l.k, l.read)
		if e == sys.EAGAIN {
			break
		}
		if e != 0 {
			v.end(true)
			return false
		}
		l.Spend(n)
	}
	if c.out == nil && c.fd.ReadEnded() {
		v.end(false)
		return false
	}
	return c.fd.Ready()&fd.Readable != 0 && !c.fd.ReadEnded()
}

// end closes the descriptor, and has Closed called when the running callback has returned.
func (v *serving) end(reset bool) {
	c := v.c
	if c.closed.Load() {
		return
	}
	if v.err == nil && c.fd.Err() != 0 {
		v.err = c.opError("close", c.fd.Err())
	}
	c.loop.Disarm(&v.timer)
	c.release(reset)
	if v.s != nil {
		c.loop.Later(v.callClosed)
	}
}

func (v *serving) callClosed() {
	v.c.loop.running.callsSession(v)
	v.s.Closed(v.c, v.err)
}

// Release closes the descriptor of a connection: in order, or with a reset. The
// task that attends to it calls it last of all; everybody else uses Close or Abort.
func (c *Conn) Release(reset bool) { c.release(reset) }

func (c *Conn) release(reset bool) {
	if c.closed.Load() {
		return
	}
	if reset {
		c.fd.Reset(c.loop.k)
		c.loop.count.Resets++
	} else {
		c.loop.count.Finished++
	}
	c.drop()
}

// drop closes the descriptor, and counts what the queue still held as stranded.
func (c *Conn) drop() {
	l := c.loop
	c.closed.Store(true)
	if c.out != nil {
		l.count.InFlight -= c.out.n
		l.count.BytesStranded += uint64(c.out.n)
		c.out.wake(l, true)
		c.out.free(l)
		c.out = nil
	}
	l.count.Conns--
	if c.tabled() {
		l.Later(func() { l.Later(c.forgetPeer) }) // behind Closed
	}
	l.addConn(-1) // before a listener that waits for a place is woken
	l.unregister(&c.Registration)
}
