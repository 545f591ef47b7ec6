package sim

import (
	"errors"
	"time"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/splice"
)

// The bounds of the oracle of time. early is the time within a turn; late is that of
// the looks at what is acknowledged, which come a quarter of the timeout apart, or
// 128 ms, or of a retry.
const (
	early = int64(time.Millisecond)
	late  = int64(300 * time.Millisecond)
)

// quiet is the time of the last progress of a relay: a byte that moved, or was
// acknowledged, or an end that was passed on.
func quiet(a, b simkernel.View) int64 {
	return max(a.TakenAt, a.GivenAt, a.AckedAt, a.ShutAt, b.TakenAt, b.GivenAt, b.AckedAt, b.ShutAt)
}

// stuck is the time of the last progress of a direction in which bytes are in flight;
// ok is false if none are.
func stuck(from, to simkernel.View) (at int64, ok bool) {
	return max(from.TakenAt, to.GivenAt, to.AckedAt), from.Taken > to.Given
}

// views are the relay's two sockets.
func (v *life) views() (a, b simkernel.View) { return v.ends[0].View(), v.ends[1].View() }

// A clock is one timeout of a relay: since when it runs, and for how long. A limit of 0 is none.
type clock struct {
	name  string
	since int64
	limit time.Duration
}

// clocks are the timeouts that are in force for a relay.
func (w *World) clocks(v *life) (all []clock) {
	a, b := v.views()
	o := &w.config.relay
	still := max(quiet(a, b), v.relayedAt)
	all = append(all, clock{"idle", still, o.IdleTimeout})
	if a.EndTold || b.EndTold {
		all = append(all, clock{"half-close", still, o.HalfCloseTimeout})
	}
	if w.fatal {
		return all // a socket may have failed here, and hold bytes that go nowhere
	}
	for _, d := range [2][2]simkernel.View{{a, b}, {b, a}} {
		if at, ok := stuck(d[0], d[1]); ok && !d[1].Failed {
			all = append(all, clock{"stall", max(at, v.relayedAt), o.StallTimeout})
		}
		if d[0].Failed && d[0].WaitsAt == 0 && d[1].Unacked > 0 {
			all = append(all, clock{"stall in front of a reset", still, o.StallTimeout})
		}
	}
	return all
}

// overdue fails the run if a loop sleeps, and a timeout has passed long ago.
func (w *World) overdue() {
	if w.failure != "" {
		return
	}
	for _, v := range w.lives {
		w.overstays(v)
	}
}

// overstays fails the run if a timeout of a life has passed long ago.
func (w *World) overstays(v *life) {
	now := w.k.Clock()
	w.lingers(v)
	limit := w.config.dial
	if v.named != nil {
		limit = v.named.timeout
		w.judgeRace(v)
	}
	if v.dialledAt > 0 && now > max(v.dialledAt, w.pausedAt)+int64(limit)+late {
		w.fail("overdue: %s has been dialled for %v", v.name(&v.backend), time.Duration(now-v.dialledAt))
	}
	if !w.config.timed || v.relayedAt == 0 || v.result != nil {
		return
	}
	a, b := v.views()
	ends := max(a.EndAt, b.EndAt, a.ShutAckedAt, b.ShutAckedAt) // a reset waits from there on; SIOCOUTQ counts an end
	for _, c := range w.clocks(v) {
		if c.limit > 0 && now > max(c.since, ends, w.pausedAt)+int64(c.limit)*5/4+late {
			w.fail("overdue: the relay of %s has made no progress for %v, and %s is %v",
				v.name(&v.client), time.Duration(now-c.since), c.name, c.limit)
		}
	}
}

// judgeTime judges the end of a relay: if time ended it, a timeout must have passed, and
// what had come before must have been taken.
func (w *World) judgeTime(v *life, err error) {
	byTimeout := errors.Is(err, splice.ErrTimeout)
	a, b := v.views()
	dropped := a.Unacked > 0 && !a.Failed || b.Unacked > 0 && !b.Failed
	if err == nil || w.quiet || w.fatal || !byTimeout && !dropped {
		return
	}
	v.timedOut = true
	looked := w.looks[v.loop]
	if quiet(a, b) <= looked && !w.passed(v, looked, byTimeout) {
		w.fail("cut for time too early: the relay of %s, last progress %v ago (timeout: %v): %+v %+v",
			v.name(&v.client), time.Duration(looked-quiet(a, b)), byTimeout, a, b)
	}
	for _, d := range [2][2]simkernel.View{{a, b}, {b, a}} {
		_, blocked := stuck(d[0], d[1])
		if at := d[0].WaitsAt; byTimeout && at > 0 && at <= looked && !blocked && !d[1].Failed {
			w.fail("cut for time, and not read: the relay of %s, bytes or an end had come %v before epoll was asked: %+v %+v",
				v.name(&v.client), time.Duration(looked-at), a, b)
		}
	}
}

// passed reports whether a timeout had passed. A reset that waits for what is in front
// of it waits for the shortest of all.
func (w *World) passed(v *life, now int64, byTimeout bool) bool {
	o := &w.config.relay
	for _, c := range w.clocks(v) {
		if c.limit > 0 && now-c.since >= int64(c.limit)-early {
			return true
		}
	}
	for _, limit := range []time.Duration{o.IdleTimeout, o.HalfCloseTimeout, o.StallTimeout} {
		if !byTimeout && limit > 0 && now-quiet(v.views()) >= int64(limit)-early {
			return true
		}
	}
	return false
}

// judgeDial judges a dial that failed for time. One by name says nothing: an address may
// have answered just when its share of the time was over.
func (w *World) judgeDial(v *life) {
	v.timedOut = true
	at := v.listener.AnsweredAt()
	if at > 0 && at <= w.looks[v.loop] {
		w.fail("cut for time, and not read: %s had answered %v before epoll was asked", v.name(&v.backend), time.Duration(w.looks[v.loop]-at))
	}
}
