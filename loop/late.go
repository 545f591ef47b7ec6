package loop

import "time"

// lateAfter is how late a timer must be for the loop to count as late. A turn is
// much shorter.
const lateAfter = int64(10 * time.Millisecond)

// late is the state of a loop that comes back after a pause: the process was
// stopped, the virtual machine or its CPU quota, or a handler held the loop. Timers
// that ran out meanwhile must not end what is only waiting for the loop itself: a
// connection whose bytes arrived in time, a dial whose SYN was answered. So they
// wait until all events that were pending have been taken, and all that was ready
// by then has been visited.
//
// It takes one more poll, as a rule. The bound is the number of registrations: the
// kernel reports each once before it reports one for the second time (ep_send_events).
type late struct {
	is    bool
	polls int // polls that may still bring events from the pause
	heavy int // heavy registrations that were ready and have not been visited
}

// caughtUp reports whether timers may run. events is how many the turn's poll
// brought, visited how many heavy registrations the turn visited.
func (l *Loop) caughtUp(events, visited int) bool {
	c := &l.late
	switch {
	case !c.is && !l.timers.overdue(l.now, lateAfter):
		return true
	case !c.is:
		// Another poll in any case: a wait that a signal interrupted, as SIGCONT does
		// (signal(7)), brought nothing.
		*c = late{is: true, polls: int(l.slab.used)/batch + 1}
		return false
	case c.polls > 0:
		c.polls--
		if events < batch {
			c.polls = 0
		}
		c.heavy = l.heavy.length
	default:
		c.heavy -= visited
	}
	c.is = c.polls > 0 || c.heavy > 0
	return !c.is
}
