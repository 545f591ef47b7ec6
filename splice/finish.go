package splice

import (
	"net"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// finish closes both connections and gives the account.
func (r *relay) finish(reset bool) {
	if r.phase == over {
		return
	}
	r.phase = over
	a, b := r.t[0].src, r.t[1].src
	l := a.Loop()
	l.Disarm(&r.timer)
	r.t[0].strand()
	r.t[1].strand()
	failed := Neither
	if r.err == nil && reset {
		failed, r.err = r.cause()
	}
	a.Release(reset)
	b.Release(reset)
	l.Count().Relays--
	if r.o.Done != nil {
		l.Later(func() { r.o.Done(Result{AB: r.t[0].account(), BA: r.t[1].account(), Err: r.err, Failed: failed}) })
	}
}

// cause is the first error that a socket of the relay met, and whose it was.
func (r *relay) cause() (Side, error) {
	for i, side := range [2]Side{A, B} {
		d := r.t[i].src.FD()
		if e := d.Err(); e != 0 {
			network := "tcp"
			if d.Family() == sys.Unix {
				network = "unix"
			}
			return side, &net.OpError{Op: "relay", Net: network, Source: r.t[i].src.LocalAddr(), Addr: r.t[i].src.RemoteAddr(), Err: e}
		}
	}
	return Neither, net.ErrClosed
}

func (t *transfer) account() Direction {
	pumped := t.pumped()
	return Direction{
		Drained: pumped + uint64(t.stranded), Pumped: pumped,
		Spliced: t.stats.spliced, Copied: t.stats.copied, Stranded: uint64(t.stranded),
	}
}

// Fail cuts the relay at once: its loop ends, or somebody aborted a connection.
func (r *relay) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.finish(true)
}

// The looks at what is still to be acknowledged, in ms: no event tells of it.
const (
	firstLook = 1
	lastLook  = 128
)

// deliver resets both connections once the peers' kernels have acknowledged all
// that was sent to them, or have acknowledged nothing for as long as one of the
// timeouts. Linux lets a peer read what had arrived before the reset.
func (r *relay) deliver() {
	if r.phase == over {
		return
	}
	l := r.t[0].src.Loop()
	if r.phase == moving {
		r.phase, r.wait = delivering, firstLook
	}
	left := 0
	for i := range r.t {
		n := unacknowledged(r.t[i].dst)
		r.t[i].noteAcked(n)
		left += n
	}
	if left == 0 || r.deliverTimedOut() {
		r.finish(true)
		return
	}
	l.Arm(&r.timer, time.Duration(r.wait)*time.Millisecond, r)
	r.wait = min(2*r.wait, lastLook)
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
