package splice

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/loop"
)

// Options are how a relay runs. Many relays share one Options, which must not be
// changed while they do. The zero value is the default.
type Options struct {
	// Mode is how bytes are moved. Default: Auto.
	Mode Mode
	// IdleTimeout resets both connections after this long without progress in
	// either direction. Progress is a byte that moves, or one that a peer's kernel
	// acknowledges. Default (0): none; keep-alive ends dead peers. Other proxies
	// do have one: nginx 10 minutes (proxy_timeout), Envoy 1 hour (idle_timeout);
	// HAProxy warns if it has none (timeout client). A relay does not know whether
	// its protocol is silent by design, so the choice is left to the caller.
	IdleTimeout time.Duration
	// HalfCloseTimeout is IdleTimeout for a relay of which one direction has ended:
	// a tunnel whose other side says nothing any more, and does not close.
	// Default (0): 10 minutes. Negative: none.
	HalfCloseTimeout time.Duration
	// StallTimeout resets both connections when bytes wait for a sink whose peer has
	// acknowledged none for this long: TCP itself probes a shut window without
	// end. Default (0): 5 minutes. Negative: none.
	//
	// The peer's acknowledgements raise no event. They are looked at four times
	// within each of the three timeouts, so that a relay ends up to a quarter of the
	// timeout late, and never early.
	StallTimeout time.Duration
	// Done is called, on the loop, when a relay has ended and both descriptors are
	// closed. One that must know which relay it was gets an Options of its own.
	Done func(Result)
}

var defaults Options

// ErrTimeout is wrapped in the error of a relay that one of its timeouts ended. It
// is also an os.ErrDeadlineExceeded.
var ErrTimeout = fmt.Errorf("penstock: relay timed out: %w", os.ErrDeadlineExceeded)

// A Direction is what one half of a relay moved, in bytes.
type Direction struct {
	Drained  uint64 // taken from the source
	Pumped   uint64 // taken by the sink's kernel: Spliced + Copied
	Spliced  uint64
	Copied   uint64
	Stranded uint64 // taken and never delivered: Drained - Pumped
}

// A Result is how Relay(a, b) ended: AB is what went from a to b. Err is nil if both
// directions came to their end, else why they were cut: a *net.OpError of the socket
// that failed, ErrTimeout, loop.ErrServerClosed, loop.ErrPanic, or net.ErrClosed
// after Close or Abort. Failed says whose socket it was, if it was one's.
type Result struct {
	AB, BA Direction
	Err    error
	Failed Side
}

// A Side is one of the connections of Relay(a, b).
type Side uint8

// The sides.
const (
	Neither Side = iota
	A
	B
)

func (s Side) String() string { return [...]string{"neither", "a", "b"}[s] }

// A relay is the task of two connections, and two transfers between them:
// t[0] from conn 0 to conn 1, and t[1] back.
//
// Each direction ends by itself: at the end of its source it sends the end on to
// its sink, and the other goes on. When both are done both are closed, in order.
//
// A failed socket ends the direction into it at once, and the one out of it when
// all that it sent has been drained. Then the other socket is reset, but only
// when its peer's kernel has everything that could be delivered: a reset destroys
// what is still to be sent.
//
// It is 208 bytes, a size class of the allocator; with two connections of 80, their
// slots and its timer an idle relay is about 410. Tests hold the parts there.
type relay struct {
	t     [2]transfer
	o     *Options
	timer loop.Timer
	err   error  // why it was cut
	ended uint32 // when the first direction ended, in units of endedUnit; 0 is not yet
	wait  uint16 // delivering: ms until the next look
	first uint8  // which transfer runs first in the next visit
	phase phase
}

type phase uint8

const (
	moving     phase = iota
	delivering       // both transfers have ended, a reset waits for the last bytes
	over
)

// Relay relays a and b to each other until both directions have ended, and closes
// them. Both must be on the same loop, whose goroutine must be the caller's, and
// parked or served by a Session, which is told nothing from here on: stop its
// timers before. They belong to the relay then: Close and Abort cut it as a whole,
// and reset both; do not read or write. What is in their write queues goes first.
//
// o may be nil. An error (net.ErrClosed if one has ended or is closing; two loops;
// loop.ErrTaken if one is relayed already) leaves both as they were.
func Relay(a, b *loop.Conn, o *Options) error {
	switch {
	case a == b:
		return errors.New("penstock: relay of a connection with itself")
	case a.Loop() != b.Loop():
		return fmt.Errorf("penstock: relay between loops %d and %d: dial from the loop of the other connection", a.Loop().ID(), b.Loop().ID())
	}
	if o == nil {
		o = &defaults
	}
	if err := errors.Join(a.Available(), b.Available()); err != nil {
		return err
	}
	start(a, b, o)
	return nil
}

func start(a, b *loop.Conn, o *Options) *relay {
	l := a.Loop()
	r := &relay{o: o}
	r.t[0] = transfer{src: a, dst: b, last: l.Now(), acked: unknown, state: pumping} // Flush first
	r.t[1] = transfer{src: b, dst: a, last: l.Now(), acked: unknown, state: pumping}
	a.Attend(r)
	b.Attend(r)
	a.Seal()
	b.Seal()
	l.Count().Relays++
	return r
}

// Ready runs both transfers, the other one first each time: they share a budget.
func (r *relay) Ready(*loop.Registration) (again bool) {
	if r.phase != moving {
		r.deliver()
		return false
	}
	r.first ^= 1
	a, b := &r.t[r.first], &r.t[r.first^1]
	again = a.run(r.o.Mode)
	again = b.run(r.o.Mode) || again
	r.settle()
	if r.phase == moving {
		r.lookSoon()
	}
	return again || r.phase == moving && (r.t[0].canDrain() || r.t[1].canDrain())
}

// canDrain says that run would find something to do. One transfer may make the
// other ready after that one has run: its error is the other's as well.
func (t *transfer) canDrain() bool {
	return t.state == waiting && t.src.FD().Ready()&fd.Readable != 0
}

// settle draws the conclusions from the state of the sockets and the transfers.
func (r *relay) settle() {
	for i := range r.t {
		out, into := &r.t[i], &r.t[i^1]
		d := out.src.FD()
		if out.ended() && d.Ready()&fd.Broken != 0 {
			d.Probe(out.src.Loop().Kernel()) // nobody reads it any more
		}
		if d.Err() != 0 {
			into.strand()
		}
	}
	if r.ended == 0 && r.halfClosed() {
		r.ended = r.units() | 1
	}
	switch {
	case !r.t[0].ended() || !r.t[1].ended():
		r.passEnds()
	case r.t[0].state == done && r.t[1].state == done:
		r.finish(false)
	default:
		r.passEnds()
		r.deliver()
	}
}

// passEnds sends the end of a direction on while the other lives, or has failed: a
// reset follows then, behind it. Where both have ended close(2) sends the last.
func (r *relay) passEnds() {
	for i := range r.t {
		if r.t[i].state == done {
			r.t[i].dst.FD().ShutdownWrite(r.t[i].dst.Loop().Kernel()) // its queue went first
		}
	}
}
