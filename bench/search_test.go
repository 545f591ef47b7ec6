package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// A target that keeps its objective up to a rate: the search finds it, from above
// and from below, and a single hiccup on the way does not mislead it.
func TestSearchFindsTheHighestRate(t *testing.T) {
	for _, from := range []float64{10, 1000, 70_000, 1e6} {
		tries := 0
		f := finder{precision: 0.02, try: func(rate float64) (verdict, error) {
			tries++
			return verdict{kept: rate <= 54_321 && tries%5 != 0}, nil
		}}
		got, err := f.highest(from)
		if err != nil || got > 54_321 || got < 54_321/1.02 || f.limit != "" {
			t.Errorf("from %v: %v, %v %q, want 54321 or up to 2 %% less", from, got, err, f.limit)
		}
		t.Logf("from %v: %.0f in %d tries", from, got, tries)
	}
}

func TestSearchSaysThatNoRateIsKept(t *testing.T) {
	f := finder{precision: 0.02, try: func(float64) (verdict, error) { return verdict{}, nil }}
	if got, err := f.highest(1000); got != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// What the generator could not do says nothing of the target.
func TestSearchBlamesTheGenerator(t *testing.T) {
	f := finder{precision: 0.02, try: func(rate float64) (verdict, error) {
		return verdict{kept: rate < 5000, generator: true}, nil
	}}
	if got, err := f.highest(1000); err != nil || math.Abs(got-5000) > 100 || f.limit == "" {
		t.Errorf("%v, %v, %q: want 5000, and that it was the generator", got, err, f.limit)
	}
	f = finder{precision: 0.02, try: func(float64) (verdict, error) { return verdict{generator: true}, nil }}
	if got, err := f.highest(1000); err == nil || !strings.Contains(err.Error(), "generator") {
		t.Errorf("%v, %v: want an error that blames the generator", got, err)
	}
}

// A rate that the target itself missed, below those that the generator did, is an answer.
func TestSearchForgetsWhatTheGeneratorMissedAboveTheAnswer(t *testing.T) {
	f := finder{precision: 0.02, try: func(rate float64) (verdict, error) {
		return verdict{kept: rate < 5000, generator: rate >= 8000}, nil
	}}
	if got, err := f.highest(1000); err != nil || math.Abs(got-5000) > 100 || f.limit != "" {
		t.Errorf("%v, %v, %q", got, err, f.limit)
	}
}

// What other guests disturbed says nothing: it is tried again, and at last given up.
func TestSearchTriesAgainWhatWasDisturbed(t *testing.T) {
	tries := 0
	f := finder{precision: 0.02, try: func(rate float64) (verdict, error) {
		if tries++; tries%4 != 0 {
			return verdict{disturbed: true}, nil
		}
		return verdict{kept: rate < 5000}, nil
	}}
	if got, err := f.highest(1000); err != nil || math.Abs(got-5000) > 100 {
		t.Errorf("%v, %v", got, err)
	}
	f = finder{precision: 0.02, try: func(float64) (verdict, error) { return verdict{disturbed: true}, nil }}
	if got, err := f.highest(1000); err == nil || !strings.Contains(err.Error(), "others took the CPU time") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRatesInNamesOfFilesStayApart(t *testing.T) {
	rates, err := parseRates("0.1:0.7:0.1")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, rate := range append(rates, 1e6) {
		names = append(names, rateName(rate))
	}
	if got := strings.Join(names, " "); got != "0.1 0.2 0.3 0.4 0.5 0.6 0.7 1000000" {
		t.Error(got)
	}
}

func TestRatesOfAScan(t *testing.T) {
	if got, err := parseRates("100:300:100"); err != nil || !slices.Equal(got, []float64{100, 200, 300}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := parseRates("0.1:0.7:0.1"); err != nil || len(got) != 7 {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "1:2", "0:10:1", "1:10:0", "10:1:1", "1:1e9:1", "a:b:c", "1:10:-1", "NaN:1:1", "Inf:Inf:1", "1:1:Inf"} {
		if got, err := parseRates(s); err == nil {
			t.Errorf("%q: %v", s, got)
		}
	}
}
