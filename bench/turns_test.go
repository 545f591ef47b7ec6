package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
	"github.com/penstock/penstock/internal/testkit"
)

// ours is a system that serves where it is told to.
func ours() string { return fmt.Sprintf("'%s' serve echo --listen tcp://{addr}", os.Args[0]) }

func needTwoCPUs(t *testing.T) {
	if len(measure.Given()) < 2 {
		t.Skip("needs 2 CPUs")
	}
}

func TestSystemsTakeTurnsUnderACeiling(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	needTwoCPUs(t)
	file := filepath.Join(t.TempDir(), "ab.json")
	var out, complaints strings.Builder
	code := run([]string{"ab", "--a", ours(), "--b", ours(), "--blocks", "1", "--json", file, "--", "rr", "tcp://{addr}", "-c", "4", "-d", "200ms", "--warmup", "0"}, &out, &complaints)
	c, err := result.LoadComparison(file)
	if err != nil {
		t.Fatalf("exit code %d: %v: %s", code, err, complaints.String())
	}
	if len(c.Systems) != 2 || len(c.Systems[0].Turns) != 2 || len(c.Systems[1].Turns) != 2 || c.Floor == nil {
		t.Errorf("%+v", c)
	}
	// The systems are null targets themselves, but on a busy machine no share of the
	// ceiling is impossible, and perhaps it cannot be measured.
	switch k := c.Ceiling; {
	case k == nil:
		if !strings.Contains(complaints.String(), "the ceiling could not be measured: ") {
			t.Errorf("no ceiling, and no reason: %s", complaints.String())
		}
	case k.Response == nil || !strings.Contains(out.String(), "ceiling: "):
		t.Errorf("ceiling %+v: %s", k, out.String())
	default:
		rate := func(t *result.Turn) float64 { return t.Rate }
		fastest := max(view.MedianOf(&c.Systems[0], rate), view.MedianOf(&c.Systems[1], rate))
		if math.Abs(k.Share*k.Rate-fastest) > 1e-6*fastest {
			t.Errorf("%.3f of the ceiling of %.1f/s, by systems that did %.1f/s at most", k.Share, k.Rate, fastest)
		}
	}
	if code != 0 && code != exitInvalid || (code == 0) != c.Valid {
		t.Errorf("exit code %d, valid: %v: %s", code, c.Valid, complaints.String())
	}
}

func TestSystemThatCannotBeStartedIsToldBeforeAnyTurn(t *testing.T) {
	testkit.Leaks(t)
	needTwoCPUs(t)
	var complaints strings.Builder
	code := run([]string{"ab", "--a", ours(), "--b", "false {addr}", "--", "rr", "tcp://{addr}", "-c", "4", "-d", "200ms", "--timeout", "2s"}, io.Discard, &complaints)
	if code == 0 || code == exitInvalid || !strings.Contains(complaints.String(), "b: ") || strings.Contains(complaints.String(), "noise floor") {
		t.Errorf("exit code %d: %s", code, complaints.String())
	}
}

func TestEachRateOfAScanHasACeiling(t *testing.T) {
	testkit.Leaks(t)
	target := place(t)
	dir := t.TempDir()
	var out, complaints strings.Builder
	code := run([]string{"scan", "--rates", "500:1000:500", "--json", filepath.Join(dir, "scan.json"), "--", "rr", target, "-c", "4", "-d", "200ms", "--warmup", "0",
		"--start", echoServer(target)}, &out, &complaints)
	for _, rate := range []string{"500", "1000"} {
		r, err := result.Load(filepath.Join(dir, "scan-"+rate+".json"))
		if err != nil {
			t.Fatalf("exit code %d: %v: %s", code, err, complaints.String())
		}
		if r.Ceiling == nil || r.Ceiling.Response == nil {
			t.Errorf("at %s/s: %+v; %q", rate, r.Ceiling, r.Notes)
		}
	}
	if n := strings.Count(out.String(), "null target"); n != 2 {
		t.Errorf("%s", out.String())
	}
}
