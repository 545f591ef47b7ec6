package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/penstock/penstock/examples/internal/cli"
	"github.com/penstock/penstock/loop"
)

// errItself is why a connection is not forwarded: the name of the backend has come to
// lead to this forwarder.
var errItself = errors.New("leads to this forwarder itself: each connection would open the next, without end")

// lookupTime bounds the look-up of the backend's name at the start.
const lookupTime = 2 * time.Second

// checkItself returns an error that wraps errItself if a connection to an address of
// `to` reaches the listener that is bound to `bound`. Any other error is of the look-up;
// the name may resolve later.
func checkItself(to cli.Addr, bound net.Addr) error {
	if to.Network == "unix" {
		if bound.Network() == "unix" && bound.String() == to.Address {
			return errItself
		}
		return nil
	}
	own, ok := bound.(*net.TCPAddr)
	if !ok {
		return nil
	}
	addrs, err := addresses(to.Address)
	for _, a := range addrs {
		if isOwn(a, own.AddrPort()) {
			return fmt.Errorf("%v %w", a, errItself)
		}
	}
	return err
}

// addresses returns what host:port resolves to. An empty or unspecified host is this
// machine.
func addresses(address string) (all []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	ips := []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	for _, ip := range ips {
		all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return all, nil
}

// isName reports whether the host of an address is looked up for each connection.
func isName(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	_, err := netip.ParseAddr(host)
	return host != "" && err != nil
}

// isOwn reports whether a listener bound to own accepts what connects to a.
func isOwn(a, own netip.AddrPort) bool {
	listens := own.Addr().Unmap()
	switch {
	case a.Port() != own.Port():
		return false
	case !listens.IsUnspecified():
		return a.Addr().WithZone("") == listens.WithZone("")
	case a.Addr().Is6() && listens.Is4():
		return false
	}
	return a.Addr().IsLoopback() || isLocal(a.Addr())
}

func isLocal(ip netip.Addr) bool {
	local, _ := net.InterfaceAddrs()
	for _, l := range local {
		if prefix, err := netip.ParsePrefix(l.String()); err == nil && prefix.Addr() == ip.WithZone("") {
			return true
		}
	}
	return false
}

// circleTime is for how long nothing from this machine is forwarded once a connection
// has led back here. Its other end is accepted as a connection of its own, and would be
// forwarded in its turn before it is known to be reset.
const circleTime = time.Second

// reachedItself reports whether a dialled connection has reached our own listener.
func (f *forwarder) reachedItself(up *loop.Conn) bool {
	remote, ok := up.RemoteAddr().(*net.TCPAddr)
	if !ok || remote.Port != int(f.own.Port()) || !withinMachine(up) {
		return false
	}
	if a := remote.AddrPort(); !isOwn(netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), f.own) {
		return false
	}
	f.circle.Store(time.Now().Add(circleTime).UnixNano())
	return true
}

// fromItself reports whether an accepted connection may be the other end of one that
// has led back here.
func (f *forwarder) fromItself(c *loop.Conn) bool {
	if time.Now().UnixNano() > f.circle.Load() {
		f.circle.Store(0)
		return false
	}
	return withinMachine(c)
}

// withinMachine reports whether both ends of a connection are here: the kernel connects
// to an address of this machine from that address.
func withinMachine(c *loop.Conn) bool {
	local, ok := c.LocalAddr().(*net.TCPAddr)
	remote, also := c.RemoteAddr().(*net.TCPAddr)
	return ok && also && local.IP.Equal(remote.IP)
}
