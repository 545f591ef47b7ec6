package splice

import (
	"fmt"
	"math"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// The looks at what is still to be acknowledged, in ms: no event tells of it.
const (
	firstLook = 1
	lastLook  = 128
)

// deliver resets both connections once the peers' kernels have acknowledged all
// that was sent to them, or stopped acknowledging for StallTimeout. Linux lets a
// peer read what had arrived before the reset.
func (r *relay) deliver() {
	if r.phase == over {
		return
	}
	l := r.t[0].src.Loop()
	if r.phase == moving {
		r.phase, r.wait, r.outq = delivering, firstLook, -1
		r.t[0].last = l.Now()
	}
	left := int32(min(unacknowledged(r.t[0].src)+unacknowledged(r.t[1].src), math.MaxInt32))
	if left != r.outq {
		r.outq = left
		r.t[0].last = l.Now() // progress
	}
	limit := r.o.stall()
	if left == 0 || limit > 0 && l.Now()-r.t[0].last >= int64(limit) {
		r.finish(true)
		return
	}
	l.Arm(&r.timer, time.Duration(r.wait)*time.Millisecond, r)
	r.wait = min(2*r.wait, lastLook)
}

// stall is StallTimeout with its default; 0 is none.
func (o *Options) stall() time.Duration {
	switch {
	case o.StallTimeout == 0:
		return defaultStall
	case o.StallTimeout < 0:
		return 0
	}
	return o.StallTimeout
}

// arm sets the timer for the timeout that comes first. It is not moved with every
// byte: when it runs out, what is left of the timeouts is armed anew.
func (r *relay) arm() {
	l := r.t[0].src.Loop()
	next := time.Duration(-1)
	consider := func(timeout time.Duration, since int64) {
		if left := timeout - time.Duration(l.Now()-since); timeout > 0 && (next < 0 || left < next) {
			next = left
		}
	}
	consider(r.o.IdleTimeout, max(r.t[0].last, r.t[1].last))
	for i := range r.t {
		since := l.Now()
		if r.t[i].state == blocked {
			since = r.t[i].last
		}
		consider(r.o.stall(), since)
	}
	if next >= 0 {
		l.Arm(&r.timer, next, r)
	}
}

// Expire is a timeout, or a look at the last bytes.
func (r *relay) Expire() {
	if r.phase != moving {
		r.deliver()
		return
	}
	now := r.t[0].src.Loop().Now()
	if limit := r.o.IdleTimeout; limit > 0 && now-max(r.t[0].last, r.t[1].last) >= int64(limit) {
		r.Fail(fmt.Errorf("%w: idle for %v", ErrTimeout, limit))
		return
	}
	for i := range r.t {
		t := &r.t[i]
		if limit := r.o.stall(); limit > 0 && t.state == blocked && now-t.last >= int64(limit) {
			r.Fail(fmt.Errorf("%w: sink took no byte for %v", ErrTimeout, limit))
			return
		}
	}
	r.arm()
}

// unacknowledged is how many bytes the peer has still to be given, as far as that
// can be waited for.
func unacknowledged(c *loop.Conn) int {
	d := c.FD()
	if d.Ready()&fd.Broken != 0 {
		d.Probe(c.Loop().Kernel()) // a hang-up may be a reset, or two orderly ends
	}
	if d.Err() != 0 || d.Family() == sys.Unix {
		return 0 // nobody is left, or close(2) leaves it to be read
	}
	c.Flush() // what handlers queued before the relay goes, too
	n, e := c.Loop().Kernel().Outq(d.Num())
	if e != 0 || d.Err() != 0 {
		return 0
	}
	return n + c.Buffered()
}
