package loop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// fallbackDelay is how long the first family has before the second is tried beside it. It
// is that of package net; RFC 8305 recommends 250 ms, and at least 100.
const fallbackDelay = 300 * time.Millisecond

// A dial is one call of Dial: a look-up if the address is a name, then two lanes, one for
// each family of addresses. The first lane has the family of the first address, as the
// resolver orders them (RFC 6724). The second begins when the first has had fallbackDelay,
// or has no address left. The first connection ends the dial, and the other socket is
// closed (RFC 8305, "happy eyeballs").
type dial struct {
	l        *Loop
	parent   *Conn // on whose behalf, nil if on no one's
	sibling  *dial // the next dial of the same parent
	d        *Dialer
	done     func(*Conn, error) error // nil once the dial is over
	network  string
	address  string
	source   *sys.Addr
	lanes    [2]lane
	waiter   *waiter // of the look-up, nil if there is none under way
	failure  error   // that done is invoked with when the timer runs out
	timer    Timer   // of the look-up, of the fallback, or of failure
	deadline int64
	calling  bool // Dial has not returned yet
}

// connect tries addresses, which are shared with other dials.
func (t *dial) connect(addrs []sys.Addr) {
	first, second := byFamily(addrs, t.source)
	if len(first) == 0 {
		t.fail(&net.AddrError{Err: "no suitable address", Addr: t.address})
		return
	}
	t.lanes[0].plan(t, first[0], first[1:])
	if len(second) > 0 {
		t.lanes[1].plan(t, second[0], second[1:])
		t.l.Arm(&t.timer, fallbackDelay, t)
	}
	t.lanes[0].begin()
}

// byFamily returns the addresses of the family of the first one, and the others. A source
// leaves those of its own family.
func byFamily(addrs []sys.Addr, source *sys.Addr) (first, second []sys.Addr) {
	mixed := source != nil
	for _, a := range addrs {
		mixed = mixed || a.Family != addrs[0].Family
	}
	if !mixed {
		return addrs, nil
	}
	for _, a := range addrs {
		switch {
		case source != nil && a.Family != source.Family:
		case len(first) == 0 || a.Family == first[0].Family:
			first = append(first, a)
		default:
			second = append(second, a)
		}
	}
	return first, second
}

// left is the time until the deadline, at least 0. It reads the clock: Loop.Now may be old
// by as long as a handler held the loop before.
func (t *dial) left() time.Duration { return max(time.Duration(t.deadline-t.l.k.Now()), 0) }

// racing reports whether an attempt is under way.
func (t *dial) racing() bool { return t.lanes[0].conn != nil || t.lanes[1].conn != nil }

func (t *dial) other(a *lane) *lane {
	if a == &t.lanes[0] {
		return &t.lanes[1]
	}
	return &t.lanes[0]
}

// hasOther reports whether the other lane may yet connect.
func (t *dial) hasOther(a *lane) bool {
	s := t.other(a).state
	return s == idle || s == trying
}

// idleBeside is how many addresses of the other lane have to be given a share of the time
// of a: those of a lane that runs have their time beside it.
func (t *dial) idleBeside(a *lane) int {
	if b := t.other(a); b.state == idle {
		return 1 + len(b.rest)
	}
	return 0
}

// orphaned reports whether the connection on whose behalf we dial is closed or closing.
func (t *dial) orphaned() bool {
	return t.parent != nil && (t.parent.closed.Load() || t.parent.flags&closing != 0)
}

// laneEnded goes on with the other lane. If both are exhausted the dial has failed as the
// first address did, which is the one that the resolver prefers.
func (t *dial) laneEnded() {
	if t.lanes[0].state == trying || t.lanes[1].state == trying {
		return
	}
	if t.lanes[1].state == idle && t.left() > 0 {
		t.l.Disarm(&t.timer)
		t.lanes[1].begin()
		return
	}
	t.end(t.lanes[0].first)
}

// Expire is the end of the time of a look-up, the start of the second lane, or the first
// moment at which done may be invoked with a failure.
func (t *dial) Expire() {
	switch {
	case t.failure != nil:
		t.end(t.failure)
	case t.waiter != nil:
		t.fail(os.ErrDeadlineExceeded)
	default:
		t.fallBack()
	}
}

// fallBack begins the second lane beside the first, but not while descriptors are short.
func (t *dial) fallBack() {
	if t.l.group.scarce(&t.lanes[0]) {
		t.l.Arm(&t.timer, fallbackDelay, t)
		return
	}
	t.lanes[1].state = trying
	if a := &t.lanes[0]; a.conn != nil { // it need not leave time for the other family now
		t.l.Arm(&a.timer, a.share(), a)
	}
	t.lanes[1].begin()
}

// scarce reports whether few descriptors are left: a dial or a listener waits for one, or
// those accepted and not opened yet will need the rest (listener.crowded). The number of a
// socket is the lowest that was free, so that it tells how many are left.
func (g *Group) scarce(a *lane) bool {
	if g.starving.Load() > 0 || g.spare.Load() < 0 {
		return true
	}
	return a.conn != nil && int64(g.files-a.conn.fd.Num()-1) < 2*g.handed.Load()+int64(2*len(g.loops))
}

// Fail gives the dial up: the loop ends.
func (t *dial) Fail(err error) {
	switch {
	case t.done == nil:
	case t.failure != nil:
		t.end(t.failure)
	default:
		t.fail(err)
	}
}

// errParentEnded is wrapped in the error of a dial whose parent has ended.
var errParentEnded = fmt.Errorf("penstock: the connection that the dial was for has ended: %w", net.ErrClosed)

func (t *dial) succeed(a *lane) {
	c, done := a.conn, t.done
	a.conn = nil
	orphaned := t.orphaned()
	t.over()
	c.task = parked{c}
	if orphaned {
		c.release(true)
		t.invoke(done, nil, t.opError(fd.NetAddr(a.addr), errParentEnded))
		t.recycle()
		return
	}
	t.l.count.Dialed++
	c.fd.Note(fd.Writable)
	t.invoke(done, c, nil)
	t.recycle()
}

// fail ends the dial with an error of the address being tried, or of the one that was
// asked for if none has been.
func (t *dial) fail(err error) { t.end(t.opError(t.at(), err)) }

func (t *dial) at() net.Addr {
	if t.lanes[0].state == unused {
		return asked{t.network, t.address}
	}
	return fd.NetAddr(t.lanes[0].addr)
}

// An asked is the address of a dial as its caller gave it.
type asked struct{ network, address string }

func (a asked) Network() string { return a.network }
func (a asked) String() string  { return a.address }

// end has done invoked with a failure, but not before Dial has returned: a callback that
// dials again would nest without bound.
func (t *dial) end(err error) {
	if t.calling {
		t.cancel(err)
		return
	}
	done := t.done
	t.over()
	t.l.count.DialErrors++
	t.invoke(done, nil, err)
	t.recycle()
}

// cancel gives the dial up, and has done invoked with err from a timer. It may be called
// at any moment.
func (t *dial) cancel(err error) {
	t.halt()
	t.failure = err
	t.l.Arm(&t.timer, 0, t)
}

// halt gives back all that the dial holds.
func (t *dial) halt() {
	t.lanes[0].stop()
	t.lanes[1].stop()
	t.l.Disarm(&t.timer)
	t.leave()
}

// over ends the dial. Only the callback is left to be invoked.
func (t *dial) over() {
	t.halt()
	t.l.unlinkDial(t)
	t.done = nil
}

// newDial returns an old dial's memory, if there is some: a relay would leave one behind
// for each connection.
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

// invoke calls done. An error that it returns ends the connection and the parent, and a
// panic counts as one.
func (t *dial) invoke(done func(*Conn, error) error, c *Conn, err error) {
	result := ErrPanic
	defer func() { t.invoked(result, c) }() // also if done ends the goroutine
	t.l.running.calls(done)
	t.l.guard(nil, func() { result = done(c, err) })
}

func (t *dial) invoked(result error, c *Conn) {
	if result == nil {
		return
	}
	for _, c := range []*Conn{c, t.parent} {
		switch {
		case c == nil || c.closed.Load() || c.flags&closing != 0:
		case errors.Is(result, io.EOF):
			c.Close()
		default:
			c.task.Fail(result)
		}
	}
}
