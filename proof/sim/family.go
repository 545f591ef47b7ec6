package sim

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/penstock/penstock/internal/simkernel"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/loop"
)

// entry is how the server listens.
type entry uint8

const (
	overTCP4 entry = iota
	overUnix
	overTCP6 // at an address that needs a zone
	overBoth // at the unspecified address, by IPv4 and by IPv6
)

const (
	serverPath  = "@server"
	serverZone  = 2
	backendPath = "@backend-%d"
)

var (
	server  = netip.MustParseAddrPort("10.0.0.1:80")
	server6 = netip.MustParseAddrPort("[fe80::1]:80")
)

// listen has the server listen.
func (w *World) listen() (err error) {
	switch w.config.front {
	case overUnix:
		_, err = w.srv.Listen("unix", serverPath)
	case overTCP6:
		_, err = w.srv.Listen("tcp6", fmt.Sprintf("[%v%%%d]:%d", server6.Addr(), serverZone, server6.Port()))
	case overBoth:
		_, err = w.srv.Listen("tcp", ":80")
	default:
		_, err = w.srv.Listen("tcp4", server.String())
	}
	return err
}

// reach connects a client to the server; ok is false if the backlog is full.
func (w *World) reach(v *life) (p simkernel.Peer, ok bool) {
	even := v.client.k%4 == 1
	switch f := w.config.front; {
	case f == overUnix && even:
		return w.k.DialUnix(serverPath, "")
	case f == overUnix:
		return w.k.DialUnix(serverPath, fmt.Sprintf("@client-%d", v.client.k))
	case f == overTCP6, f == overBoth && even:
		return w.k.Dial(server6, serverZone)
	}
	return w.k.Dial(server, 0)
}

// find answers the life of an accepted connection, whose RemoteAddr must be its client's.
func (w *World) find(c *loop.Conn, remote net.Addr) *life {
	other, _ := w.k.Opposite(c.FD().Num())
	for _, v := range w.lives {
		if v.client.live && v.client.peer.Is(other) {
			if !isAddr(remote, other.Addr()) {
				w.fail("the address of %s is %+v, and the connection's peer is %v", v.name(&v.client), other.Addr(), remote)
			}
			return v
		}
	}
	panic("no such client: " + remote.String())
}

// isAddr reports whether a network address is that of a socket.
func isAddr(a net.Addr, want sys.Addr) bool {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().WithZone("").Unmap(), ap.Port()) == want.AP && (tcp.Zone != "") == (want.Zone != 0)
	}
	return want.Family == sys.Unix && a.String() == want.Path
}

// serve has a backend listen, over a family.
func (w *World) serve(v *life, i int, f sys.Family) {
	const backlog = 16
	port := uint16(9000 + i)
	switch f {
	case sys.Unix:
		v.network, v.address = "unix", fmt.Sprintf(backendPath, i)
		if !v.refuses {
			v.listener = w.k.ServeUnix(v.address, backlog)
		}
		v.backend.urgent = -1
		return
	case sys.Inet6:
		v.network, v.addr = "tcp6", netip.AddrPortFrom(netip.MustParseAddr("2001:db8::2"), port)
	default:
		v.network, v.addr = "tcp4", netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port)
	}
	v.address = v.addr.String()
	if !v.refuses {
		v.listener = w.k.Serve(v.addr, backlog)
	}
}

// mix chooses what is not in runs over IPv4 alone: the families, names, and workers.
func (c *config) mix(t *Tape) {
	c.front = entry(t.Pick(4))
	c.backs = make([]back, len(c.lives))
	for i := range c.backs {
		c.backs[i] = back(t.Pick(int(backs)))
	}
	c.workers = Of(t, 4, 1, 2)
	for i := range c.lives {
		switch t.Pick(8) {
		case 7:
			c.lives[i] = handed
		case 6:
			c.lives[i] = spoken
		}
	}
}

// back is how a backend is reached.
type back uint8

const (
	byTCP4 back = iota
	byUnix
	byTCP6
	byName // of several addresses
	backs
)

var backFamily = [backs]sys.Family{byTCP4: sys.Inet4, byUnix: sys.Unix, byTCP6: sys.Inet6}

// unix reports whether a party has a Unix socket: a reset reads as an end there.
func (p *party) unix() bool { return p.live && p.peer.Unix() }
