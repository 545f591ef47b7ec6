package loop

import (
	"math/rand/v2"
	"testing"
)

type nobody struct{}

func (nobody) Expire() {}

// The heap against a plain list, under random arming, disarming and expiry.
func TestTimersExpireInOrderLikeANaiveList(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var h timers
		all := make([]*Timer, 200)
		for i := range all {
			all[i] = &Timer{owner: nobody{}}
		}
		naive := map[*Timer]int64{}
		now := int64(0)
		for range 3000 {
			x := all[r.IntN(len(all))]
			switch r.IntN(4) {
			case 0, 1:
				h.remove(x)
				x.when = now + r.Int64N(1000)
				h.insert(x)
				naive[x] = x.when
			case 2:
				h.remove(x)
				delete(naive, x)
			case 3:
				now += r.Int64N(100)
				for y := h.expired(now); y != nil; y = h.expired(now) {
					if when, ok := naive[y]; !ok || when != y.when || when > now {
						t.Fatalf("seed %d: a timer for %d expired at %d", seed, y.when, now)
					}
					delete(naive, y)
				}
			}
			check(t, seed, h, naive, now)
		}
	}
}

func check(t *testing.T, seed uint64, h timers, naive map[*Timer]int64, now int64) {
	t.Helper()
	first := int64(-1)
	for _, when := range naive {
		if left := max(when-now, 0); first < 0 || left < first {
			first = left
		}
	}
	if len(h) != len(naive) || h.next(now) != first {
		t.Fatalf("seed %d: %d timers, first in %d; want %d, %d", seed, len(h), h.next(now), len(naive), first)
	}
	for i, x := range h {
		if int(x.pos) != i+1 {
			t.Fatalf("seed %d: timer at %d believes itself at %d", seed, i, x.pos-1)
		}
	}
}

// A wait of for ever is one that is never over, and not one that is over at once.
func TestTimeDoesNotOverflow(t *testing.T) {
	for _, now := range []int64{0, 1 << 40, 1<<63 - 2} {
		if got := after(now, 1<<63-1); got < now || got != 1<<63-1 {
			t.Errorf("%d and for ever are %d", now, got)
		}
	}
	if got := after(5, -7); got != 5 {
		t.Errorf("a time before now is %d", got)
	}
}
