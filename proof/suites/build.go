package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A testBinary is the tests of one package, and the directory that they expect to run in.
type testBinary struct {
	path, dir string
}

// binaries are the test binaries of a run, by package.
type binaries struct {
	scratch string
	of      map[string]testBinary
}

// buildAll compiles the test binaries into a scratch directory.
func buildAll(ctx context.Context, packages []string, out io.Writer) (b *binaries, err error) {
	scratch, err := os.MkdirTemp("", "penstock-suites-")
	if err != nil {
		return nil, err
	}
	b = &binaries{scratch: scratch, of: map[string]testBinary{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.remove())
		}
	}()
	for _, p := range packages {
		began := time.Now()
		if err := b.build(ctx, p); err != nil {
			return nil, fmt.Errorf("suites: build the tests of %s: %w", p, err)
		}
		fmt.Fprintf(out, "built the tests of %s, %.1f s\n", p, time.Since(began).Seconds())
	}
	return b, nil
}

func (b *binaries) build(ctx context.Context, p string) error {
	dir, err := sourceOf(ctx, p)
	if err != nil {
		return err
	}
	path := filepath.Join(b.scratch, strings.ReplaceAll(p, "/", "-")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", path, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c in %s: %w: %s", dir, err, out)
	}
	if _, err := os.Stat(path); err != nil {
		return errors.New("the package has no tests")
	}
	b.of[p] = testBinary{path, dir}
	return nil
}

// sourceOf returns the directory of a package's source.
func sourceOf(ctx context.Context, p string) (string, error) {
	words := []string{"list", "-f", "{{.Dir}}", p}
	if p == conntest {
		words = []string{"list", "-m", "-f", "{{.Dir}}/proof/suites/" + conntest, "github.com/penstock/penstock"}
	}
	out, err := exec.CommandContext(ctx, "go", words...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(words, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

func (b *binaries) remove() error { return os.RemoveAll(b.scratch) }
