package sim

import (
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
)

// ending is how a party ends what it writes.
type ending int

const (
	shutHalf ending = iota // shutdown(SHUT_WR), and reads on
	answer                 // the same, once the other's end was read
	closeAll               // close(2), whatever is still to come
	resetAll
)

// A party is one end of a relayed connection, outside of the runtime: a client, or
// the backend that it talks to. It writes its stream by a plan, and checks what it
// reads to the byte.
type party struct {
	peer   simkernel.Peer
	live   bool // connected
	closed bool // by itself

	k      uint64 // of its stream
	pos    int    // written so far
	total  int
	chunk  int // bytes of a write
	urgent int // position in front of which an urgent byte is sent, -1 if none
	how    ending
	sent   bool // the end

	in       content.Stream // what comes next
	reads    int            // bytes of a read
	stallAt  uint64
	stallFor int64
	stalled  int64 // until then it does not read

	readRest, writeRest int64 // how long it rests after a read, after a write
	rests               int64 // until then it does not write

	broken bool // met an error when it wrote: what had arrived can still be read
	fin    bool // read the end of the stream
	cut    bool // read an error, or the end after one
	error  sys.Errno
}

var sizes = []int{1448, 1, 100, 4096, 16 << 10, 40 << 10, 64 << 10, 7}

// plan chooses what the party does, in steps of which about eight of the smallest do
// all. One that is not odd does nothing surprising.
func (p *party) plan(t *Tape, odd bool, step int) {
	p.chunk = sizes[t.Pick(len(sizes))]
	p.total = p.chunk * min(Of(t, 1, 0, 2, 3, 5, 8, 12, 20), max(8*step/p.chunk, 1))
	p.reads = max(Of(t, 1<<20, 100, 4096, 64<<10), p.total/8)
	p.urgent = -1
	p.stallAt = ^uint64(0)
	p.how = ending(t.Pick(2))
	if !odd {
		return
	}
	if t.Odds(4) {
		p.how = ending(t.Pick(4))
	}
	if t.Odds(8) && p.total > 0 {
		p.urgent = t.Pick(min(p.total/p.chunk, 4)+1) * p.chunk
	}
	if t.Odds(3) {
		p.stallAt = uint64(Of(t, 0, 1000, 20000))
		p.stallFor = int64(Of(t, time.Millisecond, 300*time.Millisecond, 2*time.Second, 20*time.Second))
	}
}

// canAct says whether act would do anything.
func (p *party) canAct(now int64) bool {
	return p.live && !p.closed && (p.canRead(now) || p.canWrite(now) || p.canEnd(now))
}

func (p *party) canRead(now int64) bool {
	return !p.fin && !p.cut && now >= p.stalled && p.peer.Readable()
}

func (p *party) canWrite(now int64) bool {
	return now >= p.rests && !p.sent && !p.broken && !p.cut && (p.pos < p.total || p.urgent >= 0) && p.peer.Writable()
}

// canEnd says whether its own end, or the last close, is due.
func (p *party) canEnd(now int64) bool {
	switch {
	case p.cut || p.sent || p.broken:
		return p.cut || p.fin
	case now < p.rests:
		return false
	case p.pos < p.total || p.urgent >= 0:
		return false
	}
	return p.how != answer || p.fin
}

// act does one thing.
func (p *party) act(w *World) {
	now := w.k.Clock()
	read, write := p.canRead(now), p.canWrite(now)
	switch {
	case read && write && w.tape.Pick(2) == 0, read && !write:
		p.read(w)
	case write:
		p.write()
		p.rests = now + p.writeRest
	default:
		p.end()
	}
}

// read takes what is there, up to the size of a read; one that does not rest takes a
// segment at a time.
func (p *party) read(w *World) {
	left := p.reads - p.take(w, p.reads)
	for p.readRest > 0 && left > 0 && p.peer.Holds() {
		left -= p.take(w, left)
	}
}

func (p *party) take(w *World, n int) int {
	seg, e := p.peer.Read(n)
	switch {
	case seg.N > 0:
		if err := seg.Follows(&p.in); err != nil {
			w.fail("foreign, lost or repeated byte: %v", err)
		}
		p.stalled = w.k.Clock() + p.readRest
		if p.in.Pos >= p.stallAt {
			p.stallAt, p.stalled = ^uint64(0), w.k.Clock()+p.stallFor
		}
	case e == 0 && p.broken:
		p.cut = true
	case e == 0:
		p.fin = true
	case e != sys.EAGAIN:
		p.cut, p.error = true, e
	}
	return seg.N
}

func (p *party) write() {
	n, e := 0, sys.Errno(0)
	if p.urgent >= 0 && p.pos >= p.urgent {
		if e = p.peer.Urgent(); e == 0 {
			p.urgent = -1
		}
	} else {
		n = min(p.chunk, p.total-p.pos)
		if p.urgent > p.pos {
			n = min(n, p.urgent-p.pos)
		}
		n, e = p.peer.Write(simkernel.Segment{K: p.k, Pos: uint64(p.pos), N: n})
	}
	p.pos += n
	if e != 0 && e != sys.EAGAIN {
		p.broken, p.error = true, e
	}
}

// end sends the party's end, or, when both directions are over, closes.
func (p *party) end() {
	switch {
	case p.cut || p.sent || p.broken:
		p.peer.Close()
		p.closed = true
	case p.how == closeAll:
		p.sent, p.closed = true, true
		p.peer.Close()
	case p.how == resetAll:
		p.sent, p.closed = true, true
		p.peer.Reset()
	default:
		p.sent = true
		p.peer.CloseWrite()
	}
}

// over says that nothing more is to be expected of the party.
func (p *party) over() bool { return p.closed }
