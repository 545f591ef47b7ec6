package loop_test

import (
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// onePort is the host's kernel that has one port only to connect from, for the first n
// sockets: IP_LOCAL_PORT_RANGE.
type onePort struct {
	sys.Kernel
	port    int
	n       int64
	sockets atomic.Int64
}

func (k *onePort) Socket(f sys.Family) (int, sys.Errno) {
	num, e := k.Kernel.Socket(f)
	if e == 0 && k.sockets.Add(1) <= k.n {
		if e := k.Kernel.SetOption(num, unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, k.port<<16|k.port); e != 0 {
			panic(e)
		}
	}
	return num, e
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T, host string) int {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skip(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// A dial to a local port that nobody listens on may be given that very port, and be
// connected to itself. That is no backend: the address refuses.
func TestDialIsNotConnectedToItself(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip(err)
	}
	for _, try := range []struct {
		host string
		n    int64 // how many sockets meet themselves
		want int64 // how many sockets there are
	}{{"127.0.0.1", 1 << 30, 3}, {"::1", 1 << 30, 3}, {"127.0.0.1", 1, 2}} {
		port := freePort(t, try.host)
		k := &onePort{Kernel: host, port: port, n: try.n}
		g, err := loop.Start(loop.Config{Loops: 1, Kernel: k})
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		l, address := g.Loops()[0], net.JoinHostPort(try.host, strconv.Itoa(port))
		got := outcome(t, dialFrom(t, l, new(loop.Dialer), "tcp", address))
		if err, _ := got.(error); !errors.Is(err, sys.ECONNREFUSED) {
			t.Errorf("%s: %v, want ECONNREFUSED", address, got)
		}
		if n := k.sockets.Load(); n != try.want {
			t.Errorf("%s: %d sockets", address, n)
		}
		ln, err := net.Listen("tcp", address) // the backend can come back
		if err != nil {
			t.Error(err)
		} else {
			ln.Close()
		}
		g.Close()
		testkit.GivenBack(t, g)
	}
}
