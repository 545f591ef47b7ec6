package drive

import (
	"fmt"
	"math"
	"time"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// A warmup tells when a target is warm: when three windows one after the other agree
// in what was done, and in the median of how long it took.
type warmup struct {
	plan    *plan.Plan
	windows []window
}

type window struct{ rate, noise, median float64 }

// How far windows may be apart, as a share of their mean, beside what chance does.
const (
	agreeing = 3    // windows
	rates    = 0.05 // of units a second
	medians  = 0.15 // of the response time
)

// over takes a window in and says whether the warm-up is over, and if so, why it
// ended otherwise than by agreement.
func (w *warmup) over(i *result.Interval) (done bool, why string) {
	took := (i.To - i.From).Seconds()
	h := i.Response
	if h.Count() == 0 {
		h = i.Service
	}
	n := units(w.plan.Kind, i)
	w.windows = append(w.windows, window{rate: n / took, noise: math.Sqrt(max(float64(i.Completed), 1)) / took, median: float64(h.At(0.5))})
	if len(w.windows) > agreeing {
		w.windows = w.windows[1:]
	}
	if len(w.windows) == agreeing && w.agree() {
		return true, ""
	}
	if i.To >= w.plan.Warmup-w.plan.Window/2 {
		return true, fmt.Sprintf("the windows did not agree within %v of warm-up", w.plan.Warmup.Round(time.Millisecond))
	}
	return false, ""
}

func (w *warmup) agree() bool {
	spread := func(of func(window) float64, share, noise float64) bool {
		low, high, sum := math.Inf(1), math.Inf(-1), 0.0
		for _, v := range w.windows {
			low, high, sum = min(low, of(v)), max(high, of(v)), sum+of(v)
		}
		return high-low <= share*sum/agreeing+noise
	}
	noise := 0.0
	if w.plan.Kind != plan.Stream {
		noise = 3 * w.windows[0].noise
	}
	return (w.windows[agreeing-1].rate > 0 || w.plan.Idle()) &&
		spread(func(v window) float64 { return v.rate }, rates, noise) &&
		spread(func(v window) float64 { return v.median }, medians, 0)
}
