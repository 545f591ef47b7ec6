package loop

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// retryAfter is when a dial is tried again that found no descriptor free, or
// the backlog of a Unix listener full, which no event tells the end of.
const retryAfter = 10 * time.Millisecond

// A dial is the task of a socket that connects.
type dial struct {
	l         *Loop
	conn      *Conn // the socket of the attempt under way, nil between attempts
	parent    *Conn // on whose behalf; nil if nobody's
	d         *Dialer
	done      func(*Conn, error) error
	network   string
	addr      sys.Addr   // being tried
	rest      []sys.Addr // to be tried next
	source    *sys.Addr
	first     error // why the first of them failed
	failure   error // that done is to be told of when Dial has returned
	timer     Timer
	deadline  int64
	starved   bool // counted in Group.starving
	calling   bool // Dial has not returned yet
	connected bool // at once: a Unix socket
}

// begin tries t.addr.
func (t *dial) begin() {
	l := t.l
	if t.orphaned() {
		t.fail(net.ErrClosed)
		return
	}
	num, call, e := fd.Dial(l.k, t.addr, t.source, &t.d.Socket)
	if outOfDescriptors(e) && l.group.lendSpare() {
		num, call, e = fd.Dial(l.k, t.addr, t.source, &t.d.Socket)
	}
	if !outOfDescriptors(e) {
		t.fed()
	}
	switch {
	case outOfDescriptors(e) || t.passing(call, e):
		t.starve(outOfDescriptors(e))
	case e != 0 && e != sys.EINPROGRESS:
		t.next(os.NewSyscallError(call, e))
	default:
		t.attempt(num, e == 0)
	}
}

func outOfDescriptors(e sys.Errno) bool { return e == sys.EMFILE || e == sys.ENFILE }

// passing says that a failure passes: the backlog of a Unix listener is full, the
// ports towards the last address are all in use, memory is short. Of IPv6 the errno of
// the ports may mean as well that there is no address to connect from: that stays.
func (t *dial) passing(call string, e sys.Errno) bool {
	switch e {
	case sys.EAGAIN:
		return t.addr.Family == sys.Unix
	case sys.EADDRNOTAVAIL:
		return call == "connect" && (t.addr.Family == sys.Inet4 || t.source != nil) && len(t.rest) == 0
	}
	return e == sys.ENOBUFS || e == sys.ENOMEM
}

// orphaned says that the connection on whose behalf we dial is gone, or going.
func (t *dial) orphaned() bool {
	return t.parent != nil && (t.parent.closed.Load() || t.parent.flags&closing != 0)
}

// starve waits, with accepting paused if it is descriptors that are short.
func (t *dial) starve(descriptors bool) {
	if descriptors && !t.starved {
		t.starved = true
		t.l.group.starving.Add(1)
	}
	t.l.Arm(&t.timer, min(retryAfter, max(time.Duration(t.deadline-t.l.k.Now()), 0)), t)
}

// attempt registers the socket, and waits for the event unless it is connected.
func (t *dial) attempt(num int, connected bool) {
	l := t.l
	l.addConn(1)
	c, err := l.newConn(num, t.addr.Family, t.d.settings())
	if err != nil {
		t.next(err)
		return
	}
	t.conn, t.connected = c, connected
	c.task = t
	if connected {
		l.push(&c.Registration) // the callback comes after Dial has returned
		return
	}
	c.fd.Clear(fd.Writable)
	l.Arm(&t.timer, t.share(), t)
}

// leastShare is how long an address has at least, however many come behind it.
const leastShare = 2 * time.Second

// share is how long the address being tried has: of what is left as much as each of
// those behind it, so that one that does not answer does not cost them their turn. It
// reads the clock: Loop.Now may be old by as long as a handler held the loop before.
func (t *dial) share() time.Duration {
	left := max(time.Duration(t.deadline-t.l.k.Now()), 0)
	return max(left/time.Duration(len(t.rest)+1), min(left, leastShare))
}

// Ready asks how the connect went, unless the event says so: a socket that can be
// written, without HUP or ERR, is connected, and so was one that has an urgent mark.
// Else only the call proves anything: some kernels report a HUP while the connect goes
// on. At a mark the call could not tell: a look there finds nothing if a signal is
// pending (FD.Recv), and the bytes behind it would be lost.
func (t *dial) Ready(*Registration) bool {
	c := t.conn
	if r := c.fd.Ready(); t.connected || r&(fd.Writable|fd.Broken) == fd.Writable || r&fd.Urgent != 0 {
		t.succeed()
		return false
	}
	switch e := fd.Connected(t.l.k, c.fd.Num(), t.addr); e {
	case 0:
		t.succeed()
	case sys.EALREADY, sys.EINPROGRESS:
		c.fd.Clear(fd.Writable | fd.Readable | fd.Ended | fd.Broken)
	default:
		t.next(os.NewSyscallError("connect", e))
	}
	return false
}

// Expire is the end of an address's share of the time, of all of it, or of the wait for
// a descriptor; or the first moment at which done may be told of a failure.
func (t *dial) Expire() {
	switch {
	case t.failure != nil:
		t.end(t.failure)
	case t.conn != nil:
		t.next(os.ErrDeadlineExceeded)
	case t.l.now >= t.deadline:
		t.rest = nil
		t.next(os.ErrDeadlineExceeded)
	default:
		t.begin()
	}
}

// Fail gives the dial up: the loop ends, or done panicked.
func (t *dial) Fail(err error) {
	if t.done != nil {
		t.fail(err)
	}
}

func (t *dial) succeed() {
	c, done := t.conn, t.done
	t.over()
	if t.orphaned() {
		c.task = parked{c}
		c.release(true)
		t.tell(done, nil, net.ErrClosed)
		t.recycle()
		return
	}
	t.l.count.Dialed++
	c.task = parked{c}
	c.fd.Note(fd.Writable)
	t.tell(done, c, nil)
	t.recycle()
}

// next tries the next address after one failed. If none is left the dial has failed as
// the first of them did, which is the one that the resolver holds for the best.
func (t *dial) next(err error) {
	if t.first == nil {
		t.first = t.opError(err)
	}
	if len(t.rest) == 0 {
		t.end(t.first)
		return
	}
	t.drop()
	t.addr, t.rest = t.rest[0], t.rest[1:]
	t.begin()
}

func (t *dial) fail(err error) { t.end(t.opError(err)) }

func (t *dial) opError(err error) error {
	return &net.OpError{Op: "dial", Net: t.network, Addr: fd.NetAddr(t.addr), Err: err}
}

// end has done told of a failure, but not before Dial has returned: who dials again at
// once would do so without end, one call within the other.
func (t *dial) end(err error) {
	t.drop()
	if t.calling {
		t.failure = err
		t.l.Arm(&t.timer, 0, t)
		return
	}
	done := t.done
	t.over()
	t.l.count.DialErrors++
	t.tell(done, nil, err)
	t.recycle()
}

// drop closes the socket of the attempt under way, by a reset: the connection may
// have come to be this moment, and its peer must not read an end that nobody sent.
func (t *dial) drop() {
	if t.conn != nil {
		t.conn.fd.Reset(t.l.k)
		t.conn.drop()
		t.conn = nil
	}
}

// newDial answers an old dial's memory, if there is some: a relay would leave one
// behind for each connection.
func (l *Loop) newDial() *dial {
	if n := len(l.dials); n > 0 {
		t := l.dials[n-1]
		l.dials = l.dials[:n-1]
		return t
	}
	return new(dial)
}

// keepDials is how many old dials a loop keeps.
const keepDials = 16

// recycle is the last that is done with a dial.
func (t *dial) recycle() {
	l := t.l
	*t = dial{}
	if len(l.dials) < keepDials {
		l.dials = append(l.dials, t)
	}
}

// over gives back what the dial holds, but the socket.
func (t *dial) over() {
	t.conn, t.done = nil, nil
	t.l.Disarm(&t.timer)
	t.fed()
}

// fed ends a wait for a descriptor.
func (t *dial) fed() {
	if t.starved {
		t.starved = false
		t.l.group.starving.Add(-1)
	}
}

// tell calls done, and on its error ends the connection and the parent. A panic in
// done counts as one.
func (t *dial) tell(done func(*Conn, error) error, c *Conn, err error) {
	answer := ErrPanic
	defer func() { t.answered(answer, c) }() // also if done ends the goroutine
	t.l.guard(nil, func() { answer = done(c, err) })
}

func (t *dial) answered(answer error, c *Conn) {
	if answer == nil {
		return
	}
	for _, c := range []*Conn{c, t.parent} {
		switch {
		case c == nil || c.closed.Load() || c.flags&closing != 0:
		case errors.Is(answer, io.EOF):
			c.Close()
		default:
			c.task.Fail(answer)
		}
	}
}
