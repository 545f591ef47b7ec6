package load

import (
	"io"
	"time"

	"github.com/penstock/penstock/loop"
)

// An exchange is what becomes of a short connection. What its methods answer is what
// a loop.Session answers: io.EOF ends the connection in order, another error resets it.
type exchange interface {
	// connected begins it.
	connected(s *slot) error
	// answered is called when the whole response has been read.
	answered(s *slot) error
	// ended is called when the peer's end has been read.
	ended(s *slot) error
	// over is called when the connection has ended, or never came to be.
	over(s *slot)
}

// slots are connections that live for one exchange each. A slot dials, does what the
// exchange says, and is used again once its connection has ended. What is measured is
// the time from the dial to the end of the exchange, and from the moment at which the
// dial was to be.
type slots struct {
	exchange
	w     *worker
	rr    *rr // of requests that are not counted: the exchange is
	all   []*slot
	free  []*slot // of an open loop
	what  string  // an exchange, in errors
	aside bool    // times are those of probes, and an exchange that the target ends is cut, no error
	named uint64  // connections that were given a name

	dialled int // times, by which the source addresses take turns
}

// newSlots makes slots with the numbers from first on.
func newSlots(w *worker, x exchange, first, n int, what string) *slots {
	p := *w.plan
	p.Pipeline, p.Fragments = 1, 1
	s := &slots{exchange: x, w: w, rr: newRR(w, &p, 0), what: what}
	s.rr.quiet = true
	for k := range n {
		one := &slot{of: s}
		one.requester = *newRequester(s.rr, wire{}, first+k)
		s.all = append(s.all, one)
	}
	return s
}

func (s *slots) standing() int { return 0 }

// prepare dials once, so that a target that cannot be reached is no load.
func (s *slots) prepare(ready func(error)) {
	t := s.w.plan.Target
	err := s.w.dialers[0].Dial(s.w.loop, t.Network, t.Address, func(_ *loop.Conn, err error) error {
		ready(err)
		return io.EOF
	})
	if err != nil {
		ready(err)
	}
}

func (s *slots) begin() {
	if s.w.plan.Rate > 0 {
		s.free = append(s.free, s.all...)
		s.w.arrivals.start()
		return
	}
	for _, one := range s.all {
		one.start(s.w.now())
	}
}

// enter counts exchanges under way.
func (s *slots) enter(now int64, n int) {
	if !s.aside {
		s.w.enter(now, n)
	}
}

// due begins an exchange on a slot that is free, or lets it wait for one.
func (s *slots) due(intended int64) {
	n := len(s.free)
	if n == 0 {
		s.w.arrivals.put(intended)
		return
	}
	one := s.free[n-1]
	s.free = s.free[:n-1]
	one.startLate(intended)
}

// halt lets what is under way come to its end. Nothing new is begun.
func (s *slots) halt() {}

func (s *slots) opened(c wire, k int) error { return s.all[k-s.all[0].k].opened(c) }

// again uses a slot again: at once, or after a moment if its exchange failed.
func (s *slots) again(one *slot) {
	if one.failed {
		one.failed = false
		s.w.loop.AfterFunc(afterFailure, func() { s.again(one) })
		return
	}
	if s.w.halted {
		return
	}
	if s.w.plan.Rate == 0 {
		one.start(s.w.now())
		return
	}
	if due, ok := s.w.arrivals.take(); ok {
		one.startLate(due)
		return
	}
	one.since = s.w.now()
	s.free = append(s.free, one)
}

// afterFailure is how long a slot rests whose exchange failed: a target that refuses
// everything is not to be asked as fast as it can refuse.
const afterFailure = 100 * time.Millisecond
