package measure

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

func TestSplitGivesTheLastCPUsToTheGenerator(t *testing.T) {
	for _, c := range []struct {
		mode           string
		systems, loops int
		cpus           CPUs
		want           string
	}{
		{Shared, 1, 1, CPUs{0, 1}, "[] "},
		{Split, 1, 1, CPUs{0, 1}, "[0] 1"},
		{Split, 2, 2, CPUs{0, 1, 2, 3, 5}, "[0-2 0-2] 3,5"},
		{Duet, 2, 1, CPUs{0, 1}, "[0 0] 1"},
		{Duet, 2, 1, CPUs{2, 3, 4, 6}, "[2 3-4] 6"},
		{Duet, 3, 1, CPUs{0, 1, 2, 3}, "[0 1 2] 3"},
	} {
		p, err := divide(c.mode, c.systems, c.loops, c.cpus)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(p.Systems, p.Generator); got != c.want {
			t.Errorf("%s of %d systems and %d loops on %v: %s, want %s", c.mode, c.systems, c.loops, c.cpus, got, c.want)
		}
	}
	if _, err := divide(Split, 1, 1, CPUs{3}); err == nil || !strings.Contains(err.Error(), "--pin shared") {
		t.Errorf("one CPU: %v", err)
	}
	if _, err := divide(Split, 1, 2, CPUs{0, 1}); err == nil || !strings.Contains(err.Error(), "--loops 1") {
		t.Errorf("two loops on the one CPU that is left: %v", err)
	}
	if _, err := divide("apart", 1, 1, CPUs{0, 1}); err == nil {
		t.Error("a mode that is none was taken")
	}
}

// allowed reads what the kernel says of all threads of a process.
func allowed(t *testing.T, pid int) (of []string) {
	t.Helper()
	for _, tid := range threadsOf(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), "Cpus_allowed_list:")
		line, _, _ := strings.Cut(rest, "\n")
		of = append(of, strings.TrimSpace(line))
	}
	return of
}

func TestLaunchedSystemIsOnItsCPUsAndWeAreWhereWeWere(t *testing.T) {
	cpu := Given()[:1]
	before := allowed(t, os.Getpid())
	s := launch(t, cpu)
	s.do("threads:1")
	for _, got := range allowed(t, s.PID()) {
		if got != cpu.String() {
			t.Errorf("a thread of the system may use %s, not just %v", got, cpu)
		}
	}
	for _, got := range allowed(t, os.Getpid()) {
		if got != before[0] {
			t.Errorf("a thread of ours may use %s, and could use %s", got, before[0])
		}
	}
}

func TestApplyPinsEveryThreadAndUndoes(t *testing.T) {
	testkit.Leaks(t)
	if len(Given()) < 2 {
		t.Skip("needs 2 CPUs")
	}
	procs := runtime.GOMAXPROCS(0)
	p, err := Pin(Split, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	undo, err := p.Apply()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range allowed(t, os.Getpid()) {
		if got != p.Generator.String() {
			t.Errorf("a thread may use %s, not just %v", got, p.Generator)
		}
	}
	if got := Given(); !reflect.DeepEqual(got, given) || len(got) < 2 {
		t.Errorf("given: %v", got)
	}
	// A system that is launched meanwhile has what we were given.
	s := launch(t, nil)
	for _, got := range allowed(t, s.PID()) {
		if got != given.String() {
			t.Errorf("a thread of the system may use %s, of %v", got, given)
		}
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	for _, got := range allowed(t, os.Getpid()) {
		if got != given.String() {
			t.Errorf("afterwards a thread may use %s, not %v", got, given)
		}
	}
	if n := runtime.GOMAXPROCS(0); n != procs {
		t.Errorf("GOMAXPROCS is %d, was %d", n, procs)
	}
}
