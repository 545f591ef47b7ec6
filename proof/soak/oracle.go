package soak

import (
	"fmt"
	"time"
)

// A kill is one use of ss -K: which sockets of the forwarder it destroyed, by the
// port at the other end of those towards clients, and by their own of those towards
// the backend.
type kill struct {
	from, to         int64 // ns since the epoch
	clients, towards map[int]bool
	spare            int // of towards, how many the backend cannot name: see spares
}

// A tally is what the oracle has found.
type tally struct {
	connections uint64
	verified    uint64 // bytes
	resets      uint64 // connections that were cut, for a reason that is known
	killed      uint64 // of them, by ss -K
	lost        uint64 // bytes missing in front of a clean end
	foreign     uint64 // streams with a byte that does not belong there
	hangs       uint64
	deadlocked  []*deadlock // connections that hung, and the kernel was to blame
	falseEnds   uint64      // clean ends that nobody sent
	unexplained uint64      // resets that nobody caused, and other errors
	failures    []string
}

// shown is how many failures are told in full.
const shown = 10

func (t *tally) fail(count *uint64, p *plan, format string, args ...any) {
	*count++
	if len(t.failures) < shown {
		t.failures = append(t.failures, fmt.Sprintf("connection %d (%v): %s", p.k, p, fmt.Sprintf(format, args...)))
	}
}

func (t *tally) bad() bool {
	return t.lost+t.foreign+t.hangs+t.falseEnds+t.unexplained > 0
}

func (p *plan) String() string {
	c, b := &p.half[client], &p.half[backend]
	return fmt.Sprintf("%v, %v, up %d, down %d, client %v at %d, backend %v at %d",
		p.service, p.order, c.bytes, b.bytes, c.end, c.at, b.end, b.at)
}

// An oracle holds what the two sides of each connection saw against each other.
// What a side received is a prefix of the right stream, or it would have stopped at
// the wrong byte. What is judged here is how it ended:
//
//   - a clean end is sent by the other side, and comes behind all that it sent;
//   - a reset is caused by one of the sides, or by ss -K;
//   - nothing else ends a connection, and everything ends, but for an echo that the
//     kernel has deadlocked, which was watched.
type oracle struct {
	tally
	seed      uint64
	patience  time.Duration
	deadlocks deadlocks
}

// judge judges a wave, all of whose connections have ended.
func (o *oracle) judge(records []*record, kills []kill) {
	pairs := map[uint64]*[2]*record{}
	mute, headless := 0, []*record(nil)
	for _, r := range records {
		o.verified += r.Received
		if !r.Header && r.Side == backend {
			headless = append(headless, r)
			continue
		}
		pair := pairs[r.K]
		if pair == nil {
			pair = new([2]*record)
			pairs[r.K] = pair
		}
		if pair[r.Side] != nil {
			o.fail(&o.foreign, planOf(o.seed, r.K), "two of %v: %v, and %v", r.Side, pair[r.Side], r)
			continue
		}
		pair[r.Side] = r
	}
	spares(records, kills)
	for k, pair := range pairs {
		p := planOf(o.seed, k)
		if p.mute {
			mute++
		}
		o.connection(p, pair, kills)
	}
	o.headless(headless, mute)
}

// connection judges one connection.
func (o *oracle) connection(p *plan, pair *[2]*record, kills []kill) {
	o.connections++
	if pair[client] == nil {
		o.fail(&o.foreign, p, "the backend has seen a connection that no client made: %v", pair[backend])
		return
	}
	killed := wasKilled(pair, kills)
	excused := killed
	wasCut := false
	for _, r := range pair {
		if r != nil {
			excused = excused || r.Left != finish
			wasCut = wasCut || r.Read == reset || r.Write == reset || r.Left != finish
		}
	}
	if wasCut {
		o.resets++
		if !excused && pair[backend] == nil && p.service != echo {
			killed = takeSpare(pair[client], kills)
			excused = killed
		}
		if killed {
			o.killed++
		}
	}
	for s, r := range pair {
		from := pair[1-s]
		if p.service == echo {
			from = r
		}
		if r != nil {
			o.direction(p, from, r, excused)
		}
	}
}

// direction judges what to has received, and how it ended for it.
func (o *oracle) direction(p *plan, from, to *record, excused bool) {
	other := fmt.Sprintf("%v %v; %v %v", to.Side, to, 1-to.Side, from)
	if from == to {
		other = fmt.Sprintf("%v %v", to.Side, to)
	}
	for _, how := range []outcome{to.Read, to.Write} {
		switch {
		case how == wrong:
			o.fail(&o.foreign, p, "a wrong byte: %s", other)
		case how == silent:
			if k := o.excuse(p, to); k != nil {
				o.deadlocked = append(o.deadlocked, k)
				return
			}
			o.fail(&o.hangs, p, "nothing moved for too long: %s", other)
		case how == failed:
			o.fail(&o.unexplained, p, "an error: %s", other)
		case how == reset && !excused:
			o.fail(&o.unexplained, p, "a reset that nobody caused: %s", other)
		default:
			continue
		}
		return
	}
	if to.Read == ended {
		o.end(p, from, to, other)
	}
}

// excuse returns the deadlock of the kernel that a silence is put down to, or nil.
// Only an echo can come to it: at a relay's other end somebody reads.
func (o *oracle) excuse(p *plan, r *record) *deadlock {
	if p.service != echo || r.Side != client {
		return nil
	}
	return o.deadlocks.explains(r, o.patience)
}

// end judges a clean end.
func (o *oracle) end(p *plan, from, to *record, what string) {
	switch {
	case from == nil || from.Write != ended && from.Left != abandon:
		o.fail(&o.falseEnds, p, "an end that was not sent: %s", what)
	case to.Received < from.Sent:
		missing := from.Sent - to.Received
		o.fail(&o.lost, p, "%d bytes are missing in front of the end: %s", missing, what)
		o.lost += missing - 1 // fail has counted one
	case to.Received > from.Sent:
		o.fail(&o.foreign, p, "%d bytes more than were sent: %s", to.Received-from.Sent, what)
	}
}

// headless judges the backend's connections that ended in front of a whole header.
// Only the mute ones end in order; of the others the client's record tells.
func (o *oracle) headless(records []*record, mute int) {
	clean := 0
	for _, r := range records {
		p := &plan{k: r.K}
		switch {
		case r.Read == wrong:
			o.fail(&o.foreign, p, "a wrong header: %v", r)
		case r.Read == ended && r.Received > 0:
			o.fail(&o.falseEnds, p, "an end within a header: %v", r)
		case r.Read == ended:
			clean++
		case r.Read == silent:
			o.fail(&o.hangs, p, "no header came: %v", r)
		case r.Read != reset:
			o.fail(&o.unexplained, p, "no header: %v", r)
		}
	}
	if clean > mute {
		o.fail(&o.falseEnds, &plan{}, "%d connections ended in order without a byte, %d clients did that", clean, mute)
	}
}
