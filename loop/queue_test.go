package loop

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// held is what the chunks of a queue hold room for, in bytes.
func (q *queue) held() (n int) {
	for _, b := range q.chunks {
		n += len(b.B)
	}
	return n
}

// A queue that slid, or grew by copying, cost 13 times the CPU for a MiB: what is queued
// stays where it is until it is sent, whatever is added and sent meanwhile.
func TestQueuedBytesAreNeverMoved(t *testing.T) {
	l := newTestLoop(t)
	q, r := new(queue), rand.New(rand.NewPCG(1, 2))
	var want []byte
	where := map[*byte]byte{} // of the last byte of each write
	for i := range 2_000 {
		p := make([]byte, 1+r.IntN([]int{100, 5000, 200_000}[r.IntN(3)]))
		for j := range p {
			p[j] = byte(i + j)
		}
		if q.n < 1<<20 {
			q.add(l, p)
			want = append(want, p...)
			last := q.chunks[len(q.chunks)-1]
			where[&last.B[last.To-1]] = p[len(p)-1]
		}
		for range r.IntN(4) {
			if q.n > 0 {
				n := 1 + r.IntN(len(q.head()))
				if !bytes.Equal(q.head()[:n], want[:n]) {
					t.Fatalf("write %d: other bytes than were queued", i)
				}
				for j := range n {
					if v, ok := where[&q.head()[j]]; ok {
						if v != want[j] {
							t.Fatalf("write %d: a queued byte was moved", i)
						}
						delete(where, &q.head()[j])
					}
				}
				want = want[n:]
				q.sent(l, n)
			}
		}
		if q.n != len(want) {
			t.Fatalf("%d bytes are queued, want %d", q.n, len(want))
		}
		if limit := 2*q.n + leastChunk + 2*pool.BufferSize; q.held() > limit {
			t.Fatalf("%d bytes are queued, in chunks of %d", q.n, q.held())
		}
	}
	// All that were queued have been found where they were put, or are queued still.
	if left := len(where); left > len(want) {
		t.Errorf("%d bytes were moved", left)
	}
	q.free(l)
	if n := l.buffers.Leased(); n != 0 {
		t.Errorf("%d buffers were not given back", n)
	}
}

// What a peak needed is given back when it is over.
func TestQueueDoesNotKeepItsPeak(t *testing.T) {
	l := newTestLoop(t)
	q := new(queue)
	for range 1 << 10 {
		q.add(l, make([]byte, 16<<10))
	}
	for q.n > 46<<10 {
		q.sent(l, min(len(q.head()), q.n-46<<10))
	}
	if n := q.held(); n > 46<<10+2*pool.BufferSize {
		t.Errorf("%d bytes are queued, in chunks of %d", q.n, n)
	}
	q.free(l)
}

// Short queues have short chunks: many slow clients would hold a buffer each.
func TestShortQueueIsSmall(t *testing.T) {
	l := newTestLoop(t)
	q := new(queue)
	q.add(l, make([]byte, 100))
	if n := q.held(); n > leastChunk {
		t.Errorf("100 bytes are queued, in chunks of %d", n)
	}
	q.free(l)
}

// swallow is the host's kernel, whose sockets take all that is sent at once.
type swallow struct {
	sys.Kernel
	sent int
}

func (k *swallow) Send(fd int, p []byte, flags int) (int, sys.Errno) {
	k.sent += len(p)
	return len(p), 0
}

// A peer that reads as fast as we send does not keep the loop, whatever handlers write.
func TestWritesOfATurnAreBounded(t *testing.T) {
	host, err := sys.Host()
	if err != nil {
		t.Skip(err)
	}
	const all = 16 << 20
	for name, piece := range map[string]int{"one write": all, "many": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			k := &swallow{Kernel: host}
			srv := &Server{
				Config: Config{Loops: 1, Stepped: true, Kernel: k},
				Handler: OnOpen(func(c *Conn) error {
					for range all / piece {
						if _, err := c.Write(make([]byte, piece)); err != nil {
							return err
						}
					}
					return nil
				}),
			}
			addr, err := srv.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Skip(err)
			}
			defer srv.Close()
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			srv.Accept()
			l := srv.Group().Loops()[0]
			for turn := 0; k.sent < all; turn++ {
				before := k.sent
				l.Step(false)
				if n := k.sent - before; n > 2*visitBytes+pool.BufferSize || turn > 1000 {
					t.Fatalf("turn %d: %d bytes were sent, %d in all", turn, n, k.sent)
				}
			}
		})
	}
}

// Posted functions share the bytes of a turn.
func TestWritesOfPostedFunctionsAreBounded(t *testing.T) {
	l := newTestLoop(t)
	const all = 200
	ran := 0
	for range all {
		l.Post(func() { ran++; l.Spend(visitBytes) })
	}
	for ran < all {
		before := ran
		l.turn(false)
		if n := ran - before; n == 0 || n > turnBytes/visitBytes {
			t.Fatalf("%d functions of %d bytes ran in one turn", n, visitBytes)
		}
	}
}
