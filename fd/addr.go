package fd

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penstock/penstock/internal/sys"
)

// ParseAddr parses an address: "tcp", "tcp4" or "tcp6" with "host:port", or "unix" with a
// path, or with "@name" in the abstract namespace. An empty host is the unspecified
// address. It makes no system call. literal is false, and a is not valid, if host is a
// name, port is the name of a service or the zone is the name of an interface: these must
// be looked up first, which may block.
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
	switch {
	case path == "" || path == "@":
		return sys.Addr{}, true, fmt.Errorf("penstock: unix address %q: must be a path, or @name in the abstract namespace", path)
	case !sys.PathFits(path):
		return sys.Addr{}, true, fmt.Errorf("penstock: unix address %q: %d bytes are too long, at most %d", path, len(path), sys.MaxPath)
	case path[0] != '@' && strings.Contains(path, "\x00"):
		return sys.Addr{}, true, fmt.Errorf("penstock: unix address %q: the path contains a zero byte, at which the kernel would cut it off", path)
	}
	return sys.Addr{Family: sys.Unix, Path: path}, true, nil
}

func parseTCP(network, address string) (sys.Addr, bool, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return sys.Addr{}, true, fmt.Errorf("penstock: address %q: must be host:port: %w", address, err)
	}
	number, numeric := parsePort(port)
	if !numeric && strings.Trim(port, "0123456789") == "" {
		return sys.Addr{}, true, fmt.Errorf("penstock: address %q: port %q: must be 0 to 65535 or a service's name", address, port)
	}
	if host == "" {
		host = "::"
		if network == "tcp4" {
			host = "0.0.0.0"
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !numeric || !isNumber(ip.Zone()) {
		return sys.Addr{}, false, nil
	}
	a, err := Inet(network, netip.AddrPortFrom(ip, number))
	return a, true, err
}

func parsePort(port string) (number uint16, numeric bool) {
	n, err := strconv.ParseUint(port, 10, 16)
	return uint16(n), err == nil
}

// isNumber reports whether a zone is empty or an interface's index.
func isNumber(zone string) bool {
	_, err := strconv.ParseUint(zone, 10, 32)
	return zone == "" || err == nil
}

// Inet returns the socket address of an IP address and port. The name of a zone is looked
// up, which asks the kernel for its interfaces.
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

// NetAddr returns the address as package net has it: a *net.TCPAddr or *net.UnixAddr.
func NetAddr(a sys.Addr) net.Addr {
	if a.Family == sys.Unix {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	t := net.TCPAddrFromAddrPort(a.AP)
	t.Zone = zoneName(a.Zone)
	return t
}

func anyInet4(a sys.Addr) sys.Addr {
	return sys.Addr{Family: sys.Inet4, AP: netip.AddrPortFrom(netip.IPv4Unspecified(), a.AP.Port())}
}
