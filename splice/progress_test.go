package splice_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/splice"
)

// mute is a kernel that does not say what its peers have acknowledged.
type mute struct{ sys.Kernel }

func (mute) Outq(int) (int, sys.Errno) { return 0, syscall.EPERM }

// Bytes that a sink's kernel takes are progress by themselves, in each direction, also where
// nothing tells of acknowledgements: a relay through which a byte goes now and then is not
// idle.
func TestDeliveredBytesAreProgress(t *testing.T) {
	const limit = time.Second
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	for _, direction := range []string{"to the backend", "to the client"} {
		t.Run(direction, func(t *testing.T) {
			r := watchedRig(t, mute{host}, &splice.Options{IdleTimeout: limit, StallTimeout: -1})
			reader, writer := r.pair()
			if direction == "to the backend" {
				reader, writer = writer, reader
			}
			out, in := content.Stream{}, content.Stream{}
			for end := time.Now().Add(3 * limit); time.Now().Before(end); time.Sleep(limit / 10) {
				if err := out.Send(writer, 100, always(100)); err != nil {
					t.Fatalf("after %d bytes: %v", out.Pos, err)
				}
			}
			writer.CloseWrite()
			if err := in.Receive(reader); err != nil || in.Pos != out.Pos {
				t.Errorf("%d bytes of %d: %v", in.Pos, out.Pos, err)
			}
			reader.CloseWrite()
			if err := r.result(0).Err; err != nil {
				t.Error(err)
			}
		})
	}
}

// A sink that takes nothing ends the relay after StallTimeout, whichever of the two it is,
// though nothing else would: the other direction is idle, and stays so.
func TestEitherDirectionThatStallsEndsARelay(t *testing.T) {
	for _, deaf := range []string{"backend", "client"} {
		t.Run(deaf, func(t *testing.T) {
			r := newRig(t, "tcp", "tcp", splice.Options{StallTimeout: 300 * time.Millisecond, HalfCloseTimeout: -1}, nil)
			client, backend := r.pair()
			if deaf == "backend" {
				fillUp(client)
			} else {
				fillUp(backend)
			}
			if err := r.result(0).Err; !errors.Is(err, splice.ErrTimeout) {
				t.Errorf("%v, want a timeout", err)
			}
		})
	}
}
