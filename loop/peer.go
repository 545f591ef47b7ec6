package loop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// peers keeps the peers' addresses that do not fit into a Registration: those of IPv6,
// and of Unix sockets with a name. The loop changes it; the watchdog reads it too.
type peers struct {
	mu   sync.Mutex
	at   []sys.Addr // guarded by mu; place 0 is none
	free []uint32   // guarded by mu
}

// keepPeer notes the address that accept4 or connect had: the kernel forgets it with a
// reset, which is when it is asked for. An IPv4 address and port stand in the
// Registration itself. Otherwise the port is 0, and ip4 the place in the loop's table.
func (c *Conn) keepPeer(l *Loop, a sys.Addr) {
	if ip := a.AP.Addr(); ip.Is4() && a.AP.Port() != 0 {
		b := ip.As4()
		c.port = a.AP.Port()
		c.ip4.Store(binary.BigEndian.Uint32(b[:]))
		return
	}
	if a.Family == sys.Unix && a.Path == "" {
		return
	}
	p := &l.peers
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		p.at[i] = a
		c.ip4.Store(i)
		return
	}
	if len(p.at) == 0 {
		p.at = make([]sys.Addr, 1)
	}
	c.ip4.Store(uint32(len(p.at)))
	p.at = append(p.at, a)
}

// forgetPeer gives the place in the table back.
func (c *Conn) forgetPeer() {
	p := &c.loop.peers
	p.mu.Lock()
	defer p.mu.Unlock()
	i := c.ip4.Swap(0)
	p.at[i] = sys.Addr{}
	p.free = append(p.free, i)
}

// tabled reports whether the peer's address stands in the loop's table.
func (c *Conn) tabled() bool { return c.port == 0 && c.ip4.Load() != 0 }

// RemoteAddr is the peer's address, that of an accepted connection also if it was reset
// before. It is kept until Closed, or a relay's Done, has returned; afterwards it may be
// nil.
func (c *Conn) RemoteAddr() net.Addr {
	a := sys.Addr{Family: c.fd.Family()}
	switch {
	case c.port != 0:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], c.ip4.Load())
		a.AP = netip.AddrPortFrom(netip.AddrFrom4(b), c.port)
	case c.ip4.Load() != 0:
		p := &c.loop.peers
		p.mu.Lock()
		a = p.at[c.ip4.Load()]
		p.mu.Unlock()
	case a.Family != sys.Unix:
		return nil
	}
	return fd.NetAddr(a)
}

// LocalAddr is our address. Once the connection has ended it is the listener's, and nil
// if that is unspecified (as ":80" is) or the connection was dialled.
func (c *Conn) LocalAddr() net.Addr {
	if !c.closed.Load() {
		if a, e := c.loop.k.LocalAddr(c.fd.Num()); e == 0 {
			return fd.NetAddr(a)
		}
	}
	if c.set.local == nil {
		return nil
	}
	return fd.NetAddr(*c.set.local)
}

// opError is an error of a call on c, with both addresses.
func (c *Conn) opError(op string, e sys.Errno) error {
	return &net.OpError{Op: op, Net: network(c.fd.Family()), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: e}
}

func network(f sys.Family) string {
	if f == sys.Unix {
		return "unix"
	}
	return "tcp"
}
