package suites

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/penstock/penstock/internal/testkit"
)

// The relay of a run under test is this binary again.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" || len(os.Args) < 3 {
		os.Exit(m.Run())
	}
	if err := Run(os.Args[2:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestResultsAreReadFromMarksAlone(t *testing.T) {
	const text = "\x16=== RUN   TestA\nnoise\x16--- PASS: TestA (0.00s)\n" +
		"--- FAIL: TestPrinted (0.00s)\n" + // by a test
		"\x16    --- FAIL: TestB/sub#01 (0.10s)\n\x16--- FAIL: TestB (0.10s)\n" +
		"\x16--- SKIP: TestC (0.00s)\nFAIL" // no line feed at the end
	tests, last, err := readResults(strings.NewReader(text))
	want := map[string]outcome{"TestA": passed, "TestB/sub#01": failed, "TestB": failed, "TestC": skipped}
	if err != nil || !maps.Equal(tests, want) {
		t.Errorf("%v, %v; want %v", tests, err, want)
	}
	if !strings.HasSuffix(string(last), "\nFAIL") {
		t.Errorf("kept %q", last)
	}
	if _, _, err := readResults(iotest.ErrReader(io.ErrClosedPipe)); err != io.ErrClosedPipe {
		t.Errorf("a failed read returned %v", err)
	}
}

func resultsOf(words string) *results {
	r := &results{tests: map[string]outcome{}, relay: counters{Accepted: 1}}
	for _, w := range strings.Fields(words) {
		name, o, _ := strings.Cut(w, "=")
		r.tests[name] = outcome(o)
	}
	return r
}

// Only a test that passes directly must pass, and only the plain forwarder excuses it.
func TestJudge(t *testing.T) {
	const base = "A=PASS B=PASS B/s=PASS C=SKIP D=FAIL"
	for name, c := range map[string]struct {
		base, got, control string
		faults, excused    []string
	}{
		"the same":                             {base, base, "", nil, nil},
		"what failed directly need not pass":   {base, "A=PASS B=PASS B/s=PASS", "", nil, nil},
		"a failure":                            {base, "A=FAIL B=PASS B/s=PASS", "A=PASS", []string{"p, auto: A: FAIL"}, nil},
		"a failure of the plain forwarder too": {base, "A=FAIL B=PASS B/s=PASS", "A=FAIL", nil, []string{"p A"}},
		"a skip":                               {base, "A=SKIP B=PASS B/s=PASS", "A=PASS", []string{"p, auto: A: SKIP"}, nil},
		"a test that did not end":              {base, "B=PASS B/s=PASS", "A=PASS", []string{"p, auto: A: did not end"}, nil},
		"a subtest":                            {base, "A=PASS B=FAIL B/s=FAIL", "B=PASS B/s=PASS", []string{"p, auto: B: FAIL", "p, auto: B/s: FAIL"}, nil},
		"a subtest that did not end there":     {base, "A=PASS B=FAIL B/s=FAIL", "B=FAIL", nil, []string{"p B", "p B/s"}},
		"no control":                           {base, "A=FAIL B=PASS B/s=PASS", "B=FAIL", []string{"p, auto: A: FAIL"}, nil},
		"nothing passes directly":              {"A=FAIL", "A=FAIL", "", []string{"p, auto: no test passed directly: <nil>"}, nil},
	} {
		control := map[string]outcome{}
		for test, o := range resultsOf(c.control).tests {
			control["p "+test] = o
		}
		v := judge("auto", []string{"p"}, map[string]*results{"p": resultsOf(c.base)}, map[string]*results{"p": resultsOf(c.got)}, control)
		if !slices.Equal(v.faults, c.faults) || !slices.Equal(v.excused, c.excused) {
			t.Errorf("%s: faults %q, excused %q; want %q, %q", name, v.faults, v.excused, c.faults, c.excused)
		}
	}
}

// A run proves nothing if it went around the relay, or if the relay moved bytes in
// another way than the mode says.
func TestRelayMustHaveCarriedTheTests(t *testing.T) {
	for _, c := range []struct {
		counters
		mode string
		bad  bool
	}{
		{counters{Accepted: 1, Spliced: 5}, "splice", false},
		{counters{Accepted: 1, Copied: 5}, "copy", false},
		{counters{Accepted: 1, Copied: 5, Spliced: 5}, "auto", false},
		{counters{}, "auto", true},
		{counters{Accepted: 1, Copied: 1}, "splice", true},
		{counters{Accepted: 1, Spliced: 1}, "copy", true},
		{counters{Accepted: 1, Panics: 1}, "auto", true},
	} {
		if err := c.honest(c.mode); (err != nil) != c.bad {
			t.Errorf("%s, %+v: %v", c.mode, c.counters, err)
		}
	}
}

func TestEachClientIsGivenASourceOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		client string
		n      uint32
		want   string
	}{
		{"127.0.0.1:4000", 1, "127.128.0.1:4000"},
		{"127.0.0.1:4000", 1<<23 + 7, "127.128.0.7:4000"}, // in the range, not beyond
		{"[::1]:4000", 2, "[fd00::2]:4000"},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.client)
		if err != nil {
			t.Fatal(err)
		}
		if got := sourceFor(at, c.n); got != c.want {
			t.Errorf("%s, %d: %s, want %s", c.client, c.n, got, c.want)
		}
	}
	if got := sourceFor(nil, 1); got != "" {
		t.Errorf("of a client that has gone: %q", got)
	}
}

// The tests of a small package pass through the relay. A relay that loses a byte is
// noticed, and excused by nothing.
func TestTestsOfNetRPCThroughRelays(t *testing.T) {
	testkit.NeedFull(t)
	if err := supported(); err != nil {
		t.Skip(err)
	}
	if err := needs(); err != nil {
		t.Skip(err)
	}
	s := &settings{packages: []string{"net/rpc"}, timeout: 10 * time.Second}
	b, err := buildAll(t.Context(), s.packages, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer b.remove()
	r := &runner{settings: s, out: t.Output(), binaries: b}
	through := func(mode string, base map[string]*results) (map[string]*results, *verdict) {
		got, err := r.runMode(t.Context(), mode, s.packages, "")
		if err != nil {
			t.Fatal(err)
		}
		if mode == direct {
			return got, nil
		}
		v, err := r.judge(t.Context(), mode, base, got)
		if err != nil {
			t.Fatal(err)
		}
		return got, v
	}
	base, _ := through(direct, nil)
	if _, v := through("auto", base); len(v.faults) > 0 || v.passed["net/rpc"] == 0 {
		t.Errorf("%d passed, %v, faults %q", v.passed["net/rpc"], v.carried, v.faults)
	}
	if _, v := through(lossy, base); len(v.faults) == 0 || len(v.excused) > 0 {
		t.Errorf("lossy: faults %q, excused %q", v.faults, v.excused)
	}
}
