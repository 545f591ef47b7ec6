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
	// Linger is how long Close waits for a peer that makes no progress: that takes
	// nothing of what is queued, or has taken all and does not end its half. Then the
	// connection is reset, up to a quarter of Linger later. The loop keeps it, and not
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

// Set sets the options on a socket, in the order of the table, and returns the first
// error of one that was asked for. The defaults are ours: a kernel or a sandbox that
// refuses one of those gets along without it.
func (o *Options) Set(k sys.Kernel, num int, f sys.Family) sys.Errno {
	table := o.table()
	for i := range table {
		opt := &table[i]
		if !opt.wanted || f == sys.Unix && !opt.unix {
			continue
		}
		e := k.SetOption(num, opt.level, opt.name, min(opt.value, math.MaxInt32))
		if e != 0 && opt.vital {
			return e
		}
	}
	return 0
}

// An option is one setsockopt(2).
type option struct {
	level, name, value int

	wanted bool
	vital  bool // the caller asked for it: a refusal is an error
	unix   bool // Unix sockets have it, too
}

func (o *Options) table() [8]option {
	keepAlive, asked := o.KeepAlive, o.KeepAlive > 0
	if keepAlive == 0 {
		keepAlive = defaultKeepAlive
	}
	seconds := int(min(max(keepAlive, time.Second)/time.Second, maxKeepAlive))
	// Rounded up: 0 would stand for the kernel's own time, which is a thousand times longer.
	userTimeout := int((o.UserTimeout-1)/time.Millisecond) + 1
	return [...]option{
		{sys.SolSocket, sys.SoRcvbuf, o.RecvBuffer, o.RecvBuffer > 0, true, true},
		{sys.SolSocket, sys.SoSndbuf, o.SendBuffer, o.SendBuffer > 0, true, true},
		{sys.IPProtoT, sys.TCPNoDelay, 1, !o.Delay, false, false},
		{sys.SolSocket, sys.SoKeepalive, 1, keepAlive > 0, asked, false},
		{sys.IPProtoT, sys.TCPKeepIdle, seconds, keepAlive > 0, asked, false},
		{sys.IPProtoT, sys.TCPKeepIntvl, seconds, keepAlive > 0, asked, false},
		{sys.IPProtoT, sys.TCPUserTimeout, userTimeout, o.UserTimeout > 0, true, false},
		{sys.SolSocket, sys.SoReusePort, 1, o.ReusePort, true, false},
	}
}
