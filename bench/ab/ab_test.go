package ab

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// costs makes a bench of systems that cost what cost says of turn n of the whole.
func costs(blocks int, cost func(system, n int) float64, names ...string) (*Bench, *[]int) {
	b := &Bench{Blocks: blocks}
	for _, name := range names {
		b.Systems = append(b.Systems, System{Name: name})
	}
	var order []int
	b.Turn = func(_ context.Context, at ...int) (results []*result.Result, err error) {
		for _, i := range at {
			order = append(order, i)
			c := cost(i, len(order))
			results = append(results, &result.Result{
				Plan: &plan.Plan{Kind: plan.RR}, AchievedRate: 1e9 / c, Cost: &result.Cost{CPUPerUnit: c},
				Latency: result.Latency{Response: &result.Percentiles{P50: int64(c), P99: int64(2 * c)}},
			})
		}
		return results, nil
	}
	return b, &order
}

func TestTurnsAreSymmetric(t *testing.T) {
	b, order := costs(2, func(int, int) float64 { return 100 }, "a", "b", "c")
	if _, err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0}
	if !slices.Equal(*order, want) {
		t.Errorf("order %v, want %v", *order, want)
	}
}

func TestDuetsChangePlaces(t *testing.T) {
	b, order := costs(1, func(i, _ int) float64 { return 100 + float64(i) }, "a", "b")
	b.Together = true
	c, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 0, 0, 0, 0, 1, 1, 0}; !slices.Equal(*order, want) {
		t.Errorf("order %v, want %v", *order, want)
	}
	if got := c.Systems[1].Against.Cost.Median; got != 1.01 {
		t.Errorf("ratio %v, want 1.01", got)
	}
}

// A machine that gets slower by as much in every turn must make no system look worse.
func TestDriftDoesNotShow(t *testing.T) {
	b, _ := costs(6, func(_, n int) float64 { return 1000 + 20*float64(n) }, "a", "b", "c")
	c, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Systems[1:] {
		if s.Against.Verdict != result.NoDifference || s.Against.Cost.Median != 1 {
			t.Errorf("%s: %+v", s.Name, s.Against)
		}
	}
}

func TestDifferencesBeyondTheNoiseAreShown(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	share := []float64{1, 0.8, 1.2, 1}
	b, _ := costs(10, func(i, _ int) float64 { return 10_000 * share[i] * (1 + 0.02*r.NormFloat64()) }, "base", "cheap", "dear", "same")
	c, err := b.Run(t.Context())
	if err != nil || !c.Valid {
		t.Fatal(err, c)
	}
	for i, want := range []string{"", result.Cheaper, result.Dearer, result.NoDifference} {
		if i > 0 && c.Systems[i].Against.Verdict != want {
			t.Errorf("%s: %+v, want %s", c.Systems[i].Name, c.Systems[i].Against, want)
		}
	}
}

func TestATurnThatCannotBeBelievedSpoilsTheComparison(t *testing.T) {
	b, order := costs(2, func(int, int) float64 { return 100 }, "a", "b")
	turn := b.Turn
	b.Turn = func(ctx context.Context, at ...int) ([]*result.Result, error) {
		r, err := turn(ctx, at...)
		if len(*order) == 10 {
			r[0].InvalidReasons = []string{"17 errors"}
		}
		return r, err
	}
	c, err := b.Run(t.Context())
	if err != nil || c.Valid || len(c.InvalidReasons) != 1 || !strings.Contains(c.InvalidReasons[0], "b, block 1 of the comparison: 17 errors") {
		t.Errorf("%v, %+v", err, c)
	}
	b.Turn = func(context.Context, ...int) ([]*result.Result, error) { return nil, errors.New("does not start") }
	if _, err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "a: does not start") {
		t.Errorf("%v", err)
	}
}

// A turn in which others had the machine is taken again, and that is told; one that
// failed by itself is not.
func TestDisturbedTurnsAreTakenAgain(t *testing.T) {
	b, order := costs(1, func(_, n int) float64 { return float64(n) }, "a", "b")
	turn := b.Turn
	b.Turn = func(ctx context.Context, at ...int) ([]*result.Result, error) {
		r, err := turn(ctx, at...)
		switch len(*order) {
		case 2, 3:
			r[0].Disturbed, r[0].InvalidReasons = true, []string{"steal"}
		case 6:
			r[0].InvalidReasons = []string{"1 error"}
		}
		return r, err
	}
	c, err := b.Run(t.Context())
	if err != nil || c.Repeated != 2 || len(*order) != 10 || c.Valid || !strings.Contains(c.InvalidReasons[0], "1 error") {
		t.Errorf("%v, %d repeated of %d, %v", err, c.Repeated, len(*order), c.InvalidReasons)
	}
	b.Turn = func(ctx context.Context, at ...int) ([]*result.Result, error) {
		r, err := turn(ctx, at...)
		r[0].Disturbed, r[0].InvalidReasons = true, []string{"steal"}
		return r, err
	}
	if c, err := b.Run(t.Context()); err != nil || c.Valid {
		t.Errorf("%v, %+v: a machine that is never left alone", err, c)
	}
}

// Who interrupts a comparison gets the blocks that are whole, and that it is none.
func TestInterruptedComparisonKeepsWholeBlocks(t *testing.T) {
	b, order := costs(3, func(i, _ int) float64 { return 100 + float64(i) }, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	turn := b.Turn
	b.Turn = func(ctx context.Context, at ...int) ([]*result.Result, error) {
		if len(*order) == 12+6 { // in the second block
			cancel()
			return nil, ctx.Err()
		}
		return turn(ctx, at...)
	}
	c, err := b.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Systems[1]
	if c.Valid || len(s.Turns) != 2 || len(s.Against.Cost.Blocks) != 1 || s.Against.Verdict != result.Unbelievable ||
		!strings.Contains(c.InvalidReasons[0], "interrupted after 1 of 3 blocks of the comparison") {
		t.Errorf("%v, %+v", c.InvalidReasons, s)
	}
}
