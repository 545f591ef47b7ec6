package view

import (
	"fmt"
	"io"
	"time"

	"github.com/penstock/penstock/bench/figure"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// plain writes a line for each window: of a run of ten seconds or more that is one a
// second.
type plain struct {
	w      io.Writer
	kind   plan.Kind
	headed bool
}

const row = "%8s  %-9s %12s %12s %9s %9s %9s %9s %7s %6s %7s %7s\n"

func (v *plain) Second(s result.Second, done, _ time.Duration) {
	if !v.headed {
		v.headed = true
		fmt.Fprintf(v.w, row, "time", "phase", "achieved", "asked", "p50", "p99", "p99.9", "max", "errors", "open", "CPU sys", "CPU gen")
	}
	phase, asked, system := "measuring", none, none
	if s.Warmup {
		phase = "warm-up"
	}
	if s.Asked > 0 {
		asked = figure.Rate(v.kind, s.Asked)
	}
	if measured(s) {
		system = fmt.Sprintf("%.2f", s.CPU)
	}
	fmt.Fprintf(v.w, row, seconds(s.At), phase, figure.Rate(v.kind, s.Rate), asked, some(s.P50), some(s.P99), some(s.P999), some(s.Max),
		figure.Count(s.Errors), figure.Count(s.Open), system, fmt.Sprintf("%.2f", s.Generator))
}

func (v *plain) Close() {}

// measured says that there is a system under test: every process has memory.
func measured(s result.Second) bool { return s.Memory > 0 }
