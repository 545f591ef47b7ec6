package load

import (
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/loop"
)

// arrivals are the moments at which an open loop should send, whatever the target
// does: those of many users who know nothing of each other (Poisson), or of a clock.
//
// What is due and cannot be sent, because no connection is free, waits in a queue
// with the moment at which it was due, from which its response time counts.
type arrivals struct {
	w       *worker
	timer   loop.Timer
	next    int64 // when the next one is due
	stopped bool
	queue   []int64 // due, not sent: queue[from:]
	from    int
}

// spin is how long before an arrival the loop stops sleeping: epoll_wait sleeps for
// whole milliseconds, and a sleeper wakes some 50 to 100 µs late.
const spin = 1500 * time.Microsecond

// burst bounds how many arrivals are worked off in a turn of the loop.
const burst = 512

func (a *arrivals) start() {
	a.next = a.w.now() + a.gap()
	a.arm(a.w.now())
}

func (a *arrivals) stop() {
	a.stopped = true
	a.queue, a.from = nil, 0
	a.w.loop.Disarm(&a.timer)
}

// gap draws the time to the next arrival.
func (a *arrivals) gap() int64 {
	mean := 1e9 / a.w.plan.Rate
	if a.w.plan.Arrival == plan.Poisson {
		mean *= a.w.random.ExpFloat64()
	}
	return int64(mean)
}

// Expire hands out what is due.
func (a *arrivals) Expire() {
	now := a.w.now()
	for range burst {
		if a.next > now {
			break
		}
		due := a.next
		a.next += a.gap()
		a.w.seen.Issued++
		a.w.load.due(due)
		now = a.w.now()
	}
	if !a.stopped {
		a.arm(now)
	}
}

// arm has Expire called in the next turn if an arrival is near, and else in time.
func (a *arrivals) arm(now int64) {
	a.w.loop.Arm(&a.timer, max(time.Duration(a.next-now)-spin, 0), a)
}

// put keeps an arrival for which no connection is free.
func (a *arrivals) put(due int64) {
	if a.from > 1024 && a.from > len(a.queue)/2 {
		a.queue = a.queue[:copy(a.queue, a.queue[a.from:])]
		a.from = 0
	}
	a.queue = append(a.queue, due)
}

// take answers the arrival that has waited longest.
func (a *arrivals) take() (due int64, ok bool) {
	if a.from == len(a.queue) {
		return 0, false
	}
	due = a.queue[a.from]
	a.from++
	return due, true
}

func (a *arrivals) waiting() int { return len(a.queue) - a.from }
