// Package conntest runs nettest.TestConn on TCP connections over the loopback.
// proof suites runs it in a namespace that redirects them to a relay.
package conntest

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

// A relay has two ends, which need not behave the same: each is once the first.
func TestConn(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run("dialled first "+address, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) { return pipe(address) })
		})
		t.Run("accepted first "+address, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				dialled, accepted, stop, err := pipe(address)
				return accepted, dialled, stop, err
			})
		})
	}
}

// pipe connects to a listener of its own.
func pipe(address string) (dialled, accepted net.Conn, stop func(), err error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, nil, err
	}
	defer ln.Close()
	if dialled, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, nil, err
	}
	if accepted, err = ln.Accept(); err != nil {
		dialled.Close()
		return nil, nil, nil, err
	}
	return dialled, accepted, func() { dialled.Close(); accepted.Close() }, nil
}
