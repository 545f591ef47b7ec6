package mutants

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// The verdicts.
const (
	killed   = "killed"
	timeout  = "timeout"
	survived = "survived"
	broken   = "broken" // does not compile
)

// A verdict is what came of one mutant.
type verdict struct {
	ID      string
	Source  string // hash of what the verdict depends on
	Verdict string
	By      string        `json:",omitempty"` // the test or command that went red
	Took    time.Duration // ns
	mutant  *Mutant
}

// judgeAll runs the mutants that have no verdict yet.
func (o *options) judgeAll(b *build, trials []*trial, chosen []*Mutant, listed map[string]string, out io.Writer) (*report, error) {
	kept, err := openResults(o.results, b.root)
	if err != nil {
		return nil, err
	}
	defer kept.close()
	r := &report{listed: listed}
	var mu sync.Mutex
	var first error
	each(o.jobs, len(chosen), func(i int) {
		m := chosen[i]
		v, again := kept.verdict(m)
		if !again {
			v, err = b.judge(trials, m)
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil && first == nil {
			first = err
		}
		if first != nil {
			return
		}
		v.mutant = m
		r.add(v)
		if !again {
			first = kept.keep(v)
		}
		if o.verbose {
			fmt.Fprintf(out, "%-8s %5.1f s %s %s\n", v.Verdict, v.Took.Seconds(), m.ID, v.By)
		}
	})
	return r, first
}

// judge runs a mutant against the trials until one goes red.
func (b *build) judge(trials []*trial, m *Mutant) (v verdict, err error) {
	began := time.Now()
	v = verdict{ID: m.ID, Verdict: survived}
	defer func() { v.Took = time.Since(began) }()
	dir, number := b.dir, m.number
	if m.alone() {
		if dir, err = b.alone(m); err != nil {
			return v, err
		}
		defer os.RemoveAll(dir)
		number = 0
	}
	for _, group := range groups(trials, m, b.users(m)) {
		if err := b.link(dir, group[0].pkg); err != nil {
			var failed *exec.ExitError
			if m.alone() && errors.As(err, &failed) {
				v.Verdict, err = broken, nil
			}
			return v, err
		}
		if v.Verdict, v.By = b.try(dir, number, group); v.Verdict != survived {
			return v, nil
		}
	}
	return v, nil
}

// steps are the times by which trials are grouped: all that take less run before any that
// takes longer, and those of one binary in one process.
var steps = []time.Duration{300 * time.Millisecond, 1500 * time.Millisecond, time.Hour}

// groups returns the trials that reach a function that uses the mutant, in the order in
// which they run.
func groups(trials []*trial, m *Mutant, users []int) (all [][]*trial) {
	from := time.Duration(0)
	for _, to := range steps {
		at := map[string]int{}
		for _, t := range trials {
			reaches := slices.ContainsFunc(users, func(f int) bool { return t.reached[f] })
			if t.took < from || t.took >= to || !reaches && !m.within(t.pkg) {
				continue
			}
			key := t.pkg
			if t.args != nil {
				key = t.name
			}
			i, ok := at[key]
			if !ok {
				i = len(all)
				at[key] = i
				all = append(all, nil)
			}
			all[i] = append(all[i], t)
		}
		from = to
	}
	return all
}

// try runs one group. A test that fails runs once more by itself: under load a test may
// fail for want of time, and that kills nothing. If it then passes the others go on.
func (b *build) try(dir string, number int, group []*trial) (verdict, by string) {
	for len(group) > 0 {
		text, err := b.run(dir, group[0].pkg, number, patience(group), arguments(group)...)
		switch {
		case err == nil:
			return survived, ""
		case err == errTime:
			return timeout, group[0].pkg + " " + hanging(text, group)
		case err == errMemory:
			return killed, group[0].pkg + ": " + err.Error()
		case group[0].args != nil:
			return killed, group[0].name
		}
		i := slices.IndexFunc(group, func(t *trial) bool { return strings.Contains(text, "--- FAIL: "+t.name+" ") })
		if i < 0 {
			return killed, group[0].pkg + ": " + crash(text)
		}
		alone := []*trial{group[i]}
		if _, err := b.run(dir, group[i].pkg, number, patience(alone), arguments(alone)...); err != nil {
			return killed, group[i].pkg + " " + group[i].name
		}
		group = slices.Delete(slices.Clone(group), i, i+1)
	}
	return survived, ""
}

// patience is how long a group may take: ten times what it took without a mutant, and 10 s.
func patience(group []*trial) time.Duration {
	sum := 10 * time.Second
	for _, t := range group {
		sum += 10 * t.took
	}
	return min(sum, 2*time.Minute)
}

var crashLine = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|SIG[A-Z]+: .*)`)

func crash(text string) string {
	if m := crashLine.FindString(text); m != "" {
		return m
	}
	return "the process ended"
}

func hanging(text string, group []*trial) string {
	if len(group) == 1 {
		return group[0].name
	}
	return fmt.Sprintf("one of %d tests", len(group))
}
