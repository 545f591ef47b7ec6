package threshold

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	write "github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
)

// A unit is how the values of a figure are written.
type unit struct {
	parse func(string) (float64, error)
	write func(*plan.Plan, float64) string
}

var (
	durations = unit{parseDuration, func(_ *plan.Plan, v float64) string { return write.Duration(v) }}
	sizes     = unit{parseSize, func(_ *plan.Plan, v float64) string { return write.Bytes(v) }}
	numbers   = unit{parseNumber, func(_ *plan.Plan, v float64) string { return write.Number(v) }}
	counts    = unit{parseNumber, func(_ *plan.Plan, v float64) string { return write.Count(int64(v)) }}
	rates     = unit{parseRate, func(p *plan.Plan, v float64) string { return write.Rate(p.Kind, v) }}
)

func parseDuration(s string) (float64, error) {
	d, err := time.ParseDuration(strings.ReplaceAll(s, " ", ""))
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration: write a number and its unit, ns, us, ms or s, as in 200us", s)
	}
	return float64(d), nil
}

func parseSize(s string) (float64, error) {
	n, err := plan.ParseBytes(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		return 0, fmt.Errorf("%q is no size: write a whole number of B, KiB, MiB or GiB, as in 64MiB", s)
	}
	return float64(n), nil
}

func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no number that can be counted to: this figure has no unit", s)
	}
	return v, nil
}

// parseRate reads units of work a second, of which a stream's are GiB.
func parseRate(s string) (float64, error) {
	v, err := parseNumber(strings.TrimSpace(strings.TrimSuffix(s, "/s")))
	if err != nil {
		return 0, fmt.Errorf("%q is no rate: write a number of requests, connections or (of a stream) GiB a second, as in 10000", s)
	}
	return v, nil
}
