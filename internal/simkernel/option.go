package simkernel

import "github.com/penstock/penstock/internal/sys"

// SetOption is setsockopt(2). The sizes of queues have an effect (the kernel keeps
// twice what it is told), the others are taken and forgotten.
func (k *Kernel) SetOption(fd, level, name, value int) sys.Errno {
	if e := k.enter(SetOption, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	switch {
	case level == sys.SolSocket && name == sys.SoSndbuf:
		s.sndbuf = 2 * value
	case level == sys.SolSocket && name == sys.SoRcvbuf:
		s.rcvbuf = 2 * value
	case level == sys.SolSocket && name == sys.SoReusePort:
		s.shares = value != 0
	case level == sys.IPProtoV6 && name == sys.IPv6Only:
		s.only6 = value != 0
	}
	return 0
}

// Option is getsockopt(2): SO_ERROR hands the error out, as any call would.
func (k *Kernel) Option(fd, level, name int) (int, sys.Errno) {
	if e := k.enter(Option, fd); e != 0 {
		return 0, e
	}
	s, e := k.socket(fd)
	switch {
	case e != 0:
		return 0, e
	case level != sys.SolSocket:
		return 0, sys.ENOPROTOOPT
	}
	switch name {
	case sys.SoError:
		return int(s.handOut()), 0
	case sys.SoSndbuf:
		return s.sndbuf, 0
	case sys.SoRcvbuf:
		return s.rcvbuf, 0
	}
	return 0, sys.ENOPROTOOPT
}

// SetLinger is setsockopt(2) of SO_LINGER. Only a time of zero has an effect.
func (k *Kernel) SetLinger(fd int, on bool, seconds int) sys.Errno {
	if e := k.enter(SetLinger, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e == 0 {
		s.linger0 = on && seconds == 0
	}
	return e
}

// LocalAddr is getsockname(2).
func (k *Kernel) LocalAddr(fd int) (sys.Addr, sys.Errno) {
	if e := k.enter(LocalAddr, fd); e != 0 {
		return sys.Addr{}, e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return sys.Addr{}, e
	}
	return sys.Addr{AP: s.addr, Path: s.path, Family: s.family}, 0
}

// PeerAddr is getpeername(2).
func (k *Kernel) PeerAddr(fd int) (sys.Addr, sys.Errno) {
	if e := k.enter(PeerAddr, fd); e != 0 {
		return sys.Addr{}, e
	}
	s, e := k.socket(fd)
	switch {
	case e != 0:
		return sys.Addr{}, e
	case s.state != connected:
		return sys.Addr{}, sys.ENOTCONN
	}
	return s.peerAddr(), 0
}

// Outq is SIOCOUTQ: what the peer has not been given, a FIN counting as one; of a
// socket that the peer has reset, what was lost, for good (tcp_ioctl). Of a Unix socket it
// is what its buffer is charged (unix_outq_len).
func (k *Kernel) Outq(fd int) (int, sys.Errno) {
	if e := k.enter(Outq, fd); e != 0 {
		return 0, e
	}
	s, e := k.socket(fd)
	switch {
	case e != 0:
		return 0, e
	case s.isUnix():
		return s.charged, 0
	case s.state == connected:
		return s.unacknowledged(), 0
	}
	return s.lost, 0
}

func (s *sock) unacknowledged() int {
	n := s.out.n
	if s.shutW && !s.finOut {
		n++
	}
	return n
}
