package fd

import (
	"math"
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// Options are the options of a socket. The zero value is the default, and the
// default is right for most servers. They are set on a listener, whose accepted
// sockets inherit them (so that accepting costs no call for them), and on a
// socket before it connects. A Unix socket takes the buffers only.
type Options struct {
	// Delay leaves Nagle's algorithm on. Default: off, TCP_NODELAY is set.
	Delay bool
	// KeepAlive is the idle time before the first keep-alive probe, and the time
	// between probes; net.ipv4.tcp_keepalive_probes unanswered ones (9) end the
	// connection. In whole seconds, 1 to 32,767. Default (0): 15 s. Negative: no keep-alive.
	KeepAlive time.Duration
	// RecvBuffer and SendBuffer are SO_RCVBUF and SO_SNDBUF, in bytes, of which
	// the kernel keeps twice. Default (0): the kernel sizes them as it goes.
	RecvBuffer, SendBuffer int
	// Linger is how long Close waits for the peer to take what is queued and to end
	// its half; then the connection is reset. It is kept by the loop, and not by
	// SO_LINGER, with which close(2) waits, O_NONBLOCK or not (inet_release), and
	// every connection of the loop with it. Default (0, or less): 30 s.
	Linger time.Duration
	// UserTimeout is TCP_USER_TIMEOUT, rounded up to whole milliseconds: how long sent
	// bytes may stay unacknowledged. Default (0): the kernel's, about 15 minutes.
	UserTimeout time.Duration
	// ReusePort lets several listeners share an address. Server sets it itself
	// where it listens once for each loop.
	ReusePort bool
	// PortAtBind makes a dial with a source address choose its port at
	// bind(2) rather than at connect(2). Default: off, IP_BIND_ADDRESS_NO_PORT is
	// set, and the ports of a source address are used once for each peer.
	PortAtBind bool
}

const defaultKeepAlive = 15 * time.Second

// maxKeepAlive is the longest time that the kernel takes, in seconds: MAX_TCP_KEEPIDLE.
const maxKeepAlive = 32767

// Set sets the options on a socket. The first error ends it.
func (o *Options) Set(k sys.Kernel, num int, f sys.Family) sys.Errno {
	s := setter{k: k, num: num}
	s.set(o.RecvBuffer > 0, sys.SolSocket, sys.SoRcvbuf, o.RecvBuffer)
	s.set(o.SendBuffer > 0, sys.SolSocket, sys.SoSndbuf, o.SendBuffer)
	if f == sys.Unix {
		return s.e
	}
	s.set(!o.Delay, sys.IPProtoT, sys.TCPNoDelay, 1)
	if o.KeepAlive >= 0 {
		every := o.KeepAlive
		if every == 0 {
			every = defaultKeepAlive
		}
		seconds := int(min(max(every, time.Second)/time.Second, maxKeepAlive))
		s.set(true, sys.SolSocket, sys.SoKeepalive, 1)
		s.set(true, sys.IPProtoT, sys.TCPKeepIdle, seconds)
		s.set(true, sys.IPProtoT, sys.TCPKeepIntvl, seconds)
	}
	// Rounded up: 0 would stand for the kernel's own time, which is a thousand times longer.
	s.set(o.UserTimeout > 0, sys.IPProtoT, sys.TCPUserTimeout, int((o.UserTimeout-1)/time.Millisecond)+1)
	s.set(o.ReusePort, sys.SolSocket, sys.SoReusePort, 1)
	return s.e
}

// A setter sets options until one fails.
type setter struct {
	k   sys.Kernel
	num int
	e   sys.Errno
}

func (s *setter) set(wanted bool, level, name, value int) {
	if wanted && s.e == 0 {
		s.e = s.k.SetOption(s.num, level, name, min(value, math.MaxInt32))
	}
}
