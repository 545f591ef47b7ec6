package splice_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// hold stops all loops, as SIGSTOP, a CPU quota or a slow handler does, while f
// runs, and lets them go on.
func hold(t *testing.T, g *loop.Group, f func()) {
	t.Helper()
	release, held := make(chan struct{}), make(chan struct{}, len(g.Loops()))
	for _, l := range g.Loops() {
		if err := l.Post(func() { held <- struct{}{}; <-release }); err != nil {
			t.Fatal(err)
		}
	}
	for range g.Loops() {
		<-held
	}
	f()
	close(release)
}

// Bytes that arrived in time keep their relay, though the loops come to look after the
// timeout only. There are more relays than a poll brings events.
func TestBytesThatArriveDuringAPauseKeepTheRelay(t *testing.T) {
	testkit.NeedFull(t)
	const limit, relays, sent = time.Second, 700, 100
	r := newRig(t, "tcp", "tcp", splice.Options{IdleTimeout: limit}, nil)
	var clients, backends [relays]stream
	last := time.Now()
	keep := func(n int) {
		for _, c := range clients[:n] {
			c.Write([]byte{0})
		}
		last = time.Now()
	}
	for i := range relays {
		clients[i], backends[i] = r.pair()
		if time.Since(last) > limit/10 { // opening them takes longer than they may be idle
			keep(i)
		}
	}
	keep(relays)
	time.Sleep(limit / 2) // the last acknowledgements have been looked at
	before := r.srv.Group().Counters().BytesCopied
	hold(t, r.srv.Group(), func() {
		for i := range relays {
			out := content.Stream{K: uint64(i)}
			out.Send(backends[i], sent, always(sent))
		}
		time.Sleep(3 * limit / 2)
	})
	for i := range relays {
		in, got := content.Stream{K: uint64(i)}, make([]byte, sent)
		clients[i].SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(clients[i], got); err != nil || in.Verify(got) != nil {
			t.Fatalf("relay %d: %v", i, err)
		}
	}
	testkit.Eventually(t, "all bytes are counted", func() bool {
		return r.srv.Group().Counters().BytesCopied-before == relays*sent
	})
}

// A dial whose SYN was answered has succeeded, though its loop comes to look after
// the timeout only.
func TestDialThatWasAnsweredDuringAPauseSucceeds(t *testing.T) {
	testkit.Leaks(t)
	ln := listen(t, "tcp")
	srv := &loop.Server{Config: loop.Config{Loops: 1}, Handler: loop.OnOpen(func(*loop.Conn) error { return nil })}
	testkit.Serve(t, srv, "tcp", "127.0.0.1:0")
	d := loop.Dialer{Timeout: 100 * time.Millisecond}
	done := make(chan error, 1)
	l := srv.Group().Loops()[0]
	l.Post(func() {
		err := d.Dial(l, "tcp", ln.Addr().String(), func(c *loop.Conn, err error) error {
			done <- err
			if err == nil {
				c.Abort()
			}
			return nil
		})
		if err != nil {
			done <- err
		}
		time.Sleep(3 * d.Timeout)
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is not ready when the loop comes back has run out, and ends.
func TestTimeoutsHoldAfterAPause(t *testing.T) {
	const limit = 200 * time.Millisecond
	r := newRig(t, "tcp", "tcp", splice.Options{IdleTimeout: limit}, nil)
	r.pair()
	hold(t, r.srv.Group(), func() { time.Sleep(2 * limit) })
	if err := r.result(0).Err; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
