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
	l        *Loop
	conn     *Conn // the socket of the attempt under way, nil between attempts
	parent   *Conn // on whose behalf; nil if nobody's
	d        *Dialer
	done     func(*Conn, error) error
	network  string
	addr     sys.Addr   // being tried
	rest     []sys.Addr // to be tried next
	source   *sys.Addr
	timer    Timer
	deadline int64
	starved  bool // counted in Group.starving
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
	case outOfDescriptors(e) || passing(call, e, t.addr.Family):
		t.starve(outOfDescriptors(e))
	case e != 0 && e != sys.EINPROGRESS:
		t.next(os.NewSyscallError(call, e))
	default:
		t.attempt(num, e == 0)
	}
}

func outOfDescriptors(e sys.Errno) bool { return e == sys.EMFILE || e == sys.ENFILE }

// passing says that a failure passes: the backlog of a Unix listener is full, the
// ports towards this address are all in use, memory is short.
func passing(call string, e sys.Errno, f sys.Family) bool {
	switch e {
	case sys.EAGAIN:
		return f == sys.Unix
	case sys.EADDRNOTAVAIL:
		return call == "connect"
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
	t.l.Arm(&t.timer, min(retryAfter, max(time.Duration(t.deadline-t.l.now), 0)), t)
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
	t.conn = c
	if connected {
		t.succeed()
		return
	}
	c.fd.Clear(fd.Writable)
	c.task = t
	l.Arm(&t.timer, time.Duration(t.deadline-l.now), t)
}

// Ready asks how the connect went, unless the event says so: a socket that can be
// written, without HUP or ERR, is connected, and so was one that has an urgent mark.
// Else only the call proves anything: some kernels report a HUP while the connect goes
// on. At a mark the call could not tell: a look there finds nothing if a signal is
// pending (FD.Recv), and the bytes behind it would be lost.
func (t *dial) Ready(*Registration) bool {
	c := t.conn
	if r := c.fd.Ready(); r&(fd.Writable|fd.Broken) == fd.Writable || r&fd.Urgent != 0 {
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

// Expire is the end of the time, or of the wait for a descriptor.
func (t *dial) Expire() {
	if t.l.now >= t.deadline {
		t.fail(os.ErrDeadlineExceeded)
		return
	}
	t.begin()
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

// next tries the next address after one failed.
func (t *dial) next(err error) {
	if len(t.rest) == 0 {
		t.fail(err)
		return
	}
	t.drop()
	t.addr, t.rest = t.rest[0], t.rest[1:]
	t.begin()
}

func (t *dial) fail(err error) {
	done := t.done
	t.drop()
	t.over()
	t.l.count.DialErrors++
	t.tell(done, nil, &net.OpError{Op: "dial", Net: t.network, Addr: fd.NetAddr(t.addr), Err: err})
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
	t.l.guard(nil, func() { answer = done(c, err) })
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
