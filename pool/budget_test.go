package pool_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// What a big pipe took of the share of the big ones comes back with it.
func TestBigPipesComeBackIntoTheBudget(t *testing.T) {
	p, _ := newPipes(t, &limited{limits: sys.PipeLimits{Soft: 2048}})
	for range 3 {
		var held []*pool.Pipe
		for range 3 { // as many as there may be: TestPipesStayWithinTheBudget…
			held = append(held, leaseBig(t, p))
		}
		held = append(held, p.Lease(true)) // refused, and not counted: a small one is lent in its place
		for _, pipe := range held {
			p.Put(pipe)
		}
		p.Close()
	}
}

func leaseBig(t *testing.T, p *pool.Pipes) *pool.Pipe {
	t.Helper()
	pipe := p.Lease(true)
	if pipe == nil || pipe.Size < 1<<20 {
		t.Fatalf("%+v, want a big pipe", pipe)
	}
	return pipe
}

// A pipe that could not be made leaves the budget as it was, whatever its size and
// whichever call failed.
func TestPipeThatFailsIsNotCounted(t *testing.T) {
	for _, fails := range []func(k *limited, e sys.Errno){
		func(k *limited, e sys.Errno) { k.pipeErr = e },
		func(k *limited, e sys.Errno) { k.setErr, k.sizeErr = e, e },
	} {
		k := &limited{limits: sys.PipeLimits{Soft: 2048}}
		p, gov := newPipes(t, k)
		for range 5 {
			fails(k, sys.EMFILE)
			for _, big := range []bool{true, false} {
				if pipe := p.Lease(big); pipe != nil || gov.Used() != 0 {
					t.Fatalf("%+v was lent, %d pages are used", pipe, gov.Used())
				}
			}
			fails(k, 0)
			k.skipped += int64(time.Second) // the shortage is over
		}
		for range 3 {
			defer p.Put(leaseBig(t, p))
		}
	}
}

// After a pipe could not be had none of its size is asked for within 50 ms. One of the other
// size may be, and once one can be had the shortage is over.
func TestShortageLastsFiftyMilliseconds(t *testing.T) {
	for _, fail := range []func(k *limited, e sys.Errno){
		func(k *limited, e sys.Errno) { k.pipeErr = e },
		func(k *limited, e sys.Errno) { k.setErr, k.sizeErr = e, e },
	} {
		k := &limited{stopped: 1 << 40}
		p, _ := newPipes(t, k)
		fail(k, sys.EMFILE)
		if p.Lease(true) != nil || k.made != 2 {
			t.Fatalf("%d pipes were asked for, want a big one and a small one", k.made)
		}
		fail(k, 0)
		k.skipped = int64(50*time.Millisecond) - 1
		if p.Lease(true) != nil || p.Lease(false) != nil || k.made != 2 {
			t.Errorf("%d pipes were asked for within the shortage", k.made)
		}
		k.skipped++
		defer p.Put(leaseBig(t, p))
		if s := p.Stats(); k.made != 3 || s.Refused != 3 || s.Leased != 1 {
			t.Errorf("%d pipes were asked for; %+v", k.made, s)
		}
		k.skipped = -int64(time.Hour) // no time stands in the way of the next
		defer p.Put(leaseBig(t, p))
	}
}

// What was needed at the same time since the last Trim is kept, of each size by itself.
func TestTrimKeepsWhatWasNeeded(t *testing.T) {
	p, gov := newPipes(t, &limited{})
	use := func(big bool, n int) {
		var held []*pool.Pipe
		for range n {
			held = append(held, p.Lease(big))
		}
		for _, pipe := range held {
			p.Put(pipe)
		}
	}
	use(true, 3)
	use(false, 5)
	if s := p.Stats(); s.Stock != 8 || s.Created != 8 || s.Destroyed != 0 || s.Leased != 0 {
		t.Errorf("%+v", s)
	}
	if !p.Trim() || p.Stats().Stock != 8 {
		t.Errorf("%+v after the first Trim, want all", p.Stats())
	}
	use(true, 2)
	use(false, 1)
	use(false, 4)
	use(false, 2)
	if !p.Trim() || p.Stats().Stock != 6 || gov.Used() != 2*256+4*16 {
		t.Errorf("%+v, %d pages, want 2 big and 4 small ones", p.Stats(), gov.Used())
	}
	use(true, 1)
	if !p.Trim() || p.Stats().Stock != 1 || gov.Used() != 256 {
		t.Errorf("%+v, %d pages, want a big one", p.Stats(), gov.Used())
	}
	if p.Trim() || p.Stats().Stock != 0 || p.Stats().Destroyed != 8 {
		t.Errorf("%+v, want none", p.Stats())
	}
}
