// Package figure writes figures for people: three digits, and the unit in which
// they are easily read. What computes takes them from the JSON.
package figure

import (
	"math"
	"strconv"
	"strings"

	"github.com/penstock/penstock/bench/plan"
)

// A step is a unit, and how many of the smallest it is.
type step struct {
	name string
	size float64
}

var (
	durations = []step{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}}
	sizes     = []step{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}
)

// Duration writes ns: 980 ns, 41.2 µs, 1.20 ms, 12.3 s.
func Duration[T int64 | float64](ns T) string { return scaled(float64(ns), durations) }

// Bytes writes a number of bytes: 64 B, 1.50 KiB, 12.3 GiB.
func Bytes[T int64 | uint64 | float64](n T) string { return scaled(float64(n), sizes) }

// scaled writes v in the largest of units that leaves it at or above one. It rounds
// first: what would read "1000 µs" is 1.00 ms.
func scaled(v float64, units []step) string {
	if v == 0 {
		return "0 " + units[0].name
	}
	in := 0
	for in+1 < len(units) && math.Round(math.Abs(v)/units[in].size) >= units[in+1].size/units[in].size {
		in++
	}
	if in == 0 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64) + " " + units[0].name
	}
	return Number(v/units[in].size) + " " + units[in].name
}

// Number writes a number: 0.0123, 1.23, 12.3, 123, 1,234, 41,234. Above three
// digits it is written to the last one: nobody is helped by 41,200 requests.
func Number(v float64) string {
	a := math.Abs(v)
	switch {
	case v == 0 || math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a < 0.0001:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if a < 999.5 {
		digits := 2 - math.Floor(math.Log10(a))
		if math.Round(a*math.Pow(10, digits)) >= 1000 { // 9.996 is 10.0
			digits--
		}
		return strconv.FormatFloat(v, 'f', int(digits), 64)
	}
	return thousands(strconv.FormatFloat(v, 'f', 0, 64))
}

// Count writes a whole number: 1,234,567.
func Count[T int | int64 | uint64](n T) string {
	return thousands(strconv.FormatFloat(float64(n), 'f', 0, 64))
}

func thousands(s string) string {
	digits, minus := strings.CutPrefix(s, "-")
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	if minus {
		return "-" + digits
	}
	return digits
}

// Share writes a part of a whole: 98.2 %.
func Share(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + " %" }

// Rate writes units of a kind of load a second: 41,234/s, 2.31 GiB/s.
func Rate(k plan.Kind, v float64) string {
	if k == plan.Stream {
		return Bytes(v*(1<<30)) + "/s"
	}
	return Number(v) + "/s"
}
