package loop_test

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// pausing is a session that lets nothing be read, as one that waits for a dial may.
type pausing struct{ closed chan error }

func (pausing) Data(*loop.Conn) error            { return nil }
func (pausing) Writable(*loop.Conn) error        { return nil }
func (s pausing) Closed(_ *loop.Conn, err error) { s.closed <- err }

// A client that resets during a dial is noticed at once: its descriptor and that of the
// dial are not held until the timeout. Whether the client is parked or served, and whether
// a name is looked up or an address tried, is the same.
func TestClientThatResetsEndsItsDial(t *testing.T) {
	for name, try := range map[string]struct {
		network, to string
		served      bool
	}{
		"parked":           {"tcp", "127.0.0.9:1", false},
		"served":           {"tcp", "127.0.0.9:1", true},
		"during a look-up": {"tcp", "name:1", false},
		"unix":             {"unix", "127.0.0.9:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Leaks(t)
			k := newBlackHole(t, "127.0.0.9")
			told, ready, closed := make(chan error, 2), make(chan struct{}, 1), make(chan error, 1)
			d := &loop.Dialer{Timeout: time.Hour, Resolver: gate(nil)}
			srv := &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1, Kernel: k}, Handler: openFunc(func(c *loop.Conn) (loop.Session, error) {
				for range 2 {
					err := d.DialFor(c, "tcp", try.to, func(_ *loop.Conn, err error) error { told <- err; return err })
					if err != nil {
						return nil, err
					}
				}
				c.Write([]byte("unread")) // for a Unix client to close with it unread
				ready <- struct{}{}
				if try.served {
					c.Pause()
					return pausing{closed}, nil
				}
				return nil, nil
			})}
			address := "127.0.0.1:0"
			if try.network == "unix" {
				address = filepath.Join(t.TempDir(), "socket")
			}
			addr := testkit.Serve(t, srv, try.network, address)
			c, err := net.Dial(try.network, addr.String())
			if err != nil {
				t.Fatal(err)
			}
			if try.network == "tcp" { // on a Unix socket it would stand in front of the error
				c.Write([]byte("request"))
			}
			<-ready
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			c.Close()
			for range 2 {
				select {
				case err := <-told:
					var op *net.OpError
					if !errors.Is(err, net.ErrClosed) || !errors.Is(err, sys.ECONNRESET) || !errors.As(err, &op) || op.Op != "dial" {
						t.Errorf("%v", err)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the dial goes on")
				}
			}
			gone(t, srv)
			if try.served {
				<-closed
			}
		})
	}
}

// The end of the client's stream is no reason to give up: it may follow a request.
func TestClientThatHalfClosesKeepsItsDial(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		testkit.Leaks(t)
		opened := make(chan struct{})
		told, ready := make(chan error, 1), make(chan struct{}, 1)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		d := &loop.Dialer{Resolver: gate(opened, "127.0.0.1")}
		srv := &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
			ready <- struct{}{}
			return d.DialFor(c, "tcp", "name:"+port, func(up *loop.Conn, err error) error { told <- err; return net.ErrClosed })
		})}
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "socket")
		}
		addr := testkit.Serve(t, srv, network, address)
		c := dial(t, addr)
		c.Write([]byte("request"))
		c.(interface{ CloseWrite() error }).CloseWrite()
		<-ready
		select {
		case err := <-told:
			t.Errorf("%s: the dial was given up: %v", network, err)
		case <-time.After(300 * time.Millisecond):
		}
		close(opened)
		if err := <-told; err != nil {
			t.Errorf("%s: %v", network, err)
		}
	}
}

// A parent that is aborted takes its dial with it, whose callback is invoked later, and
// not within Abort.
func TestParentThatEndsEndsItsDial(t *testing.T) {
	testkit.Leaks(t)
	k := newBlackHole(t, "127.0.0.9")
	told := make(chan error, 1)
	within := false
	d := &loop.Dialer{Timeout: time.Hour}
	srv := &loop.Server{DrainTimeout: -1, Config: loop.Config{Loops: 1, Kernel: k}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		err := d.DialFor(c, "tcp", "127.0.0.9:1", func(_ *loop.Conn, err error) error {
			if within {
				t.Error("done was invoked within Abort")
			}
			told <- err
			return err
		})
		within = true
		c.Abort()
		within = false
		return err
	})}
	if c, err := net.Dial("tcp", testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String()); err == nil { // it may be reset before
		defer c.Close()
	}
	select {
	case err := <-told:
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the dial goes on")
	}
	gone(t, srv)
}
