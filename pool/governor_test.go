package pool_test

import (
	"testing"

	"github.com/penstock/penstock/internal/sys"
)

// The budget is three quarters of the lowest limit that is set, and 256 MiB at most.
func TestBudgetIsTheLowestLimit(t *testing.T) {
	for limits, want := range map[sys.PipeLimits]int{
		{}:                                     65536,
		{Soft: 4000}:                           3000,
		{Hard: 2000}:                           1500,
		{Soft: 4000, Hard: 2000}:               1500,
		{Soft: 2000, Hard: 4000}:               1500,
		{Soft: 1 << 20, Hard: 1 << 20}:         65536,
		{Soft: 1, Hard: 4}:                     0,
		{Soft: 2000, Hard: 2000, Exempt: true}: 65536,
	} {
		if _, gov := newPipes(t, &limited{limits: limits}); gov.Budget() != want {
			t.Errorf("%+v: %d pages, want %d", limits, gov.Budget(), want)
		}
	}
}

// Sixteen refusals of splice(2) in a row, and not one fewer, are taken for good: no pipe is
// lent any more, and it is told once. A splice that works in between begins the count anew.
func TestSplicesThatAreRefusedForGood(t *testing.T) {
	p, gov := newPipes(t, &limited{})
	gov.Refuse()
	gov.Spliced()
	for round := range 2 {
		for i := range 15 {
			if gov.Refuse() || gov.Refused() {
				t.Fatalf("round %d: for good after %d refusals", round, i+1)
			}
		}
		gov.Spliced()
	}
	p.Put(p.Lease(true))
	for i := range 20 {
		if last := gov.Refuse(); last != (i == 15) || gov.Refused() != (i >= 15) {
			t.Errorf("refusal %d: the last %v, refused %v", i+1, last, gov.Refused())
		}
	}
	gov.Spliced()
	if !gov.Refused() {
		t.Error("refused for good, and allowed again by a splice that was under way")
	}
	if pipe := p.Lease(false); pipe != nil || p.Stats().Refused != 1 || p.Stats().Leased != 0 {
		t.Errorf("%+v was lent; %+v", pipe, p.Stats())
	}
}

// Pipes of every size fill the budget to the last page, and not beyond.
func TestBudgetIsUsedToTheLastPage(t *testing.T) {
	for _, c := range []struct{ soft, pages, big, small int }{
		{64, 48, 0, 3},      // three small ones, exactly
		{63, 47, 0, 2},      // a page is missing
		{684, 513, 1, 16},   // a big one is half of 512; a page is left
		{683, 512, 1, 16},   // exactly
		{682, 511, 0, 31},   // half is too little for a big one
		{1365, 1023, 1, 47}, // half is too little for two
	} {
		p, gov := newPipes(t, &limited{limits: sys.PipeLimits{Soft: c.soft}})
		var big, small int
		for pipe := p.Lease(true); pipe != nil; pipe = p.Lease(true) {
			if pipe.Size == 1<<20 {
				big++
			} else {
				small++
			}
			defer p.Put(pipe)
		}
		if gov.Budget() != c.pages || big != c.big || small != c.small || gov.Used() != 256*big+16*small {
			t.Errorf("%d pages of %d used by %d big and %d small ones, want %+v", gov.Used(), gov.Budget(), big, small, c)
		}
	}
}
