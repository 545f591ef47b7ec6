package load

import (
	"io"
	"math"
	"time"

	"github.com/penstock/penstock/bench/plan"
)

func init() { kinds[plan.RST] = newRST }

// rst resets connections while something is under way on them: with the request sent
// in part or whole, and the response under way or not. Beside them probes go on, which
// a target must answer as if nothing was.
type rst struct {
	*slots
	probes *rr
}

func newRST(w *worker) workload {
	closed := *w.plan
	closed.Rate = 0 // which is that of the resets
	r := &rst{probes: newProbes(w, &closed)}
	r.probes.aside, r.probes.think = true, time.Millisecond
	r.slots = newSlots(w, r, w.plan.Probes, w.plan.Conns, "connection to be reset")
	r.aside = true
	return r
}

func (r *rst) standing() int             { return r.probes.standing() }
func (r *rst) prepare(ready func(error)) { ready(nil) } // probes have reached the target

func (r *rst) opened(c wire, k int) error {
	if k < r.probes.standing() {
		return r.probes.opened(c, k)
	}
	return r.slots.opened(c, k)
}

func (r *rst) begin() {
	r.probes.begin()
	r.slots.begin()
}

func (r *rst) halt() {
	r.probes.halt()
	r.slots.halt()
}

// The moments of resets are drawn so that each half of the time to the last, down to
// the first, has as many of them.
const (
	firstReset = float64(time.Microsecond)
	lastReset  = float64(10 * time.Millisecond)
)

// connected sends some of the request, and has the connection reset: at once, or at a
// drawn moment unless the response comes before.
func (r *rst) connected(s *slot) error {
	random := r.w.random
	now := r.w.now()
	b := s.compose(r.rr.buf[:0], now, now)
	r.rr.buf = b
	if random.IntN(2) == 0 {
		b = b[:random.IntN(len(b)+1)]
	}
	if len(b) > 0 {
		if err := s.write(b); err != nil {
			return err
		}
	}
	if random.IntN(4) == 0 {
		return r.reset(s)
	}
	after := firstReset * math.Pow(lastReset/firstReset, random.Float64())
	c := s.c
	r.w.loop.AfterFunc(time.Duration(after), func() {
		if s.c == c {
			r.reset(s)
			c.Abort()
		}
	})
	return nil
}

func (r *rst) reset(s *slot) error {
	s.complete()
	return errReset
}

// answered resets a connection whose response was faster than the drawn moment.
func (r *rst) answered(s *slot) error { return r.reset(s) }

func (r *rst) ended(*slot) error { return io.ErrUnexpectedEOF }

func (r *rst) over(s *slot) { r.again(s) }
