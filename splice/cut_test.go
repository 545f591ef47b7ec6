package splice_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// fill sends until nothing has been taken for a while, and answers what was.
func fill(c net.Conn, k uint64) uint64 {
	out, buf := content.Stream{K: k}, make([]byte, 64<<10)
	for {
		begin := out.Pos
		out.Fill(buf)
		c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := c.Write(buf)
		if err != nil {
			c.SetWriteDeadline(time.Time{})
			return begin + uint64(n)
		}
	}
}

// unsent is how much of what was sent the peer's kernel has not taken.
func unsent(t *testing.T, c net.Conn) (n int) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n
}

// With the path full, all that our kernel had acknowledged before the reset arrives
// in front of it: from the pipe, and from the receive queue behind it.
func TestAllThatWasAcknowledgedArrivesInFrontOfAReset(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice, splice.Copy} {
		for _, from := range []string{"client", "backend"} {
			t.Run(fmt.Sprintf("mode%d/%s", mode, from), func(t *testing.T) {
				r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
				killer, victim := r.pair()
				if from == "backend" {
					killer, victim = victim, killer
				}
				sent := fill(killer, 7)
				want := sent - uint64(unsent(t, killer))
				reset(killer)
				time.Sleep(50 * time.Millisecond) // it is seen with the pipe full
				in := content.Stream{K: 7}
				victim.SetReadDeadline(time.Now().Add(20 * time.Second))
				err := in.Receive(victim)
				if !errors.Is(err, syscall.ECONNRESET) || in.Pos < want {
					t.Errorf("%d bytes, %v; %d of %d sent were acknowledged", in.Pos, err, want, sent)
				}
			})
		}
	}
}

// A side whose end was read resets, and nobody sends: the other side must learn of
// it without a byte of its own that would meet the reset.
func TestResetAfterHalfCloseReachesASilentPeer(t *testing.T) {
	for _, from := range []string{"client", "backend"} {
		t.Run(from, func(t *testing.T) {
			r := newRig(t, "tcp", "tcp", splice.Options{}, nil)
			killer, victim := r.pair()
			if from == "backend" {
				killer, victim = victim, killer
			}
			killer.CloseWrite()
			if n, err := io.Copy(io.Discard, victim); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			reset(killer)
			if res := r.result(0); res.Err == nil {
				t.Error("the relay ended without an error")
			}
			if _, err := victim.Write([]byte("x")); err == nil {
				time.Sleep(20 * time.Millisecond)
				_, err = victim.Write([]byte("x"))
				if err == nil {
					t.Error("the silent side was told nothing")
				}
			}
		})
	}
}

// The backend has answered and reset; the client, slow to read, ends its own half
// meanwhile, which is a HUP. Nobody is gone: the answer is still owed.
func TestAnswerIsOwedToAClientThatHangsUp(t *testing.T) {
	r := newRig(t, "tcp", "tcp", splice.Options{}, nil)
	client, backend := r.pair()
	client.(*net.TCPConn).SetReadBuffer(16 << 10)
	const n = 1 << 20 // more than the client's kernel takes, less than the way holds
	out := content.Stream{K: 1}
	if err := out.Send(backend, n, always(64<<10)); err != nil {
		t.Fatal(err)
	}
	backend.CloseWrite()
	testkit.Eventually(t, "the answer has left the backend", func() bool {
		c := r.srv.Group().Counters()
		return c.BytesSpliced+c.BytesCopied == n && c.InFlight == 0
	})
	time.Sleep(50 * time.Millisecond) // and its end
	reset(backend)
	time.Sleep(50 * time.Millisecond)
	client.CloseWrite()
	time.Sleep(300 * time.Millisecond)
	in := content.Stream{K: 1}
	buf := make([]byte, 32<<10)
	for in.Pos < n {
		m, err := client.Read(buf)
		if bad := in.Verify(buf[:m]); bad != nil {
			t.Fatal(bad)
		}
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", in.Pos, n, err)
		}
	}
}

// A relay is cut with its pipe full. The next one on the loop carries its own bytes.
func TestBytesOfACutRelayReachNobody(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	srv := forwarder(back.Addr(), &splice.Options{Mode: splice.Splice})
	srv.Config = loop.Config{Loops: 1}
	r := &rig{t: t, srv: srv, back: back, front: testkit.Serve(t, srv, "tcp", "127.0.0.1:0")}
	for k := range uint64(4) {
		client, backend := r.pair()
		fill(client, 2*k)
		reset(backend) // the sink fails, with bytes in the pipe
		testkit.Eventually(t, "the relay is cut", func() bool { return srv.Group().Counters().Relays == 0 })
		client.Close()
		client, backend = r.pair()
		out := content.Stream{K: 2*k + 1}
		out.Send(client, 1<<20, always(64<<10))
		client.CloseWrite()
		in := content.Stream{K: 2*k + 1}
		backend.SetReadDeadline(time.Now().Add(5 * time.Second))
		if err := in.Receive(backend); err != nil || in.Pos != 1<<20 {
			t.Fatalf("%d bytes: %v", in.Pos, err)
		}
		backend.Close()
		io.Copy(io.Discard, client)
		client.Close()
	}
}

// Both peers send and neither reads: there is nothing to do but to wait.
func TestRelayWithBothDirectionsFullSleeps(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Splice, splice.Copy} {
		t.Run(fmt.Sprintf("mode%d", mode), func(t *testing.T) {
			r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
			client, backend := r.pair()
			sent := make(chan uint64)
			go func() { sent <- fill(backend, 2) }()
			up := fill(client, 1)
			down := <-sent
			before := r.srv.Group().Counters()
			time.Sleep(300 * time.Millisecond)
			after := r.srv.Group().Counters()
			if turns, calls := after.Turns-before.Turns, after.Calls()-before.Calls(); turns > 50 || calls > 100 {
				t.Errorf("%d turns, %d calls in 0.3 s of waiting", turns, calls)
			}
			client.CloseWrite()
			backend.CloseWrite()
			got := make(chan error)
			go func() {
				in := content.Stream{K: 2}
				err := in.Receive(client)
				if err == nil && in.Pos != down {
					err = fmt.Errorf("%d of %d bytes", in.Pos, down)
				}
				got <- err
			}()
			in := content.Stream{K: 1}
			if err := in.Receive(backend); err != nil || in.Pos != up {
				t.Errorf("up: %d of %d bytes, %v", in.Pos, up, err)
			}
			if err := <-got; err != nil {
				t.Errorf("down: %v", err)
			}
		})
	}
}

// The end of the source is known while the pipe is full, and bytes wait behind it:
// it comes after them all.
func TestEndBehindAFullPipeComesAfterIt(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Splice, splice.Copy} {
		t.Run(fmt.Sprintf("mode%d", mode), func(t *testing.T) {
			r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
			client, backend := r.pair()
			full := func() bool { return r.srv.Group().Counters().InFlight > 0 }
			out := content.Stream{K: 3}
			for !full() { // not past that: the forwarder's kernel must take the rest
				out.Send(client, 32<<10, always(32<<10))
				time.Sleep(time.Millisecond)
				if full() {
					time.Sleep(50 * time.Millisecond) // to stay
				}
			}
			waitSent(t, client)
			client.CloseWrite()
			time.Sleep(50 * time.Millisecond)
			if !full() {
				t.Error("nothing is in flight: this test stands on a sink that is full")
			}
			in := content.Stream{K: 3}
			if err := in.Receive(backend); err != nil || in.Pos != out.Pos {
				t.Errorf("%d bytes in front of the end, want %d: %v", in.Pos, out.Pos, err)
			}
		})
	}
}
