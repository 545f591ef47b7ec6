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
		for range 3 { // refused, and not counted: a small one is lent in its place
			held = append(held, p.Lease(true))
		}
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
