package simkernel

import (
	"fmt"

	"github.com/penstock/penstock/internal/sys"
)

// A Link is what is under way from one socket to the other end of its connection.
type Link struct{ s *sock }

// Due answers the links on which something is under way, in an order that depends on
// nothing but the calls made.
func (k *Kernel) Due(into []Link) []Link {
	into = into[:0]
	for _, s := range k.socks {
		if l := (Link{s}); l.Due() {
			into = append(into, l)
		}
	}
	return into
}

// Due says whether Deliver would do anything.
func (l Link) Due() bool {
	s := l.s
	switch {
	case s.state == connecting:
		ln := s.k.listener(s.to)
		return ln == nil || !ln.silent && len(ln.backlog) <= ln.limit
	case s.rstOut:
		return true
	case s.state != connected:
		return false
	case s.out.n > s.held:
		return s.peer.window() > 0 && s.peer.state == connected
	}
	return s.shutW && !s.finOut && s.out.n == 0
}

// window is how many bytes a socket can be given. One whose reader has gone takes,
// and refuses, anything.
func (s *sock) window() int {
	if s.orphan {
		return 1
	}
	return s.rcvbuf - s.in.n
}

// Deliver moves one step on: a connect is answered, or up to n bytes of one segment
// arrive, or a FIN, or a RST.
func (l Link) Deliver(n int) {
	s := l.s
	if l.Due() {
		s.k.Progress++
	}
	switch {
	case s.state == connecting:
		s.answer()
	case s.rstOut:
		s.rstOut = false
		s.peer.onReset()
		s.sweep()
	case s.state != connected:
	case s.out.n > s.held:
		s.transmit(min(n, s.out.n-s.held))
	case s.shutW && !s.finOut:
		s.finOut = true
		s.watch.view.ShutAckedAt = s.k.clock
		s.peer.onFin()
		s.file.wake(0) // TCP_FIN_WAIT2, or closed
		s.closed()
	}
}

// transmit delivers up to n bytes, as the window allows.
func (s *sock) transmit(n int) {
	p := s.peer
	if p.state != connected {
		return // a RST is on its way to us
	}
	if p.orphan {
		p.reset() // it takes nothing, whatever it still had to send (tcp_rcv_state_process)
		return
	}
	if s.outUrgent {
		s.outUrgent = false
		p.onMark(s.outMark)
	}
	seg := s.out.pop(max(min(n, p.window()), 0))
	if seg.N == 0 {
		return
	}
	s.outSeq += uint64(seg.N)
	s.watch.view.AckedAt = s.k.clock
	p.onData(seg)
	if s.noSpace && s.state == connected && s.writable() {
		s.noSpace = false
		s.file.wake(sys.EpollOut)
	}
}

// onData receives a segment.
func (s *sock) onData(seg Segment) {
	if s.in.n == 0 {
		s.watch.cameAt = s.k.clock
	}
	s.in.push(seg)
	s.file.wake(sys.EpollIn | sys.EpollPri)
}

// onMark is told where the urgent byte is (tcp_check_urg). An older one that was
// not read becomes part of the stream, but is skipped if the reader stands at it.
func (s *sock) onMark(mark uint64) {
	if s.seq > mark || s.orphan {
		return
	}
	if s.urgent && s.mark == s.seq && s.in.n > 0 {
		s.in.skip(1)
		s.seq++
	}
	s.urgent, s.mark = true, mark
	s.file.wake(sys.EpollIn | sys.EpollPri)
}

func (s *sock) onFin() {
	if s.state != connected {
		return
	}
	s.finIn, s.shutR = true, true
	s.watch.endAt = s.k.clock
	s.file.wake(0)
	s.closed()
}

// closed ends a connection both of whose FINs were received.
func (s *sock) closed() {
	if s.finIn && s.finOut && s.state == connected {
		s.state = gone
		s.file.wake(0)
	}
	s.sweep()
}

// Settle delivers everything that can be delivered, as a loopback does.
func (k *Kernel) Settle() {
	for due := k.Due(nil); len(due) > 0; due = k.Due(due) {
		for _, l := range due {
			for l.Due() {
				l.Deliver(1 << 30)
			}
		}
	}
}

// String says what a link would deliver, and what the other end holds.
func (l Link) String() string {
	s := l.s
	to := 0
	if s.peer != nil {
		to = s.peer.in.n
	}
	return fmt.Sprintf("%v → %v (%d queued, %d held back, end %v, reset %v; %d wait to be read)",
		s.addr, s.to, s.out.n, s.held, s.shutW, s.rstOut, to)
}
