package simkernel

import "github.com/penstock/penstock/internal/sys"

// Shutdown is shutdown(2).
func (k *Kernel) Shutdown(fd, how int) sys.Errno {
	if e := k.enter(Shutdown, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if how != sys.ShutWrite {
		return sys.EOPNOTSUPP // the runtime shuts nothing else
	}
	k.Progress++
	return s.shutdownWrite()
}

// Recv is recvfrom(2).
func (k *Kernel) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	if e := k.enter(Recv, fd); e != 0 {
		return 0, e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	n, e := s.recv(p, flags&sys.MsgPeek != 0)
	if flags&sys.MsgPeek == 0 {
		k.Taken += uint64(n)
		s.took(n)
	}
	return n, e
}

// msgOOB makes the last byte of a send urgent.
const msgOOB = 1

// Send is sendto(2).
func (k *Kernel) Send(fd int, p []byte, flags int) (int, sys.Errno) {
	if e := k.enter(Send, fd); e != 0 {
		return 0, e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return 0, e
	}
	n, e := s.sendRoom(len(p))
	if n > 0 && e == 0 {
		if flags&msgOOB != 0 && n == len(p) {
			s.outMark, s.outUrgent, s.urged = s.outSeq+uint64(s.out.n+n-1), true, true
		}
		n, e = s.send(Segment{Raw: k.raw.keep(p[:n]), N: n})
		k.Given += uint64(n)
		s.gave(n)
		k.Progress++
	}
	return n, e
}

// Unread is how many bytes a socket holds, looked at from outside.
func (k *Kernel) Unread(fd int) int {
	s, e := k.socket(fd)
	if e != 0 {
		return 0
	}
	return s.in.n
}

// Poll is what an event of a descriptor would say now, looked at from outside.
func (k *Kernel) Poll(fd int) uint32 {
	if f := k.get(fd); f != nil {
		return f.poll()
	}
	return 0
}
