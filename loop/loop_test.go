package loop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/fd"
	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

func echo() loop.Handler {
	return loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err })
}

func dial(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// syncBuffer is a log that two goroutines may use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestEchoAnswersEveryByteOverEveryNetwork(t *testing.T) {
	for _, balance := range []loop.Balance{loop.LeastConns, loop.ByKernel} {
		for network, address := range map[string]string{
			"tcp": "127.0.0.1:0", "tcp4": ":0", "tcp6": "[::1]:0",
			"unix": filepath.Join(t.TempDir(), "echo"), "unix ": "@penstock-test-echo",
		} {
			t.Run(fmt.Sprint(balance, network, address), func(t *testing.T) {
				testkit.Leaks(t)
				srv := &loop.Server{Handler: echo(), Balance: balance, Config: loop.Config{Loops: 3}}
				addr := testkit.Serve(t, srv, strings.TrimSpace(network), address)
				var clients sync.WaitGroup
				for k := range uint64(8) {
					c := dial(t, addr)
					clients.Add(1)
					go func() {
						defer clients.Done()
						const n = 1 << 20
						go func() {
							out := content.Stream{K: k}
							out.Send(c, n, func() int { return int(k*1000 + 100) })
							c.(interface{ CloseWrite() error }).CloseWrite()
						}()
						in := content.Stream{K: k}
						if err := in.Receive(c); err != nil || in.Pos != n {
							t.Errorf("connection %d: %d bytes: %v", k, in.Pos, err)
						}
					}()
				}
				clients.Wait()
			})
		}
	}
}

// A peer that asks and does not read its answers is not read any more: memory
// stays bounded, and everything arrives once it reads.
func TestBackPressureBoundsTheWriteQueue(t *testing.T) {
	testkit.Leaks(t)
	var most atomic.Int64
	srv := &loop.Server{
		Marks: loop.Marks{Low: 10 << 10, High: 100 << 10},
		Handler: loop.OnData(func(c *loop.Conn) error {
			_, err := c.CopyTo(c)
			most.Store(max(most.Load(), int64(c.Buffered())))
			return err
		}),
		Config: loop.Config{Loops: 1},
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	const n = 32 << 20
	go func() {
		out := content.Stream{}
		out.Send(c, n, func() int { return 64 << 10 })
		c.(*net.TCPConn).CloseWrite()
	}()
	testkit.Eventually(t, "something is queued", func() bool { return most.Load() > 0 })
	in := content.Stream{}
	if err := in.Receive(c); err != nil || in.Pos != n {
		t.Fatalf("%d bytes: %v", in.Pos, err)
	}
	if high := most.Load(); high == 0 || high > 100<<10+64<<10 {
		t.Errorf("%d bytes were queued, want at most High and one read", high)
	}
}

// replyLater answers a while after the peer's end: the half that is open must
// still carry it.
type replyLater struct{ n int }

func (s *replyLater) Writable(*loop.Conn) error { return nil }
func (s *replyLater) Closed(*loop.Conn, error)  {}
func (s *replyLater) Data(c *loop.Conn) error {
	for {
		b, err := c.Next()
		s.n += len(b)
		if err == io.EOF {
			c.Loop().AfterFunc(100*time.Millisecond, func() {
				fmt.Fprintf(c, "got %d", s.n)
				c.Close()
			})
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type openFunc func(c *loop.Conn) (loop.Session, error)

func (f openFunc) Open(c *loop.Conn) (loop.Session, error) { return f(c) }

func TestReplyAfterThePeersEndArrives(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: openFunc(func(*loop.Conn) (loop.Session, error) { return new(replyLater), nil })}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write(make([]byte, 12345))
	c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "got 12345" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// Closing with unread data in the kernel must not destroy the answer in front of
// it: tcp_close answers unread data with a reset.
func TestCloseDeliversTheAnswerToAPeerThatStillSends(t *testing.T) {
	testkit.Leaks(t)
	answer := make([]byte, 300<<10)
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		c.Next()
		c.Write(answer)
		return io.EOF
	})}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	for range 20 {
		c := dial(t, addr)
		c.Write(make([]byte, 200<<10))
		go c.Write(make([]byte, 200<<10))
		if b, err := io.ReadAll(c); len(b) != len(answer) || err != nil {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		c.Close()
	}
}

func TestPanicEndsItsConnectionOnly(t *testing.T) {
	testkit.Leaks(t)
	log := new(syncBuffer)
	srv := &loop.Server{
		Config: loop.Config{Loops: 1, Logger: logTo(log)},
		Handler: loop.OnData(func(c *loop.Conn) error {
			b, err := c.Next()
			if string(b) == "panic" {
				panic("in a handler")
			}
			if err != nil {
				return err
			}
			_, err = c.Write(b)
			return err
		}),
	}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	bystander := dial(t, addr)
	for range 10 {
		c := dial(t, addr)
		c.Write([]byte("panic"))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset", err)
		}
		b := make([]byte, 5)
		bystander.Write([]byte("still"))
		if _, err := io.ReadFull(bystander, b); err != nil || string(b) != "still" {
			t.Fatalf("bystander: %q, %v", b, err)
		}
	}
	testkit.Eventually(t, "ten panics are counted", func() bool { return srv.Group().Counters().Panics == 10 })
	testkit.Eventually(t, "the panic is logged", func() bool { return strings.Contains(log.String(), "in a handler") })
}

func TestPanicInOpenAndInDialledCallback(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{
		Config: loop.Config{Loops: 1, Logger: logTo(io.Discard)},
		Handler: loop.OnOpen(func(c *loop.Conn) error {
			if c.RemoteAddr() == nil {
				return nil
			}
			return c.Dial("tcp", "127.0.0.1:1", func(*loop.Conn, error) error { panic("in done") })
		}),
	}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	c, err := net.Dial("tcp", addr.String())
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want a reset", err)
	}
}

func TestWatchdogNamesTheHandlerThatHoldsItsLoop(t *testing.T) {
	testkit.Leaks(t)
	log := new(syncBuffer)
	srv := &loop.Server{
		Config:  loop.Config{Loops: 1, Watchdog: 50 * time.Millisecond, Logger: logTo(log)},
		Handler: loop.OnData(slowHandlerByName),
	}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	time.Sleep(200 * time.Millisecond)
	if strings.Contains(log.String(), "holds its loop") {
		t.Error("a loop that sleeps is said to be held")
	}
	c.Write([]byte("x"))
	testkit.Eventually(t, "the log names the handler", func() bool {
		return strings.Contains(log.String(), "slowHandlerByName")
	})
}

func slowHandlerByName(c *loop.Conn) error {
	time.Sleep(500 * time.Millisecond)
	return io.EOF
}

// exhausted is the host's kernel out of descriptors, when told.
type exhausted struct {
	sys.Kernel
	on      atomic.Bool
	refused atomic.Int64
}

func (k *exhausted) Accept(fd int) (int, sys.Addr, sys.Errno) {
	if k.on.Load() {
		k.refused.Add(1)
		return -1, sys.Addr{}, sys.EMFILE
	}
	return k.Kernel.Accept(fd)
}

// Out of descriptors, the listener pauses: connections wait, the loop does not
// spin, what it holds goes on, and service resumes by itself.
func TestOutOfDescriptorsPausesAcceptingOnly(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	k := &exhausted{Kernel: host}
	srv := &loop.Server{Handler: echo(), Config: loop.Config{Loops: 1, Kernel: k, Logger: logTo(io.Discard)}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	held := dial(t, addr)
	ping := func(c net.Conn) error {
		b := []byte("x")
		c.Write(b)
		_, err := io.ReadFull(c, b)
		return err
	}
	if err := ping(held); err != nil {
		t.Fatal(err)
	}
	k.on.Store(true)
	waiting := dial(t, addr)
	time.Sleep(500 * time.Millisecond)
	if err := ping(held); err != nil {
		t.Errorf("a connection that was held: %v", err)
	}
	if n := k.refused.Load(); n == 0 || n > 50 { // every 100 ms: about 5
		t.Errorf("accept was tried %d times in half a second", n)
	}
	k.on.Store(false)
	if err := ping(waiting); err != nil {
		t.Errorf("a connection that waited: %v", err)
	}
	testkit.Eventually(t, "pauses are counted", func() bool { return srv.Group().Counters().AcceptPauses > 0 })
}

func TestMaxConnsLeavesTheRestInTheBacklog(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: echo(), MaxConns: 2, Config: loop.Config{Loops: 2, Logger: logTo(io.Discard)}}
	addr := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	var conns []net.Conn
	for range 5 {
		c := dial(t, addr)
		c.Write([]byte("x"))
		conns = append(conns, c)
	}
	for _, c := range conns { // each is served as soon as one before it is gone
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if n := srv.Group().Counters().Conns; n > 2 {
			t.Errorf("%d connections at once", n)
		}
		c.Close()
	}
}

func TestHandlesOfEndedConnectionsAreStale(t *testing.T) {
	testkit.Leaks(t)
	handles := make(chan loop.Handle, 1)
	kept := make(chan *loop.Conn, 1)
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		b, err := c.Next()
		if string(b) == "hello" {
			handles <- c.Handle()
			kept <- c
		}
		return err
	})}
	c := dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	c.Write([]byte("hello"))
	h := <-handles
	if _, err := h.Write([]byte("from outside")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 12)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "from outside" {
		t.Fatalf("%q, %v", b, err)
	}
	h.Close()
	if _, err := c.Read(b); err != io.EOF {
		t.Errorf("%v, want the end", err)
	}
	c.Close()
	testkit.Eventually(t, "the handle is stale", func() bool { return h.Do(func(*loop.Conn) {}) == net.ErrClosed })
	if _, err := h.Write(b); err != net.ErrClosed {
		t.Errorf("Write on a stale handle: %v", err)
	}
	stale := <-kept
	done := make(chan error)
	srv.Group().Loops()[0].Post(func() { _, err := stale.Write(b); done <- err })
	if err := <-done; err != net.ErrClosed {
		t.Errorf("Write on an ended connection: %v", err)
	}
}

func TestPostedTasksAllRunOnce(t *testing.T) {
	testkit.Leaks(t)
	g, err := loop.Start(loop.Config{Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	const producers, each = 16, 5000
	counts := make([][]int32, len(g.Loops())) // each loop's own, unshared
	var posted, ran sync.WaitGroup
	for i, l := range g.Loops() {
		counts[i] = make([]int32, producers*each)
		for p := range producers {
			posted.Add(1)
			ran.Add(each)
			go func() {
				defer posted.Done()
				for n := range each {
					if err := l.Post(func() { counts[i][p*each+n]++; ran.Done() }); err != nil {
						t.Error(err)
					}
				}
			}()
		}
	}
	posted.Wait()
	ran.Wait()
	g.Close()
	for i := range counts {
		for n, c := range counts[i] {
			if c != 1 {
				t.Fatalf("task %d of loop %d ran %d times", n, i, c)
			}
		}
	}
	if err := g.Loops()[0].Post(func() {}); err != net.ErrClosed {
		t.Errorf("Post after Close: %v", err)
	}
	testkit.GivenBack(t, g)
}

// One post at a time to a loop that is about to sleep: a wake-up that is lost
// hangs the test.
func TestNoWakeUpIsLost(t *testing.T) {
	testkit.Leaks(t)
	g, err := loop.Start(loop.Config{Loops: 1, Watchdog: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ran := make(chan struct{})
	for i := range 20000 {
		g.Loops()[0].Post(func() { ran <- struct{}{} })
		select {
		case <-ran:
		case <-time.After(5 * time.Second):
			t.Fatalf("post %d was not run", i)
		}
	}
}

func TestDialFromASourceAddressAndByName(t *testing.T) {
	testkit.Leaks(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, to := range []string{"127.0.0.1", "localhost"} {
		got := make(chan error, 1)
		d := &loop.Dialer{Source: "127.0.0.9", Timeout: 5 * time.Second}
		l := g.Loops()[0]
		l.Post(func() {
			err := d.Dial(l, "tcp4", net.JoinHostPort(to, port), func(c *loop.Conn, err error) error {
				if err == nil {
					c.Close()
				}
				got <- err
				return nil
			})
			if err != nil {
				got <- err
			}
		})
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if from := c.RemoteAddr().(*net.TCPAddr).IP.String(); from != "127.0.0.9" {
			t.Errorf("%s: connected from %s", to, from)
		}
		if err := <-got; err != nil {
			t.Errorf("%s: %v", to, err)
		}
		c.Close()
	}
}

func TestDialErrorsNameTheAddressAndTheRemedy(t *testing.T) {
	testkit.Leaks(t)
	g, err := loop.Start(loop.Config{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	l := g.Loops()[0]
	for _, try := range []struct{ network, address, want string }{
		{"udp", "127.0.0.1:1", `"udp"`}, {"tcp", "127.0.0.1", `"127.0.0.1"`},
		{"tcp", "127.0.0.1:99999", `"99999"`}, {"unix", "", `unix address ""`},
		{"unix", strings.Repeat("x", 200), "200 bytes are too long"}, {"tcp6", "127.0.0.1:1", "not an address of network tcp6"},
		{"tcp", "127.0.0.1:1", "connection refused"}, {"unix", "/nonexistent/socket", "no such file"},
	} {
		got := make(chan error, 1)
		l.Post(func() {
			err := new(loop.Dialer).Dial(l, try.network, try.address, func(_ *loop.Conn, err error) error { got <- err; return err })
			if err != nil {
				got <- err
			}
		})
		if err := <-got; err == nil || !strings.Contains(err.Error(), try.want) {
			t.Errorf("%s %.30q: %v, want %s in it", try.network, try.address, err, try.want)
		}
	}
}

func TestUnixSocketLeftBehindIsTakenOverAndAUsedOneIsNot(t *testing.T) {
	testkit.Leaks(t)
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &loop.Server{Handler: echo()}
	if _, err := srv.Listen("unix", path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a path in use: %v", err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	srv = &loop.Server{Handler: echo()}
	if _, err := srv.Listen("unix", path); err != nil {
		t.Errorf("a path left behind: %v", err)
	}
	srv.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

type drainer struct{ loop.Session }

func (drainer) Drain(c *loop.Conn) { fmt.Fprint(c, "bye"); c.Close() }

func TestDrainTellsSessionsThatAsked(t *testing.T) {
	testkit.Leaks(t)
	srv := &loop.Server{Handler: openFunc(func(c *loop.Conn) (loop.Session, error) {
		s, err := echo().Open(c)
		return drainer{s}, err
	})}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	c := dial(t, addr)
	c.Write([]byte("x"))
	io.ReadFull(c, make([]byte, 1))
	cancel()
	if b, err := io.ReadAll(c); string(b) != "bye" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	c.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	testkit.GivenBack(t, srv.Group())
}

// Options reach the sockets, by way of the listener for those that are accepted.
func TestSocketOptionsAreSet(t *testing.T) {
	testkit.Leaks(t)
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	got := make(chan []int, 1)
	srv := &loop.Server{
		Socket: fd.Options{KeepAlive: 42 * time.Second, RecvBuffer: 100_000, UserTimeout: 1234 * time.Millisecond},
		Handler: loop.OnOpen(func(c *loop.Conn) error {
			var values []int
			for _, o := range [][2]int{{sys.IPProtoT, sys.TCPNoDelay}, {sys.SolSocket, sys.SoKeepalive}, {sys.IPProtoT, sys.TCPKeepIdle},
				{sys.SolSocket, sys.SoRcvbuf}, {sys.IPProtoT, sys.TCPUserTimeout}} {
				v, e := host.Option(c.FD().Num(), o[0], o[1])
				if e != 0 {
					t.Error(e)
				}
				values = append(values, v)
			}
			got <- values
			return io.EOF
		}),
	}
	dial(t, testkit.Serve(t, srv, "tcp", "127.0.0.1:0"))
	if v := fmt.Sprint(<-got); v != "[1 1 42 200000 1234]" {
		t.Errorf("no-delay, keep-alive, idle, receive buffer, user timeout: %s", v)
	}
}
