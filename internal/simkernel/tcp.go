package simkernel

import "github.com/penstock/penstock/internal/sys"

// poll is tcp_poll.
func (s *sock) poll() (mask uint32) {
	if s.isUnix() {
		return s.unixPoll()
	}
	if s.state == listening {
		if len(s.backlog) > 0 {
			return sys.EpollIn
		}
		return 0
	}
	if s.shutR && s.shutW || s.state == gone || s.state == idle {
		mask |= sys.EpollHup
	}
	if s.shutR {
		mask |= sys.EpollIn | sys.EpollRdhup
	}
	if s.state != connecting {
		readable := s.in.n
		if s.urgent && s.mark == s.seq {
			readable-- // the urgent byte itself cannot be read
		}
		if readable > 0 {
			mask |= sys.EpollIn
		}
		if s.shutW || s.writable() {
			mask |= sys.EpollOut
		} else {
			s.noSpace = true
		}
		if s.urgent {
			mask |= sys.EpollPri
		}
	}
	if s.err != 0 {
		mask |= sys.EpollErr
	}
	return mask
}

// writable is sk_stream_is_writeable: a third of the buffer is free.
func (s *sock) writable() bool { return s.sndbuf-s.out.n >= s.out.n/2 && s.out.n < s.sndbuf }

// sendRoom is how many of n bytes a send takes now, or its error.
func (s *sock) sendRoom(n int) (int, sys.Errno) {
	if s.isUnix() {
		return s.unixRoom(n, s.messageLimit())
	}
	switch {
	case s.state == connecting && s.err == 0:
		return 0, sys.EAGAIN
	case s.err != 0:
		return 0, s.handOut()
	case s.state != connected || s.shutW:
		return 0, sys.EPIPE
	}
	room := s.sndbuf - s.out.n
	if n > room {
		s.noSpace = true // an edge will tell when there is room again
	}
	if room <= 0 && n > 0 {
		return 0, sys.EAGAIN
	}
	return min(n, room), 0
}

// handOut is sock_error: the error is told once.
func (s *sock) handOut() sys.Errno {
	e := s.err
	s.err = 0
	s.watch.endTold = s.watch.endTold || e != 0
	return e
}

// send is tcp_sendmsg of one segment.
func (s *sock) send(seg Segment) (int, sys.Errno) {
	if s.isUnix() {
		return s.unixSend(seg)
	}
	n, e := s.sendRoom(seg.N)
	if e != 0 || n == 0 {
		return 0, e
	}
	if n < seg.N {
		seg, _ = seg.cut(n)
	}
	s.out.push(seg)
	s.hold(n, false)
	return n, 0
}

// dry is the answer of a read that found nothing (tcp_recvmsg_locked): after a FIN
// it is 0 whatever else happened; an error is told once, and then it is 0, too.
func (s *sock) dry() sys.Errno {
	switch {
	case s.isUnix():
		return s.unixDry()
	case s.finIn:
		s.watch.endTold = true
		return 0
	case s.err != 0:
		return s.handOut()
	case s.shutR:
		return 0
	case s.state == idle || s.state == gone || s.state == listening:
		return sys.ENOTCONN
	}
	return sys.EAGAIN
}

// recv is tcp_recvmsg_locked. It stops at the urgent mark; at it, the urgent byte
// is skipped.
func (s *sock) recv(p []byte, peek bool) (int, sys.Errno) {
	if (s.state == listening || s.state == idle) && !s.isUnix() {
		return 0, sys.ENOTCONN
	}
	if len(p) == 0 {
		return 0, 0
	}
	limit, skip := len(p), 0
	if s.urgent {
		switch ahead := int(s.mark - s.seq); {
		case ahead > 0:
			limit = min(limit, ahead)
		case s.k.Scheduler != nil && s.k.Scheduler.Pending():
			return 0, sys.EAGAIN
		default:
			skip = min(1, s.in.n)
		}
	}
	n := s.in.read(p[:limit], skip)
	if !peek {
		s.in.skip(n + skip)
		s.seq += uint64(n + skip)
		if s.isUnix() {
			s.unixRead(n)
		}
		if s.urgent && s.seq > s.mark {
			s.urgent = false
		}
		if n+skip > 0 {
			s.k.Progress++
		}
	}
	if n > 0 {
		return n, 0
	}
	return 0, s.dry()
}

// shutdownWrite is shutdown(SHUT_WR): our FIN follows what is queued.
func (s *sock) shutdownWrite() sys.Errno {
	if s.isUnix() {
		return s.unixShutdown()
	}
	if s.state != connected {
		s.file.wake(0) // inet_shutdown does, whatever it answers
		return sys.ENOTCONN
	}
	s.shutW = true
	s.held = 0
	s.watch.view.ShutAt = s.k.clock
	s.file.wake(0)
	return 0
}

// close is tcp_close. What was not read makes a reset of it, and so does a zero
// linger time; else the socket goes on without an owner until its bytes, and its
// FIN, have been delivered.
func (s *sock) close() {
	s.watch.view = s.look()
	s.watch.view.Closed = true
	s.orphan = true
	switch s.state {
	case listening:
		s.k.listeners = without(s.k.listeners, s)
		if s.isUnix() {
			s.unixClose(false)
			break
		}
		for _, c := range s.backlog {
			c.orphan = true
			c.reset()
		}
		s.state = gone
	case connected:
		if s.isUnix() {
			s.unixClose(false)
			break
		}
		if s.in.n > 0 || s.linger0 {
			s.reset()
			break
		}
		s.shutW, s.shutR, s.held = true, true, 0
	default:
		s.state = gone
	}
	s.sweep()
}

// reset sends RST and drops what is queued.
func (s *sock) reset() {
	if s.state != connected {
		s.state = gone
		return
	}
	s.state = gone
	s.out.clear()
	s.held = 0
	s.shutR, s.shutW = true, true
	s.rstOut = s.peer.state == connected
}

// onReset is tcp_reset. What was received before can still be read.
func (s *sock) onReset() {
	if s.state != connected {
		return
	}
	s.err = sys.ECONNRESET
	if s.finIn && !s.shutW {
		s.err = sys.EPIPE // TCP_CLOSE_WAIT
	}
	s.state, s.lost = gone, s.unacknowledged()
	if !s.watch.endTold {
		s.watch.endAt = s.k.clock
	}
	s.out.clear()
	s.held = 0
	s.shutR, s.shutW = true, true
	s.file.wake(0)
	s.sweep()
}
