package loop

import (
	"math"
	"time"
)

// An Expirer is told, on its loop, that its timer has run out.
type Expirer interface{ Expire() }

// A Timer belongs to one loop and is armed at most once at a time. It is meant
// to be embedded in what it guards: one for each connection costs 32 bytes and
// no allocation. The zero Timer is not armed.
type Timer struct {
	when  int64
	owner Expirer
	pos   int32 // in the heap, counted from 1; 0 is not armed
}

// Arm sets t to call o.Expire on the loop's goroutine once d has passed, in place
// of what it was set to. Only the loop's goroutine may call it.
//
// What is moved forward with every byte, like an idle timeout, should not be
// armed anew each time: note the time, and arm the rest when the timer runs out.
func (l *Loop) Arm(t *Timer, d time.Duration, o Expirer) {
	l.timers.remove(t)
	t.when, t.owner = max(after(l.k.Now(), d), l.now+1), o // not in this turn again
	l.timers.insert(t)
}

// ArmWithin is Arm, unless t is set to run out within d anyway: then it stays as it
// is. d counts from the beginning of the turn. In most calls it costs a comparison.
func (l *Loop) ArmWithin(t *Timer, d time.Duration, o Expirer) {
	if !t.Armed() || t.when > after(l.now, d) {
		l.Arm(t, d, o)
	}
}

// after is d later than now, or never, rather than before.
func after(now int64, d time.Duration) int64 {
	if at := now + max(int64(d), 0); at >= now {
		return at
	}
	return math.MaxInt64
}

// Disarm stops t. It is no error that it is not armed.
func (l *Loop) Disarm(t *Timer) { l.timers.remove(t) }

// Armed says that t is set.
func (t *Timer) Armed() bool { return t.pos != 0 }

// AfterFunc calls f on the loop's goroutine once d has passed, unless the timer
// is disarmed before. Only the loop's goroutine may call it.
func (l *Loop) AfterFunc(d time.Duration, f func()) *Timer {
	t := new(Timer)
	l.Arm(t, d, expireFunc(f))
	return t
}

type expireFunc func()

func (f expireFunc) Expire() { f() }

// Now is the loop's clock, in nanoseconds: read once a turn, so that it stands
// still while a turn lasts. Only the loop's goroutine may call it.
func (l *Loop) Now() int64 { return l.now }

// timers is a binary heap by time. Each timer knows its place, so that taking
// one out costs as much as putting it in.
type timers []*Timer

// next is the time until the first timer runs out: 0 if it has, -1 if there is none.
func (h timers) next(now int64) int64 {
	if len(h) == 0 {
		return -1
	}
	return max(h[0].when-now, 0)
}

// overdue reports whether the first timer should have run more than d ago.
func (h timers) overdue(now, d int64) bool { return len(h) > 0 && now-h[0].when > d }

// expired takes out and answers the first timer if it has run out by now.
func (h *timers) expired(now int64) *Timer {
	if len(*h) == 0 || (*h)[0].when > now {
		return nil
	}
	t := (*h)[0]
	h.remove(t)
	return t
}

func (h *timers) insert(t *Timer) {
	*h = append(*h, t)
	h.up(len(*h)-1, t)
}

func (h *timers) remove(t *Timer) {
	if t.pos == 0 {
		return
	}
	i, last := int(t.pos)-1, len(*h)-1
	moved := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.pos = 0
	if i == last {
		return
	}
	h.up(i, moved)
	h.down(int(moved.pos)-1, moved)
}

// up moves t from the hole at i towards the root, to its place.
func (h timers) up(i int, t *Timer) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].when <= t.when {
			break
		}
		h.place(i, h[parent])
		i = parent
	}
	h.place(i, t)
}

// down moves t from i towards the leaves, to its place.
func (h timers) down(i int, t *Timer) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].when < h[child].when {
			child++
		}
		if t.when <= h[child].when {
			break
		}
		h.place(i, h[child])
		i = child
	}
	h.place(i, t)
}

func (h timers) place(i int, t *Timer) {
	h[i] = t
	t.pos = int32(i) + 1
}
