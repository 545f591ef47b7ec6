package splice_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// Faults that this code once had, each by what would happen again.

// EPOLLHUP means two orderly ends as well as a reset: taken for "nobody is left"
// it cut an answer that was complete.
func TestAnswerInFrontOfAResetSurvivesAHangUp(t *testing.T) {
	r := newRig(t, "tcp", "tcp", splice.Options{}, nil)
	client, backend := r.pair()
	const n = 4 << 20
	out := content.Stream{K: 1}
	go func() {
		out.Send(backend, n, always(64<<10))
		backend.CloseWrite()
		waitSent(t, backend)
		reset(backend)
	}()
	time.Sleep(300 * time.Millisecond)
	client.CloseWrite()
	in := content.Stream{K: 1}
	for in.Pos < n { // slowly
		time.Sleep(time.Millisecond)
		buf := make([]byte, 32<<10)
		m, err := client.Read(buf)
		if bad := in.Verify(buf[:m]); bad != nil {
			t.Fatal(bad)
		}
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", in.Pos, n, err)
		}
	}
}

// A handler reads up to the end, and has the rest relayed: nobody else will see
// that end.
func TestEndThatWasReadBeforeTheRelayIsPassedOn(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	var request []byte // of the only connection
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnData(func(c *loop.Conn) error {
		b, err := c.Next()
		if request = append(request, b...); err != io.EOF {
			return err
		}
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			up.Write(request)
			return splice.Relay(c, up, nil)
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	client, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.Write([]byte("request"))
	client.(*net.TCPConn).CloseWrite()
	backend, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	backend.SetDeadline(time.Now().Add(10 * time.Second))
	if b, err := io.ReadAll(backend); string(b) != "request" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	backend.Write([]byte("answer"))
	backend.Close()
	if b, err := io.ReadAll(client); string(b) != "answer" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestRelayOfAConnectionThatIsNotFreeIsRefused(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	refused := make(chan error, 2)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			up.Close()
			refused <- splice.Relay(c, up, nil) // closing
			refused <- splice.Relay(c, c, nil)
			return errors.New("and so the client is reset")
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	saw := make(chan error, 1)
	go func() { // the reset may come before Dial has returned
		client, err := net.Dial("tcp", front.String())
		if err == nil {
			defer client.Close()
			_, err = client.Read(make([]byte, 1))
		}
		saw <- err
	}()
	backend, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	if err := <-refused; !errors.Is(err, net.ErrClosed) {
		t.Errorf("of a closing connection: %v", err)
	}
	if err := <-refused; err == nil {
		t.Error("of a connection with itself: no error")
	}
	if err := <-saw; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %v", err)
	}
}

// refusing is the host's kernel where splice from a socket is refused.
type refusing struct {
	sys.Kernel
	with sys.Errno
	n    atomic.Int64
}

func (k *refusing) Splice(from, to, n int) (int, sys.Errno) {
	k.n.Add(1)
	return 0, k.with
}

// Splice that is refused says nothing about the source: what it has is copied, in
// front of its end or its reset.
func TestRefusedSpliceFallsBackToCopying(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	for _, with := range []sys.Errno{sys.EINVAL, sys.ENOMEM} {
		for _, cut := range []bool{false, true} {
			testkit.Leaks(t)
			k := &refusing{Kernel: host, with: with}
			back := listen(t, "tcp")
			srv := forwarder(back.Addr(), &splice.Options{Mode: splice.Splice})
			srv.Config = loop.Config{Loops: 1, Kernel: k}
			r := &rig{t: t, srv: srv, back: back, front: testkit.Serve(t, srv, "tcp", "127.0.0.1:0")}
			client, backend := r.pair()
			out := content.Stream{K: 2}
			out.Send(client, 100_000, always(5000))
			if cut {
				waitSent(t, client)
				reset(client)
			} else {
				client.CloseWrite()
			}
			in := content.Stream{K: 2}
			err := in.Receive(backend)
			if in.Pos != out.Pos || cut != errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, cut %v: %d of %d bytes, %v", with, cut, in.Pos, out.Pos, err)
			}
			if k.n.Load() == 0 {
				t.Error("splice was never tried")
			}
			backend.Close()
			io.Copy(io.Discard, client)
			client.Close()
		}
	}
}

// A Unix peer that answers and closes has ended, and cut nothing.
func TestUnixPeerThatClosesIsNoReset(t *testing.T) {
	for _, pair := range [][2]string{{"tcp", "unix"}, {"unix", "unix"}} {
		r := newRig(t, pair[0], pair[1], splice.Options{}, nil)
		client, backend := r.pair()
		client.Write([]byte("q"))
		io.ReadFull(backend, make([]byte, 1))
		backend.Write([]byte("answer"))
		backend.Close()
		if b, err := io.ReadAll(client); string(b) != "answer" || err != nil {
			t.Errorf("%v: %q, %v", pair, b, err)
		}
		client.Close()
		if res := r.result(0); res.Err != nil {
			t.Errorf("%v: %+v", pair, res)
		}
	}
}

// What a handler queued goes first, and its delivery is progress: StallTimeout
// must not cut a sink that is merely slow.
func TestQueueInFrontOfTheRelayIsProgress(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	results := make(chan splice.Result, 1)
	const n = 8 << 20
	o := &splice.Options{StallTimeout: 400 * time.Millisecond, Done: func(res splice.Result) { results <- res }}
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			head, first := make([]byte, n), content.Stream{K: 3}
			first.Fill(head)
			c.Write(head)
			return splice.Relay(c, up, o)
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	client, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.(*net.TCPConn).SetReadBuffer(64 << 10)
	backend, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	rest := content.Stream{K: 3, Pos: n}
	rest.Send(backend, 1000, always(1000))
	backend.(*net.TCPConn).CloseWrite()
	in := content.Stream{K: 3}
	if err := in.Receive(&slowReader{r: client, every: 8 << 10}); err != nil || in.Pos != n+1000 {
		t.Errorf("%d bytes, %v", in.Pos, err)
	}
	client.Close()
	if res := <-results; res.Err != nil {
		t.Errorf("%+v", res)
	}
}

// A client that has uploaded all and closes reads no answer; writing one to it fails.
// What it sent ends with its end all the same, and not with a reset.
func TestWholeUploadEndsThoughTheAnswerIsRefused(t *testing.T) {
	r := newRig(t, "unix", "tcp", splice.Options{}, nil)
	client, backend := r.pair()
	backend.(*net.TCPConn).SetReadBuffer(16 << 10)
	all, in := make([]byte, 64<<20), content.Stream{K: 5}
	out := in
	out.Fill(all)
	client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := client.Write(all) // until all on the way is full: the relay stands in front of its sink
	if n == len(all) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(n, err)
	}
	client.Close()
	backend.Write([]byte("progress"))
	testkit.Eventually(t, "the answer is refused", func() bool { return r.srv.Group().Counters().BytesStranded == 8 })
	got, b := 0, make([]byte, 64<<10)
	for err = nil; err == nil; {
		var m int
		m, err = backend.Read(b)
		if e := in.Verify(b[:m]); e != nil {
			t.Fatal(e)
		}
		got += m
	}
	if err != io.EOF || got != n {
		t.Errorf("%d of %d bytes, then %v", got, n, err)
	}
	backend.Close()
	if res := r.result(0); res.BA.Stranded != 8 || res.AB.Stranded != 0 || !errors.Is(res.Err, syscall.EPIPE) || res.Failed != splice.A {
		t.Errorf("%+v", res)
	}
}

// A Unix peer that closes without having read all has cut the stream.
func TestUnixPeerThatClosesUnreadIsACut(t *testing.T) {
	r := newRig(t, "tcp", "unix", splice.Options{}, nil)
	client, backend := r.pair()
	backend.(*net.UnixConn).CloseWrite()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	client.Write(make([]byte, 10_000))
	testkit.Eventually(t, "the bytes are under way", func() bool {
		c := r.srv.Group().Counters()
		return c.BytesCopied+c.BytesSpliced >= 10_000
	})
	backend.Close()
	if res := r.result(0); !errors.Is(res.Err, syscall.ECONNRESET) || res.Failed != splice.B || !strings.Contains(res.Err.Error(), "unix") {
		t.Errorf("%v: %+v", res.Failed, res)
	}
	client.Close()
}

// Somebody who holds a connection on, or has a write of it under way, when it is
// relayed, gets no byte into another's stream, and takes none.
func TestRelayedConnectionIsNobodyElses(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	tried := make(chan []error, 1)
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
			if err != nil {
				return err
			}
			c.Handle().Write([]byte("foreign")) // is posted
			err = splice.Relay(c, up, nil)
			_, e1 := c.Write([]byte("foreign"))
			_, e2 := up.Next()
			tried <- []error{e1, e2, c.CloseWrite()}
			return err
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	client, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	backend, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	for _, err := range <-tried {
		if !errors.Is(err, loop.ErrTaken) {
			t.Errorf("%v", err)
		}
	}
	backend.Write([]byte("answer"))
	backend.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(client); string(b) != "answer" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// A panic in Done ends nothing but itself.
func TestPanicInDoneEndsNobodyElse(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	var victim *loop.Conn
	srv := &loop.Server{
		Config: loop.Config{Loops: 1, Logger: slog.New(slog.DiscardHandler)},
		Handler: loop.OnOpen(func(c *loop.Conn) error {
			if victim != nil {
				return c.Serve(&closer{victim})
			}
			victim = c
			return c.Dial("tcp", back.Addr().String(), func(up *loop.Conn, err error) error {
				if err != nil {
					return err
				}
				return splice.Relay(c, up, &splice.Options{Done: func(splice.Result) { panic("in Done") }})
			})
		}),
	}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	relayed, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer relayed.Close()
	backend, err := back.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	relayed.Write([]byte("x"))
	io.ReadFull(backend, make([]byte, 1))
	other, err := net.Dial("tcp", front.String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.Write([]byte("x"))
	if _, err := io.ReadFull(other, make([]byte, 1)); err != nil {
		t.Errorf("who aborted a relay was cut: %v", err)
	}
}

// closer is a session that aborts another connection, and echoes.
type closer struct{ victim *loop.Conn }

func (s *closer) Data(c *loop.Conn) error {
	s.victim.Abort()
	_, err := c.CopyTo(c)
	return err
}
func (s *closer) Writable(*loop.Conn) error { return nil }
func (s *closer) Closed(*loop.Conn, error)  {}

// A Unix peer that does not read any more goes on writing, and is heard to its end.
func TestUnixPeerThatShutsItsReadingHalfIsHeard(t *testing.T) {
	r := newRig(t, "tcp", "unix", splice.Options{}, nil)
	client, backend := r.pair()
	backend.(*net.UnixConn).CloseRead()
	client.Write([]byte("x"))
	testkit.Eventually(t, "the write is refused", func() bool { return r.srv.Group().Counters().BytesStranded == 1 })
	backend.Write([]byte("answer"))
	backend.Close()
	if b, err := io.ReadAll(client); string(b) != "answer" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	client.Close()
	r.result(0)
}

// A Unix backend that is gone without having read all has cut its answer, whichever call
// meets that first, and whether it is spliced or copied.
func TestUnixBackendThatVanishesIsACut(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Splice, splice.Copy} {
		r := newRig(t, "tcp", "unix", splice.Options{Mode: mode}, nil)
		moved := func() uint64 {
			c := r.srv.Group().Counters()
			return c.BytesCopied + c.BytesSpliced
		}
		for visits := range 4 { // after an even or an odd number of which the other transfer runs first
			client, backend := r.pair()
			for range 1 + visits {
				before := moved()
				client.Write(make([]byte, 1000))
				testkit.Eventually(t, "the bytes are under way", func() bool { return moved() == before+1000 })
			}
			held := make(chan bool)
			r.srv.Group().Loops()[0].Post(func() { <-held }) // so that all comes at once
			backend.Write([]byte("half an answer"))
			client.Write([]byte("more"))
			backend.Close()
			close(held)
			if b, err := io.ReadAll(client); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("mode %d, %d visits: %q, %v: a cut looks complete", mode, visits, b, err)
			}
			client.Close()
			r.result(visits)
		}
	}
}
