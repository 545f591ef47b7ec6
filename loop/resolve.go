package loop

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// A Resolver looks up the names of hosts and services. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupPort(ctx context.Context, network, service string) (port int, err error)
}

// resolve has the name looked up, and goes on with its addresses, in the resolver's order.
func (t *dial) resolve() error {
	host, port, err := net.SplitHostPort(t.address)
	if err != nil {
		return err
	}
	q := question{t.d.Resolver, t.network, host, port}
	if q.resolver == nil {
		q.resolver = net.DefaultResolver
	}
	w := &waiter{l: t.l, t: t}
	addrs, err := t.l.group.names.ask(q, w)
	switch {
	case err != nil:
		return err
	case addrs != nil:
		t.connect(addrs)
	default:
		t.waiter = w
		t.l.Arm(&t.timer, t.left(), t)
	}
	return nil
}

// resolved goes on with the outcome of the look-up.
func (t *dial) resolved(addrs []sys.Addr, err error) {
	t.waiter = nil
	t.l.Disarm(&t.timer)
	if err != nil {
		t.fail(err)
		return
	}
	t.connect(addrs)
}

// leave ends the wait for a look-up.
func (t *dial) leave() {
	if t.waiter != nil {
		t.waiter.t = nil
		t.l.group.names.leave(t.waiter)
		t.waiter = nil
	}
}

// lookUp asks the resolver. It may block, and runs on a worker.
func lookUp(ctx context.Context, q question) ([]sys.Addr, error) {
	number, err := strconv.ParseUint(q.port, 10, 16)
	port := int(number)
	if err != nil {
		if port, err = q.resolver.LookupPort(ctx, q.network, q.port); err != nil {
			return nil, err
		}
	}
	if ip, err := netip.ParseAddr(q.host); err == nil || q.host == "" {
		return literal(q, ip, uint16(port))
	}
	ips, err := q.resolver.LookupNetIP(ctx, "ip"+q.network[len("tcp"):], q.host)
	if err != nil {
		return nil, err
	}
	var addrs []sys.Addr
	for _, ip := range ips {
		a, err := fd.Inet(q.network, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
		if err == nil {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no suitable address", Name: q.host}
	}
	return addrs, nil
}

// literal returns the addresses of a host that is an IP address, or empty.
func literal(q question, ip netip.Addr, port uint16) ([]sys.Addr, error) {
	if q.host == "" || ip.IsUnspecified() {
		return local(q.network, !ip.Is6(), port), nil
	}
	a, err := fd.Inet(q.network, netip.AddrPortFrom(ip, port))
	return []sys.Addr{a}, err
}

// local returns the addresses of this machine, which an empty or unspecified host stands
// for: of both families, unless the network is of one.
func local(network string, v4First bool, port uint16) []sys.Addr {
	v4 := sys.Addr{Family: sys.Inet4, AP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
	v6 := sys.Addr{Family: sys.Inet6, AP: netip.AddrPortFrom(netip.IPv6Loopback(), port)}
	switch {
	case network == "tcp4":
		return []sys.Addr{v4}
	case network == "tcp6":
		return []sys.Addr{v6}
	case v4First:
		return []sys.Addr{v4, v6}
	}
	return []sys.Addr{v6, v4}
}
