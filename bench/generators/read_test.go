package generators

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What each generator prints is read as it means it, and what it counts as wrong is
// counted.
func TestOutputsAreRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, h2loadLog), []byte("1700000000000000\t200\t300\n1700000000000001\t200\t100\n1700000000000002\t200\t200\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		read       func(text, dir string) (Reading, error)
		want       Reading
	}{
		{"wrk", "  Latency Distribution\n     50%    1.36ms\n     75%    2.00ms\n     99%    3.50ms\n" +
			"  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\nRequests/sec:  39490.25\n",
			readWrk, Reading{39490.25, 1360 * time.Microsecond, 3500 * time.Microsecond, 15}},
		{"h2load", "finished in 4.00s, 38733.20 req/s, 46.5MB/s\nrequests: 3 total, 3 started, 3 done, 3 succeeded, 1 failed, 2 errored, 3 timeout\n",
			readH2load, Reading{38733.2, 200 * time.Microsecond, 300 * time.Microsecond, 6}},
		{"redis-benchmark", `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n" +
			`"GET","69060.77","0.7","0.2","0.719","0.9","1.1","3.0"` + "\n",
			readRedis, Reading{69060.77, 719 * time.Microsecond, 1100 * time.Microsecond, 0}},
		{"fortio", `said before{"ActualQPS":1999.5,"RetCodes":{"200":5990,"-1":7,"503":3},"DurationHistogram":{"Percentiles":[{"Percentile":50,"Value":0.0005},{"Percentile":99,"Value":0.002}]}} behind`,
			readFortio, Reading{1999.5, 500 * time.Microsecond, 2 * time.Millisecond, 10}},
		{"iperf3", `{"end":{"sum_received":{"bits_per_second":17179869184}}}` + "\nwarning\n", readIperf, Reading{Rate: 2}},
	} {
		got, err := c.read(c.text, dir)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
		if _, err := c.read("nothing of the kind", dir); err == nil {
			t.Errorf("%s: another text is taken", c.name)
		}
	}
}

// A table has the medians, and the spread of the ratios.
func TestTableHoldsMediansAndRatios(t *testing.T) {
	pair := Pair{Name: "pair", Theirs: []string{"theirs"}, Ours: []string{"rr", `$x`}, Clock: "clocks"}
	got := Table([]Pair{pair}, []Readings{{
		Theirs: []Reading{{Rate: 100, P50: 1000}, {Rate: 200, P50: 2000}, {Rate: 400, P50: 4000}},
		Ours:   []Reading{{Rate: 100, P50: 2000}, {Rate: 100, P50: 2000}, {Rate: 100, P50: 2000}},
	}})
	for _, want := range []string{"| rate | 200 | 100 | 0.50, 0.25 to 1.00 |", "| p50 | 2.00 µs | 2.00 µs | 1.00, 0.50 to 2.00 |", "go run ./bench rr '$x'", "clocks"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "p99") {
		t.Errorf("a figure that neither has:\n%s", got)
	}
}

// A generator that there is not is an error, beside one that there is, too.
func TestGeneratorsAreChosenByName(t *testing.T) {
	all := Loads("1")
	for _, c := range []struct {
		names []string
		want  int // -1: an error
	}{{nil, len(all)}, {[]string{"wrk"}, 1}, {[]string{"wrk", "iperf3"}, 2}, {[]string{"wrk", "wrk9"}, -1}} {
		got, err := Chosen(all, c.names)
		if (err != nil) != (c.want < 0) || err == nil && len(got) != c.want || err != nil && !strings.Contains(err.Error(), "wrk9") {
			t.Errorf("%v: %d pairs, %v", c.names, len(got), err)
		}
	}
}
