package suites

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An outcome is how a test ended. The zero outcome is of a test that did not.
type outcome string

const (
	passed  outcome = "PASS"
	skipped outcome = "SKIP"
	failed  outcome = "FAIL"
)

func (o outcome) String() string {
	if o == "" {
		return "did not end"
	}
	return string(o)
}

// results are what one run of a test binary came to.
type results struct {
	tests  map[string]outcome // by full name, subtests included
	err    error              // why the binary failed, other than by tests that did
	output []byte             // the last of it
	relay  counters           // what the relay carried meanwhile
}

// mark is a line that ends a test in the output of -test.v=test2json. Such lines
// begin with a control character, and nothing that a test prints is taken for one.
var mark = regexp.MustCompile(`\x16 *--- (PASS|SKIP|FAIL): (\S+) \(`)

// readResults reads the output of a test binary to its end.
func readResults(from io.Reader) (tests map[string]outcome, last []byte, err error) {
	tests = map[string]outcome{}
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if m := mark.FindSubmatch(line); m != nil {
			tests[string(m[2])] = outcome(m[1])
		}
		last = append(last, bytes.ReplaceAll(line, []byte{'\x16'}, nil)...)
		if len(last) > 2*keptOutput {
			last = append(last[:0], last[len(last)-keptOutput:]...)
		}
		if err == io.EOF {
			return tests, last, nil
		} else if err != nil {
			return tests, last, err
		}
	}
}

// keptOutput is how many bytes of a run's output are kept for a failure: the
// stacks of a binary that hangs come to some hundred KiB.
const keptOutput = 1 << 20

func (r *results) count(o outcome) (n int) {
	for _, got := range r.tests {
		if got == o {
			n++
		}
	}
	return n
}

// wanting returns the tests that passed in base and not here, in order.
func (r *results) wanting(base *results) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(base.tests)) {
		if base.tests[name] == passed && r.tests[name] != passed {
			names = append(names, name)
		}
	}
	return names
}

// topLevel returns the tests that the names are of or belong to, without repetition.
func topLevel(names []string) (tops []string) {
	for _, name := range names {
		tops = append(tops, top(name))
	}
	return slices.Compact(slices.Sorted(slices.Values(tops)))
}

func top(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}
