package loop

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// acceptCost is what accepting one connection costs of a visit's budget: with
// what its opening costs, about what moving 4 KiB does. At least 16 a visit.
const acceptCost = 4 << 10

// pauseFor is how long a listener that ran out of descriptors sleeps, unless one
// of ours is freed before: somebody else's may be.
const pauseFor = 100 * time.Millisecond

// A listener is the task of one listening socket on one loop.
//
// Running out of descriptors or memory leaves the connection in the backlog and
// the edge-triggered listener silent. Readable stays set, the listener pauses,
// and comes back when a descriptor is freed, or after 100 ms: it neither ends,
// nor spins, nor loses what waits.
type listener struct {
	Registration
	s        *Server
	set      *settings // of what it accepts
	spread   bool      // hand over to the loop with fewest connections
	paused   bool
	stopping bool
	counted  bool // as a connection, which the drain waits for
	last     int  // how many more are accepted once it is to stop
	short    bool // few descriptors are left: do not run ahead of the other loops
	timer    Timer
	resuming atomic.Bool // a resume is posted
	warned   int64       // when the last warning was logged
	failures int         // of accept4 in a row
	full     int64       // since when there was no room for what waits; 0: there was
}

// Ready accepts, and closes a listener that was to stop once it has all.
func (a *listener) Ready(*Registration) (again bool) {
	again = a.take()
	if a.stopping && (!again && !a.paused || a.last <= 0) {
		a.Fail(ErrServerClosed)
		return false
	}
	return again
}

// take accepts until the backlog is empty or the budget is spent.
func (a *listener) take() (again bool) {
	l := a.loop
	for a.fd.Ready()&fd.Readable != 0 && !a.paused {
		if !a.admits() {
			if a.waitFull() {
				a.pause("limit reached, or few descriptors left", 0)
			}
			return false
		}
		num, peer, e := l.k.Accept(a.fd.Num())
		switch e {
		case 0:
			a.failures, a.full = 0, 0
			l.count.Accepted++
			a.last--
			a.place(num, peer)
			a.short = a.crowded(num)
		case sys.EAGAIN:
			a.failures, a.full = 0, 0
			a.fd.Clear(fd.Readable)
			return false
		default:
			l.count.AcceptErrors++
			if why, lasting := a.acceptFailed(e); why != "" {
				if !lasting || !a.stopping { // what lasts would keep a listener that ends
					a.pause(why, e)
				}
				return false
			}
		}
		if !l.Spend(acceptCost) {
			return true
		}
	}
	return false
}

// waitFull resets the oldest connection of the backlog if there was no room for longer
// than Server.BacklogTimeout. It reports whether others may wait.
func (a *listener) waitFull() bool {
	l, bound := a.loop, int64(a.s.BacklogTimeout)
	if a.full == 0 {
		a.full = l.now
	}
	if bound <= 0 || a.stopping || l.now-a.full < bound {
		return true
	}
	num, peer, e := l.k.Accept(a.fd.Num())
	switch e {
	case 0:
		l.count.Rejected++
		d := fd.Own(num, cmp.Or(peer.Family, a.fd.Family()))
		d.Reset(l.k)
		d.Close(l.k)
	case sys.EAGAIN:
		a.full = 0
		a.fd.Clear(fd.Readable)
		return false
	}
	return true
}

// acceptTries is how many failures in a row that may be of one connection each are
// taken for that.
const acceptTries = 16

// acceptFailed returns why the listener must pause after a failed accept4, "" if it
// may go on. A connection that died in the backlog has an error of its own, and is
// gone (accept(2), "Error handling"); which errors those are no list tells for sure,
// so a few in a row pass. What goes on failing would spin: a listener that is broken, a
// policy that refuses the call, and each other lasting error.
func (a *listener) acceptFailed(e sys.Errno) (why string, lasting bool) {
	switch e {
	case sys.EMFILE, sys.ENFILE, sys.ENOBUFS, sys.ENOMEM:
		return "out of resources", false
	}
	if a.failures++; a.failures >= acceptTries {
		a.failures = 0
		return "accept4 fails", true
	}
	return "", false
}

// admits says whether one more connection can be served. While the reserve
// descriptor is lent, or a dial waits for one, a further connection would only
// take what those need that have been accepted before.
func (a *listener) admits() bool {
	g := a.loop.group
	if a.short && g.handed.Load() > 0 {
		return false
	}
	// The last of the backlog are over any limit: their peers hold them for accepted.
	if limit := a.s.MaxConns; limit > 0 && g.conns.Load() >= int64(limit) && !a.stopping {
		return false
	}
	return g.starving.Load() == 0 && g.refillSpare()
}

// crowded says that the descriptors that are left may not suffice for those that
// were handed to other loops and are not opened yet: each may dial. A number is
// always the lowest that is free, so the one just accepted tells how many are left.
// Running ahead here, accepted connections took all descriptors, and their dials
// waited for each other.
func (a *listener) crowded(num int) bool {
	g := a.loop.group
	left := int64(g.files - num - 1)
	return left < 2*g.handed.Load()+int64(2*len(g.loops))
}

func (a *listener) pause(why string, e sys.Errno) {
	l := a.loop
	a.paused = true
	l.count.AcceptPauses++
	l.group.paused.Add(1)
	l.Arm(&a.timer, pauseFor, a)
	if l.now-a.warned > int64(time.Second) || a.warned == 0 {
		a.warned = l.now
		about := []any{slog.String("why", why), slog.Int64("connections", l.group.conns.Load())}
		if e != 0 {
			about = append(about, slog.Any("error", e))
		}
		l.group.log.Warn("penstock: accepting paused", about...)
	}
}

// Expire resumes after a pause. A descriptor may have been freed between the
// failure and the pause; then this is what notices.
func (a *listener) Expire() { a.resume() }

func (a *listener) resume() {
	if !a.paused {
		return
	}
	a.paused = false
	a.loop.group.paused.Add(-1)
	a.loop.Disarm(&a.timer)
	a.loop.push(&a.Registration)
}

// resumeSoon has a paused listener try again. Any goroutine may call it.
func (a *listener) resumeSoon() {
	if a.resuming.Swap(true) {
		return
	}
	err := a.loop.Post(func() {
		a.resuming.Store(false)
		a.resume()
	})
	if err != nil {
		a.resuming.Store(false)
	}
}

// Fail closes the listener.
func (a *listener) Fail(error) {
	if a.paused {
		a.paused = false
		a.loop.group.paused.Add(-1)
	}
	a.loop.Disarm(&a.timer)
	a.loop.unregister(&a.Registration)
	if a.counted {
		a.counted = false
		a.loop.addConn(-1)
	}
}

// place gives an accepted descriptor to the loop that will own it.
func (a *listener) place(num int, peer sys.Addr) {
	l := a.loop
	if peer.Family == 0 {
		peer.Family = a.fd.Family()
	}
	to := l
	if a.spread {
		to = l.group.Least()
	}
	to.addConn(1)
	if to == l {
		a.open(l, num, peer)
		return
	}
	g := l.group
	g.handed.Add(1)
	err := to.Post(func() {
		defer func() { // a handler may end the goroutine
			if g.handed.Add(-1) == 0 {
				g.freed()
			}
		}()
		a.open(to, num, peer)
	})
	if err != nil {
		g.handed.Add(-1)
		to.addConn(-1)
		d := fd.Own(num, peer.Family)
		d.Reset(l.k)
		d.Close(l.k)
	}
}

// open registers an accepted descriptor and has the handler open it.
func (a *listener) open(l *Loop, num int, peer sys.Addr) {
	c, err := l.newConn(num, peer, a.set)
	if err != nil {
		return
	}
	// Deferred before the handler runs: a panic in Open resets its connection.
	l.running.calls(a.s.Handler)
	l.guard(&c.Registration, func() {
		session, err := a.s.Handler.Open(c)
		if session != nil {
			c.adopt(session)
		}
		switch {
		case c.closed.Load():
		case errors.Is(err, io.EOF):
			c.Close()
		case err != nil:
			l.count.Rejected++
			c.task.Fail(err)
		}
	})
}
