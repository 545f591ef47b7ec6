package splice_test

import (
	"errors"
	"io"
	"net"
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
