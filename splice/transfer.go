// Package splice relays connections inside the kernel: a transfer moves one
// direction, socket → pipe → socket, and Relay runs two of them.
package splice

import (
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/pool"
)

// Mode is how a transfer moves bytes.
type Mode uint8

const (
	// Auto chooses for each direction and moment: copying while messages are
	// small, splicing while bytes come in bulk. The default.
	Auto Mode = iota
	// Splice splices whenever the kernel lets it.
	Splice
	// Copy always copies.
	Copy
)

// state is where a transfer is. There are five, for splicing and copying alike:
//
//	         readable              bytes in flight        end confirmed, none in flight
//	waiting ──────────► draining ─────────────► pumping … ──────────────► done
//	   ▲                   │ dry                  │ sink full
//	   └───────────────────┘                      ▼
//	                                           blocked ── writable ──► pumping
//
// and from each of them, when a socket failed: failed, for good.
//
// A transfer drains only when nothing is in flight. That one rule keeps two
// invariants: EAGAIN from a drain means "dry", as the pipe was empty; and bytes
// keep their order when it goes over from copying to splicing.
type state uint8

const (
	waiting state = iota // draining has no state of its own: it never outlasts a call
	pumping
	blocked
	done
	failed
)

// A transfer moves one direction of a relay. It holds a pipe or a buffer while
// bytes are in flight, and nothing while it waits.
type transfer struct {
	src, dst *loop.Conn
	pipe     *pool.Pipe   // leased, with Bytes in it; nil unless they came by splice
	buf      *pool.Buffer // leased, with Len bytes; nil unless they came by copying
	stats    struct{ spliced, copied uint64 }
	last     int64  // when there was last progress: a byte moved, or was acknowledged
	stranded int32  // bytes that were drained and will never be delivered
	flowed   int32  // bytes delivered since it last stalled, up to proven
	acked    uint32 // low half of how many bytes the peer had acknowledged at the last look
	state    state
	splicing bool
	streak   int8 // drains in a row that speak for the other way
	denied   int8 // drains to copy before splice is tried again
}

// inFlight is what was drained and not yet pumped, in bytes.
func (t *transfer) inFlight() int {
	switch {
	case t.pipe != nil:
		return t.pipe.Bytes
	case t.buf != nil:
		return t.buf.Len()
	}
	return 0
}

// pumped is the number of bytes that the sink's kernel has taken.
func (t *transfer) pumped() uint64 { return t.stats.spliced + t.stats.copied }

// ended says that the transfer will not move another byte.
func (t *transfer) ended() bool { return t.state == done || t.state == failed }

// run moves bytes until the source is dry, the sink is full, the end has come or
// the visit's budget is spent. In the last case only it answers true.
func (t *transfer) run(m Mode) (again bool) {
	l := t.src.Loop()
	for {
		switch t.state {
		case waiting:
			if t.src.FD().Ready()&fd.Readable == 0 {
				return false
			}
			if l.Left() <= 0 {
				return true
			}
			t.drain(m)
		case blocked:
			if t.dst.FD().Ready()&fd.Writable == 0 {
				return false
			}
			if l.Left() <= 0 {
				return true // Flush stopped for the budget
			}
			t.unblock(l)
		case pumping:
			t.pump()
		default:
			return false
		}
	}
}

// slowSink is how long a sink must stay full to count as slow, and proven how much a
// transfer must deliver after a stall, or at its start, to be lent a big pipe:
// more than the sockets on the way can hold by themselves (tcp_wmem and tcp_rmem
// allow 4 and 6 MiB). A big pipe in the hands of a sink that does not read is
// 256 pages of the user's budget lost to everyone for as long as that lasts.
const (
	slowSink = int64(200 * time.Millisecond)
	proven   = 12 << 20
)

func (t *transfer) unblock(l *loop.Loop) {
	t.state = pumping
	if l.Now()-t.last > slowSink {
		t.flowed = 0
	}
}

// strand ends the transfer before its end: what is in flight is lost, and counted.
func (t *transfer) strand() {
	if t.ended() && t.inFlight() == 0 {
		return
	}
	n := t.inFlight()
	t.state = failed
	t.stranded = int32(n)
	count := t.src.Loop().Count()
	count.BytesStranded += uint64(n)
	count.InFlight -= n
	t.giveBack()
}

// giveBack returns the pipe or the buffer. A pipe with bytes in it is closed.
func (t *transfer) giveBack() {
	l := t.src.Loop()
	if t.pipe != nil {
		l.PutPipe(t.pipe)
		t.pipe = nil
	}
	if t.buf != nil {
		l.PutBuffer(t.buf)
		t.buf = nil
	}
}
