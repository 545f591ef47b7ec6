package simkernel

import (
	"net/netip"

	"github.com/penstock/penstock/internal/sys"
)

// A Peer is an end of a connection in another process: it takes no descriptor of
// this one, and makes no call that the Scheduler is asked about.
type Peer struct{ s *sock }

// A Listener is a listening socket of another process.
type Listener struct{ s *sock }

// Serve makes a listener of another process, with room for backlog connections.
func (k *Kernel) Serve(a netip.AddrPort, backlog int) Listener {
	s := k.newSock(familyOf(a.Addr()))
	s.addr, s.only6 = a, true
	s.listen(backlog)
	return Listener{s}
}

func familyOf(a netip.Addr) sys.Family {
	if a.Is4() {
		return sys.Inet4
	}
	return sys.Inet6
}

// Unreachable has connects fail with ENETUNREACH.
func (l Listener) Unreachable() { l.s.noRoute = true }

// Refuse stops listening: who connects is refused from here on.
func (l Listener) Refuse() { l.s.close() }

// Silence has connects remain unanswered, or answered again.
func (l Listener) Silence(on bool) { l.s.silent = on }

// Accept answers the next connection.
func (l Listener) Accept() (Peer, bool) {
	if len(l.s.backlog) == 0 {
		return Peer{}, false
	}
	c := l.s.backlog[0]
	l.s.backlog = l.s.backlog[1:]
	return Peer{c}, true
}

// Dial connects from another process to a listener of this one, over the interface zone if
// it is not 0; ok is false if nobody listens or the backlog is full.
func (k *Kernel) Dial(a netip.AddrPort, zone uint32) (p Peer, ok bool) {
	ln := k.listener(a)
	if ln == nil || len(ln.backlog) > ln.limit {
		return Peer{}, false
	}
	s := k.newSock(familyOf(a.Addr()))
	s.state, s.to, s.addr, s.zone = connected, a, netip.AddrPortFrom(a.Addr(), k.port()), zone
	ln.establish(s)
	k.Progress++
	return Peer{s}, true
}

// Buffers sets the sizes of the peer's queues.
func (p Peer) Buffers(send, recv int) { p.s.sndbuf, p.s.rcvbuf = send, recv }

// Addr is the peer's own address, by which the process knows it.
func (p Peer) Addr() sys.Addr {
	return sys.Addr{AP: p.s.addr, Path: p.s.path, Zone: p.s.zone, Family: p.s.family}
}

// Unix reports whether it is a Unix socket.
func (p Peer) Unix() bool { return p.s.isUnix() }

// Write writes what it can of a segment.
func (p Peer) Write(seg Segment) (n int, e sys.Errno) {
	n, e = p.s.send(seg)
	if n > 0 {
		p.s.k.Progress++
	}
	return n, e
}

// Urgent writes one urgent byte, which is no part of the stream.
func (p Peer) Urgent() sys.Errno {
	at := p.s.outSeq + uint64(p.s.out.n)
	n, e := p.s.send(Segment{Raw: []byte{'!'}, N: 1})
	if e == 0 && n == 1 {
		p.s.outMark, p.s.outUrgent, p.s.urged = at, true, true
		p.s.k.Progress++
	}
	return e
}

// Read takes up to n bytes of the first segment. It answers an empty one at the
// end of the stream, and EAGAIN if nothing is there.
func (p Peer) Read(n int) (Segment, sys.Errno) {
	s := p.s
	if s.in.n == 0 {
		e := s.dry()
		if e != sys.EAGAIN {
			s.k.Progress++
		}
		return Segment{}, e
	}
	s.k.Progress++
	seg := s.in.pop(n)
	s.seq += uint64(seg.N)
	if s.isUnix() {
		s.unixRead(seg.N)
	}
	return seg, 0
}

// CloseWrite ends the peer's half, Close all of it, Reset at once.
func (p Peer) CloseWrite() sys.Errno { p.s.k.Progress++; return p.s.shutdownWrite() }

// Close closes as close(2) does.
func (p Peer) Close() {
	p.s.k.Progress++
	p.s.close()
}

// Reset closes with a zero linger time, which a Unix socket does not know.
func (p Peer) Reset() {
	p.s.linger0 = true
	p.Close()
}

// Fail has the process's end of the connection meet an error, as when the network
// gives up (ETIMEDOUT) or the administrator does (ECONNABORTED).
func (p Peer) Fail(e sys.Errno) {
	s := p.s.peer
	if s == nil || s.state != connected {
		return
	}
	s.k.Progress++
	s.onReset()
	s.err = e
	p.s.onReset()
}

// Arrived is how many of the peer's bytes the other end was given, the urgent one
// left out.
func (p Peer) Arrived() uint64 {
	other := p.s.peer
	n := other.seq + uint64(other.in.n)
	if p.s.urged && n > p.s.outMark {
		n--
	}
	return n
}

// Told says that the other end was given our FIN.
func (p Peer) Told() bool { return p.s.finOut }

// Readable says that Read would not answer EAGAIN.
func (p Peer) Readable() bool { return p.s.in.n > 0 || p.s.shutR || p.s.err != 0 }

// Holds says that there are bytes to read.
func (p Peer) Holds() bool { return p.s.in.n > 0 }

// Writable says that Write would not answer EAGAIN.
func (p Peer) Writable() bool {
	if p.s.isUnix() {
		return p.s.charged < p.s.sndbuf || p.s.shutW
	}
	return p.s.out.n < p.s.sndbuf || p.s.state != connected
}

// Waiting says that a connection waits to be accepted.
func (l Listener) Waiting() bool { return len(l.s.backlog) > 0 }
