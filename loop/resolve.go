package loop

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/sys"
)

// resolve looks the name up on a worker, and goes on with its addresses, in the
// resolver's order, on the loop.
func (t *dial) resolve(address string, timeout time.Duration) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	return t.l.group.Do(func() {
		addrs, err := lookup(t.network, host, port, timeout)
		_ = t.l.Post(func() { t.resolved(addrs, err) }) // if the loop has ended, so has the parent
	})
}

func (t *dial) resolved(addrs []sys.Addr, err error) {
	if err != nil {
		t.fail(err)
		return
	}
	t.addr, t.rest = addrs[0], addrs[1:]
	t.begin()
}

func lookup(network, host, port string, timeout time.Duration) ([]sys.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	number, err := net.DefaultResolver.LookupPort(ctx, network, port)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+network[len("tcp"):], host)
	if err != nil {
		return nil, err
	}
	var addrs []sys.Addr
	for _, ip := range ips {
		a, err := fd.Inet(network, netip.AddrPortFrom(ip.Unmap(), uint16(number)))
		if err == nil {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no suitable address", Name: host}
	}
	return addrs, nil
}
