package splice_test

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/penstock/penstock/internal/content"
	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
	"github.com/penstock/penstock/splice"
)

// watched is the host's kernel, and keeps an account of its own.
type watched struct {
	sys.Kernel
	noPipes bool // pipe2 answers EMFILE

	mu      sync.Mutex
	pipes   map[int]bool // ends of pipes
	drained uint64       // taken from sockets, but by a look
	pumped  uint64       // given to sockets
	asked   []int        // the lengths asked for by drains into pipes
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	host, err := sys.Host()
	if err != nil {
		t.Skip("no host kernel: ", err)
	}
	return &watched{Kernel: host, pipes: map[int]bool{}}
}

func (k *watched) Pipe() (int, int, sys.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.noPipes {
		return -1, -1, sys.EMFILE
	}
	r, w, e := k.Kernel.Pipe()
	k.pipes[r], k.pipes[w] = e == 0, e == 0
	return r, w, e
}

func (k *watched) Close(fd int) sys.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pipes, fd)
	return k.Kernel.Close(fd)
}

func (k *watched) Splice(from, to, n int) (int, sys.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	moved, e := k.Kernel.Splice(from, to, n)
	if k.pipes[from] {
		k.pumped += uint64(max(moved, 0)) // -1 on an error
	} else {
		k.asked = append(k.asked, n)
		k.drained += uint64(max(moved, 0))
	}
	return moved, e
}

func (k *watched) Recv(fd int, p []byte, flags int) (int, sys.Errno) {
	n, e := k.Kernel.Recv(fd, p, flags)
	k.mu.Lock()
	defer k.mu.Unlock()
	if flags&sys.MsgPeek == 0 {
		k.drained += uint64(max(n, 0))
	}
	return n, e
}

func (k *watched) Send(fd int, p []byte, flags int) (int, sys.Errno) {
	n, e := k.Kernel.Send(fd, p, flags)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pumped += uint64(max(n, 0))
	return n, e
}

// set has f change k, or look at it.
func (k *watched) set(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

// watchedRig is a rig of one loop on a kernel that looks on.
func watchedRig(t *testing.T, k sys.Kernel, o *splice.Options) *rig {
	t.Helper()
	testkit.Leaks(t)
	r := &rig{t: t, back: listen(t, "tcp")}
	o.Done = func(res splice.Result) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results = append(r.results, res)
	}
	r.srv = forwarder(r.back.Addr(), o)
	r.srv.Config = loop.Config{Loops: 1, Kernel: k}
	r.front = testkit.Serve(t, r.srv, "tcp", "127.0.0.1:0")
	return r
}

// The account of a relay that was cut is the kernel's own, to the byte: what was in
// the pipe is stranded and not pumped.
func TestAccountIsWhatTheKernelMoved(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Splice, splice.Copy} {
		t.Run(fmt.Sprintf("mode%d", mode), func(t *testing.T) {
			k := newWatched(t)
			r := watchedRig(t, k, &splice.Options{Mode: mode, StallTimeout: 200 * time.Millisecond})
			client, _ := r.pair() // the backend does not read
			go func() {
				out := content.Stream{}
				out.Send(client, 64<<20, always(64<<10))
			}()
			res := r.result(0)
			k.mu.Lock()
			defer k.mu.Unlock()
			if ab := res.AB; ab.Drained != k.drained || ab.Pumped != k.pumped || ab.Stranded != k.drained-k.pumped || ab.Stranded == 0 {
				t.Errorf("%+v, want %d drained, %d pumped", ab, k.drained, k.pumped)
			}
			if spliced := res.AB.Spliced > 0; spliced != (mode == splice.Splice) || res.AB.Spliced+res.AB.Copied != res.AB.Pumped {
				t.Errorf("mode %d: %+v", mode, res.AB)
			}
		})
	}
}

// through sends n bytes from a client to its backend, and checks them.
func through(t *testing.T, client, backend stream, n uint64) {
	t.Helper()
	go func() {
		out := content.Stream{}
		out.Send(client, n, always(64<<10))
	}()
	in := content.Stream{}
	backend.SetReadDeadline(time.Now().Add(10 * time.Second))
	if err := in.Receive(io.LimitReader(backend, int64(n))); err != nil || in.Pos != n {
		t.Fatalf("%d of %d bytes, %v", in.Pos, n, err)
	}
}

// Bulk is spliced. A splice that is always refused would show in no byte, only in
// the cost (HAProxy, realm: a length of -1 answered EINVAL for years).
func TestBulkIsSpliced(t *testing.T) {
	for _, mode := range []splice.Mode{splice.Auto, splice.Splice} {
		t.Run(fmt.Sprintf("mode%d", mode), func(t *testing.T) {
			r := watchedRig(t, newWatched(t), &splice.Options{Mode: mode})
			client, backend := r.pair()
			through(t, client, backend, 16<<20)
			client.Close()
			backend.Close()
			if ab := r.result(0).AB; ab.Spliced < ab.Pumped*3/4 {
				t.Errorf("%d of %d bytes were spliced", ab.Spliced, ab.Pumped)
			}
			if n := r.srv.Group().Counters().SpliceDenied; n != 0 {
				t.Errorf("splice was refused %d times", n)
			}
		})
	}
}

// A moment without pipes costs that moment's splicing, not the connection's.
func TestShortageOfPipesIsNotForEver(t *testing.T) {
	k := newWatched(t)
	k.noPipes = true
	r := watchedRig(t, k, &splice.Options{})
	client, backend := r.pair()
	through(t, client, backend, 8<<20)
	if n := r.srv.Group().Counters().BytesSpliced; n != 0 {
		t.Fatalf("%d bytes were spliced without a pipe", n)
	}
	k.set(func() { k.noPipes = false })
	time.Sleep(60 * time.Millisecond) // pool: what cannot be had is not asked for
	through(t, client, backend, 8<<20)
	client.Close()
	backend.Close()
	if res := r.result(0); res.AB.Spliced < 4<<20 {
		t.Errorf("after the shortage %d of 8 MiB were spliced", res.AB.Spliced)
	}
}

// A sink that stalled is lent a small pipe until it has proved itself again: a big
// one would be lost to the others for as long as it stalls next time.
func TestStallCostsTheBigPipe(t *testing.T) {
	const small, big = 64 << 10, 1 << 20
	k := newWatched(t)
	r := watchedRig(t, k, &splice.Options{Mode: splice.Splice})
	client, backend := r.pair()
	last := 0
	for try := 0; last != big; try++ {
		if try == 10 {
			t.Fatalf("the last drain of a proven flow asked for %d bytes", last)
		}
		through(t, client, backend, 32<<20) // again, if a busy machine made it stall
		k.set(func() { last = k.asked[len(k.asked)-1] })
	}
	const more = 128 << 20 // than the whole path holds
	sent := make(chan struct{})
	go func() { // until the path is full, and past that
		defer close(sent)
		out := content.Stream{}
		out.Send(client, more, always(64<<10))
	}()
	testkit.Eventually(t, "the sink stalls", func() bool { return r.srv.Group().Counters().InFlight > 0 })
	var before int // drains, once nothing has moved for longer than the 0.2 s of a stall
	for now, pumped := -1, uint64(0); now != before; {
		k.set(func() { before, pumped = len(k.asked), k.pumped })
		time.Sleep(400 * time.Millisecond)
		k.set(func() {
			if now = len(k.asked); k.pumped != pumped {
				now = -1
			}
		})
	}
	in := content.Stream{}
	if err := in.Receive(io.LimitReader(backend, more)); err != nil {
		t.Fatal(err)
	}
	<-sent
	k.set(func() {
		if first := k.asked[before]; first != small {
			t.Errorf("the first drain after the stall asked for %d bytes, want %d", first, small)
		}
	})
}

// Past the user's page budget pipes are born with 2 slots, which cost more than
// copying does: then all is copied.
func TestPipesBornSmallCarryNothing(t *testing.T) {
	k := newWatched(t)
	k.Kernel = sizedPipes{k.Kernel, 8 << 10}
	r := watchedRig(t, k, &splice.Options{Mode: splice.Splice})
	client, backend := r.pair()
	through(t, client, backend, 4<<20)
	client.Close()
	backend.Close()
	if ab := r.result(0).AB; ab.Spliced != 0 || ab.Copied != 4<<20 {
		t.Errorf("%d bytes went through pipes of 2 slots, %d were copied", ab.Spliced, ab.Copied)
	}
}

// After bulk come messages: they are copied again, at less cost.
func TestMessagesAfterBulkAreCopied(t *testing.T) {
	r := watchedRig(t, newWatched(t), &splice.Options{})
	client, backend := r.pair()
	through(t, client, backend, 8<<20)
	message := make([]byte, 100)
	for range 20 {
		client.Write(message)
		if _, err := io.ReadFull(backend, message); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	backend.Close()
	r.result(0)
	if c := r.srv.Group().Counters(); c.ToSplice == 0 || c.ToCopy != c.ToSplice {
		t.Errorf("%d times to splicing, and %d times back", c.ToSplice, c.ToCopy)
	}
}
