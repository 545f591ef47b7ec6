package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// echo is a target that answers what it is sent.
func echo(t *testing.T) string {
	t.Helper()
	srv := &loop.Server{Handler: loop.OnData(func(c *loop.Conn) error {
		_, err := c.CopyTo(c)
		return err
	})}
	return "tcp://" + testkit.Serve(t, srv, "tcp", "127.0.0.1:0").String()
}

// A missed threshold is an exit code of its own, and an invalid run goes before it.
func TestExitCodeSaysWhatIsWrong(t *testing.T) {
	kept, missed, invalid := sample.Result(), sample.Result(), sample.Invalid()
	kept.Thresholds = kept.Thresholds[:1]
	for want, r := range map[int]*result.Result{0: kept, exitThreshold: missed, exitInvalid: invalid} {
		var f showFlags
		var out bytes.Buffer
		err := f.conclude(&session{out: &out, err: io.Discard}, r)
		got, e := -1, (*exit)(nil)
		switch {
		case err == nil:
			got = 0
		case errors.As(err, &e):
			got = e.code
		}
		if got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
		if said := strings.Contains(out.String(), "INVALID"); said != (want == exitInvalid) || !strings.Contains(out.String(), "VALID") {
			t.Errorf("exit code %d, and %q", want, out.String())
		}
	}
}

func TestThresholdsAreHeldAgainstTheRun(t *testing.T) {
	testkit.Leaks(t)
	c := call(t, "rr", echo(t), "-c", "2", "-d", "100ms", "--warmup", "0s", "--threshold", "p50<1ns", "--threshold", "p99.service<1h", "--threshold", "rate>1")
	if c.result == nil {
		t.Fatalf("%d: %s", c.code, c.complaints)
	}
	tests := c.result.Thresholds
	if len(tests) != 3 || tests[0].Kept || !tests[1].Kept || !tests[2].Kept {
		t.Errorf("%+v", tests)
	}
	if c.code != exitThreshold && c.code != exitInvalid { // a busy machine can spoil the run
		t.Errorf("exit code %d", c.code)
	}
	if !strings.Contains(c.out, "MISSED") {
		t.Errorf("the table does not say so:\n%s", c.out)
	}
}

// What makes no sense is told before the target is so much as looked for.
func TestThresholdsThatMakeNoSenseStopTheRun(t *testing.T) {
	for what, says := range map[string]string{"p99<3": "ns, us, ms or s", "latency<3ms": "there are p50", "cpu<9us": "--pid or --start"} {
		code, out, complaints := line("rr", echo(t), "--threshold", what)
		if code != exitUsage || !strings.Contains(complaints, says) || out != "" {
			t.Errorf("%s: %d: %s", what, code, complaints)
		}
	}
	if code, _, complaints := line("rr", "tcp://127.0.0.1:1", "--json", "/no/where.json"); code != exitUsage || !strings.Contains(complaints, "/no") {
		t.Errorf("%d: %s", code, complaints)
	}
}

// With --json - what is on the standard output is JSON, and nothing else.
func TestJSONOnTheStandardOutputIsAlone(t *testing.T) {
	_, out, complaints := line("rr", echo(t), "-c", "2", "-d", "100ms", "--warmup", "0s", "--quiet", "--json", "-")
	var r result.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Completed == 0 {
		t.Errorf("%v: %.200s", err, out)
	}
	if !strings.Contains(complaints, "VALID") || strings.Contains(complaints, "measuring") {
		t.Errorf("the table is missing, or --quiet is not: %s", complaints)
	}
}

// A writer hands on to a function.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func TestMetricsAreServedWhileTheRunGoesOn(t *testing.T) {
	testkit.Leaks(t)
	target := echo(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var scraped []byte
	// Each plain line is written when a window has ended, the scrape's view first.
	during := writer(func([]byte) {
		if res, err := client.Get("http://" + address + "/metrics"); err == nil {
			scraped, _ = io.ReadAll(res.Body)
			res.Body.Close()
		}
	})
	run([]string{"rr", target, "-c", "2", "-d", "200ms", "--warmup", "0s", "--metrics", address}, io.Discard, during)
	if !bytes.Contains(scraped, []byte(`penstock_bench_completed_total{phase="measured"}`)) || !bytes.Contains(scraped, []byte("penstock_bench_open_connections 2")) {
		t.Errorf("scraped: %s", scraped)
	}
	if _, err := client.Get("http://" + address); err == nil {
		t.Error("the server outlives the run")
	}
}
