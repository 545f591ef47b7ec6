package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/result"
)

// A curve is a histogram with a name.
type curve struct {
	name   string
	h      *result.Histogram
	dashed bool
}

// perNine is how many points a percentile curve has for each nine.
const perNine = 20

// percentiles draws histograms over the nines of the quantile: 90 %, 99 %, 99.9 % are
// as far from each other, and each curve ends where its longest duration is.
func (c *charts) percentiles(title, what string, curves []curve) *chart {
	one := chart{Title: title, What: what, X: axis{Label: "percentile", Unit: "nines"}, Y: axis{Unit: "duration", Log: true}}
	end := 0.0
	curves = slices.DeleteFunc(slices.Clone(curves), func(c curve) bool { return c.h == nil || c.h.Count() == 0 })
	for _, v := range curves {
		end = max(end, nines(v.h))
	}
	for i := range int(math.Ceil(end*perNine)) + 1 {
		one.At = append(one.At, min(float64(i)/perNine, end))
	}
	for _, v := range curves {
		l := line{Label: v.name, Dashed: v.dashed}
		for _, x := range one.At {
			l.Values = append(l.Values, v.at(x))
		}
		one.Lines = append(one.Lines, l)
	}
	for _, v := range curves {
		p := v.h.Percentiles()
		one.Summary += fmt.Sprintf("%s: p50 %s, p99 %s, longest %s. ", v.name, figure.Duration(p.P50), figure.Duration(p.P99), figure.Duration(p.Max))
	}
	return c.add(one)
}

// nines is where the curve of a histogram ends: at half a value before the last.
func nines(h *result.Histogram) float64 { return math.Log10(2 * float64(h.Count())) }

// at is the duration that 1 - 10^-x of all stay below. The curve goes on to the first
// point past its end, which is its longest.
func (c curve) at(x float64) float64 {
	if x >= nines(c.h)+1.0/perNine {
		return nothing
	}
	return positive([]int64{c.h.At(1 - math.Pow(10, -x))})[0]
}

// curvesOf are those of one result.
func curvesOf(r *result.Result) []curve {
	all := []curve{{"response", r.Latency.ResponseHistogram, false}}
	if r.AskedRate > 0 { // in a closed loop all three would be one
		all = append(all, curve{"service", r.Latency.ServiceHistogram, false}, curve{"lag", r.Latency.LagHistogram, true})
	}
	return all
}

// load draws latency over the rate that was asked for, of results that differ in
// nothing else.
func (c *charts) load(title string, results []*result.Result) *chart {
	one := chart{
		Title: title, What: "Response time over the rate that was asked for. A dashed line marks a run that is invalid.",
		X: axis{Label: "asked rate, " + results[0].Plan.Kind.Unit() + "s a second", Unit: "number"}, Y: axis{Unit: "duration", Log: true},
	}
	lines := []line{{Label: "p50"}, {Label: "p99"}, {Label: "p99.9"}, {Label: "max", Dashed: true}}
	for _, r := range results {
		p := r.Latency.Response
		if p == nil {
			p = &result.Percentiles{}
		}
		one.At = append(one.At, r.AskedRate)
		for i, v := range positive([]int64{p.P50, p.P99, p.P999, p.Max}) {
			lines[i].Values = append(lines[i].Values, v)
		}
		if !r.Valid {
			one.Bands = append(one.Bands, band{From: r.AskedRate, To: r.AskedRate, Label: "invalid", Bad: true})
		}
	}
	first, last := results[0], results[len(results)-1]
	one.Lines = lines
	one.Summary = strings.Join([]string{pointOf(first), pointOf(last)}, "; ")
	return c.add(one)
}

func pointOf(r *result.Result) string {
	if r.Latency.Response == nil {
		return ""
	}
	return fmt.Sprintf("p99 is %s at %s", figure.Duration(r.Latency.Response.P99), figure.Rate(r.Plan.Kind, r.AskedRate))
}
