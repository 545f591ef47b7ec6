package loop

import (
	"net"
	"os"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// retryAfter is when an address is tried again that found no descriptor free, or the
// backlog of a Unix listener full. No event tells the end of either.
const retryAfter = 10 * time.Millisecond

// leastShare is the least time that an address has, however many come behind it.
const leastShare = 2 * time.Second

// selfTries is how often an address is tried again after a socket had connected to
// itself. It is that of package net.
const selfTries = 2

// A lane tries the addresses of one family, one after another. It is the task of the
// socket that connects.
//
//	idle ── begin ──► connecting ── event ──► succeed
//	                   │      ▲
//	   failed, or      │      │ next address, or a retry
//	   its share of    ▼      │
//	   time is over   next ───┴──► exhausted, when no address is left
type lane struct {
	t       *dial
	conn    *Conn      // the socket of the attempt under way, nil between attempts
	addr    sys.Addr   // being tried
	rest    []sys.Addr // to be tried next; shared with other dials
	first   error      // why its first address failed
	timer   Timer      // of the share of the attempt, or of a retry
	state   laneState
	selves  uint8 // how often addr led back to the socket itself
	starved bool  // counted in Group.starving
}

type laneState uint8

const (
	unused    laneState = iota // it has no addresses
	idle                       // it has not begun
	trying                     // an attempt is under way, or waits for a retry
	exhausted                  // none of its addresses can be reached
)

// plan gives the lane its addresses.
func (a *lane) plan(t *dial, addr sys.Addr, rest []sys.Addr) {
	a.t, a.addr, a.rest, a.state = t, addr, rest, idle
}

// begin tries a.addr.
func (a *lane) begin() {
	t, l := a.t, a.t.l
	a.state = trying
	if t.orphaned() {
		t.fail(errParentEnded)
		return
	}
	num, call, e := fd.Dial(l.k, a.addr, t.source, &t.d.Socket)
	if outOfDescriptors(e) && !t.racing() && l.group.lendSpare() {
		num, call, e = fd.Dial(l.k, a.addr, t.source, &t.d.Socket)
	}
	if !outOfDescriptors(e) {
		a.fed()
	}
	switch {
	case outOfDescriptors(e) || a.passing(call, e):
		a.retry(outOfDescriptors(e))
	case e != 0 && e != sys.EINPROGRESS:
		a.next(os.NewSyscallError(call, e))
	default:
		a.attempt(num, e == 0)
	}
}

func outOfDescriptors(e sys.Errno) bool { return e == sys.EMFILE || e == sys.ENFILE }

// passing reports whether a failure is expected to pass: the backlog of a Unix listener is
// full, all ports towards the last address are in use, or memory is short. For IPv6 the
// errno of the ports may also mean that there is no address to connect from, which stays.
func (a *lane) passing(call string, e sys.Errno) bool {
	switch e {
	case sys.EAGAIN:
		return a.addr.Family == sys.Unix
	case sys.EADDRNOTAVAIL:
		return call == "connect" && (a.addr.Family == sys.Inet4 || a.t.source != nil) && len(a.rest) == 0 && !a.t.hasOther(a)
	}
	return e == sys.ENOBUFS || e == sys.ENOMEM
}

// retry waits and tries the address again. While descriptors are short accepting is paused
// for the dial, unless it has another socket: that may yet connect, and the second must
// not make the shortage worse.
func (a *lane) retry(descriptors bool) {
	delay := retryAfter
	switch {
	case descriptors && a.t.racing():
		delay = fallbackDelay
	case descriptors && !a.starved:
		a.starved = true
		a.t.l.group.starving.Add(1)
	}
	a.t.l.Arm(&a.timer, min(delay, a.t.left()), a)
}

// fed ends a wait for a descriptor.
func (a *lane) fed() {
	if a.starved {
		a.starved = false
		a.t.l.group.starving.Add(-1)
	}
}

// attempt registers the socket, and waits for the event that it is connected. A Unix
// socket is connected already. It is visited all the same, so that the callback is not
// invoked within Dial: a callback that dials again would nest without bound.
func (a *lane) attempt(num int, connected bool) {
	l := a.t.l
	l.addConn(1)
	c, err := l.newConn(num, a.addr, a.t.d.settings())
	if err != nil {
		a.next(err)
		return
	}
	a.conn = c
	c.task = a
	if connected {
		l.push(&c.Registration)
		return
	}
	c.fd.Clear(fd.Writable)
	l.Arm(&a.timer, a.share(), a)
}

// share is how long the address being tried has: of the time that is left as much as each
// of those behind it. So one that does not answer does not cost them their turn.
func (a *lane) share() time.Duration {
	left := a.t.left()
	behind := len(a.rest) + a.t.idleBeside(a)
	return max(left/time.Duration(behind+1), min(left, leastShare))
}

// Ready finds out how the connect went. EPOLLOUT without EPOLLHUP and EPOLLERR shows that
// the socket is connected, and so does EPOLLPRI. Otherwise only the call proves anything:
// some kernels report EPOLLHUP while the connect goes on. At an urgent mark the call is of
// no use: a peek finds nothing there if a signal is pending (FD.Recv), and the bytes
// behind the mark would be lost.
func (a *lane) Ready(*Registration) bool {
	c := a.conn
	if r := c.fd.Ready(); r&(fd.Writable|fd.Broken) == fd.Writable || r&fd.Urgent != 0 || a.addr.Family == sys.Unix {
		a.succeed()
		return false
	}
	switch e := fd.Connected(a.t.l.k, c.fd.Num(), a.addr); e {
	case 0:
		a.succeed()
	case sys.EALREADY, sys.EINPROGRESS:
		c.fd.Clear(fd.Writable | fd.Readable | fd.Ended | fd.Broken)
	default:
		a.next(os.NewSyscallError("connect", e))
	}
	return false
}

// succeed ends the dial with the connection, unless that is one of the socket with itself:
// a dial to a local port that nobody listens on was given the same port as its own, and
// its SYN met itself. The kernel takes that for a simultaneous open (RFC 9293, 3.5).
func (a *lane) succeed() {
	if !fd.SelfConnected(a.t.l.k, a.conn.fd.Num(), a.addr) {
		a.t.succeed(a)
		return
	}
	if a.selves++; a.selves > selfTries {
		a.next(os.NewSyscallError("connect", sys.ECONNREFUSED))
		return
	}
	a.drop()
	a.begin()
}

// Expire is the end of an address's share of the time, of all of it, or of the wait before
// a retry.
func (a *lane) Expire() {
	switch {
	case a.t.left() == 0:
		a.rest = nil // no attempt begins after the deadline
		a.next(os.ErrDeadlineExceeded)
	case a.conn != nil:
		a.next(os.ErrDeadlineExceeded)
	default:
		a.begin()
	}
}

// Fail gives the whole dial up: the loop ends, or done panicked.
func (a *lane) Fail(err error) {
	if a.t != nil {
		a.t.Fail(err)
	}
}

// next tries the next address after one has failed.
func (a *lane) next(err error) {
	if a.first == nil {
		a.first = a.t.opError(fd.NetAddr(a.addr), err)
	}
	a.stop()
	if len(a.rest) == 0 {
		a.state = exhausted
		a.t.laneEnded()
		return
	}
	a.addr, a.rest, a.selves = a.rest[0], a.rest[1:], 0
	a.begin()
}

// stop gives back what the lane holds.
func (a *lane) stop() {
	if a.t != nil {
		a.drop()
		a.t.l.Disarm(&a.timer)
		a.fed()
	}
}

// drop closes the socket of the attempt under way, by a reset: the connection may have
// been established this moment, and its peer must not read an end that was never sent.
func (a *lane) drop() {
	if a.conn != nil {
		c := a.conn
		a.conn = nil
		c.fd.Reset(a.t.l.k)
		c.drop()
	}
}

// opError returns an error of the dial, of the address that was dialled.
func (t *dial) opError(to net.Addr, err error) error {
	return &net.OpError{Op: "dial", Net: t.network, Addr: to, Err: err}
}
