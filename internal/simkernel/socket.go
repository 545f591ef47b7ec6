package simkernel

import (
	"net/netip"

	"github.com/penstock/penstock/internal/sys"
)

type state uint8

const (
	idle       state = iota // made, and no more
	listening               // TCP_LISTEN
	connecting              // TCP_SYN_SENT
	connected               // anything from TCP_ESTABLISHED to TCP_LAST_ACK
	gone                    // TCP_CLOSE, after having been connected
)

// A sock is one end of a connection, or a listener. Bytes go from the out queue of
// one end to the in queue of the other when the Scheduler delivers them, and are
// acknowledged in the same moment.
type sock struct {
	k     *Kernel
	file  *file // nil if it is not of the process, or closed
	peer  *sock
	state state

	in     queue
	seq    uint64 // of the first byte of in
	mark   uint64 // of the urgent byte
	urgent bool   // it is in in, or to come
	finIn  bool   // the peer's FIN was received
	rcvbuf int

	out       queue
	outSeq    uint64 // of the first byte of out
	lost      int    // what the peer had not been given when it reset
	outMark   uint64 // of the urgent byte that was sent last
	outUrgent bool   // the peer has not been told of it
	urged     bool   // one was sent
	sndbuf    int
	noSpace   bool  // somebody wants to know when there is room
	held      int   // bytes at the end of out that MSG_MORE holds back
	heldUntil int64 // at the latest
	finOut    bool  // our FIN was received
	rstOut    bool  // our RST is under way

	err      sys.Errno // sk_err: told once
	shutR    bool
	shutW    bool
	linger0  bool
	orphan   bool // closed by its owner
	reported bool // connect was told of the connection

	family     sys.Family
	addr, to   netip.AddrPort
	zone       uint32 // of to
	path       string // of a Unix socket: its name
	only6      bool   // IPV6_V6ONLY
	noRoute    bool   // a listener that cannot be reached: ENETUNREACH
	backlog    []*sock
	limit      int
	shares     bool  // SO_REUSEPORT
	silent     bool  // a listener that does not answer
	answeredAt int64 // when a connection was last established
	watch      watch

	// Of a Unix socket:
	messages []message // what in consists of
	charged  int       // of the send buffer, for what the peer has not read
	wasReset bool      // the peer closed without having read all
	refused  bool      // a send found that the peer has closed
}

func (k *Kernel) newSock(f sys.Family) *sock {
	s := &sock{k: k, family: f, sndbuf: k.Config.Send, rcvbuf: k.Config.Recv}
	if f != sys.Unix { // nothing of those is ever under way
		k.socks = append(k.socks, s)
	}
	return s
}

// sweep forgets a socket that nobody can reach and that has nothing to deliver.
func (s *sock) sweep() {
	if s.orphan && s.state == gone && !s.rstOut && !s.isUnix() {
		s.k.socks = without(s.k.socks, s)
	}
}

// Socket is socket(2).
func (k *Kernel) Socket(f sys.Family) (int, sys.Errno) {
	if e := k.enter(Socket, -1); e != 0 {
		return -1, e
	}
	s := k.newSock(f)
	s.file = &file{sock: s}
	n, e := k.install(s.file)
	if e != 0 {
		s.orphan, s.state = true, gone
		s.sweep()
	}
	return n, e
}

// Bind is bind(2). Port 0 is given at once.
func (k *Kernel) Bind(fd int, a sys.Addr) sys.Errno {
	if e := k.enter(Bind, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if s.addr.IsValid() || s.path != "" {
		return sys.EINVAL
	}
	if s.isUnix() {
		if k.unixListener(a.Path) != nil {
			return sys.EADDRINUSE
		}
		s.path = a.Path
		return 0
	}
	ap := a.AP
	if ap.Port() == 0 {
		ap = netip.AddrPortFrom(ap.Addr(), k.port())
	}
	if ln := k.listener(ap); ln != nil && !(ln.shares && s.shares) {
		return sys.EADDRINUSE
	}
	s.addr = ap
	return 0
}

func (k *Kernel) port() uint16 {
	k.ports++
	return k.ports
}

// listener finds who listens on an address. Of several that share it each has its turn.
func (k *Kernel) listener(a netip.AddrPort) *sock {
	var first *sock
	sharing := 0
	for _, s := range k.listeners {
		if s.addr.Port() != a.Port() || !s.covers(a.Addr()) {
			continue
		}
		if !s.shares {
			return s
		}
		if sharing++; int(k.ports)%sharing == 0 {
			first = s
		}
	}
	return first
}

// covers reports whether a listener is one for an address. The unspecified one of IPv6
// stands for both families, unless IPV6_V6ONLY is set.
func (s *sock) covers(a netip.Addr) bool {
	ip := s.addr.Addr()
	return ip == a || ip.IsUnspecified() && (ip.Is4() == a.Is4() || ip.Is6() && !s.only6)
}

// Listen is listen(2).
func (k *Kernel) Listen(fd, backlog int) sys.Errno {
	if e := k.enter(Listen, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	s.listen(backlog)
	return 0
}

func (s *sock) listen(backlog int) {
	if s.state != listening { // else it is the limit alone that changes (inet_listen)
		s.k.listeners = append(s.k.listeners, s)
	}
	s.state, s.limit = listening, backlog
}

// Accept is accept4(2). A connection that was reset while it waited is answered
// all the same, and tells of it when it is read.
func (k *Kernel) Accept(fd int) (int, sys.Addr, sys.Errno) {
	if e := k.enter(Accept, fd); e != 0 {
		return -1, sys.Addr{}, e
	}
	s, e := k.socket(fd)
	switch {
	case e != 0:
		return -1, sys.Addr{}, e
	case s.state != listening:
		return -1, sys.Addr{}, sys.EINVAL
	case len(s.backlog) == 0:
		return -1, sys.Addr{}, sys.EAGAIN
	}
	c := s.backlog[0]
	c.file = &file{sock: c}
	n, e := k.install(c.file)
	if e != 0 { // the connection stays in the backlog
		c.file = nil
		return -1, sys.Addr{}, e
	}
	s.backlog = s.backlog[1:]
	return n, c.peerAddr(), 0
}

// peerAddr is the address of the other end. One of IPv4 is that also where the socket is
// of IPv6.
func (s *sock) peerAddr() sys.Addr {
	if s.isUnix() {
		return sys.Addr{Path: s.peer.path, Family: sys.Unix}
	}
	return sys.Addr{AP: s.to, Zone: s.zone, Family: s.family}
}

// enetunreach is ENETUNREACH, of which the runtime knows nothing.
const enetunreach = sys.Errno(101)

// Connect is connect(2), of a socket that does not block.
func (k *Kernel) Connect(fd int, a sys.Addr) sys.Errno {
	if e := k.enter(Connect, fd); e != 0 {
		return e
	}
	s, e := k.socket(fd)
	if e != 0 {
		return e
	}
	if a.Family != s.family {
		return sys.EAFNOSUPPORT
	}
	if s.isUnix() {
		return s.unixConnect(a.Path)
	}
	switch s.state {
	case idle:
		if ln := k.listener(a.AP); ln != nil && ln.noRoute {
			return enetunreach
		}
		s.to, s.state = a.AP, connecting
		if !s.addr.IsValid() {
			s.addr = netip.AddrPortFrom(a.AP.Addr(), k.port())
		}
		k.Progress++
		return sys.EINPROGRESS
	case connecting:
		return sys.EALREADY
	case connected:
		if s.reported {
			return sys.EISCONN
		}
		s.reported = true
		return 0
	}
	if s.err != 0 {
		return s.handOut()
	}
	return sys.ECONNABORTED
}

// answer ends a connect that is under way: with a connection, if somebody listens
// and has room, else with ECONNREFUSED. It answers false if nothing came.
func (s *sock) answer() bool {
	ln := s.k.listener(s.to)
	switch {
	case ln == nil:
		s.err, s.state = sys.ECONNREFUSED, gone
		s.shutR, s.shutW = true, true
	case ln.silent || len(ln.backlog) > ln.limit:
		return false
	default:
		s.state = connected
		ln.establish(s)
	}
	s.file.wake(0)
	return true
}

// establish makes the other end of a connection to a listener.
func (ln *sock) establish(s *sock) {
	c := ln.k.newSock(ln.family)
	c.state, c.peer, c.addr, c.to, c.zone, c.path = connected, s, s.to, s.addr, s.zone, ln.path
	c.sndbuf, c.rcvbuf = ln.sndbuf, ln.rcvbuf
	s.peer = c
	ln.answeredAt = ln.k.clock
	ln.backlog = append(ln.backlog, c)
	ln.file.wake(sys.EpollIn)
}
