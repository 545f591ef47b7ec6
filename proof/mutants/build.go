package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A build is the binaries with all mutants in them.
type build struct {
	root, dir string
	files     []*source
}

// tested are the packages whose tests run against the mutants.
var tested = append(packages[:len(packages):len(packages)], "proof/sim")

// compile builds the mutants that are wanted, but for those that do not compile, into the
// binaries of the trials.
func (b *build) compile(trials []*trial) error {
	if err := b.findBroken(); err != nil {
		return err
	}
	texts := map[string]string{}
	for _, s := range b.files {
		texts[s.path], _ = s.schema()
	}
	for _, pkg := range packages {
		texts[pkg+"/zz_mutant__.go"] = support(pkg)
	}
	if err := writeOverlay(b.root, b.dir, texts); err != nil {
		return err
	}
	for _, pkg := range append(tested, "proof") { // those of an earlier build
		os.Remove(binary(b.dir, pkg))
	}
	for _, t := range trials {
		if err := b.link(b.dir, t.pkg); err != nil {
			return err
		}
	}
	return nil
}

// writeOverlay writes texts to a directory, and the file that has the go command take
// them in place of the originals.
func writeOverlay(root, dir string, texts map[string]string) error {
	replace := map[string]string{}
	for file, text := range texts {
		edited := filepath.Join(dir, flat(file))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = edited
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o600)
}

// link makes a binary in a directory that has an overlay, if it is not there: that of the
// tests of a package, or the proof's.
func (b *build) link(dir, pkg string) error {
	if _, err := os.Stat(binary(dir, pkg)); err == nil {
		return nil
	}
	args := []string{"build"}
	if pkg != "proof" {
		args = []string{"test", "-c", "-vet=off"}
	}
	text, err := b.goCommand(append(args, "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary(dir, pkg), "./"+pkg)...)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", pkg, err, text)
	}
	return nil
}

// flat is the name of a file for all that belongs to a path.
func flat(path string) string { return strings.ReplaceAll(path, "/", "_") }

func binary(dir, pkg string) string {
	return filepath.Join(dir, flat(pkg)+".bin")
}

func (b *build) goCommand(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = b.root
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	return text.String(), err
}

// alone prepares the build of a mutant that cannot be a copy, in a directory of its own.
func (b *build) alone(m *Mutant) (dir string, err error) {
	dir = filepath.Join(b.dir, fmt.Sprint("alone", m.number))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for _, s := range b.files {
		if s.path == m.File {
			return dir, writeOverlay(b.root, dir, map[string]string{m.File: s.edited(m)})
		}
	}
	return "", fmt.Errorf("no file %s", m.File)
}
