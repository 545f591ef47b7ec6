package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/internal/testkit"
	"github.com/penstock/penstock/loop"
)

// Each command that asks how a server behaves finds nothing wrong with one that behaves.
func TestCommandsFindNothingWrongWithAnEcho(t *testing.T) {
	testkit.Leaks(t)
	addr := testkit.Serve(t, &loop.Server{
		DrainTimeout: time.Second,
		Config:       loop.Config{Loops: 1},
		Handler:      loop.OnData(func(c *loop.Conn) error { _, err := c.CopyTo(c); return err }),
	}, "tcp", "127.0.0.1:0")
	for _, args := range []string{
		"hold -c 50 --active 0.1", "hold -c 50 --active 0 --no-touch", "churn -c 50", "churn -c 50 --end rst --pause 1ms",
		"slow -c 50 --side read", "slow -c 50 --side write --pace 100 --probes 2", "halfclose -c 5", "rst -c 5",
	} {
		file := filepath.Join(t.TempDir(), "result.json")
		command, flags, _ := strings.Cut(args, " ")
		line := append([]string{command, "tcp://" + addr.String(), "-d", "200ms", "--warmup", "0", "-q", "--no-ceiling", "--json", file}, strings.Fields(flags)...)
		var complaints strings.Builder
		code := run(line, io.Discard, &complaints)
		r, err := result.Load(file)
		if err != nil {
			t.Errorf("%s: %v: %s", args, err, complaints.String())
			continue
		}
		if idle := strings.Contains(args, "--active 0 "); r.Errors > 0 || r.Cut > 0 || r.Unanswered > 0 || (r.Completed == 0) != idle {
			t.Errorf("%s: exit code %d: %d completed, %d errors, %d cut, %d unanswered", args, code, r.Completed, r.Errors, r.Cut, r.Unanswered)
		}
		// What else makes a run invalid, such as steal, is the machine's.
		if code != 0 && code != exitInvalid || (code == 0) != r.Valid {
			t.Errorf("%s: exit code %d, valid: %v: %s", args, code, r.Valid, complaints.String())
		}
	}
}

func TestCommandsRefuseWhatMakesNoSenseBeforeAnyLoad(t *testing.T) {
	testkit.Leaks(t)
	for args, want := range map[string]string{
		"hold -c 100000000":       "descriptors",
		"hold --active 0 -r 10":   "--active must be above 0",
		"hold --active 2":         "from 0 to 1",
		"churn -r 10":             "storms have no rate",
		"churn --pause=-1s":       "at least 0",
		"churn --end boom":        "must be one of",
		"slow --pace 0":           "from 1 to",
		"slow --pace=-1":          "from 1 to",
		"slow --side up":          "must be one of",
		"slow --probes=-1":        "from 1 to",
		"rst --probes 0":          "from 1 to",
		"halfclose --sources 300": "from 0 to 250",
	} {
		command, flags, _ := strings.Cut(args, " ")
		var complaints strings.Builder
		line := append([]string{command, "tcp://127.0.0.1:1"}, strings.Fields(flags)...)
		if code := run(line, io.Discard, &complaints); code != exitUsage || !strings.Contains(complaints.String(), want) {
			t.Errorf("%s: exit code %d, want %d: %s: want %q", args, code, exitUsage, complaints.String(), want)
		}
	}
}
