package loop

import "github.com/penstock/penstock/fd"

// refillSpare takes the reserve descriptor, if it is lent, and says whether it is
// there. It is an eventfd, which costs next to nothing.
func (g *Group) refillSpare() bool {
	if g.spare.Load() >= 0 {
		return true
	}
	num, e := g.k.Eventfd()
	if e != 0 {
		return false
	}
	if !g.spare.CompareAndSwap(-1, int64(num)) {
		fd.CloseNum(g.k, num)
	}
	return true
}

// lendSpare frees the reserve descriptor's number, for a dial on behalf of a
// connection that was accepted with the last one.
func (g *Group) lendSpare() bool {
	num := g.spare.Swap(-1)
	if num < 0 {
		return false
	}
	fd.CloseNum(g.k, int(num))
	return true
}

// freed is told of every descriptor that a loop closed.
func (g *Group) freed() {
	if g.paused.Load() == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.listeners {
		a.resumeSoon()
	}
}
