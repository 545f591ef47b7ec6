package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/bench/ab"
	"github.com/penstock/penstock/bench/plan"
)

// A Match is one workload and those that can be measured under it here.
type Match struct {
	Workload
	Bench   ab.Bench
	Missing []string // which cannot, and why
	systems []*system
	bin     string
}

// Matches answers the matrix, or the rows of those names, with the programs of the
// project in the folder bin.
func Matches(names []string, bin string) (all []*Match, err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	workloads, versions := Workloads(), map[*system]string{}
	for _, name := range names {
		if !slices.ContainsFunc(workloads, func(w Workload) bool { return w.Name == name }) {
			return nil, fmt.Errorf("workload %q: must be one of %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, w := range workloads {
		if len(names) > 0 && !slices.Contains(names, w.Name) {
			continue
		}
		all = append(all, match(w, bin, versions))
	}
	return all, nil
}

// Names are those of the workloads.
func Names() (names []string) {
	for _, w := range Workloads() {
		names = append(names, w.Name)
	}
	return names
}

func match(w Workload, bin string, versions map[*system]string) *Match {
	m := &Match{Workload: w, bin: bin}
	var others []*system
	for i := range systems {
		switch s := &systems[i]; {
		case s.role != w.role || !s.in(w.class):
		case s.greedy && w.class == held:
			m.Missing = append(m.Missing, s.name+": takes 6 descriptors for each connection, and a process may have 20,000")
		case s.name == w.base:
			m.take(s, versions)
		default:
			others = append(others, s)
		}
	}
	for _, s := range others {
		m.take(s, versions)
	}
	return m
}

// take adds a system, if it can run here. Its version is asked for once.
func (m *Match) take(s *system, versions map[*system]string) {
	if why := s.missing(m.bin); why != "" {
		m.Missing = append(m.Missing, s.name+": "+why)
		return
	}
	if _, known := versions[s]; !known {
		versions[s] = s.version(m.bin)
	}
	m.systems = append(m.systems, s)
	m.Bench.Systems = append(m.Bench.Systems, ab.System{Name: s.name, Command: s.words, Config: s.config, Version: versions[s]})
}

// Check says why the row cannot be measured here.
func (m *Match) Check() error {
	if len(m.systems) == 0 || m.systems[0].name != m.base {
		return fmt.Errorf("%s: the base cannot be measured: %s: build the programs, with --build", m.Name, strings.Join(m.Missing, "; "))
	}
	return nil
}

// Backend is the kind of server that the relays relay to, "" if there are none.
func (m *Match) Backend() string {
	if m.role == relay {
		return m.backend
	}
	return ""
}

// Plan is the load, without its target.
func (m *Match) Plan(span time.Duration) *plan.Plan {
	p := m.plan
	p.Time, p.Warmup, p.Seed, p.Loops = span, 4*span, 1, 1
	return &p
}

// Echo is a load of messages of many sizes whose every byte is checked. Relays, which
// are to keep what a full socket does not take, are also sent more than a socket does.
func (m *Match) Echo() *plan.Plan {
	sizes := plan.Mix{{Bytes: 1, Weight: 1}, {Bytes: 64, Weight: 1}, {Bytes: 1000, Weight: 1}, {Bytes: 16 << 10, Weight: 1}}
	if m.role == relay {
		sizes = append(sizes, plan.Share{Bytes: 1 << 20, Weight: 1})
	}
	return &plan.Plan{
		Kind: plan.RR, Request: sizes, Conns: 20, Verify: true,
		Time: 100 * time.Millisecond, Window: 50 * time.Millisecond, Loops: 1, Seed: 1,
	}
}

// Source is where the settings of system i come from, "" if it has none.
func (m *Match) Source(i int) string { return m.systems[i].source }

// Command answers the words that start system i, to listen on addr and to relay to the
// address to; dir is a folder of its own for its configuration.
func (m *Match) Command(i int, dir, addr, to string) ([]string, error) {
	dir = filepath.Join(dir, m.systems[i].name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	words, config, err := m.systems[i].prepare(m.bin, dir, addr, to)
	if config != "" {
		m.Bench.Systems[i].Config = config
	}
	return words, err
}
