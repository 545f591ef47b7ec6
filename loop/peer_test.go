package loop

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
)

// addresses is a session that keeps what it saw.
type addresses struct {
	open, openLocal, closed, closedLocal net.Addr
	err                                  error
	n                                    int
}

func (a *addresses) Open(c *Conn) (Session, error) {
	a.open, a.openLocal = c.RemoteAddr(), c.LocalAddr()
	return a, nil
}
func (a *addresses) Data(c *Conn) error   { _, err := c.Next(); return err }
func (a *addresses) Writable(*Conn) error { return nil }
func (a *addresses) Closed(c *Conn, err error) {
	a.n++
	a.closed, a.closedLocal, a.err = c.RemoteAddr(), c.LocalAddr(), err
}

func same(a, b net.Addr) bool { return a != nil && b != nil && a.String() == b.String() }

// A port scan resets its connections before they are accepted. Their sessions, their log
// and their error know the peer all the same, until Closed has returned.
func TestPeersAddressOutlivesAReset(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			a := new(addresses)
			srv := &Server{Config: Config{Loops: 1, Stepped: true}, Handler: a}
			addr, err := srv.Listen(network, address)
			if err != nil {
				t.Skip(err)
			}
			defer srv.Close()
			const clients = 3
			for i := range clients {
				c, err := net.Dial(network, addr.String())
				if err != nil {
					t.Fatal(err)
				}
				peer := c.LocalAddr()
				if tcp, ok := c.(*net.TCPConn); ok {
					tcp.SetLinger(0)
				}
				c.Close()
				if i == 0 {
					srv.Accept()
				}
				for begin := time.Now(); a.n <= i; {
					srv.Group().Loops()[0].Step(false)
					if time.Since(begin) > 10*time.Second {
						t.Fatal("Closed is not called")
					}
				}
				if network == "unix" { // whose client has no name, and knows no reset
					peer = &net.UnixAddr{Net: "unix"}
					a.err = &net.OpError{Addr: peer, Source: addr}
				}
				if !same(a.open, peer) || !same(a.closed, peer) {
					t.Errorf("the peer was %v in Open and %v in Closed, want %v", a.open, a.closed, peer)
				}
				if !same(a.openLocal, addr) || !same(a.closedLocal, addr) {
					t.Errorf("our address was %v in Open and %v in Closed, want %v", a.openLocal, a.closedLocal, addr)
				}
				var op *net.OpError
				if !errors.As(a.err, &op) || !same(op.Addr, peer) || !same(op.Source, addr) {
					t.Errorf("the error %v does not say whose it is", a.err)
				}
			}
			l := srv.Group().Loops()[0]
			if p := &l.peers; len(p.at) > 2 || len(p.free) != max(len(p.at)-1, 0) {
				t.Errorf("the table has %d places, %d of them free, for one connection at a time", len(p.at), len(p.free))
			}
		})
	}
}

// An address has the same text whether it stands in the Registration or in the table.
func TestKeptPeersAreWhatTheyWere(t *testing.T) {
	l := newTestLoop(t)
	for _, text := range []string{"1.2.3.4:5", "255.0.255.1:65535", "[::1]:80", "[2001:db8::7]:1", "0.0.0.0:0"} {
		c := &Conn{set: defaultSettings}
		c.loop = l
		want, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		c.keepPeer(l, sys.Addr{Family: sys.Inet6, AP: want.AddrPort()})
		if got := c.RemoteAddr(); got == nil || got.String() != text {
			t.Errorf("%v, want %s", got, text)
		}
	}
}
