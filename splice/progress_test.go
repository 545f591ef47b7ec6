package splice_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/splice"
)

// mute is a kernel that does not say what its peers have acknowledged, and whose accepted
// sockets have the smallest send buffers.
type mute struct{ sys.Kernel }

func (k mute) Accept(ln int) (int, sys.Addr, sys.Errno) {
	num, peer, e := k.Kernel.Accept(ln)
	if e == 0 {
		k.SetOption(num, sys.SolSocket, sys.SoSndbuf, 1)
	}
	return num, peer, e
}

func (mute) Outq(int) (int, sys.Errno) { return 0, syscall.EPERM }

// Bytes that a sink's kernel takes are progress by themselves, also where nothing tells of
// acknowledgements. The sockets hold so little that the reader needs several times the
// timeout for what one drain brought.
func TestDeliveredBytesAreProgress(t *testing.T) {
	const limit = 1500 * time.Millisecond
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(num uintptr) { syscall.SetsockoptInt(int(num), sys.SolSocket, sys.SoRcvbuf, 1) })
	}}
	for name, o := range map[string]splice.Options{
		"idle":  {IdleTimeout: limit, StallTimeout: -1},
		"stall": {StallTimeout: limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Mode = splice.Copy
			r := watchedRig(t, mute{host}, &o)
			client, err := small.Dial("tcp", r.front.String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			backend, err := r.back.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			go fillUp(backend.(stream))
			in := content.Stream{}
			buf := make([]byte, 1024)
			for end := time.Now().Add(3 * limit); time.Now().Before(end); time.Sleep(limit / 30) {
				if _, err := io.ReadFull(client, buf); err != nil {
					t.Fatalf("after %d bytes: %v", in.Pos, err)
				}
				in.Pos += uint64(len(buf))
			}
			client.Close()
			backend.Close()
			r.result(0)
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
