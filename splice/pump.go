package splice

import (
	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// pump delivers what is in flight. The pipe or buffer goes back as soon as it is
// empty, so that one warm pipe serves all the busy connections of a loop.
//
// What handlers wrote to the sink before the relay took over goes first.
func (t *transfer) pump() {
	queued := t.dst.Buffered()
	empty, err := t.dst.Flush()
	if t.dst.Buffered() < queued {
		t.last = t.src.Loop().Now()
	}
	if !empty {
		t.state = blocked
		if err != nil {
			t.strand()
		}
		return
	}
	if t.inFlight() > 0 {
		switch n, e := t.push(); {
		case e == sys.EAGAIN:
			t.state = blocked
			return
		case e != 0:
			t.strand()
			return
		default:
			t.delivered(n)
		}
	}
	if t.inFlight() == 0 {
		t.giveBack()
		t.state = waiting
	}
}

// delivered counts n bytes that the sink's kernel took.
func (t *transfer) delivered(n int) {
	l := t.src.Loop()
	l.Count().InFlight -= n
	t.flow(n)
	t.last = l.Now()
}

// flow counts n delivered bytes towards proven, and no further.
func (t *transfer) flow(n int) { t.flowed = min(t.flowed+int32(min(n, proven)), proven) }

// push makes one call: splice of exactly the bytes in the pipe, or send.
func (t *transfer) push() (n int, e sys.Errno) {
	l := t.dst.Loop()
	switch d := t.dst.FD(); {
	case d.Err() != 0:
		return 0, d.Err() // a write failed, perhaps before the relay began: what follows would hide the hole
	case d.Ready()&fd.Writable == 0:
		return 0, sys.EAGAIN
	}
	if t.pipe != nil {
		l.Count().Pumps++
		if n, e = t.dst.FD().Pump(l.Kernel(), t.pipe.R, t.pipe.Bytes); e == 0 {
			t.pipe.Bytes -= n
			t.stats.spliced += uint64(n)
			l.Count().BytesSpliced += uint64(n)
		}
		return n, e
	}
	l.Count().Sends++
	if n, e = t.dst.FD().Send(l.Kernel(), t.buf.B[t.buf.From:t.buf.To]); e == 0 {
		t.buf.From += n
		t.stats.copied += uint64(n)
		l.Count().BytesCopied += uint64(n)
	}
	return n, e
}
