package mutants

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// results are the verdicts of earlier runs: one line of JSON each.
type results struct {
	file  *os.File
	known map[string]verdict
	tree  string
}

// openResults reads the file and opens it to append. Without a path nothing is kept.
func openResults(path, root string) (*results, error) {
	r := &results{known: map[string]verdict{}}
	if path == "" {
		return r, nil
	}
	var err error
	if r.tree, err = hashTree(root); err != nil {
		return nil, err
	}
	if r.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(r.file)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.known[v.ID] = v
	}
	return r, lines.Err()
}

// verdict returns the verdict of an earlier run that still holds. A killed mutant stays
// killed while its function is the same. One that survived may be killed by any change.
func (r *results) verdict(m *Mutant) (verdict, bool) {
	v, ok := r.known[m.ID]
	return v, ok && v.Source == r.source(m, v.Verdict)
}

func (r *results) source(m *Mutant, outcome string) string {
	if outcome == survived || m.fn == nil {
		return r.tree
	}
	return hash(m.fn.text)
}

func (r *results) keep(v verdict) error {
	if r.file == nil {
		return nil
	}
	v.Source = r.source(v.mutant, v.Verdict)
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

func (r *results) close() {
	if r.file != nil {
		r.file.Close()
	}
}

func hash(text string) string {
	h := fnv.New64a()
	h.Write([]byte(text))
	return fmt.Sprintf("%016x", h.Sum64())
}

// hashTree is a hash of all Go files that a verdict may depend on.
func hashTree(root string) (string, error) {
	h := fnv.New64a()
	for _, dir := range append([]string{"internal"}, append(packages, "proof/sim", "proof/conform")...) {
		err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(dir)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			text, err := os.ReadFile(path)
			h.Write(text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}
