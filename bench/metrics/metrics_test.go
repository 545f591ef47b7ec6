package metrics

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/internal/testkit"
)

func scrape(t *testing.T, s *Server) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + s.Address() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s, %v", res.Status, err)
	}
	return string(text)
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\npenstock_bench_"+line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

func TestScrapeSeesTheRunAsItGoesOn(t *testing.T) {
	testkit.Leaks(t)
	r := sample.Result()
	s, err := Listen("127.0.0.1:0", r.Plan)
	if err != nil {
		t.Fatal(err)
	}
	text := scrape(t, s)
	has(t, text, `info{kind="rr",target="tcp://127.0.0.1:7000",unit="request"} 1`, "valid 1", "asked_rate 20000")
	if strings.Contains(text, "system_cpu_cores") {
		t.Error("a system that is not known yet is said to be idle")
	}
	w := r.Series[0]
	w.Rate, w.For, w.Errors, w.CPU = 1000, 500*time.Millisecond, 2, 0.25
	s.Second(w, -1, r.Plan.Time)
	has(t, scrape(t, s), `completed_total{phase="warmup"} 500`, `errors_total{phase="warmup"} 2`, "valid 1", "progress_ratio 0", "system_cpu_cores 0.25")

	w.Warmup, w.P99, w.Max = false, 123_000, 4_000_000
	s.Second(w, r.Plan.Time/4, r.Plan.Time)
	s.Second(w, r.Plan.Time/2, r.Plan.Time)
	has(t, scrape(t, s), `completed_total{phase="measured"} 1000`, `errors_total{phase="measured"} 4`, "valid 0", "progress_ratio 0.5", "rate 1000",
		`response_seconds{quantile="0.99"} 0.000123`, `response_seconds{quantile="1"} 0.004`, "open_connections 100")
	s.Close()
	if _, err := http.Get("http://" + s.Address() + "/metrics"); err == nil {
		t.Error("the server outlives the run")
	}
}

func TestAddressThatIsNoneIsRefused(t *testing.T) {
	r := sample.Result()
	s, err := Listen("127.0.0.1:0", r.Plan)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, address := range []string{s.Address(), "nowhere", "127.0.0.1:x"} {
		if _, err := Listen(address, r.Plan); err == nil || !strings.Contains(err.Error(), "--metrics "+address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
