package fd

import (
	"os"

	"github.com/penstock/penstock/internal/sys"
)

// Listen makes a listening socket: socket, options, bind, listen. It returns the address
// that the socket was bound to, port 0 replaced by the kernel's choice. backlog 0 is
// 4096, which the kernel caps at net.core.somaxconn. The unspecified address stands for
// both families, unless network is "tcp4" or "tcp6".
//
// A Unix path whose listener is gone (connect fails with ECONNREFUSED) is taken over; one
// that is in use fails with EADDRINUSE. Listen then waits up to 5 s for the lock of the
// path (lockPath).
func Listen(k sys.Kernel, network string, a sys.Addr, o *Options, backlog int) (num int, bound sys.Addr, err error) {
	num, e := k.Socket(a.Family)
	both := a.Family == sys.Inet6 && a.AP.Addr().IsUnspecified() && network != "tcp6"
	if e == sys.EAFNOSUPPORT && both {
		a = anyInet4(a)
		num, e = k.Socket(a.Family)
	}
	if e != 0 {
		return -1, a, os.NewSyscallError("socket", e)
	}
	if isPath(a) {
		release, err := lockPath(a.Path)
		if err != nil {
			CloseNum(k, num)
			return -1, a, err
		}
		defer release()
	}
	call, e := setUpListener(k, num, a, both, o, backlog)
	if e == 0 {
		call = "getsockname"
		bound, e = k.LocalAddr(num)
	}
	if e != 0 {
		CloseNum(k, num)
		return -1, a, os.NewSyscallError(call, e)
	}
	return num, bound, nil
}

func setUpListener(k sys.Kernel, num int, a sys.Addr, both bool, o *Options, backlog int) (call string, e sys.Errno) {
	if backlog == 0 {
		backlog = 4096
	}
	if a.Family != sys.Unix { // without it bind(2) may fail while old connections are in TIME_WAIT, and says so
		_ = k.SetOption(num, sys.SolSocket, sys.SoReuseAddr, 1)
	}
	if a.Family == sys.Inet6 {
		only := 1
		if both {
			only = 0
		}
		// Both families, where the kernel has them: one alone is better than none. IPv6 alone
		// was asked for.
		if e := k.SetOption(num, sys.IPProtoV6, sys.IPv6Only, only); e != 0 && !both {
			return "setsockopt IPV6_V6ONLY", e
		}
	}
	if e := o.Set(k, num, a.Family); e != 0 {
		return "setsockopt", e
	}
	e = k.Bind(num, a)
	if e == sys.EADDRINUSE && abandoned(k, a) {
		os.Remove(a.Path)
		e = k.Bind(num, a)
	}
	if e != 0 {
		return "bind", e
	}
	return "listen", k.Listen(num, backlog)
}

// Dial makes a socket that begins to connect. e is 0 if it is connected already,
// EINPROGRESS if an event will tell, and otherwise why it cannot be; EAGAIN is a
// Unix listener whose backlog is full. The socket is closed on every error.
func Dial(k sys.Kernel, a sys.Addr, source *sys.Addr, o *Options) (num int, call string, e sys.Errno) {
	num, e = k.Socket(a.Family)
	if e != 0 {
		return -1, "socket", e
	}
	call, e = "setsockopt", o.Set(k, num, a.Family)
	if e == 0 && source != nil {
		call, e = "bind", bindSource(k, num, *source, o)
	}
	if e == 0 {
		call, e = "connect", k.Connect(num, a)
	}
	if e != 0 && e != sys.EINPROGRESS {
		CloseNum(k, num)
		return -1, call, e
	}
	return num, call, e
}

func bindSource(k sys.Kernel, num int, source sys.Addr, o *Options) sys.Errno {
	if source.Family != sys.Unix && source.AP.Port() == 0 && !o.PortAtBind {
		_ = k.SetOption(num, sys.IPProtoIP, sys.IPBindAddressNoPort, 1) // else bind(2) chooses the port
	}
	return k.Bind(num, source)
}

// Connected asks how a connect that was in progress went: 0 is a connection,
// EALREADY says that it goes on, anything else is its failure.
//
// It looks for bytes first: a peer may have sent some and then reset the connection
// before anybody looked, and they come before the reset. Asking connect(2) again, or
// SO_ERROR, would take the error away from whoever reads them.
func Connected(k sys.Kernel, num int, a sys.Addr) sys.Errno {
	var one [1]byte
	switch n, e := k.Recv(num, one[:], sys.MsgPeek); {
	case n > 0:
		return 0
	case e != 0 && e != sys.EAGAIN && e != sys.ENOTCONN:
		return e
	}
	if e := k.Connect(num, a); e != sys.EISCONN {
		return e
	}
	return 0
}

// SelfConnected reports whether a socket that was to connect to a has been connected to
// itself: its own address is a. It happens when the kernel chooses for it the very port of
// this machine that it is to reach, and nobody listens there.
func SelfConnected(k sys.Kernel, num int, a sys.Addr) bool {
	if a.Family == sys.Unix {
		return false
	}
	local, e := k.LocalAddr(num)
	return e == 0 && local.AP == a.AP
}
