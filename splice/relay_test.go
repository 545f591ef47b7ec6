package splice_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// A rig is a backend of package net, a forwarder to it, and a way in.
type rig struct {
	t       *testing.T
	srv     *loop.Server
	front   net.Addr
	back    net.Listener
	pairs   uint64
	mu      sync.Mutex
	results []splice.Result
}

// newRig starts a forwarder from one kind of socket to another, "tcp" or "unix".
// backend serves each connection that comes through.
func newRig(t *testing.T, from, to string, o splice.Options, backend func(c net.Conn)) *rig {
	t.Helper()
	testkit.Leaks(t)
	r := &rig{t: t}
	r.back = listen(t, to)
	if backend != nil {
		var served sync.WaitGroup
		accepting := make(chan struct{})
		go func() {
			defer close(accepting)
			for {
				c, err := r.back.Accept()
				if err != nil {
					return
				}
				served.Add(1)
				go func() { defer served.Done(); defer c.Close(); backend(c) }()
			}
		}()
		t.Cleanup(func() { r.back.Close(); <-accepting; served.Wait() })
	}
	o.Done = func(res splice.Result) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results = append(r.results, res)
	}
	address := "127.0.0.1:0"
	if from == "unix" {
		address = filepath.Join(t.TempDir(), "front")
	}
	r.srv = forwarder(r.back.Addr(), &o)
	r.srv.DrainTimeout = 10 * time.Second
	r.front = testkit.Serve(t, r.srv, from, address)
	return r
}

func forwarder(to net.Addr, o *splice.Options) *loop.Server {
	return &loop.Server{Config: loop.Config{Loops: 2}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial(to.Network(), to.String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			return splice.Relay(c, up, o)
		})
	})}
}

func listen(t *testing.T, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "back")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// dial connects to the forwarder.
func (r *rig) dial() stream {
	r.t.Helper()
	c, err := net.Dial(r.front.Network(), r.front.String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c.(stream)
}

// pair connects through the forwarder and answers both ends.
func (r *rig) pair() (client, backend stream) {
	r.t.Helper()
	client = r.dial()
	c, err := r.back.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	r.pairs++
	testkit.Eventually(r.t, "the relay has begun", func() bool { // the backend knows before the forwarder
		c := r.srv.Group().Counters()
		return c.Dialed >= r.pairs
	})
	return client, c.(stream)
}

// result waits for the n-th relay to end.
func (r *rig) result(n int) splice.Result {
	r.t.Helper()
	testkit.Eventually(r.t, "the relay ends", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.results) > n
	})
	return r.results[n]
}

// stream is a *net.TCPConn or *net.UnixConn.
type stream interface {
	net.Conn
	CloseWrite() error
}

func randomSizes(seed uint64) func() int {
	r := rand.New(rand.NewPCG(seed, seed))
	return func() int {
		if r.IntN(4) == 0 {
			return 1 + r.IntN(512)
		}
		return 1 + r.IntN(256<<10)
	}
}

func always(n int) func() int { return func() int { return n } }

// exchange sends n bytes each way at once, ends both ways, and verifies all.
func exchange(c stream, send, receive uint64, n uint64, size func() int) error {
	sent := make(chan error, 1)
	go func() {
		out := content.Stream{K: send}
		err := out.Send(c, n, size)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()
	in := content.Stream{K: receive}
	err := in.Receive(c)
	if e := <-sent; err == nil && e != nil {
		err = fmt.Errorf("sending: %w", e)
	}
	if err == nil && in.Pos != n {
		err = fmt.Errorf("connection %d: %d bytes arrived, want %d", receive, in.Pos, n)
	}
	return err
}

var pairs = [][2]string{{"tcp", "tcp"}, {"tcp", "unix"}, {"unix", "tcp"}, {"unix", "unix"}}

func scaled(n uint64) uint64 {
	if testkit.Race() || testing.Short() {
		return n / 16
	}
	return n
}

func TestFullDuplexBulkArrivesWhole(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice, splice.Copy} {
		for _, pair := range pairs {
			t.Run(fmt.Sprintf("mode%d/%s-%s", mode, pair[0], pair[1]), func(t *testing.T) {
				n := scaled(32 << 20)
				if mode != splice.Auto {
					n /= 4
				}
				const conns = 8
				serve := make(chan uint64, conns)
				r := newRig(t, pair[0], pair[1], splice.Options{Mode: mode}, func(c net.Conn) {
					var id [1]byte
					if _, err := io.ReadFull(c, id[:]); err != nil {
						t.Error(err)
						return
					}
					k := uint64(id[0])
					if err := exchange(c.(stream), 100+k, k, n, randomSizes(100+k)); err != nil {
						t.Errorf("backend: %v", err)
					}
					serve <- k
				})
				var clients sync.WaitGroup
				for k := range uint64(conns) {
					c := r.dial()
					clients.Add(1)
					go func() {
						defer clients.Done()
						c.Write([]byte{byte(k)})
						if err := exchange(c, k, 100+k, n, randomSizes(k)); err != nil {
							t.Errorf("client: %v", err)
						}
					}()
				}
				clients.Wait()
				for i := range conns {
					res := r.result(i)
					if res.Err != nil || res.AB.Pumped != n+1 || res.BA.Pumped != n || res.AB.Stranded+res.BA.Stranded != 0 {
						t.Errorf("result %d: %+v", i, res)
					}
				}
			})
		}
	}
}

// Half-close: one side ends, and megabytes follow from the other.
func TestHalfCloseLeavesTheOtherDirectionAlive(t *testing.T) {
	for _, pair := range pairs {
		for _, order := range []string{"client first", "backend first"} {
			t.Run(pair[0]+"-"+pair[1]+"/"+order, func(t *testing.T) {
				r := newRig(t, pair[0], pair[1], splice.Options{}, nil)
				first, second := r.pair()
				if order == "backend first" {
					first, second = second, first
				}
				out := content.Stream{K: 1}
				if err := out.Send(first, 1000, always(1000)); err != nil {
					t.Fatal(err)
				}
				first.CloseWrite()
				in := content.Stream{K: 1}
				if err := in.Receive(second); err != nil || in.Pos != 1000 {
					t.Fatalf("%d bytes, %v", in.Pos, err)
				}
				time.Sleep(100 * time.Millisecond) // the end is long past
				const n = 4 << 20
				go func() {
					out := content.Stream{K: 2}
					out.Send(second, n, always(64<<10))
					second.CloseWrite()
				}()
				back := content.Stream{K: 2}
				if err := back.Receive(first); err != nil || back.Pos != n {
					t.Fatalf("%d bytes followed the half-close, want %d: %v", back.Pos, n, err)
				}
				if res := r.result(0); res.Err != nil {
					t.Error(res.Err)
				}
			})
		}
	}
}
