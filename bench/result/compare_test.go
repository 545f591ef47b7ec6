package result

import (
	"path/filepath"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/stats"
)

func ratio(low, median, high float64) Ratio {
	return Ratio{Median: median, Within: stats.Interval{Low: low, High: high}, Blocks: make([]float64, stats.Enough)}
}

// One pair says nothing, however far apart it is.
func TestFewBlocksHaveNoVerdict(t *testing.T) {
	few := NewRatio([]float64{2, 2, 2, 2}, []float64{1, 1, 1, 1})
	if got := Verdict(few, few); got != TooFew {
		t.Errorf("%s, want %s", got, TooFew)
	}
}

// A difference is shown only if it is larger than what the base shows against itself.
func TestVerdictNeedsMoreThanTheNoiseFloor(t *testing.T) {
	for _, c := range []struct {
		cost, floor Ratio
		want        string
	}{
		{ratio(0.90, 0.95, 0.98), ratio(0.99, 1, 1.01), Cheaper},
		{ratio(0.90, 0.95, 1.02), ratio(0.99, 1, 1.01), NoDifference},
		{ratio(0.90, 0.95, 0.98), ratio(0.94, 1, 1.07), NoDifference},
		{ratio(1.02, 1.05, 1.09), ratio(0.99, 1, 1.01), Dearer},
		{ratio(0.99, 1.05, 1.09), ratio(0.99, 1, 1.01), NoDifference},
		{ratio(1.01, 1.02, 1.03), ratio(0.97, 0.98, 0.99), NoDifference},
		{ratio(1, 1, 1), ratio(1, 1, 1), NoDifference},
	} {
		if got := Verdict(c.cost, c.floor); got != c.want {
			t.Errorf("%+v with floor %+v: %s, want %s", c.cost, c.floor, got, c.want)
		}
	}
}

func TestComparisonIsReadAsItWasSaved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ab.json")
	c := &Comparison{Schema: ComparisonSchema, Unit: "request", Plan: &plan.Plan{Target: plan.Target{Network: "tcp", Address: "127.0.0.1:7000"}}, Systems: []System{
		{Name: "a", Turns: []Turn{{Cost: 1}, {Cost: 3}}},
		{Name: "b", Against: &Against{Cost: NewRatio([]float64{2, 2}, []float64{1, 4}), Verdict: NoDifference}},
	}}
	if err := c.Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := LoadComparison(file)
	if err != nil || got.Systems[1].Against.Cost.Median != 1.25 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Load(file); err == nil {
		t.Error("a comparison is read as a result")
	}
}
