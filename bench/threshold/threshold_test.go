package threshold

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

// specimen is a result whose every figure is another one.
func specimen() *result.Result {
	h := result.NewHistogram()
	for i := range int64(1000) {
		h.Record(1000 * (i + 1))
	}
	return &result.Result{
		Plan: &plan.Plan{Kind: plan.RR}, AchievedRate: 10_000, Errors: 2, Unanswered: 3,
		Latency: result.Latency{
			Response: h.Percentiles(), ResponseHistogram: h,
			Service: &result.Percentiles{P50: 40e3, P90: 60e3, P99: 80e3, P999: 90e3, P9999: 95e3, Max: 99e3, Mean: 45e3},
			Lag:     &result.Percentiles{P50: 1e3, P99: 7e3},
			Connect: &result.Percentiles{P50: 100e3, P99: 300e3},
		},
		Cost: &result.Cost{CPUPerUnit: 9100, Cores: 0.5, Memory: 64 << 20},
	}
}

func TestThresholdsHoldTheFigureThatTheyName(t *testing.T) {
	for _, c := range []struct {
		want, got string
		kept      bool
	}{
		{"p50<600us", "500 µs", true},
		{"p50<400us", "500 µs", false},
		{"p99 < 1ms", "990 µs", true},
		{"p99.9.service<=90us", "90.0 µs", true},
		{"p999.service<90us", "90.0 µs", false},
		{"p9999.service<95.1us", "95.0 µs", true},
		{"p95<1ms", "950 µs", true}, // of the histogram
		{"p95.service<1ms", "not measured", false},
		{"p50.service>39µs", "40.0 µs", true},
		{"max<1.1ms", "1.00 ms", true},
		{"max.service<1us", "99.0 µs", false},
		{"mean.service<46us", "45.0 µs", true},
		{"lag<10us", "7.00 µs", true},
		{"p50.lag<1us", "1.00 µs", false},
		{"p99.connect<1ms", "300 µs", true},
		{"p99.late<1ms", "not measured", false},
		{"rate>=10000", "10,000/s", true},
		{"rate>10000/s", "10,000/s", false},
		{"errors<1", "2", false},
		{"unanswered<4", "3", true},
		{"cpu<9us", "9.10 µs", false},
		{"cpu/unit<10us", "9.10 µs", true},
		{"cores<1", "0.500", true},
		{"memory<=64MiB", "64.0 MiB", true},
		{"syscalls<3", "not measured", false},
	} {
		th, err := Parse(c.want)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if test := th.Test(specimen()); test.Got != c.got || test.Kept != c.kept || test.Want != c.want {
			t.Errorf("%s: %+v, want %q, kept %v", c.want, test, c.got, c.kept)
		}
	}
}

func TestSystemThatWasNotNamedKeepsNoThreshold(t *testing.T) {
	r := specimen()
	r.Cost = nil
	for _, s := range []string{"cpu<9us", "cores<1", "memory<1GiB", "syscalls<9"} {
		th, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if test := th.Test(r); test.Kept || test.Got != "not measured" || !th.OfSystem() {
			t.Errorf("%s: %+v, of the system: %v", s, test, th.OfSystem())
		}
	}
}

func TestWhatDoesNotExistIsRefusedWithWhatThereIs(t *testing.T) {
	for s, says := range map[string]string{
		"p99":              "no comparison",
		"":                 "no comparison",
		"p99=1ms":          "no comparison",
		"p100<1ms":         `no figure "p100"`,
		"p0<1ms":           `no figure "p0"`,
		"p991<1ms":         `no figure "p991"`,
		"p99.<1ms":         `no figure "p99."`,
		"latency<1ms":      "lag (its p99), rate, errors",
		"p99.server<1ms":   "with .service, .lag, .late or .connect",
		"p95.connect<1ms":  "p50, p90, p99, p99.9, p99.99, max and mean only",
		"p99<200":          "ns, us, ms or s",
		"p99<200 parsecs":  "ns, us, ms or s",
		"p99<":             "ns, us, ms or s",
		"p99<-1ms":         "ns, us, ms or s",
		"p99<<1ms":         `"<1ms" is no duration`,
		"rate>10k":         "is no rate",
		"errors<one":       "is no number",
		"errors<NaN":       "is no number",
		"memory<64MB":      "KiB, MiB or GiB",
		"cpu<9":            "ns, us, ms or s",
		"syscalls<3us":     "has no unit",
		"<1ms":             `no figure ""`,
		"service.p99<10ms": `no figure "service.p99"`,
	} {
		_, err := Parse(s)
		if err == nil {
			t.Errorf("%q is taken", s)
			continue
		}
		if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), `"`+s+`"`) {
			t.Errorf("%q: the error does not say %q: %v", s, says, err)
		}
	}
}

func TestOneMissedThresholdMissesAll(t *testing.T) {
	good, _ := Parse("p50<1s")
	bad, _ := Parse("p50<1ns")
	tests, kept := All([]Threshold{good, bad, good}, specimen())
	if kept || len(tests) != 3 || !tests[0].Kept || tests[1].Kept || !tests[2].Kept {
		t.Errorf("kept %v: %+v", kept, tests)
	}
	if _, kept := All(nil, specimen()); !kept {
		t.Error("no thresholds are missed")
	}
}

// What is taken can be tested, and means the same when it is written again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"p99<200us", "p99.9.service<=1ms", "rate>10000", "errors<1", "cpu/unit<9us", "memory>=1GiB", "p9<>1", "µ<"} {
		f.Add(s)
	}
	r := specimen()
	f.Fuzz(func(t *testing.T, s string) {
		th, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(th.String())
		if err != nil {
			t.Fatalf("%q was taken, and is refused: %v", s, err)
		}
		if a, b := th.Test(r), again.Test(r); a != b {
			t.Fatalf("%q: %+v, then %+v", s, a, b)
		}
	})
}
