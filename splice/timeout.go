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

// deliverTimeout bounds the wait for the last acknowledgements in front of a
// reset. Both directions have ended then, and bytes wait: all three timeouts hold.
func (o *Options) deliverTimeout() time.Duration {
	return shorter(shorter(max(o.IdleTimeout, 0), o.halfClose()), o.stall())
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
	next := nextLook(r.quietTimeout(), r.quiet(), r.t[0].unacked() || r.t[1].unacked())
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
	if limit := r.quietTimeout(); limit > 0 && r.quiet() >= limit {
		if r.halfClosed() {
			return fmt.Errorf("%w: half-closed, and no byte for %v", ErrTimeout, limit)
		}
		return fmt.Errorf("%w: idle for %v", ErrTimeout, limit)
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
