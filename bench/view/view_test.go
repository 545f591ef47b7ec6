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
