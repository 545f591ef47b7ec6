package threshold

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/result"
)

// A figure is what can be compared.
type figure struct {
	unit     unit
	of       func(*result.Result) (v float64, measured bool)
	ofSystem bool
}

// figures are those with a name of their own. lag alone is its p99.
var figures = map[string]figure{
	"rate":       {unit: rates, of: func(r *result.Result) (float64, bool) { return r.AchievedRate, true }},
	"errors":     {unit: counts, of: func(r *result.Result) (float64, bool) { return float64(r.Errors), true }},
	"unanswered": {unit: counts, of: func(r *result.Result) (float64, bool) { return float64(r.Unanswered), true }},
	"lag":        percentile("lag", 99),
	"max":        ofTime("response", func(p *result.Percentiles) float64 { return float64(p.Max) }),
	"mean":       ofTime("response", func(p *result.Percentiles) float64 { return p.Mean }),

	"cpu":      ofCost(durations, func(c *result.Cost) (float64, bool) { return c.CPUPerUnit, true }),
	"cpu/unit": ofCost(durations, func(c *result.Cost) (float64, bool) { return c.CPUPerUnit, true }),
	"cores":    ofCost(numbers, func(c *result.Cost) (float64, bool) { return c.Cores, true }),
	"memory":   ofCost(sizes, func(c *result.Cost) (float64, bool) { return float64(c.Memory), true }),
	"syscalls": ofCost(numbers, func(c *result.Cost) (float64, bool) { return c.SyscallsPerUnit, c.Syscalls > 0 }),
}

// times are the distributions that a percentile can be of.
var times = map[string]func(*result.Latency) (*result.Percentiles, *result.Histogram){
	"response": func(l *result.Latency) (*result.Percentiles, *result.Histogram) {
		return l.Response, l.ResponseHistogram
	},
	"service": func(l *result.Latency) (*result.Percentiles, *result.Histogram) {
		return l.Service, l.ServiceHistogram
	},
	"lag":     func(l *result.Latency) (*result.Percentiles, *result.Histogram) { return l.Lag, l.LagHistogram },
	"late":    func(l *result.Latency) (*result.Percentiles, *result.Histogram) { return l.Late, nil },
	"connect": func(l *result.Latency) (*result.Percentiles, *result.Histogram) { return l.Connect, nil },
}

const known = "there are p50, p90, p99, p99.9, p99.99 and other percentiles, max, mean (of the response time, " +
	"or with .service, .lag, .late or .connect behind them), lag (its p99), rate, errors, unanswered, " +
	"and of the system under test cpu (per unit of work), cores, memory, syscalls (per unit of work)"

// parseFigure reads a figure's name: rate, p99, max.service.
func parseFigure(name string) (figure, error) {
	if f, ok := figures[name]; ok {
		return f, nil
	}
	// The last dot that has no digit behind it: p99.9.service is p99.9 of the service time.
	base, of := name, "response"
	if at := strings.LastIndexByte(name, '.'); at >= 0 && times[name[at+1:]] != nil {
		base, of = name[:at], name[at+1:]
	}
	switch base {
	case "max":
		return ofTime(of, func(p *result.Percentiles) float64 { return float64(p.Max) }), nil
	case "mean":
		return ofTime(of, func(p *result.Percentiles) float64 { return p.Mean }), nil
	}
	percent, ok := parsePercent(base)
	if !ok {
		return figure{}, fmt.Errorf("no figure %q: %s", name, known)
	}
	if _, fixed := fixedAt(percent); !fixed && (of == "late" || of == "connect") {
		return figure{}, fmt.Errorf("no figure %q: of the times late and connect there are p50, p90, p99, p99.9, p99.99, max and mean only", name)
	}
	return percentile(of, percent), nil
}

var percentName = regexp.MustCompile(`^p([0-9]{1,2})(\.?)([0-9]{0,4})$`)

// parsePercent reads p50, p99.9, or p999, as the JSON has it: digits behind the second
// are decimals.
func parsePercent(s string) (percent float64, ok bool) {
	m := percentName.FindStringSubmatch(s)
	if m == nil || m[2] == "." && m[3] == "" || m[2] == "" && strings.Trim(m[3], "9") != "" {
		return 0, false
	}
	percent, err := strconv.ParseFloat(m[1]+"."+m[3]+"0", 64)
	return percent, err == nil && percent > 0
}

// fixed are the percentiles that every result has, even one without histograms.
var fixed = []float64{50, 90, 99, 99.9, 99.99}

func fixedAt(percent float64) (i int, ok bool) {
	i = slices.Index(fixed, percent)
	return i, i >= 0
}

func percentile(of string, percent float64) figure {
	return figure{unit: durations, of: func(r *result.Result) (float64, bool) {
		p, h := times[of](&r.Latency)
		if i, ok := fixedAt(percent); ok && p != nil {
			return float64([]int64{p.P50, p.P90, p.P99, p.P999, p.P9999}[i]), true
		}
		if h == nil || h.Count() == 0 {
			return 0, false
		}
		return float64(h.At(percent / 100)), true
	}}
}

func ofTime(of string, value func(*result.Percentiles) float64) figure {
	return figure{unit: durations, of: func(r *result.Result) (float64, bool) {
		p, _ := times[of](&r.Latency)
		if p == nil {
			return 0, false
		}
		return value(p), true
	}}
}

func ofCost(u unit, value func(*result.Cost) (float64, bool)) figure {
	return figure{unit: u, ofSystem: true, of: func(r *result.Result) (float64, bool) {
		if r.Cost == nil {
			return 0, false
		}
		return value(r.Cost)
	}}
}
