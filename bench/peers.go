package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock/penstock/bench/measure"
	"github.com/penstock/penstock/bench/page"
	"github.com/penstock/penstock/bench/peers"
	"github.com/penstock/penstock/bench/plan"
	"github.com/penstock/penstock/bench/result"
	"github.com/penstock/penstock/bench/view"
)

type peersCommand struct {
	Names  []string      `arg:"" optional:"" help:"Rows of the matrix. None: all; --list shows them."`
	List   bool          `help:"Show the rows, who is measured in each, and how each is configured; and measure nothing."`
	Build  bool          `help:"Build the programs first: those of the project, the rivals in Go, and those in C. Needs gcc and make."`
	Bin    string        `default:"bench/bin" help:"Where the programs are."`
	Blocks int           `default:"5" help:"Blocks of turns: each system has two in each."`
	Time   time.Duration `short:"d" name:"duration" default:"500ms" help:"How long a turn measures."`
	JSON   string        `name:"json" placeholder:"DIR" help:"Save each comparison in a folder."`
	Output string        `short:"o" placeholder:"FILE.html" help:"Write a page."`
	From   string        `placeholder:"DIR" help:"Measure nothing: make the table and the page of what was saved in a folder with --json."`
	Write  bool          `help:"Write the tables into BENCHMARKS.md, and a few rows into README.md, between their lines <!-- peers: begin --> and <!-- peers: end -->."`

	sound map[string]bool // systems that were seen to relay and echo every byte, by their command and configuration
}

// Run runs the matrix, in the root of the repository.
func (c *peersCommand) Run(s *session) error {
	if c.Blocks < 1 || c.Time < 100*time.Millisecond {
		return &exit{exitUsage, fmt.Errorf("--blocks %d, --duration %v: must be at least 1 and 100ms", c.Blocks, c.Time)}
	}
	if c.Write && len(c.Names) > 0 {
		return &exit{exitUsage, errors.New("--write: the tables are written whole: name no rows")}
	}
	if c.From != "" {
		return c.saved(s)
	}
	if c.Build {
		if err := build(s, c.Bin); err != nil {
			return err
		}
	}
	matches, err := peers.Matches(c.Names, c.Bin)
	if err != nil {
		return &exit{exitUsage, err}
	}
	if c.JSON != "" {
		if err := os.MkdirAll(c.JSON, 0o755); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "penstock-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.List {
		return list(s, matches, dir)
	}
	for _, m := range matches {
		if err := m.Check(); err != nil {
			return &exit{exitUsage, err}
		}
	}
	pin, err := measure.Pin(measure.Split, 1, 1)
	if err != nil {
		return err
	}
	for _, m := range matches { // before minutes are spent
		if err := c.verify(s, m, dir, pin); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	var all []*result.Comparison
	for _, m := range matches {
		comparison, err := c.match(s, m, dir, pin)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		all = append(all, comparison)
	}
	return c.tell(s, all)
}

// saved makes the table and the page of rows that were measured one by one.
func (c *peersCommand) saved(s *session) error {
	var all []*result.Comparison
	for _, name := range peers.Names() {
		comparison, err := result.LoadComparison(filepath.Join(c.From, name+".json"))
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(s.err, "%s: was not saved in %s, and is left out\n", name, c.From)
			continue
		}
		if err != nil {
			return &exit{exitUsage, err}
		}
		all = append(all, comparison)
	}
	return c.tell(s, all)
}

// build builds what is compared.
func build(s *session, bin string) error {
	for _, words := range [][]string{
		{"go", "build", "-o", bin + "/", "./examples/...", "./bench/rivals/..."},
		{"make", "-C", "bench/c"},
	} {
		cmd := exec.CommandContext(s.ctx, words[0], words[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s, in the root of the repository: %w\n%s", strings.Join(words, " "), err, out)
		}
	}
	return nil
}

// list shows the matrix, what each system is to do, how it is configured, and why so.
func list(s *session, matches []*peers.Match, dir string) error {
	shown := map[string]bool{}
	for _, m := range matches {
		fmt.Fprintf(s.out, "%-18s %s\n", m.Name, m.Title)
		for i, system := range m.Bench.Systems {
			fmt.Fprintf(s.out, "    %s: %s\n", system.Name, m.Expected(i))
			if key := system.Command + system.Config; !shown[key] {
				shown[key] = true
				if _, err := m.Command(i, dir, "{addr}", "{to}"); err != nil {
					return err
				}
				fmt.Fprintf(s.out, "        %s\n%s", system.Command, indent(m.Bench.Systems[i].Config))
				if source := m.Source(i); source != "" {
					fmt.Fprintf(s.out, "        settings: %s\n", source)
				}
			}
		}
		for _, why := range m.Missing {
			fmt.Fprintf(s.out, "    not measured: %s\n", why)
		}
	}
	return nil
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "        " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n        ") + "\n"
}

// match runs one row.
func (c *peersCommand) match(s *session, m *peers.Match, dir string, pin measure.Pinning) (*result.Comparison, error) {
	to := ""
	var beside []*measure.System
	if kind := m.Backend(); kind != "" {
		backend, target, err := startBackend(s, kind, pin.Generator)
		if err != nil {
			return nil, err
		}
		beside = append(beside, backend)
		defer backend.Close()
		to = target.Address
	}
	t := turnsOf(m, m.Plan(c.Time), dir, to)
	t.beside = beside
	m.Bench.Blocks, m.Bench.Turn, m.Bench.Told = c.Blocks, t.take, tellTurns(s, t.plan.Kind)
	fmt.Fprintf(s.err, "%s: %s\n", m.Name, m.Title)
	comparison, err := t.compare(s, &m.Bench)
	if err != nil {
		return nil, err
	}
	for i := range comparison.Systems {
		comparison.Systems[i].Config = m.Bench.Systems[i].Config
	}
	m.Judge(comparison)
	comparison.Name, comparison.Args = m.Title, []string{"peers", m.Name, "--blocks", fmt.Sprint(c.Blocks), "-d", c.Time.String()}
	fmt.Fprintf(s.out, "\n%s\n", m.Title)
	view.Comparison(s.out, comparison)
	if c.JSON != "" {
		return comparison, comparison.Save(filepath.Join(c.JSON, m.Name+".json"))
	}
	return comparison, nil
}

// turnsOf returns what runs a plan against the systems of a row, which relay to an
// address.
func turnsOf(m *peers.Match, p *plan.Plan, dir, to string) *turns {
	t := &turns{plan: p, own: true, pinMode: measure.Split}
	t.plan.Defaults()
	for i := range m.Bench.Systems {
		t.commands = append(t.commands, func(addr string) ([]string, error) { return m.Command(i, dir, addr, to) })
	}
	return t
}

// verify returns an error if a system of a row does not give back what it is sent. Each
// is asked once in each of its configurations.
func (c *peersCommand) verify(s *session, m *peers.Match, dir string, pin measure.Pinning) error {
	to := ""
	t := turnsOf(m, m.Echo(), dir, "")
	if c.sound == nil {
		c.sound = map[string]bool{}
	}
	for i, system := range m.Bench.Systems {
		key := system.Command + system.Config
		if c.sound[key] {
			continue
		}
		if to == "" && m.Backend() != "" {
			backend, target, err := startBackend(s, "echo", pin.Generator)
			if err != nil {
				return err
			}
			defer backend.Close()
			to = target.Address
			t = turnsOf(m, m.Echo(), dir, to)
		}
		if err := t.echoes(s.ctx, i, pin.Systems[0]); err != nil {
			return fmt.Errorf("%s: %w", system.Name, err)
		}
		c.sound[key] = true
	}
	return nil
}

// startBackend starts this program as the other end of a relay.
func startBackend(s *session, kind string, cpus measure.CPUs) (*measure.System, plan.Target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, plan.Target{}, err
	}
	addr, err := measure.FreeAddress()
	if err != nil {
		return nil, plan.Target{}, err
	}
	target := plan.Target{Network: "tcp", Address: addr}
	backend, err := measure.Launch(s.ctx, []string{self, "serve", kind, "--listen", target.String(), "--loops", "1"}, cpus, target, 10*time.Second)
	return backend, target, err
}

// tell writes the tables and the page.
func (c *peersCommand) tell(s *session, all []*result.Comparison) error {
	tables := peers.Markdown(all)
	fmt.Fprintf(s.out, "\n%s", tables)
	invalid := 0
	for _, comparison := range all {
		if !comparison.Valid {
			invalid++
		}
	}
	if c.Output != "" {
		p := page.Page{Title: "Penstock and its peers", Comparisons: all}
		if err := writePage(c.Output, &p); err != nil {
			return err
		}
	}
	if invalid > 0 {
		return &exit{exitInvalid, fmt.Errorf("%d of %d rows are invalid, and nothing is written: measure them again with --json, and write with --from", invalid, len(all))}
	}
	if !c.Write {
		return nil
	}
	if n := len(peers.Names()); len(all) != n {
		return &exit{exitUsage, fmt.Errorf("--write: the tables are written whole: %d of %d rows are there", len(all), n)}
	}
	return errors.Join(peers.Write("BENCHMARKS.md", tables), peers.Write("README.md", peers.Excerpt(all)))
}
