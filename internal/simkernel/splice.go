package simkernel

import (
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// Splice is splice(2) with SPLICE_F_NONBLOCK, between a socket and a pipe.
func (k *Kernel) Splice(from, to, n int) (int, sys.Errno) {
	if e := k.enter(Splice, from); e != 0 {
		return 0, e
	}
	f, t := k.get(from), k.get(to)
	switch {
	case f == nil || t == nil:
		return 0, sys.EBADF
	case n == 0:
		return 0, 0
	case n < 0:
		return 0, sys.EINVAL
	}
	var moved int
	var e sys.Errno
	switch {
	case f.sock != nil && t.pipe != nil && t.write:
		moved, e = f.sock.drain(t.pipe, n)
		k.Taken += uint64(moved)
		k.Piped += moved
		f.sock.took(moved)
	case f.pipe != nil && !f.write && t.sock != nil:
		moved, e = t.sock.pump(f.pipe, n)
		k.Given += uint64(moved)
		t.sock.gave(moved)
		k.Piped -= moved
	default:
		return 0, sys.EINVAL
	}
	if moved > 0 {
		k.Progress++
	}
	return moved, e
}

// drain is splice from a socket (tcp_splice_read): at most as many pages as there
// are free slots, no further than the urgent mark, a slot for each piece of a
// segment. EAGAIN means "dry", "no slot free" or "at the mark": KERNEL facts 2, 5.
func (s *sock) drain(p *pipe, n int) (moved int, e sys.Errno) {
	free := p.room - len(p.slots)
	if free <= 0 {
		return 0, sys.EAGAIN
	}
	if (s.state == listening || s.state == idle) && !s.isUnix() {
		return 0, sys.ENOTCONN
	}
	n = min(n, free*sys.PageSize)
	if s.urgent {
		n = min(n, int(s.mark-s.seq))
	}
	for ; n > 0 && s.in.n > 0 && free > 0; free-- {
		seg := s.in.pop(min(n, s.k.Slot))
		p.put(seg)
		s.seq += uint64(seg.N)
		if s.isUnix() {
			s.unixRead(seg.N)
		}
		moved += seg.N
		n -= seg.N
	}
	if moved > 0 {
		return moved, 0
	}
	return 0, s.dry()
}

// cork is how long MSG_MORE holds a partial segment back: TCP's minimal RTO.
const cork = int64(200 * time.Millisecond)

// pump is splice to a socket (splice_to_socket): 16 slots at a time, with MSG_MORE
// while it believes that more will follow. With the length above what 16 slots
// hold, the last batch carries it too if they were all: KERNEL fact 4.
func (s *sock) pump(p *pipe, n int) (moved int, e sys.Errno) {
	for n > 0 {
		if len(p.slots) == 0 {
			if moved == 0 {
				e = sys.EAGAIN
			}
			return moved, e
		}
		slots, batch := 0, 0
		for slots < len(p.slots) && slots < batchSlots && batch < n {
			batch += min(n-batch, p.slots[slots].N)
			slots++
		}
		// tail is not moved past the slot at which the batch ended.
		more := n > batch && (len(p.slots) > slots || slots == batchSlots)
		sent, e := s.take(p.slots, batch, more)
		p.take(sent)
		moved += sent
		n -= sent
		if e != 0 {
			if moved > 0 {
				return moved, 0
			}
			return 0, e
		}
		if sent < batch {
			return moved, 0
		}
	}
	return moved, 0
}

// take is sendmsg of the first n bytes of a pipe's slots.
func (s *sock) take(slots []Segment, n int, more bool) (sent int, e sys.Errno) {
	if s.isUnix() {
		return s.unixTake(slots, n)
	}
	room, e := s.sendRoom(n)
	if e != 0 {
		return 0, e
	}
	for _, seg := range slots {
		if sent == room {
			break
		}
		if seg.N > room-sent {
			seg, _ = seg.cut(room - sent)
		}
		s.out.push(seg)
		sent += seg.N
	}
	s.hold(sent, more)
	return sent, 0
}

// hold keeps the tail of what was sent with MSG_MORE back, and lets go of what was
// held when something is sent without.
func (s *sock) hold(n int, more bool) {
	if !more {
		s.held = 0
		return
	}
	const segment = 1448
	s.held = (s.held + n) % segment
	s.heldUntil = s.k.clock + cork
}
