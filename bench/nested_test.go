package main

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

// What is given to a command as its load is looked at, and not run, if it is none.
func TestOnlyLoadsAreNested(t *testing.T) {
	testkit.Leaks(t)
	for args, want := range map[string]string{
		"serve echo":                             "serve is no load",
		"doctor":                                 "doctor is no load",
		"rr tcp://127.0.0.1:7 -r 5":              "leave it out",
		"rr tcp://127.0.0.1:7 --json /tmp/x":     "leave them out",
		"rr tcp://127.0.0.1:7 --threshold p99<1": "threshold",
		"stream tcp://127.0.0.1:7":               "a stream has no rate",
		"":                                       "no load",
	} {
		var out, complaints strings.Builder
		code := run(append([]string{"scan", "--rates", "1:2:1", "--"}, strings.Fields(args)...), &out, &complaints)
		if code != exitUsage || !strings.Contains(complaints.String(), want) {
			t.Errorf("%q: exit code %d, %s", args, code, complaints.String())
		}
	}
}
