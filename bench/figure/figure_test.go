package figure

import (
	"math"
	"testing"

	"github.com/penstock/penstock/bench/plan"
)

func TestDurationsHaveThreeDigitsAndAUnitThatFits(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0 ns", 1: "1 ns", 980: "980 ns", 1000: "1.00 µs", 41_234: "41.2 µs", 999_499: "999 µs", 999_700: "1.00 ms",
		1_204_000: "1.20 ms", 1e9: "1.00 s", 3.6e12: "3,600 s", 12.34: "12.3 ns", -1500: "-1.50 µs", 0.4: "0.400 ns",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%v ns is written %q, want %q", ns, got, want)
		}
	}
}

func TestBytesAreOfPowersOfTwo(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 64: "64 B", 1000: "1000 B", 1023: "1023 B", 1024: "1.00 KiB", 1536: "1.50 KiB", 3 << 30: "3.00 GiB", 1<<20 - 1: "1.00 MiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d bytes are written %q, want %q", n, got, want)
		}
	}
}

func TestNumbersKeepEveryDigitAboveThree(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.0123", 1.234: "1.23", 9.996: "10.0", 12.34: "12.3", 999.4: "999", 999.7: "1,000", 41234.4: "41,234", 1e7: "10,000,000", -1234: "-1,234", 0.00001234: "1.23e-05"} {
		if got := Number(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "NaN" {
		t.Errorf("NaN is written %q", got)
	}
}

func TestRateOfAStreamIsBytes(t *testing.T) {
	if got := Rate(plan.Stream, 0.5); got != "512 MiB/s" {
		t.Errorf("half a GiB a second is written %q", got)
	}
	if got := Rate(plan.RR, 20000); got != "20,000/s" {
		t.Errorf("20000 requests a second are written %q", got)
	}
	if got := Share(0.982); got != "98.2 %" {
		t.Errorf("0.982 is written %q", got)
	}
	if got := Count(-1234567); got != "-1,234,567" {
		t.Errorf("a count is written %q", got)
	}
}
