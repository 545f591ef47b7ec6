package splice

import (
	"fmt"
	"time"
)

const (
	defaultStall     = 5 * time.Minute
	defaultHalfClose = 10 * time.Minute
)

// looks is how many times within a timeout the acknowledgements are looked at.
//
// Linux reports a socket writable again only when a third of its send buffer is
// free (sk_stream_write_space): up to 4 MiB, which a slow reader may need minutes
// for. No byte moves through the relay meanwhile, although the peer takes bytes
// all the time. SIOCOUTQ tells, and has to be asked: no event does.
const looks = 4

// unknown is a value of transfer.acked before the first look.
const unknown = ^uint32(0)

// stall is StallTimeout with its default; 0 is none.
func (o *Options) stall() time.Duration { return orDefault(o.StallTimeout, defaultStall) }

// halfClose is HalfCloseTimeout with its default; 0 is none.
func (o *Options) halfClose() time.Duration { return orDefault(o.HalfCloseTimeout, defaultHalfClose) }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return max(d, 0)
}

// shorter returns the shorter of two timeouts, of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// endedUnit is the resolution of relay.ended: about a millisecond, so that 32 bits are
// 52 days.
const endedUnit = 1 << 20

func (r *relay) units() uint32 { return uint32(r.t[0].src.Loop().Now() / endedUnit) }

// deliverTimedOut reports whether the wait for the last acknowledgements in front of a
// reset has lasted for too long. Both directions have ended, and bytes wait, so all
// three timeouts hold. Idle the relay may have been before.
func (r *relay) deliverTimedOut() bool {
	if idle := r.o.IdleTimeout; idle > 0 && r.quiet() >= idle {
		return true
	}
	limit := shorter(r.o.halfClose(), r.o.stall())
	return limit > 0 && r.quietHalf() >= limit
}

// quietTimeout is how long the relay may go without progress in either direction;
// 0 is without limit.
func (r *relay) quietTimeout() time.Duration {
	limit := max(r.o.IdleTimeout, 0)
	if r.halfClosed() {
		limit = shorter(limit, r.o.halfClose())
	}
	return limit
}

func (r *relay) halfClosed() bool { return r.t[0].ended() || r.t[1].ended() }

// quiet is how long there has been no progress in either direction.
func (r *relay) quiet() time.Duration {
	return r.t[0].src.Loop().Since(max(r.t[0].last, r.t[1].last))
}

// quietHalf is quiet, of the time since a direction has ended.
func (r *relay) quietHalf() time.Duration {
	return min(r.quiet(), time.Duration(r.units()-r.ended)*endedUnit)
}

// stalledFor is how long bytes have waited for a sink that took none.
func (t *transfer) stalledFor() time.Duration {
	if t.state != blocked {
		return 0
	}
	return t.src.Loop().Since(t.last)
}

// lookSoon has the timer run out for a look at the acknowledgements, after a visit
// in which bytes may have moved. In most visits it finds the timer set already, and
// a relay without a timeout in force has no timer.
func (r *relay) lookSoon() {
	limit := r.quietTimeout()
	if r.t[0].state == blocked || r.t[1].state == blocked {
		limit = shorter(limit, r.o.stall())
	}
	if limit > 0 {
		r.t[0].src.Loop().ArmWithin(&r.timer, max(limit/looks, 1), r)
	}
}

// Expire looks at the acknowledgements, and ends the relay if a timeout has passed.
func (r *relay) Expire() {
	if r.phase != moving {
		r.deliver()
		return
	}
	r.t[0].look()
	r.t[1].look()
	if err := r.timedOut(); err != nil {
		r.Fail(err)
		return
	}
	unacked := r.t[0].unacked() || r.t[1].unacked()
	next := nextLook(max(r.o.IdleTimeout, 0), r.quiet(), unacked)
	if r.halfClosed() {
		next = shorter(next, nextLook(r.o.halfClose(), r.quietHalf(), unacked))
	}
	for i := range r.t {
		if r.t[i].state == blocked {
			next = shorter(next, nextLook(r.o.stall(), r.t[i].stalledFor(), true))
		}
	}
	if next > 0 {
		r.t[0].src.Loop().Arm(&r.timer, next, r)
	}
}

// nextLook returns when to look again: when the timeout will have passed, and
// before that a few times if acknowledgements may come. 0 is never.
func nextLook(limit, passed time.Duration, unacked bool) time.Duration {
	if limit == 0 {
		return 0
	}
	next := limit - passed
	if unacked {
		next = min(next, limit/looks)
	}
	return max(next, 1)
}

func (r *relay) timedOut() error {
	if limit := r.o.IdleTimeout; limit > 0 && r.quiet() >= limit {
		return fmt.Errorf("%w: idle for %v", ErrTimeout, limit)
	}
	if limit := r.o.halfClose(); limit > 0 && r.halfClosed() && r.quietHalf() >= limit {
		return fmt.Errorf("%w: half-closed, and no byte for %v", ErrTimeout, limit)
	}
	for i := range r.t {
		if limit := r.o.stall(); limit > 0 && r.t[i].stalledFor() >= limit {
			return fmt.Errorf("%w: sink took no byte for %v", ErrTimeout, limit)
		}
	}
	return nil
}

// look asks how much of what was delivered the peer's kernel has acknowledged. It
// asks nothing if all was acknowledged at the last look, and no byte has moved since.
func (t *transfer) look() {
	if !t.unacked() {
		return
	}
	if n, e := t.dst.Loop().Kernel().Outq(t.dst.FD().Num()); e == 0 {
		t.noteAcked(n)
	}
}

// unacked reports whether acknowledgements may still come for what was delivered.
func (t *transfer) unacked() bool { return t.acked != uint32(t.pumped()) }

// noteAcked takes note that n bytes are not acknowledged. Any change since the last
// look is progress, which came at some time before now. A Unix socket counts the
// memory of what its peer has not read (unix_outq_len): a change of that is the same.
//
// A sink that was full for the whole time between two looks is slow, as in unblock.
func (t *transfer) noteAcked(n int) {
	acked := uint32(t.pumped()) - uint32(n)
	if acked == t.acked {
		return
	}
	t.acked = acked
	if t.state == blocked {
		t.flowed = 0
	}
	t.last = t.src.Loop().Now()
}
