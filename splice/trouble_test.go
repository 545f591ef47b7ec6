package splice_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// reset ends a TCP connection with RST.
func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// A reset reaches the other side as a reset, after every byte that had arrived,
// whatever stood in the way: never as an end.
func TestResetIsPassedOnAfterTheData(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice, splice.Copy} {
		for _, from := range []string{"client", "backend"} {
			for _, state := range []string{"idle", "data in flight", "sink slow", "pipe full"} {
				t.Run(fmt.Sprintf("mode%d/%s/%s", mode, from, state), func(t *testing.T) {
					r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
					killer, victim := r.pair()
					if from == "backend" {
						killer, victim = victim, killer
					}
					resetBehindData(t, r, killer, victim, state)
				})
			}
		}
	}
}

func resetBehindData(t *testing.T, r *rig, killer, victim stream, state string) {
	sent := content.Stream{K: 7}
	switch state {
	case "data in flight":
		sent.Send(killer, 300<<10, always(64<<10))
	case "sink slow":
		sent.Send(killer, 1<<20, always(64<<10))
	case "pipe full": // until nothing more is taken: the victim does not read
		killer.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		buf := make([]byte, 64<<10)
		for {
			mark := sent
			sent.Fill(buf)
			n, err := killer.Write(buf)
			if err != nil {
				sent.Pos = mark.Pos + uint64(n)
				break
			}
		}
	}
	// What the killer's kernel has not sent dies with the reset: wait for it, but
	// where the path is full.
	if state != "pipe full" {
		waitSent(t, killer)
	}
	if state == "sink slow" {
		time.Sleep(50 * time.Millisecond)
	}
	reset(killer)
	got := content.Stream{K: 7}
	victim.SetReadDeadline(time.Now().Add(20 * time.Second))
	err := got.Receive(victim)
	if err == nil {
		t.Errorf("a cut stream of %d bytes looks complete after %d", sent.Pos, got.Pos)
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after %d of %d bytes: %v, want a reset", got.Pos, sent.Pos, err)
	}
	if state != "pipe full" && got.Pos != sent.Pos {
		t.Errorf("%d bytes arrived in front of the reset, want %d", got.Pos, sent.Pos)
	}
	res := r.result(0)
	if res.Err == nil {
		t.Errorf("the relay ended without an error: %+v", res)
	}
	if pumped := res.AB.Pumped + res.BA.Pumped; pumped != got.Pos {
		t.Errorf("%d bytes counted as pumped, %d arrived", pumped, got.Pos)
	}
}

// waitSent waits until the peer's kernel has acknowledged everything.
func waitSent(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "all is acknowledged", func() bool {
		var left int
		raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		return left == 0
	})
}

// The reset of a side whose stream had already ended is a reset all the same:
// the download that it cuts must not look complete to the backend.
func TestResetAfterHalfCloseIsSeen(t *testing.T) {
	for _, state := range []string{"idle", "flowing"} {
		t.Run(state, func(t *testing.T) {
			r := newRig(t, "tcp", "tcp", splice.Options{}, nil)
			client, backend := r.pair()
			client.CloseWrite()
			if n, err := io.Copy(io.Discard, backend); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			if state == "flowing" {
				backend.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				out := content.Stream{K: 1}
				out.Send(backend, 64<<20, always(64<<10))
				backend.SetWriteDeadline(time.Time{})
			}
			reset(client)
			testkit.Eventually(t, "the backend learns of the reset", func() bool {
				_, err := backend.Write([]byte("x"))
				return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
			})
			if res := r.result(0); res.Err == nil {
				t.Error("the relay ended without an error")
			}
		})
	}
}

func TestEndBehindAShutWindowComesAfterAllBytes(t *testing.T) {
	testkit.NeedFull(t)
	for _, pair := range pairs {
		t.Run(pair[0]+"-"+pair[1], func(t *testing.T) {
			r := newRig(t, pair[0], pair[1], splice.Options{}, nil)
			client, backend := r.pair()
			const n = 16 << 20
			sent := make(chan error, 1)
			go func() {
				out := content.Stream{K: 3}
				err := out.Send(client, n, always(100_000))
				client.CloseWrite()
				sent <- err
			}()
			time.Sleep(1500 * time.Millisecond) // nobody reads: the window is shut
			in := content.Stream{K: 3}
			if err := in.Receive(backend); err != nil || in.Pos != n {
				t.Errorf("%d bytes, want %d: %v", in.Pos, n, err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		})
	}
}

// Splice stops at an urgent mark without a word: EAGAIN for ever, then a false
// end. All in-band bytes arrive; the urgent byte itself is not relayed. (One at a
// time: of two that are unread the kernel makes the first an in-band byte.)
func TestUrgentByteDoesNotStopTheStream(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice, splice.Copy} {
		const n = 4 << 20
		for _, at := range []uint64{0, 1, 1000, 100_000, 3 << 20, n - 1, n} {
			t.Run(fmt.Sprintf("mode%d/at%d", mode, at), func(t *testing.T) {
				r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
				client, backend := r.pair()
				go func() {
					out := content.Stream{K: 5}
					out.Send(client, at, always(64<<10))
					urgent(t, client)
					out.Send(client, n-at, always(64<<10))
					client.CloseWrite()
				}()
				in := content.Stream{K: 5}
				backend.SetReadDeadline(time.Now().Add(20 * time.Second))
				if err := in.Receive(backend); err != nil || in.Pos != n {
					t.Errorf("%d bytes, want %d: %v", in.Pos, n, err)
				}
				client.SetReadDeadline(time.Now().Add(20 * time.Second))
				backend.CloseWrite()
				if _, err := io.Copy(io.Discard, client); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func urgent(t *testing.T, c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	raw.Write(func(fd uintptr) bool {
		return unix.Send(int(fd), []byte("!"), unix.MSG_OOB) != unix.EAGAIN
	})
}

// With as many segments as a pump takes at a time, an inexact length leaves the
// last one corked for 200 ms (splice_to_socket sets MSG_MORE). So that one drain finds
// them all the loop is held while they arrive.
func TestTinySegmentsAreNotHeldBack(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice} {
		for _, segments := range []int{1, 15, 16, 17, 32} {
			t.Run(fmt.Sprintf("mode%d/%d", mode, segments), func(t *testing.T) {
				r := newRig(t, "tcp", "tcp", splice.Options{Mode: mode}, nil)
				client, backend := r.pair()
				const rounds = 10
				go func() {
					buf := make([]byte, segments*3)
					for range rounds {
						if _, err := io.ReadFull(backend, buf); err != nil {
							return
						}
						backend.Write(buf[:1])
					}
				}()
				begin := time.Now()
				out := content.Stream{K: 9}
				answer := make([]byte, 1)
				for range rounds {
					sent := make(chan bool)
					r.srv.Group().Loops()[0].Post(func() { <-sent })
					out.Send(client, uint64(3*segments), always(3))
					close(sent)
					if _, err := io.ReadFull(client, answer); err != nil {
						t.Fatal(err)
					}
				}
				// Seen: 0.1 to 0.5 ms a round; a stall is 40 or 200 ms in each.
				if each := time.Since(begin) / rounds; each > 20*time.Millisecond {
					t.Errorf("%v for each round of %d segments", each, segments)
				}
			})
		}
	}
}

func TestTimeoutsEndARelayWithAReset(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		r := newRig(t, "tcp", "tcp", splice.Options{IdleTimeout: 600 * time.Millisecond}, nil)
		client, backend := r.pair()
		const writes = 15
		for range writes { // bytes in either direction keep it alive, for longer than it may be idle
			time.Sleep(60 * time.Millisecond)
			backend.Write([]byte("x"))
		}
		if n, err := io.Copy(io.Discard, client); n != writes || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%d bytes, %v", n, err)
		}
		if err := r.result(0).Err; !errors.Is(err, splice.ErrTimeout) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	t.Run("stall", func(t *testing.T) {
		r := newRig(t, "tcp", "tcp", splice.Options{StallTimeout: 300 * time.Millisecond}, nil)
		client, backend := r.pair()
		go func() {
			out := content.Stream{}
			out.Send(client, 64<<20, always(64<<10))
		}()
		res := r.result(0)
		if !errors.Is(res.Err, splice.ErrTimeout) || res.AB.Stranded == 0 {
			t.Errorf("%+v", res)
		}
		testkit.Eventually(t, "what is stranded is counted", func() bool {
			return r.srv.Group().Counters().BytesStranded == res.AB.Stranded
		})
		in := content.Stream{}
		if err := in.Receive(backend); !errors.Is(err, syscall.ECONNRESET) || in.Pos == 0 || in.Pos > res.AB.Pumped {
			t.Errorf("%d bytes arrived of %d pumped, %v", in.Pos, res.AB.Pumped, err)
		}
	})
}

// 300 clients of a backend that is not there: each is reset at once.
func TestBackendThatRefusesResetsTheClient(t *testing.T) {
	r := newRig(t, "tcp", "tcp", splice.Options{}, nil)
	r.back.Close()
	for range 300 {
		c, err := net.Dial("tcp", r.front.String())
		if err == nil {
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Fatalf("%v, want a reset", err)
		}
	}
	testkit.Eventually(t, "300 dial errors are counted", func() bool {
		return r.srv.Group().Counters().DialErrors == 300
	})
}

// A backend that does not answer: its backlog is full, and SYNs are dropped.
func TestBackendThatDoesNotAnswerResetsTheClient(t *testing.T) {
	testkit.Leaks(t)
	deaf := deafListener(t)
	dialer := &loop.Dialer{Timeout: 150 * time.Millisecond}
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(c *loop.Conn) error {
		return dialer.DialFor(c, "tcp", deaf, func(up *loop.Conn, err error) error {
			if err == nil {
				err = errors.New("connected to a deaf listener")
				t.Error(err)
			} else if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, want a timeout", err)
			}
			return err
		})
	})}
	front := testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	var clients sync.WaitGroup
	for range 300 {
		c, err := net.Dial("tcp", front.String())
		if err != nil {
			t.Fatal(err)
		}
		clients.Add(1)
		go func() {
			defer clients.Done()
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
		}()
	}
	clients.Wait()
}

// deafListener answers the address of a listener whose backlog is full.
func deafListener(t *testing.T) string {
	num, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(num) })
	unix.Bind(num, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	unix.Listen(num, 0)
	sa, err := unix.Getsockname(num)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
	for range 8 { // fills it
		if c, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	return address
}
