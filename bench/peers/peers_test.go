package peers

import (
	"os"
	"path/filepath"
	"slices"
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
	all, err := Matches(nil, programs(t, "c-echo", "c-relay", "echo", "forward", "std-echo", "std-relay", "netpoll-echo", "gnet-echo", "nbio-echo", "evio-echo", "tcpproxy-relay"))
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
		systems := map[string]bool{}
		for i, s := range m.Bench.Systems {
			if systems[s.Name] {
				t.Errorf("%s: %s is measured twice", m.Name, s.Name)
			}
			systems[s.Name] = true
			words, err := m.Command(i, t.TempDir(), "127.0.0.1:7001", "127.0.0.1:7002")
			if err != nil || strings.Contains(strings.Join(words, " ")+m.Bench.Systems[i].Config, "{addr}") {
				t.Errorf("%s, %s: %v, %v", m.Name, s.Name, words, err)
			}
		}
	}
	if len(all) != len(Names()) || !seen["hold"] || !seen["relay-64-1000"] || !seen["echo-64-20"] || !seen["download"] || !seen["crr-rst"] {
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
	if err != nil || len(all[0].Bench.Systems) != 2 || len(all[0].Missing) != 6 {
		t.Errorf("%+v, %v: want two systems, and why six are not there", all, err)
	}
	if _, err := Matches([]string{"nothing"}, programs(t)); err == nil || !strings.Contains(err.Error(), "echo-64-1") {
		t.Errorf("%v: want an error that lists the rows", err)
	}
}

func comparison(nginx, penstock float64) *result.Comparison {
	against := func(v ...float64) *result.Against {
		ones := make([]float64, len(v))
		for i := range ones {
			ones[i] = 1
		}
		return &result.Against{Cost: result.NewRatio(v, ones)}
	}
	return &result.Comparison{Name: "relay, 64 B, 100 connections", Blocks: 3, Systems: []result.System{
		{Name: "c-splice", Turns: []result.Turn{{Cost: 6200}, {Cost: 6400}}},
		{Name: "nginx", Version: "nginx 1.22.1", Against: against(nginx-0.02, nginx, nginx+0.02)},
		{Name: "penstock", Against: against(penstock-0.02, penstock, penstock+0.02)},
		{Name: "haproxy", Against: against()},
	}, Environment: result.Environment{CPU: "AMD EPYC", CPUs: 2, Kernel: "Linux 6.18.44-vendor-7 x86_64", Go: "go1.26"}}
}

func TestTableHasARowForAComparisonAndAColumnForASystem(t *testing.T) {
	text := Markdown([]*result.Comparison{comparison(1.08, 0.98)})
	row := "| relay, 64 B, 100 connections | C splice, 6.30 µs | 0.98 (0.96–1.00) |  |  |  |  | 1.08 (1.06–1.10) | 0.98 of C splice (0.96–1.00) |\n"
	for _, want := range []string{row, "AMD EPYC, 2 CPUs, Linux 6.18.44 x86_64, go1.26; nginx 1.22.1.", "median of 3 blocks", "cheapest in 1 of 1 rows"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nhas no %q", text, want)
		}
	}
	if strings.Contains(text, "vendor") || strings.Contains(text, "| **0.98") {
		t.Errorf("%s\nnames a builder's kernel, or marks a row in which Penstock is the first", text)
	}
}

func TestRowInWhichPenstockIsNotTheFirstSaysSo(t *testing.T) {
	text := Excerpt([]*result.Comparison{comparison(0.80, 0.88)})
	for _, want := range []string{"| **1.10 of nginx** (1.10–1.10) |\n", "cheapest in 0 of 1 rows"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nhas no %q", text, want)
		}
	}
}

func TestExcerptHasRowsOfTheMatrixAndSystemsOfBothRoles(t *testing.T) {
	for _, name := range excerpt {
		if !slices.Contains(Names(), name) {
			t.Errorf("there is no row %s", name)
		}
	}
	for _, name := range slices.Concat(echoColumns, relayColumns, excerptColumns) {
		if !slices.ContainsFunc(systems, func(s system) bool { return s.name == name }) {
			t.Errorf("there is no system %s", name)
		}
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
