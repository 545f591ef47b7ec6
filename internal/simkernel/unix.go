package simkernel

import (
	"math"

	"github.com/penstock/penstock/internal/sys"
)

// Unix stream sockets (net/unix/af_unix.c). There is no network in between: what is sent
// is in the peer's queue when send returns. The sender's buffer is charged for each
// message until the peer has read all of it. There is no reset: close(2) is an end, and an
// error, ECONNRESET, only for a peer whose bytes were not read.

// A message is what one send added to a receive queue (an skb).
type message struct {
	left   int // bytes that were not read
	charge int // of the sender's buffer
}

// overhead is what a message costs beside its bytes: about SKB_TRUESIZE(0).
const overhead = 768

func (s *sock) isUnix() bool { return s.family == sys.Unix }

// messageLimit is the longest message of a send: a longer send is several.
func (s *sock) messageLimit() int { return max(s.sndbuf/2-64, 1) }

// unixRoom is how many of n bytes a send takes now, in messages of at most limit bytes.
func (s *sock) unixRoom(n, limit int) (int, sys.Errno) {
	switch {
	case s.peer == nil:
		return 0, sys.ENOTCONN
	case s.shutW:
		s.refused = s.refused || s.peer.orphan
		return 0, sys.EPIPE // also where an error waits to be told: that is for a read
	case n == 0:
		return 0, 0
	case s.charged >= s.sndbuf:
		return 0, sys.EAGAIN
	}
	taken := 0
	for charged := s.charged; taken < n && charged < s.sndbuf; {
		one := min(n-taken, limit)
		taken += one
		charged += one + overhead
	}
	return taken, 0
}

// unixSend is unix_stream_sendmsg of one segment.
func (s *sock) unixSend(seg Segment) (int, sys.Errno) {
	n, e := s.unixRoom(seg.N, s.messageLimit())
	if e != 0 || n == 0 {
		return 0, e
	}
	if n < seg.N {
		seg, _ = seg.cut(n)
	}
	for left := n; left > 0; {
		one := min(left, s.messageLimit())
		s.message(one)
		left -= one
	}
	s.peer.onData(seg)
	return n, 0
}

// unixTake is sendmsg of the first n bytes of a pipe's slots, which become one message.
func (s *sock) unixTake(slots []Segment, n int) (sent int, e sys.Errno) {
	room, e := s.unixRoom(n, math.MaxInt)
	if e != 0 || room == 0 {
		return 0, e
	}
	s.message(n)
	for _, seg := range slots {
		if seg.N > n-sent {
			seg, _ = seg.cut(n - sent)
		}
		s.peer.onData(seg)
		if sent += seg.N; sent == n {
			break
		}
	}
	return sent, 0
}

func (s *sock) message(n int) {
	s.charged += n + overhead
	s.peer.messages = append(s.peer.messages, message{n, n + overhead})
}

// unixRead notes that n bytes were taken from the queue: messages that are read whole no
// longer count for their sender, who is told of it whenever it is writable then (sock_wfree,
// unix_write_space).
func (s *sock) unixRead(n int) {
	freed := 0
	for n > 0 {
		m := &s.messages[0]
		part := min(n, m.left)
		n -= part
		if m.left -= part; m.left == 0 {
			freed += m.charge
			s.messages = s.messages[1:]
		}
	}
	s.uncharge(freed)
}

func (s *sock) uncharge(freed int) {
	if p := s.peer; freed > 0 {
		p.charged -= freed
		p.watch.view.AckedAt = s.k.clock
		if p.unixWritable() {
			p.file.wake(sys.EpollOut)
		}
	}
}

// unixWritable is unix_writable: three quarters of the buffer are free.
func (s *sock) unixWritable() bool { return 4*s.charged <= s.sndbuf }

// unixPoll is unix_poll.
func (s *sock) unixPoll() (mask uint32) {
	if s.state == listening {
		if len(s.backlog) > 0 {
			return sys.EpollIn
		}
		return 0
	}
	if s.err != 0 {
		mask |= sys.EpollErr
	}
	if s.shutR && s.shutW || s.state == idle {
		mask |= sys.EpollHup
	}
	if s.shutR {
		mask |= sys.EpollIn | sys.EpollRdhup
	}
	if s.in.n > 0 {
		mask |= sys.EpollIn
	}
	if s.unixWritable() {
		mask |= sys.EpollOut
	}
	return mask
}

// unixDry is the answer of a read that found nothing (unix_stream_read_generic).
func (s *sock) unixDry() sys.Errno {
	switch {
	case s.state != connected:
		return sys.EINVAL
	case s.err != 0:
		return s.handOut()
	case s.shutR:
		s.watch.endTold = true
		return 0
	}
	return sys.EAGAIN
}

// unixShutdown is shutdown(SHUT_WR), which never fails.
func (s *sock) unixShutdown() sys.Errno {
	s.shutW = true
	s.watch.view.ShutAt, s.watch.view.ShutAckedAt = s.k.clock, s.k.clock
	s.file.wake(0)
	if p := s.peer; p != nil && !p.orphan {
		s.finOut = true
		p.ends()
	}
	return 0
}

// ends notes that the peer sends no more.
func (s *sock) ends() {
	s.shutR = true
	if !s.watch.endTold {
		s.watch.endAt = s.k.clock
	}
	s.file.wake(0)
}

// unixClose is unix_release_sock. A connection that nobody accepted is an embryo: its
// other end is told ECONNRESET.
func (s *sock) unixClose(embryo bool) {
	for _, c := range s.backlog {
		c.orphan = true
		c.unixClose(true)
	}
	unread := s.in.n > 0 || embryo
	if p := s.peer; p != nil && !p.orphan {
		p.shutW = true
		if unread {
			p.err, p.wasReset = sys.ECONNRESET, true
		} else {
			s.finOut = true
		}
		p.ends()
	}
	if s.peer != nil {
		s.unixRead(s.in.n)
	}
	s.in.clear()
	s.state = gone
}

// unixListener finds who listens on a name.
func (k *Kernel) unixListener(path string) *sock {
	for _, s := range k.listeners {
		if s.isUnix() && s.path == path {
			return s
		}
	}
	return nil
}

// unixConnect is unix_stream_connect. It does not wait for the accept; of a full backlog
// it says EAGAIN.
func (s *sock) unixConnect(path string) sys.Errno {
	switch s.state {
	case connected:
		return sys.EISCONN
	case listening:
		return sys.EINVAL
	}
	ln := s.k.unixListener(path)
	switch {
	case ln == nil:
		return sys.ECONNREFUSED
	case ln.silent || len(ln.backlog) > ln.limit:
		return sys.EAGAIN
	}
	s.state = connected
	ln.establish(s)
	s.k.Progress++
	return 0
}

// ServeUnix makes a Unix listener of another process, with room for backlog connections.
func (k *Kernel) ServeUnix(path string, backlog int) Listener {
	s := k.newSock(sys.Unix)
	s.path = path
	s.listen(backlog)
	return Listener{s}
}

// DialUnix connects from another process, whose socket has a name or none (""), to a Unix
// listener of this one; ok is false if nobody listens or the backlog is full.
func (k *Kernel) DialUnix(path, name string) (p Peer, ok bool) {
	s := k.newSock(sys.Unix)
	s.path = name
	return Peer{s}, s.unixConnect(path) == 0
}
