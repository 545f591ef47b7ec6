package peers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/result"
)

// programs makes a folder of programs that could be started, for who only looks.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEveryRowHasABaseAndALoadThatCanBeRun(t *testing.T) {
	all, err := Matches(nil, programs(t, "c-echo", "c-relay", "echo", "forward", "std-echo", "std-relay", "netpoll-echo"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range all {
		p := m.Plan(1e9)
		p.Defaults()
		p.Target.Network, p.Target.Address = "tcp", "127.0.0.1:7"
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if len(m.Bench.Systems) < 2 || m.Bench.Systems[0].Name != m.base || seen[m.Name] {
			t.Errorf("%s: %d systems, the first is %s, want %s", m.Name, len(m.Bench.Systems), m.Bench.Systems[0].Name, m.base)
		}
		seen[m.Name] = true
		for i, s := range m.Bench.Systems {
			if m.Direct(i) {
				continue
			}
			words, err := m.Command(i, t.TempDir(), "127.0.0.1:7001", "127.0.0.1:7002")
			if err != nil || strings.Contains(strings.Join(words, " ")+m.Bench.Systems[i].Config, "{addr}") {
				t.Errorf("%s, %s: %v, %v", m.Name, s.Name, words, err)
			}
		}
	}
	if len(all) != len(Names()) || !seen["hold"] || !seen["relay-64-1000"] || !seen["crr-rst"] {
		t.Errorf("rows %v", seen)
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	none, err := Matches([]string{"echo-64-1"}, programs(t, "echo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := none[0].Check(); err == nil || !strings.Contains(err.Error(), "--build") {
		t.Errorf("without the base: %v, want the remedy", err)
	}
	all, err := Matches([]string{"echo-64-1"}, programs(t, "c-echo", "echo"))
	if err != nil || len(all[0].Bench.Systems) != 2 || len(all[0].Missing) != 2 {
		t.Errorf("%+v, %v: want two systems, and why two are not there", all, err)
	}
	if _, err := Matches([]string{"nothing"}, programs(t)); err == nil || !strings.Contains(err.Error(), "echo-64-1") {
		t.Errorf("%v: want an error that lists the rows", err)
	}
}

func comparison() *result.Comparison {
	against := func(v ...float64) *result.Against {
		ones := make([]float64, len(v))
		for i := range ones {
			ones[i] = 1
		}
		return &result.Against{Cost: result.NewRatio(v, ones)}
	}
	return &result.Comparison{Name: "relay, 64 B", Systems: []result.System{
		{Name: "c-splice", Turns: []result.Turn{{Cost: 6200}, {Cost: 6400}}},
		{Name: "nginx", Against: against(1.06, 1.08, 1.10)},
		{Name: "penstock", Against: against(0.97, 0.98, 0.99)},
		{Name: "no relay", Against: against()},
	}}
}

func TestTableHasARowForAComparisonAndAColumnForASystem(t *testing.T) {
	lines := strings.Split(Markdown([]*result.Comparison{comparison()}), "\n")
	if want := "| relay, 64 B | c-splice, 6.30 µs | **0.98** (0.97–0.99) |  |  |  |  | 1.08 (1.06–1.10) |"; lines[2] != want {
		t.Errorf("%s\nwant\n%s", lines[2], want)
	}
}

func TestTableIsWrittenBetweenItsMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	os.WriteFile(file, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o644)
	if err := Write(file, "new\n"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "before\n"+begin+"new\n"+end+"after\n" {
		t.Errorf("%s", b)
	}
	os.WriteFile(file, []byte("no marks"), 0o644)
	if err := Write(file, "new\n"); err == nil {
		t.Error("a file without marks is written into")
	}
	if b, _ := os.ReadFile(file); string(b) != "no marks" {
		t.Errorf("%s", b)
	}
}
