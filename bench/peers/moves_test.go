package peers

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/bench/result"
)

// find returns a row and the system of a name that is measured in it.
func find(t *testing.T, row, name string) (*Workload, *system) {
	t.Helper()
	for _, w := range Workloads() {
		for i := range systems {
			if s := &systems[i]; w.Name == row && s.name == name && s.role == w.role && s.in(w.class) {
				return &w, s
			}
		}
	}
	t.Fatalf("%s is not measured in %s", name, row)
	return nil, nil
}

// The calls are such as were counted on Linux 6.18: of HAProxy with option splice-auto,
// of nginx with its default buffers, and of the systems as they are measured.
func TestSystemThatDoesNotDoWhatItsRowSaysIsFound(t *testing.T) {
	for _, c := range []struct {
		row, system string
		calls       map[string]float64
		want        string // "": as expected
	}{
		{"stream-1", "haproxy", map[string]float64{"splice": 4102}, ""},
		{"stream-1", "haproxy", map[string]float64{"recvfrom": 126681, "sendto": 126442}, "does not splice as its row says: 0 calls of splice and 2.531e+05 of"},
		{"stream-1", "haproxy", map[string]float64{"splice": 4102, "recvfrom": 9000, "sendto": 9000}, "does not only splice"},
		{"stream-16", "nginx", map[string]float64{"recvfrom": 1024, "writev": 1024}, ""},
		{"stream-16", "nginx", map[string]float64{"recvfrom": 65536, "writev": 65536}, "moves 16.0 KiB a call"},
		{"stream-1", "penstock", map[string]float64{"splice": 32768, "recvfrom": 4, "sendto": 4}, ""},
		{"stream-1", "c-copy", map[string]float64{"splice": 32768}, "does not copy"},
		{"download", "haproxy", map[string]float64{"recvfrom": 337, "sendto": 335, "splice": 2}, "does not splice"},
		{"download", "penstock", map[string]float64{"recvfrom": 5, "sendto": 5, "splice": 160}, ""},
		{"relay-64-100", "penstock", map[string]float64{"recvfrom": 2, "sendto": 2}, ""},
		{"relay-64-100", "penstock", map[string]float64{"splice": 4}, "does not copy"},
		{"relay-64-100", "c-splice", map[string]float64{"splice": 4, "read": 0.01}, ""},
		{"echo-64-100", "gnet", map[string]float64{"read": 1, "write": 1}, ""},
		{"echo-64-100", "gnet", map[string]float64{"read": 0.2, "write": 0.2}, "did too little"},
		{"echo-pipeline", "gnet", map[string]float64{"read": 1. / 16, "write": 1. / 16}, ""},
		{"crr-rst", "nginx", map[string]float64{"recvfrom": 2, "writev": 2}, ""},
		{"hold", "nginx", nil, ""},
	} {
		w, s := find(t, c.row, c.system)
		got := w.moves(s).check(c.calls)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s of %s with %v: %q, want %q", c.system, c.row, c.calls, got, c.want)
		}
	}
}

func TestEveryRowButHeldConnectionsExpectsSystemCalls(t *testing.T) {
	for _, w := range Workloads() {
		for i := range systems {
			if s := &systems[i]; s.role == w.role && s.in(w.class) && (w.moves(s).check(nil) == "") != (w.class == held) {
				t.Errorf("%s, %s: %v", w.Name, s.name, w.moves(s))
			}
		}
	}
}

func TestComparisonWithASystemHeldWronglyIsInvalid(t *testing.T) {
	w, s := find(t, "stream-1", "haproxy")
	m := &Match{Workload: *w, systems: []*system{s}}
	turn := func(calls map[string]float64) result.Turn { return result.Turn{Syscalls: 1, Moved: calls} }
	splices, copies := turn(map[string]float64{"splice": 4102}), turn(map[string]float64{"recvfrom": 60000})
	for _, c := range []struct {
		turns []result.Turn
		want  string
	}{
		{[]result.Turn{splices, splices, copies}, ""}, // one count in three went wrong
		{[]result.Turn{copies, splices, copies}, "haproxy: does not splice as its row says: 0 calls"},
		{[]result.Turn{{}, {}, splices}, "counted in 1 of 3 turns"},
	} {
		got := &result.Comparison{Valid: true, Systems: []result.System{{Name: "haproxy", Turns: c.turns, Against: &result.Against{Verdict: result.Cheaper}}}}
		m.Judge(got)
		reasons := strings.Join(got.InvalidReasons, "; ")
		if got.Valid != (c.want == "") || !strings.Contains(reasons, c.want) || (got.Systems[0].Against.Verdict == result.Unbelievable) == got.Valid {
			t.Errorf("%+v: valid %v, %q, verdict %s; want %q", c.turns, got.Valid, reasons, got.Systems[0].Against.Verdict, c.want)
		}
	}
}
