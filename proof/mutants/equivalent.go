package mutants

import (
	_ "embed"
	"fmt"
	"strings"
)

// equivalent lists the mutants that no test can tell from the original, each with the
// reason: an id, and after a space the reason. A line that begins with # is a comment.
//
//go:embed equivalent.txt
var equivalent string

// readEquivalent returns the reasons by id. An id that no mutant has is an error: the
// source has changed, and the reason may not hold any more.
func readEquivalent(all []*Mutant, text string) (map[string]string, error) {
	known := map[string]bool{}
	for _, m := range all {
		known[m.ID] = true
	}
	listed := map[string]string{}
	var stale []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		switch {
		case reason == "":
			stale = append(stale, id+" has no reason")
		case listed[id] != "":
			stale = append(stale, id+" is listed twice")
		case !known[id]:
			stale = append(stale, id+" is no mutant any more")
		}
		listed[id] = reason
	}
	if len(stale) > 0 {
		return nil, fmt.Errorf("equivalent.txt has rotted:\n%s", joinLines(stale))
	}
	return listed, nil
}

func joinLines(all []string) string { return "\t" + strings.Join(all, "\n\t") }
