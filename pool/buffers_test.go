package pool_test

import (
	"testing"

	"github.com/penstock/penstock/pool"
)

// A buffer holds 64 KiB, and is empty when it is lent, whatever it held.
func TestBuffersAreLentEmpty(t *testing.T) {
	var b pool.Buffers
	buf := b.Lease()
	if len(buf.B) != 64<<10 {
		t.Errorf("%d bytes", len(buf.B))
	}
	buf.From, buf.To = 5, 9
	if buf.Len() != 4 || b.Leased() != 1 {
		t.Errorf("%d bytes in it, %d lent", buf.Len(), b.Leased())
	}
	b.Put(buf)
	if b.Leased() != 0 {
		t.Errorf("%d lent", b.Leased())
	}
	if again := b.Lease(); again != buf || again.From != 0 || again.To != 0 {
		t.Errorf("from %d, to %d, the same one: %v", again.From, again.To, again == buf)
	}
}

// A loop keeps sixteen buffers, and no more, however many were lent.
func TestSixteenBuffersAreKept(t *testing.T) {
	var b pool.Buffers
	known := map[*pool.Buffer]bool{}
	for range 20 {
		known[b.Lease()] = true
	}
	for buf := range known {
		b.Put(buf)
	}
	kept := 0
	for range 20 {
		if known[b.Lease()] {
			kept++
		}
	}
	if len(known) != 20 || kept != 16 || b.Leased() != 20 {
		t.Errorf("%d lent at once, %d of them kept, then %d lent", len(known), kept, b.Leased())
	}
}
