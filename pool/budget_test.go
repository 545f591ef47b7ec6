package pool_test

import (
	"testing"

	"github.com/penstock/penstock/internal/sys"
	"github.com/penstock/penstock/pool"
)

// What a big pipe took of the share of the big ones comes back with it.
func TestBigPipesComeBackIntoTheBudget(t *testing.T) {
	p, _ := newPipes(t, &limited{limits: sys.PipeLimits{Soft: 2048}})
	for round := range 3 {
		var held []*pool.Pipe
		for range 3 { // as many as there may be: TestPipesStayWithinTheBudget…
			pipe := p.Lease(true)
			if pipe == nil || pipe.Size < 1<<20 {
				t.Fatalf("round %d: %+v, want a big pipe", round, pipe)
			}
			held = append(held, pipe)
		}
		for _, pipe := range held {
			p.Put(pipe)
		}
		p.Close()
	}
}
