package splice_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// sizedPipes is the host's kernel with pipes of a given size.
type sizedPipes struct {
	sys.Kernel
	bytes int
}

func (k sizedPipes) Pipe() (int, int, sys.Errno) {
	r, w, e := k.Kernel.Pipe()
	if e == 0 {
		k.Kernel.SetPipeSize(r, k.bytes)
	}
	return r, w, e
}

func (k sizedPipes) SetPipeSize(fd, bytes int) (int, sys.Errno) { return 0, sys.EPERM }

// Every size of segment through every size of pipe, to a sink that keeps up and
// one that does not: no hang, and no spin (calls are bounded by the segments).
func TestSegmentsAndPipesOfAllSizes(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	for _, pipe := range []int{8 << 10, 64 << 10, 1 << 20} {
		for _, segment := range []int{1, 512, 1448, 4096, 16 << 10, 64 << 10} {
			for _, slow := range []bool{false, true} {
				t.Run(fmt.Sprintf("pipe%dK/segment%d/slow=%v", pipe>>10, segment, slow), func(t *testing.T) {
					testkit.Leaks(t)
					back := listen(t, "tcp")
					srv := forwarder(back.Addr(), &splice.Options{Mode: splice.Splice})
					srv.Config = loop.Config{Loops: 1, Kernel: sizedPipes{host, pipe}}
					r := &rig{t: t, srv: srv, back: back, front: testkit.Serve(t, srv, "tcp", "127.0.0.1:0")}
					client, backend := r.pair()
					n := min(uint64(segment)*4096, 8<<20)
					go func() {
						out := content.Stream{K: 4}
						out.Send(client, n, always(segment))
						client.CloseWrite()
					}()
					reader := io.Reader(backend)
					if slow {
						reader = &slowReader{r: backend, every: int(n / 32)}
					}
					in := content.Stream{K: 4}
					if err := in.Receive(reader); err != nil || in.Pos != n {
						t.Fatalf("%d bytes, want %d: %v", in.Pos, n, err)
					}
					backend.CloseWrite()
					io.Copy(io.Discard, client)
					testkit.Eventually(t, "the relay ends", func() bool { return srv.Group().Counters().Relays == 0 })
					// Seen: up to 4 for each segment that came by itself. Bound: ten times.
					if calls, bound := srv.Group().Counters().Calls(), 40*(n/uint64(min(segment, 4096))+64); calls > bound {
						t.Errorf("%d system calls for %d bytes in segments of %d", calls, n, segment)
					}
				})
			}
		}
	}
}

// slowReader pauses for a millisecond after every so many bytes.
type slowReader struct {
	r           io.Reader
	every, left int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.left <= 0 {
		time.Sleep(time.Millisecond)
		s.left = max(s.every, 1)
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// What outlives the drain is reset, and what it strands is counted.
func TestDrainDeadlineResetsAndReports(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	results := make(chan splice.Result, 1)
	srv := forwarder(back.Addr(), &splice.Options{Done: func(res splice.Result) { results <- res }})
	srv.DrainTimeout = 200 * time.Millisecond
	served, cancel := serve(t, srv)
	r := &rig{t: t, srv: srv, back: back, front: served.addr}
	client, backend := r.pair()
	go func() {
		out := content.Stream{K: 6}
		out.Send(client, 64<<20, always(64<<10)) // the backend does not read
	}()
	testkit.Eventually(t, "the path is full", func() bool { return srv.Group().Counters().InFlight > 0 })
	time.Sleep(100 * time.Millisecond)
	cancel()
	if err := <-served.err; !errors.Is(err, loop.ErrDrainTimeout) {
		t.Errorf("Serve: %v", err)
	}
	res := <-results
	if !errors.Is(res.Err, loop.ErrServerClosed) || res.AB.Stranded == 0 || res.AB.Stranded != srv.Group().Counters().BytesStranded {
		t.Errorf("%+v, stranded %d", res, srv.Group().Counters().BytesStranded)
	}
	in := content.Stream{K: 6}
	if err := in.Receive(backend); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after %d bytes: %v, want a reset", in.Pos, err)
	}
	testkit.GivenBack(t, srv.Group())
}

// A transfer that is under way when the drain begins completes.
func TestDrainLetsTransfersComplete(t *testing.T) {
	testkit.Leaks(t)
	back := listen(t, "tcp")
	srv := forwarder(back.Addr(), nil)
	served, cancel := serve(t, srv)
	r := &rig{t: t, srv: srv, back: back, front: served.addr}
	client, backend := r.pair()
	const n = 32 << 20
	begun := make(chan struct{})
	go func() {
		out := content.Stream{K: 8}
		out.Send(client, 1<<20, always(64<<10))
		close(begun)
		out.Send(client, n-1<<20, always(64<<10))
		client.CloseWrite()
	}()
	<-begun
	cancel()
	in := content.Stream{K: 8}
	if err := in.Receive(backend); err != nil || in.Pos != n {
		t.Errorf("%d bytes, want %d: %v", in.Pos, n, err)
	}
	backend.Close()
	if err := <-served.err; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", served.addr.String()); err == nil {
		t.Error("a drained server accepts")
	}
	testkit.GivenBack(t, srv.Group())
}
