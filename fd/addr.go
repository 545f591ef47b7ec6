package fd

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penstock/penstock/internal/sys"
)

// ParseAddr reads an address: "tcp", "tcp4" or "tcp6" with "host:port" where
// host is a literal IP address or empty (any), or "unix" with a path, which in
// the abstract namespace starts with '@'. literal is false, and nothing else is
// answered, where host is a name that must be resolved first.
func ParseAddr(network, address string) (a sys.Addr, literal bool, err error) {
	switch network {
	case "unix":
		return parseUnix(address)
	case "tcp", "tcp4", "tcp6":
		return parseTCP(network, address)
	}
	return a, true, fmt.Errorf("penstock: network %q: must be tcp, tcp4, tcp6 or unix", network)
}

func parseUnix(path string) (sys.Addr, bool, error) {
	if path == "" || path == "@" {
		return sys.Addr{}, true, fmt.Errorf("penstock: unix address %q: must be a path, or @name in the abstract namespace", path)
	}
	if len(path) > sys.MaxPath {
		return sys.Addr{}, true, fmt.Errorf("penstock: unix address %q: %d bytes are too long, at most %d", path, len(path), sys.MaxPath)
	}
	return sys.Addr{Family: sys.Unix, Path: path}, true, nil
}

func parseTCP(network, address string) (sys.Addr, bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return sys.Addr{}, true, fmt.Errorf("penstock: address %q: must be host:port: %w", address, err)
	}
	number, err := parsePort(network, port)
	if err != nil {
		return sys.Addr{}, true, fmt.Errorf("penstock: address %q: port %q: must be 0 to 65535 or a service's name", address, port)
	}
	if host == "" {
		host = "::"
		if network == "tcp4" {
			host = "0.0.0.0"
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return sys.Addr{}, false, nil
	}
	a, err := Inet(network, netip.AddrPortFrom(ip, number))
	return a, true, err
}

func parsePort(network, port string) (uint16, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return uint16(n), nil
	}
	if strings.Trim(port, "0123456789") == "" {
		return 0, strconv.ErrRange
	}
	n, err := net.LookupPort(network, port)
	return uint16(n), err
}

// Inet is the socket address of an IP address and port.
func Inet(network string, ap netip.AddrPort) (sys.Addr, error) {
	ip := ap.Addr()
	a := sys.Addr{Family: sys.Inet6, AP: netip.AddrPortFrom(ip.WithZone(""), ap.Port())}
	if ip.Unmap().Is4() {
		a.Family = sys.Inet4
		a.AP = netip.AddrPortFrom(ip.Unmap(), ap.Port())
	}
	if network == "tcp4" && a.Family != sys.Inet4 || network == "tcp6" && a.Family != sys.Inet6 {
		return a, fmt.Errorf("penstock: address %v: not an address of network %s", ap, network)
	}
	if zone := ip.Zone(); zone != "" {
		index, err := zoneIndex(zone)
		if err != nil {
			return a, fmt.Errorf("penstock: address %v: zone %q: %w", ap, zone, err)
		}
		a.Zone = index
	}
	return a, nil
}

func zoneIndex(zone string) (uint32, error) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	iface, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(iface.Index), nil
}

// NetAddr is the address as package net has it: a *net.TCPAddr or *net.UnixAddr.
func NetAddr(a sys.Addr) net.Addr {
	if a.Family == sys.Unix {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	t := net.TCPAddrFromAddrPort(a.AP)
	if a.Zone != 0 {
		t.Zone = strconv.Itoa(int(a.Zone))
	}
	return t
}

func anyInet4(a sys.Addr) sys.Addr {
	return sys.Addr{Family: sys.Inet4, AP: netip.AddrPortFrom(netip.IPv4Unspecified(), a.AP.Port())}
}
