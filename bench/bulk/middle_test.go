package bulk_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/penstock/penstock/bench/bulk"
	"github.com/penstock/penstock/loop"
)

// troubles are what can be done to a byte and its neighbours.
var troubles = map[string]func(b []byte) []byte{
	"flips":   func(b []byte) []byte { return append([]byte{b[0] ^ 0x10}, b[1:]...) },
	"drops":   func(b []byte) []byte { return b[1:] },
	"repeats": func(b []byte) []byte { return append([]byte{b[0]}, b...) },
	"swaps":   swap,
}

// swap swaps the first two neighbours that are not alike.
func swap(b []byte) []byte {
	for i := range len(b) - 1 {
		if b[i] != b[i+1] {
			b[i], b[i+1] = b[i+1], b[i]
			break
		}
	}
	return b
}

// A meddler copies, and makes trouble at one byte of what passes.
type meddler struct {
	at      int
	trouble func(b []byte) []byte
	cut     bool // ends there
}

func (m *meddler) copy(to, from *net.TCPConn) {
	defer to.CloseWrite()
	buf := make([]byte, 64<<10)
	left := m.at
	for {
		n, err := from.Read(buf)
		b := buf[:n]
		if m.trouble != nil && left >= 0 && left < n {
			if left+2 > n { // trouble takes two
				more, _ := io.ReadFull(from, buf[n:min(n+1, len(buf))])
				b = buf[:n+more]
			}
			b = append(b[:left:left], m.trouble(b[left:])...)
			if m.cut {
				to.Write(b)
				to.CloseWrite()
				io.Copy(io.Discard, from)
				return
			}
		}
		left -= n
		if _, werr := to.Write(b); werr != nil || err != nil {
			if err != nil && err != io.EOF {
				to.SetLinger(0) // a reset is passed on as one
				to.Close()
			}
			if werr != nil {
				from.SetLinger(0)
				from.Close()
			}
			return
		}
	}
}

// A middle relays connections to a server, with a meddler in one direction.
type middle struct {
	l      net.Listener
	ended  sync.WaitGroup
	server string
}

func newMiddle(t *testing.T, server string, upward bool, m *meddler) *middle {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mid := &middle{l: l, server: server}
	mid.ended.Add(1)
	go func() {
		defer mid.ended.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, down := &meddler{}, m
			if upward {
				up, down = m, up
			}
			mid.ended.Add(1)
			go mid.relay(c.(*net.TCPConn), up, down)
		}
	}()
	return mid
}

func (m *middle) relay(c *net.TCPConn, up, down *meddler) {
	defer m.ended.Done()
	defer c.Close()
	s, err := net.Dial("tcp", m.server)
	if err != nil {
		return
	}
	defer s.Close()
	done := make(chan bool)
	go func() { up.copy(s.(*net.TCPConn), c); close(done) }()
	down.copy(c, s.(*net.TCPConn))
	<-done
}

func (m *middle) address() string { return m.l.Addr().String() }

func (m *middle) close() {
	m.l.Close()
	m.ended.Wait()
}

// A pair is a stream that goes on until it is halted.
type pair struct {
	g *loop.Group
	c *client
}

func newPair(t *testing.T, address string, cfg bulk.Config) *pair {
	t.Helper()
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{g: g, c: &client{enough: 1 << 60, ended: make(chan error, 1)}}
	p.do(func(l *loop.Loop) {
		err := new(loop.Dialer).Dial(l, "tcp", address, func(c *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			p.c.s = bulk.Client(c, cfg, p.c)
			return p.c.s.Begin()
		})
		if err != nil {
			t.Error(err)
		}
	})
	return p
}

// do runs f on the loop and waits for it.
func (p *pair) do(f func(l *loop.Loop)) {
	done := make(chan bool)
	p.g.Loops()[0].Post(func() { f(p.g.Loops()[0]); close(done) })
	<-done
}

func (p *pair) look(at func(*client) int) (n int) {
	p.do(func(*loop.Loop) { n = at(p.c) })
	return n
}

func (p *pair) halt()  { p.do(func(*loop.Loop) { p.c.s.Halt() }) }
func (p *pair) close() { p.g.Close() } // more than once does no harm
