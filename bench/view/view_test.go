package view

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/bench/internal/sample"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
)

var update = flag.Bool("update", false, "write testdata anew, to be looked at in the diff")

// golden holds what was written against testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s has changed: go test ./bench/view -update, and look at the diff\n got:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestTablesReadAsTheyDid(t *testing.T) {
	held := sample.Result()
	held.Cost.Syscalls, held.Cost.NotToBeHad = 0, "perf_event_open: permission denied"
	held.Memory = &result.Memory{Conns: 9000, ProcessPerConn: 506, KernelPerConn: 4200, DescriptorsPerConn: 2, IdleCPU: 0.001}
	held.Agents = []result.Agent{{Name: "a1", Host: "10.0.0.1", Completed: 1234}, {Name: "a2", Host: "10.0.0.2", Lost: "no word for 3s"}}
	held.GeneratorBound = true
	for name, r := range map[string]*result.Result{"valid": sample.Result(), "invalid": sample.Invalid(), "closed": sample.Closed(), "held": held} {
		var b bytes.Buffer
		Table(&b, r)
		golden(t, name, b.Bytes())
	}
}

func TestLoadsSayWhatIsOfTheirKind(t *testing.T) {
	for want, p := range map[string]plan.Plan{
		"rr unix:@s · 1 connection · 64:80,1KiB:20, 2.00 KiB back · pipeline 16 · 4 fragments · 2 loops · closed loop": {
			Kind: plan.RR, Conns: 1, Request: plan.Mix{{Bytes: 64, Weight: 80}, {Bytes: 1024, Weight: 20}}, Response: 2048, Pipeline: 16, Fragments: 4, Loops: 2},
		"rr unix:@s · 2 connections · http GET, 100 B back · closed loop":            {Kind: plan.RR, Conns: 2, Protocol: plan.HTTP, Response: 100},
		"crr unix:@s · 2 connections · 64 B · ends by rst · 500/s, constant":         {Kind: plan.CRR, Conns: 2, Ending: plan.Reset, Rate: 500, Arrival: plan.Constant},
		"stream unix:@s · 16 connections · both · not verified · 512 MiB/s, poisson": {Kind: plan.Stream, Conns: 16, Direction: plan.Both, Rate: 0.5},
		"hold unix:@s · 9,000 connections · 64 B · 5.0 % active · closed loop":       {Kind: plan.Hold, Conns: 9000, Active: 0.05},
		"slow unix:@s · 50 connections · 64 B · reads 10 B a second · 4 probes beside them · closed loop": {
			Kind: plan.Slow, Conns: 50, Side: plan.Read, Pace: 10, Probes: 4},
		"churn unix:@s · 50 connections · 64 B · ends by fin · a pause of 1s · closed loop": {Kind: plan.Churn, Conns: 50, Pause: time.Second},
	} {
		p.Target = plan.Target{Network: "unix", Address: "@s"}
		p.Defaults()
		if got := Load(&p); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// Whoever reads one line only has read whether the run may be believed.
func TestValidityComesFirst(t *testing.T) {
	for want, r := range map[string]*result.Result{"VALID ": sample.Result(), "INVALID ": sample.Invalid()} {
		var b bytes.Buffer
		Table(&b, r)
		first, rest, _ := strings.Cut(strings.TrimLeft(b.String(), "\n"), "\n")
		if !strings.HasPrefix(first, want) {
			t.Errorf("the first line is %q, want one that begins with %q", first, want)
		}
		for _, why := range r.InvalidReasons {
			at, rate := strings.Index(rest, why), strings.Index(rest, "  rate ")
			if at < 0 || at > rate {
				t.Errorf("%q does not stand before the figures", why)
			}
		}
	}
}

func TestPipedRunIsALineForEachWindow(t *testing.T) {
	r := sample.Result()
	r.Series = r.Series[1:5]
	r.Series[2].Errors, r.Series[3].Memory, r.Series[3].P99 = 7, 0, 0
	var b bytes.Buffer
	v := New(&b, r.Plan)
	for _, s := range r.Series {
		v.Second(s, 0, r.Plan.Time)
	}
	v.Close()
	golden(t, "plain", b.Bytes())
	if bytes.ContainsRune(b.Bytes(), '\x1b') {
		t.Error("what is piped has escapes in it")
	}
}

func TestNobodyIsShownATerminalWhoDoesNotWantOne(t *testing.T) {
	master, slave := terminal(t)
	defer master.Close()
	defer slave.Close()
	for _, c := range []struct {
		term, noColor string
		want          bool
	}{{"xterm", "", true}, {"dumb", "", false}, {"xterm", "1", false}} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		if got := Terminal(slave); got != c.want {
			t.Errorf("TERM=%s NO_COLOR=%s: terminal %v, want %v", c.term, c.noColor, got, c.want)
		}
	}
	if Terminal(&bytes.Buffer{}) {
		t.Error("a buffer is a terminal")
	}
}

// counting counts what it is told.
type counting struct{ seconds, closed int }

func (c *counting) Second(result.Second, time.Duration, time.Duration) { c.seconds++ }
func (c *counting) Close()                                             { c.closed++ }

func TestSeveralViewsSeeTheSame(t *testing.T) {
	var a, b counting
	v := Several{&a, &b}
	v.Second(result.Second{}, 0, 0)
	v.Close()
	if a != (counting{1, 1}) || b != a {
		t.Errorf("%+v %+v", a, b)
	}
}
