// Package stats is the little statistics that paired measurements need.
package stats

import (
	"math/rand/v2"
	"slices"
)

// Median is the middle value, 0 of none.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	switch n := len(s); {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	default:
		return (s[n/2-1] + s[n/2]) / 2
	}
}

// An Interval is where a figure lies with 95 % confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Enough is how many values an interval can be made of.
const Enough = 5

// resamples is enough for the ends of a 95 % interval to be steady in two digits.
const resamples = 10_000

// Bootstrap is the interval of the median of v, by resampling: as many values are
// drawn from v, with repetition, as it has, again and again, and the interval is where
// 95 % of their medians lie. It supposes nothing about how the values are
// distributed, but that they are independent. With fewer than 5 values it is the
// whole of their range, which is the most that can be said. The same values have the
// same interval: the draw is seeded.
func Bootstrap(v []float64) Interval {
	if len(v) == 0 {
		return Interval{}
	}
	if len(v) < Enough {
		return Interval{slices.Min(v), slices.Max(v)}
	}
	r := rand.New(rand.NewPCG(uint64(len(v)), 0x9e3779b97f4a7c15))
	sample := make([]float64, len(v))
	medians := make([]float64, resamples)
	for i := range medians {
		for k := range sample {
			sample[k] = v[r.IntN(len(v))]
		}
		medians[i] = Median(sample)
	}
	slices.Sort(medians)
	return Interval{medians[resamples*25/1000], medians[resamples*975/1000]}
}

// Ratios are a over b, pair by pair. A pair in which either is 0, which is what was
// not measured, has none.
func Ratios(a, b []float64) (r []float64) {
	for i := range min(len(a), len(b)) {
		if a[i] != 0 && b[i] != 0 {
			r = append(r, a[i]/b[i])
		}
	}
	return r
}
