package simkernel

// A View is what an observer sees of a socket of the process. Times are on the
// kernel's clock, 0 for never.
type View struct {
	Taken, Given     uint64 // bytes that the process took from the socket, and put into it
	TakenAt, GivenAt int64  // when that was last
	AckedAt          int64  // when the peer last acknowledged a byte
	ShutAt           int64  // when the process ended its half
	ShutAckedAt      int64  // when the peer acknowledged that
	EndAt            int64  // when the peer's end, or its reset, came
	EndTold          bool   // a call has returned it
	WaitsAt          int64  // since when bytes, an end or an error wait to be taken; 0 if none do
	Unacked          int    // bytes that the peer has not been given; a FIN counts as one; 0 of a Unix socket
	Failed           bool   // the peer has reset the connection; of a Unix socket: closed, and it shows in a call
	Closed           bool   // by the process; then the rest is as it was at that moment
}

// watch is what a socket notes for its View.
type watch struct {
	view    View
	cameAt  int64 // when the first of the bytes that it holds came
	endAt   int64 // when a FIN or a RST came
	endTold bool  // a call has returned it
}

func (s *sock) took(n int) {
	if n > 0 {
		s.watch.view.Taken += uint64(n)
		s.watch.view.TakenAt = s.k.clock
	}
}

func (s *sock) gave(n int) {
	if n > 0 {
		s.watch.view.Given += uint64(n)
		s.watch.view.GivenAt = s.k.clock
	}
}

// look returns the socket's View now.
func (s *sock) look() View {
	if s.watch.view.Closed {
		return s.watch.view
	}
	v := s.watch.view
	v.EndAt, v.EndTold = s.watch.endAt, s.watch.endTold || s.refused
	v.Failed = s.state == gone && !(s.finIn && s.finOut)
	if s.isUnix() {
		v.Failed = s.wasReset || s.refused
	} else {
		v.Unacked = s.unacknowledged()
	}
	switch {
	case s.in.n > 1, s.in.n == 1 && !(s.urgent && s.mark == s.seq):
		v.WaitsAt = s.watch.cameAt
	case !s.watch.endTold:
		v.WaitsAt = s.watch.endAt
	}
	return v
}

// View is what can be seen of the other end, which is a socket of the process.
func (p Peer) View() View {
	if p.s == nil || p.s.peer == nil {
		return View{}
	}
	return p.s.peer.look()
}

// AnsweredAt is when a connection to the listener was last established, 0 for never.
func (l Listener) AnsweredAt() int64 {
	if l.s == nil {
		return 0
	}
	return l.s.answeredAt
}

// Listeners is how many listeners the process has.
func (k *Kernel) Listeners() (n int) {
	for _, s := range k.listeners {
		if s.file != nil {
			n++
		}
	}
	return n
}

// Listens reports whether a number is a listener's.
func (k *Kernel) Listens(fd int) bool {
	s, e := k.socket(fd)
	return e == 0 && s.state == listening
}

// Opposite returns the other end of the connection that a number of the process
// refers to.
func (k *Kernel) Opposite(fd int) (p Peer, ok bool) {
	s, e := k.socket(fd)
	if e != 0 || s.peer == nil {
		return Peer{}, false
	}
	return Peer{s.peer}, true
}

// Is reports whether two Peers are the same end of the same connection.
func (p Peer) Is(q Peer) bool { return p.s == q.s }
