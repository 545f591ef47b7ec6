// Package pool holds what loops lend out: pipes, each owned by one loop for life
// and leased to one transfer at a time; read buffers; and the workers that do
// what would block a loop. Users of the library need ErrBusy and the types of
// counters; the rest serves the packages above.
package pool

import (
	"sync/atomic"

	"github.com/penstock/penstock/internal/sys"
)

// The two sizes of pipes, in slots. A slot holds one segment of up to a page or
// more, so that slots, not bytes, are what a pipe runs out of.
const (
	// SmallSlots is the kernel's own default, which costs no call to set. Below
	// it a pipe is dearer than copying, and is not used.
	SmallSlots = 16
	// BigSlots is the default limit of pipe-max-size, 1 MiB. At 128 KiB writes a
	// forwarder moved 8.7 Gb/s per core through 16 slots, 23.0 through 256.
	BigSlots = 256
)

const (
	smallBytes = SmallSlots * sys.PageSize
	bigBytes   = BigSlots * sys.PageSize
)

// defaultPages bounds the pipes of a group where the kernel does not: 256 MiB.
const defaultPages = 65536

// A Governor keeps the pipes of a group of loops within the page budget that the kernel
// gives to the user. Past it, a pipe is born with 2 slots and cannot be grown
// (pipe(7), alloc_pipe_info), and whoever still used it would be slower than by
// copying. The budget counts capacity, not content. The loops of a
// group share one Governor; two groups, or two servers, in a process do not, and each
// takes the whole budget for its own. Its methods may be called by any goroutine.
type Governor struct {
	pages    int64 // what all pipes may have
	bigPages int64 // what big pipes may have of it
	used     atomic.Int64
	usedBig  atomic.Int64
	refusals atomic.Int64 // of splice(2) in a row; refusalsLast is for good
}

// NewGovernor reads the limits. A process with the capability to exceed them is
// bounded all the same, by 256 MiB.
//
// A quarter of the kernel's budget is left to others of the same user, and big
// pipes get half of ours: so that however many transfers stall with big pipes
// full, small ones remain for all the others.
func NewGovernor(k sys.Kernel) *Governor {
	limits := k.PipeLimits()
	pages := int64(defaultPages)
	if !limits.Exempt {
		for _, limit := range []int{limits.Soft, limits.Hard} {
			if limit > 0 {
				pages = min(pages, int64(limit)*3/4)
			}
		}
	}
	return &Governor{pages: pages, bigPages: pages / 2}
}

// Budget is the number of 4 KiB pages that all pipes together may have.
func (g *Governor) Budget() int { return int(g.pages) }

// Used is the number of pages that the pipes have now.
func (g *Governor) Used() int { return int(g.used.Load()) }

// refusalsLast is how many refusals of splice(2) in a row, on any of the group's loops,
// are taken for a kernel or a sandbox that never allows it.
const refusalsLast = 16

// Spliced takes note that splice(2) moved bytes or found none: it is allowed.
func (g *Governor) Spliced() {
	if g.refusals.Load() != 0 && !g.Refused() {
		g.refusals.Store(0)
	}
}

// Refuse takes note that splice(2) was refused, and reports whether this refusal was the
// one after which no pipe is lent any more.
func (g *Governor) Refuse() (last bool) { return g.refusals.Add(1) == refusalsLast }

// Refused reports whether splice(2) is refused for good, as far as anything tells.
func (g *Governor) Refused() bool { return g.refusals.Load() >= refusalsLast }

// admit takes the pages of one pipe out of the budget, or says that they are not
// there.
func (g *Governor) admit(big bool) bool {
	if big && g.usedBig.Add(BigSlots) > g.bigPages {
		g.usedBig.Add(-BigSlots)
		return false
	}
	if g.used.Add(slots(big)) > g.pages {
		g.giveBack(big)
		return false
	}
	return true
}

func (g *Governor) giveBack(big bool) {
	g.used.Add(-slots(big))
	if big {
		g.usedBig.Add(-BigSlots)
	}
}

func slots(big bool) int64 {
	if big {
		return BigSlots
	}
	return SmallSlots
}
