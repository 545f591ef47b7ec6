package result

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram counts durations in ns, from 1 ns to an hour, to three significant
// digits. Longer ones count as an hour. It is sent and saved whole, never as
// percentiles: only counts can be merged.
type Histogram struct{ h *hdrhistogram.Histogram }

const longest = int64(time.Hour)

// NewHistogram answers an empty one, of about 270 KiB.
func NewHistogram() *Histogram { return &Histogram{hdrhistogram.New(1, longest, 3)} }

// Record counts one duration. A negative one, which clocks do not make, counts as 0.
func (h *Histogram) Record(ns int64) { h.h.RecordValue(min(max(ns, 0), longest)) }

// Merge adds the counts of another; nil has none.
func (h *Histogram) Merge(o *Histogram) {
	if o != nil {
		h.h.Merge(o.h)
	}
}

// Reset empties it.
func (h *Histogram) Reset() { h.h.Reset() }

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.h.TotalCount() }

// At is the value below or at which share p of the durations are, p being from 0 to 1.
func (h *Histogram) At(p float64) int64 { return h.h.ValueAtQuantile(100 * p) }

// Sum is the sum of all durations, to the precision of the buckets.
func (h *Histogram) Sum() float64 { return h.h.Mean() * float64(h.h.TotalCount()) }

// Equal says that all counts are the same.
func (h *Histogram) Equal(o *Histogram) bool { return h.h.Equals(o.h) }

// MarshalText is the compressed V2 form of HdrHistogram, in base64.
func (h *Histogram) MarshalText() ([]byte, error) {
	return h.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads it.
func (h *Histogram) UnmarshalText(text []byte) (err error) {
	if h.h, err = hdrhistogram.Decode(text); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	return nil
}

// Percentiles are a histogram in eight figures, durations in ns.
type Percentiles struct {
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	P9999 int64   `json:"p9999"`
	Max   int64   `json:"max"`
	Mean  float64 `json:"mean"`
	Count int64   `json:"count"`
}

// Percentiles answers those of the histogram.
func (h *Histogram) Percentiles() *Percentiles {
	return &Percentiles{
		P50: h.At(0.50), P90: h.At(0.90), P99: h.At(0.99), P999: h.At(0.999), P9999: h.At(0.9999),
		Max: h.h.Max(), Mean: h.h.Mean(), Count: h.Count(),
	}
}

// Monotone says that each percentile is at least the one before it.
func (p *Percentiles) Monotone() bool {
	return p.P50 <= p.P90 && p.P90 <= p.P99 && p.P99 <= p.P999 && p.P999 <= p.P9999 && p.P9999 <= p.Max
}

// A Curve is a histogram as points, for charts: Value is the largest duration, in
// ns, of share Quantile of all.
type Curve []Point

// A Point is one of a Curve.
type Point struct {
	Quantile float64 `json:"quantile"`
	Value    int64   `json:"value"`
}

// Curve answers the percentiles up to the last recorded one, ten to each half of
// what remains.
func (h *Histogram) Curve() (c Curve) {
	for _, b := range h.h.CumulativeDistributionWithTicks(10) {
		c = append(c, Point{b.Quantile / 100, b.ValueAt})
	}
	return c
}
