package loop

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// oddNet is the host's kernel, but that connects to some addresses go otherwise.
type oddNet struct {
	sys.Kernel
	silent  netip.AddrPort // never answers
	nowhere netip.AddrPort // there is no address to connect from
}

func (k *oddNet) Connect(num int, a sys.Addr) sys.Errno {
	switch a.AP {
	case k.silent:
		return sys.EINPROGRESS
	case k.nowhere:
		return sys.EADDRNOTAVAIL
	}
	return k.Kernel.Connect(num, a)
}

func (k *oddNet) Socket(f sys.Family) (int, sys.Errno) {
	if f == sys.Inet6 {
		f = sys.Inet4 // of which only connect is asked, above
	}
	return k.Kernel.Socket(f)
}

// dialAll dials several addresses, as those of one name.
func dialAll(l *Loop, timeout time.Duration, done func(*Conn, error) error, to ...netip.AddrPort) {
	var addrs []sys.Addr
	for _, ap := range to {
		f := sys.Inet4
		if ap.Addr().Is6() {
			f = sys.Inet6
		}
		addrs = append(addrs, sys.Addr{Family: f, AP: ap})
	}
	l.Post(func() {
		t := l.newDial()
		*t = dial{l: l, d: &defaultDialer, done: done, network: "tcp", deadline: l.k.Now() + int64(timeout)}
		t.resolved(addrs, nil)
	})
}

func TestDialGoesThroughItsAddresses(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	good := ln.Addr().(*net.TCPAddr).AddrPort()
	refuses := netip.MustParseAddrPort("127.0.0.77:1")
	k := &oddNet{Kernel: host, silent: netip.MustParseAddrPort("127.0.0.1:2"), nowhere: netip.MustParseAddrPort("[::1]:1")}
	g, err := Start(Config{Loops: 1, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for name, c := range map[string]struct {
		to   []netip.AddrPort
		want error
	}{
		"the second listens":        {[]netip.AddrPort{refuses, good}, nil},
		"the first does not answer": {[]netip.AddrPort{k.silent, good}, nil},
		"no address to dial from":   {[]netip.AddrPort{refuses, k.nowhere}, sys.ECONNREFUSED},
		"none at all to dial from":  {[]netip.AddrPort{k.nowhere}, sys.EADDRNOTAVAIL},
		"the last does not answer":  {[]netip.AddrPort{refuses, k.silent}, sys.ECONNREFUSED},
		"none answers":              {[]netip.AddrPort{k.silent, k.silent}, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			timeout, most := 6*time.Second, 3*time.Second
			if len(c.to) == 2 && c.to[1] == k.silent {
				timeout = 100 * time.Millisecond
			} else if c.to[0] == k.silent {
				timeout, most = 2*leastShare, time.Minute
			}
			told := make(chan error, 1)
			began := time.Now()
			dialAll(g.Loops()[0], timeout, func(c *Conn, err error) error {
				if c != nil {
					c.Close()
				}
				told <- err
				return nil
			}, c.to...)
			if err := <-told; !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if took := time.Since(began); took > most {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Who dials again at once when told of a failure must not do so one call within the
// other: done is told when Dial has returned.
func TestFailureIsToldAfterDialHasReturned(t *testing.T) {
	g, err := Start(Config{Loops: 1})
	if err != nil {
		t.Skip(err)
	}
	defer g.Close()
	l, told := g.Loops()[0], make(chan int, 1)
	nobody := filepath.Join(t.TempDir(), "nobody")
	tries, within := 0, 0
	var again func() error
	again = func() error {
		within++
		defer func() { within-- }()
		return defaultDialer.Dial(l, "unix", nobody, func(_ *Conn, err error) error {
			if within > 0 {
				t.Error("told within the call")
			}
			if tries++; tries < 100 && errors.Is(err, os.ErrNotExist) {
				return again()
			}
			told <- tries
			return nil
		})
	}
	l.Post(func() {
		if err := again(); err != nil {
			t.Error(err)
		}
	})
	if n := <-told; n != 100 {
		t.Errorf("%d tries", n)
	}
}

// stuck is the host's kernel that accepts nothing for want of descriptors, until told.
type stuck struct {
	sys.Kernel
	full chan struct{} // closed: no longer
}

func (k *stuck) Accept(num int) (int, sys.Addr, sys.Errno) {
	select {
	case <-k.full:
		return k.Kernel.Accept(num)
	default:
		return -1, sys.Addr{}, sys.EMFILE
	}
}

// Whom the kernel has accepted is served in the drain too, and if descriptors are short
// when they are free again.
func TestDrainTakesTheBacklogOnceThereAreDescriptors(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip(err)
	}
	k := &stuck{Kernel: host, full: make(chan struct{})}
	srv := &Server{Config: Config{Loops: 1, Kernel: k}, Handler: OnData(func(c *Conn) error { _, err := c.CopyTo(c); return err })}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	var clients []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		clients = append(clients, c)
	}
	cancel()
	for srv.Group().Counters().AcceptPauses < 2 { // the drain has tried, too
		time.Sleep(time.Millisecond)
	}
	close(k.full)
	for _, c := range clients {
		c.Write([]byte("x"))
		c.(*net.TCPConn).CloseWrite()
		b := make([]byte, 2)
		if n, err := c.Read(b); n != 1 {
			t.Errorf("%d, %v", n, err)
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr.String()); err == nil {
		c.Close()
		t.Error("it listens still")
	}
	if c := srv.Group().Counters(); c.Conns != 0 || c.Registered != c.Unregistered || srv.Group().conns.Load() != 0 {
		t.Errorf("%+v", c)
	}
}
