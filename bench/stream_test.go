package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/serve"
	"github.com/penstock/penstock/internal/testkit"
)

// Each kind of stream, and of short connection, finds nothing wrong with its other end,
// and has checked what it says it has.
func TestStreamsAndShortConnectionsFindNothingWrongWithTheirOtherEnd(t *testing.T) {
	testkit.NeedFull(t)
	testkit.Leaks(t)
	for _, c := range []struct {
		args   string
		kind   serve.Kind
		checks bool
	}{
		{"stream -c 2", serve.Sink, true},
		{"stream -c 2 --direction down --size 10KiB", serve.Source, true},
		{"stream -c 2 --direction both", serve.Sink, true},
		{"stream -c 2 --no-verify", serve.Sink, false},
		{"stream -c 2 --light --direction both", serve.LightSource, false},
		{"crr -c 5", serve.Echo, true},
		{"crr -c 5 --end rst -r 500", serve.Echo, true},
		{"crr -c 5 --protocol http --response 1000", serve.HTTP, false},
	} {
		s, err := serve.Start(c.kind, plan.Target{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "result.json")
		command, flags, _ := strings.Cut(c.args, " ")
		line := append([]string{command, s.Addr().String(), "-d", "300ms", "--warmup", "0", "-q", "--no-ceiling", "--json", file}, strings.Fields(flags)...)
		var complaints strings.Builder
		code := run(line, io.Discard, &complaints)
		s.Close()
		r, err := result.Load(file)
		if err != nil {
			t.Errorf("%s: %v: %s", c.args, err, complaints.String())
			continue
		}
		moved := r.BytesIn + r.BytesOut
		if r.Errors > 0 || r.Unanswered > 0 || moved == 0 || r.AchievedRate == 0 || (r.BytesVerified > 0) != c.checks {
			t.Errorf("%s: exit code %d: %d errors, %d unanswered, %d bytes, %d of them verified", c.args, code, r.Errors, r.Unanswered, moved, r.BytesVerified)
		}
		// What else makes a run invalid, such as steal, is the machine's.
		if code != 0 && code != exitInvalid || (code == 0) != r.Valid {
			t.Errorf("%s: exit code %d, valid: %v: %s", c.args, code, r.Valid, complaints.String())
		}
	}
}

func TestStreamsAndShortConnectionsRefuseWhatMakesNoSense(t *testing.T) {
	testkit.Leaks(t)
	for args, want := range map[string]string{
		"stream -r 5":             "a stream has no rate",
		"stream --size 0":         "from 1B",
		"stream --size 1furlong":  "size",
		"stream --direction left": "must be one of",
		"crr -r 1e9":              "the ports carry",
		"crr --end boom":          "must be one of",
	} {
		command, flags, _ := strings.Cut(args, " ")
		var complaints strings.Builder
		line := append([]string{command, "tcp://127.0.0.1:1"}, strings.Fields(flags)...)
		if code := run(line, io.Discard, &complaints); code != exitUsage || !strings.Contains(complaints.String(), want) {
			t.Errorf("%s: exit code %d, want %d: %s: want %q", args, code, exitUsage, complaints.String(), want)
		}
	}
}
