package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMedianOfEvenAndOdd(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(c.v); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}

// An interval that is said to hold the median in 95 of 100 cases must do so in
// roughly as many: with 10 values a bootstrap is a little too narrow.
func TestBootstrapHoldsTheMedianAsOftenAsItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	const times = 200
	for range times {
		v := make([]float64, 12)
		for i := range v {
			v[i] = math.Exp(0.1 * r.NormFloat64()) // median 1
		}
		if in := Bootstrap(v); in.Low <= 1 && 1 <= in.High {
			held++
		}
	}
	if share := float64(held) / times; share < 0.88 || share == 1 {
		t.Errorf("the interval held the median in %.1f %% of the cases", 100*share)
	}
}

func TestBootstrapOfFewValuesIsTheirRange(t *testing.T) {
	if in := Bootstrap([]float64{2, 1, 3}); in != (Interval{1, 3}) {
		t.Errorf("%+v", in)
	}
	if in := Bootstrap(nil); in != (Interval{}) {
		t.Errorf("%+v", in)
	}
}

func TestWhatWasNotMeasuredHasNoRatio(t *testing.T) {
	if r := Ratios([]float64{2, 0, 3, 4}, []float64{1, 1, 0, 2}); !slices.Equal(r, []float64{2, 2}) {
		t.Errorf("%v", r)
	}
}
