package splice_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/splice"
)

// readSlowly reads steadily for a while: much less than the third of the send
// buffer that Linux wants free before it reports the socket writable again.
func readSlowly(c stream, in *content.Stream, d time.Duration) (err error) {
	buf := make([]byte, 32<<10)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		n, err := io.ReadFull(c, buf)
		if err != nil {
			return err
		}
		if err := in.Verify(buf[:n]); err != nil {
			return err
		}
	}
	return nil
}

// A reader that is slow and steady is not idle and not stalled, though no byte moves
// through the relay for a long time: each period in which the peer's kernel acknowledges
// a byte is one of progress. In both directions.
func TestSlowSteadyReaderIsNotCut(t *testing.T) {
	testkit.NeedFull(t)
	const limit = 800 * time.Millisecond // its kernel acknowledges every 100 ms or so
	idle, stall := splice.Options{IdleTimeout: limit, StallTimeout: -1}, splice.Options{StallTimeout: limit}
	for _, v := range []struct {
		name, network string
		mode          splice.Mode
		o             splice.Options
	}{
		{"idle splice", "tcp", splice.Splice, idle},
		{"idle unix", "unix", splice.Splice, idle},
		{"stall copy", "tcp", splice.Copy, stall},
	} {
		t.Run(v.name, func(t *testing.T) {
			v.o.Mode = v.mode
			r := newRig(t, v.network, v.network, v.o, nil)
			read := make(chan error, 2)
			for i := range 2 {
				slow, writer := r.pair()
				if i == 1 {
					slow, writer = writer, slow
				}
				go func() { read <- sendToSlowReader(slow, writer, uint64(i), 3*limit) }()
			}
			for range 2 {
				if err := <-read; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func sendToSlowReader(slow, writer stream, k uint64, d time.Duration) error {
	const n = 12 << 20 // more than the buffers on the way hold
	sent := make(chan error, 1)
	go func() {
		out := content.Stream{K: k}
		err := out.Send(writer, n, always(64<<10))
		writer.CloseWrite()
		sent <- err
	}()
	in := content.Stream{K: k}
	err := readSlowly(slow, &in, d)
	if err == nil {
		err = in.Receive(slow)
	}
	if err != nil || in.Pos != n {
		return fmt.Errorf("stream %d: %d bytes, want %d: %w", k, in.Pos, n, err)
	}
	return <-sent
}

// A burst that the send buffer took whole is progress for as long as it drains.
func TestBurstThatTheSendBufferTookIsNotIdle(t *testing.T) {
	const limit = 800 * time.Millisecond
	r := newRig(t, "tcp", "tcp", splice.Options{IdleTimeout: limit}, nil)
	client, backend := r.pair()
	const n = 3 << 20
	out, in := content.Stream{K: 12}, content.Stream{K: 12}
	if err := out.Send(backend, n, always(64<<10)); err != nil {
		t.Fatal(err)
	}
	if err := readSlowly(client, &in, 2*limit); err != nil {
		t.Fatalf("after %d bytes: %v", in.Pos, err)
	}
	backend.CloseWrite()
	if err := in.Receive(client); err != nil || in.Pos != n {
		t.Errorf("%d bytes, want %d: %v", in.Pos, n, err)
	}
}

// Each timeout that was chosen ends a relay whose client does not read, in both of its
// phases: while bytes move, and while a reset waits for the last of them to be delivered.
// The bound is far below the timeouts that were not chosen.
func TestEveryTimeoutEndsARelayWhosePeerDoesNotRead(t *testing.T) {
	testkit.NeedFull(t)
	const limit = 300 * time.Millisecond
	options := map[string]splice.Options{
		"idle":      {IdleTimeout: limit, StallTimeout: -1, HalfCloseTimeout: -1},
		"stall":     {StallTimeout: limit, HalfCloseTimeout: -1},
		"halfclose": {StallTimeout: -1, HalfCloseTimeout: limit},
	}
	for name, o := range options {
		for _, phase := range []string{"moving", "delivering"} {
			for _, reader := range []string{"client", "backend"} {
				if (reader == "client") == (phase == "moving") == (name == "idle") {
					continue // each timeout, each phase and each reader, but not all eight of them
				}
				t.Run(name+"/"+phase+"/"+reader, func(t *testing.T) {
					r := newRig(t, "tcp", "tcp", o, nil)
					deaf, writer := r.pair()
					if reader == "backend" {
						deaf, writer = writer, deaf
					}
					if name == "halfclose" {
						deaf.CloseWrite()
					}
					if phase == "moving" {
						fillUp(writer)
					} else { // all of it fits the buffers behind the relay, which sees the reset at once
						out := content.Stream{}
						out.Send(writer, 1<<20, always(64<<10))
						waitSent(t, writer)
						reset(writer)
					}
					err := r.result(0).Err
					if phase == "moving" && !errors.Is(err, splice.ErrTimeout) {
						t.Errorf("%v, want a timeout", err)
					}
					if phase == "delivering" && !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("%v, want the reset", err)
					}
				})
			}
		}
	}
}

// fillUp writes until nothing more is taken.
func fillUp(c stream) {
	c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// A half-closed relay whose other side says nothing ends; one whose other side speaks
// within the timeout does not, nor one of which neither side has ended.
func TestHalfCloseTimeoutEndsASilentHalf(t *testing.T) {
	const limit = 400 * time.Millisecond
	o := splice.Options{HalfCloseTimeout: limit}
	t.Run("silent", func(t *testing.T) {
		r := newRig(t, "tcp", "tcp", o, nil)
		client, backend := r.pair()
		client.CloseWrite()
		if n, err := io.Copy(io.Discard, backend); n != 0 || err != nil {
			t.Fatal(n, err) // the end was passed on
		}
		err := r.result(0).Err
		if !errors.Is(err, splice.ErrTimeout) || !strings.Contains(err.Error(), "half-closed") {
			t.Errorf("%v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client reads %v, want a reset", err)
		}
	})
	t.Run("speaking", func(t *testing.T) {
		r := newRig(t, "tcp", "tcp", o, nil)
		client, backend := r.pair()
		time.Sleep(2 * limit) // not half-closed: silence is no reason
		client.CloseWrite()
		out, in := content.Stream{K: 13}, content.Stream{K: 13}
		for range 30 {
			time.Sleep(limit / 8)
			if err := out.Send(backend, 1, always(1)); err != nil {
				t.Fatal(err)
			}
		}
		backend.CloseWrite()
		if err := in.Receive(client); err != nil || in.Pos != 30 {
			t.Errorf("%d bytes: %v", in.Pos, err)
		}
		if err := r.result(0).Err; err != nil {
			t.Error(err)
		}
	})
}
