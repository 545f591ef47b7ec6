package penstock_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/penstock/penstock/"

// line is the order of the packages: each may import those before it, none after.
var line = []string{"internal/sys", "fd", "poller", "pool", "loop", "splice"}

// A source is one Go file of the repository.
type source struct {
	path string // from the root
	file *ast.File
	set  *token.FileSet
	test bool
}

func sources(t *testing.T) (all []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		all = append(all, source{filepath.ToSlash(path), f, set, strings.HasSuffix(path, "_test.go")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (s source) imports() (paths []string) {
	for _, i := range s.file.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

// Nothing that ships knows the simulated kernel, or what proves it.
func TestSimulationDoesNotShip(t *testing.T) {
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			proof := strings.HasPrefix(path, module+"internal/simkernel") || strings.HasPrefix(path, module+"proof")
			if proof && s.inLibrary() {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
	}
}

// inLibrary says that the file is of the library itself, and not of a test.
func (s source) inLibrary() bool {
	return !s.test && !strings.HasPrefix(s.path, "bench/") && !strings.HasPrefix(s.path, "examples/") &&
		!strings.HasPrefix(s.path, "internal/testkit/") && !strings.HasPrefix(s.path, "proof/")
}

func TestImportsFormALine(t *testing.T) {
	for _, s := range sources(t) {
		at := slices.Index(line, filepath.ToSlash(filepath.Dir(s.path)))
		if at < 0 || s.test {
			continue
		}
		for _, path := range s.imports() {
			if to := slices.Index(line, strings.TrimPrefix(path, module)); to >= at {
				t.Errorf("%s imports %s, which comes after it", s.path, path)
			}
		}
	}
}

func TestOnlySysTouchesSystemCalls(t *testing.T) {
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			low := path == "syscall" || path == "unsafe" || strings.HasPrefix(path, "golang.org/x/sys")
			if low && s.inLibrary() && !strings.HasPrefix(s.path, "internal/sys/") {
				t.Errorf("%s imports %s", s.path, path)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if c, ok := n.(*ast.Comment); ok && strings.HasPrefix(c.Text, "//go:linkname") {
				t.Errorf("%s: linkname", s.path)
			}
			return true
		})
	}
}

// close(2) is called in one place of the runtime.
func TestCloseIsCalledInOnePlace(t *testing.T) {
	call := regexp.MustCompile(`\bk\.Close\(|\bKernel\(\)\.Close\(`)
	var places []string
	for _, s := range sources(t) {
		if !s.inLibrary() {
			continue
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		for range call.FindAll(text, -1) {
			places = append(places, s.path)
		}
	}
	if len(places) != 1 || places[0] != "fd/close.go" {
		t.Errorf("close(2) is called in %v, want fd/close.go alone", places)
	}
}

func TestFilesAreShortAndFormatted(t *testing.T) {
	for _, s := range sources(t) {
		if lines := s.set.Position(s.file.End()).Line; s.inLibrary() && lines > 350 {
			t.Errorf("%s has %d lines: is it still one mechanism?", s.path, lines)
		}
	}
	out, err := exec.Command("gofmt", "-l", ".").CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("gofmt: %v\n%s", err, out)
	}
}

// The whole compiles on systems without epoll, where constructors answer
// errors.ErrUnsupported.
func TestItCompilesElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for two more systems")
	}
	for _, system := range []string{"darwin", "windows"} {
		cmd := exec.Command("go", "build", "./...")
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}

func TestVetAndStaticcheck(t *testing.T) {
	if testing.Short() {
		t.Skip("runs vet and staticcheck over everything")
	}
	packages := []string{"./...", "./examples/...", "./bench/..."}
	if out, err := exec.Command("go", append([]string{"vet"}, packages...)...).CombinedOutput(); err != nil {
		t.Errorf("vet: %v\n%s", err, out)
	}
	staticcheck, err := exec.LookPath("staticcheck")
	if err != nil {
		t.Skip("staticcheck is not installed: go install honnef.co/go/tools/cmd/staticcheck@latest")
	}
	if out, err := exec.Command(staticcheck, packages...).CombinedOutput(); err != nil {
		t.Errorf("staticcheck: %v\n%s", err, out)
	}
}

// The library has two dependencies of its own.
func TestDependenciesAreTwo(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, l := range strings.Split(string(text), "\n") {
		if f := strings.Fields(strings.TrimPrefix(l, "require ")); len(f) == 2 && strings.HasPrefix(f[1], "v") {
			direct = append(direct, f[0])
		}
	}
	slices.Sort(direct)
	if want := []string{"github.com/panjf2000/ants/v2", "golang.org/x/sys"}; !slices.Equal(direct, want) {
		t.Errorf("%v, want %v", direct, want)
	}
}

// Each of the sixteen invariants names a function that keeps it and a test that
// guards it; both must exist.
func TestInvariantsNameWhatKeepsAndGuardsThem(t *testing.T) {
	text, err := os.ReadFile("INVARIANTS.md")
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions[filepath.ToSlash(filepath.Dir(s.path))+"."+f.Name.Name] = true
				functions[s.path+":"+f.Name.Name] = true
			}
		}
	}
	if n := len(regexp.MustCompile(`(?m)^## \d+\. `).FindAll(text, -1)); n != 16 {
		t.Errorf("%d invariants, want 16", n)
	}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		kept := regexp.MustCompile("`([a-z/]+\\.go):(\\w+)`").FindAllStringSubmatch(section, -1)
		guarded := regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`").FindAllStringSubmatch(section, -1)
		if len(kept) == 0 || len(guarded) == 0 {
			t.Errorf("%s: %d functions that keep it, %d tests", title, len(kept), len(guarded))
		}
		for _, m := range kept {
			if !functions[m[1]+":"+m[2]] {
				t.Errorf("%s: no function %s in %s", title, m[2], m[1])
			}
		}
		for _, m := range guarded {
			if !functions[m[1]+"."+m[2]] {
				t.Errorf("%s: no test %s in %s", title, m[2], m[1])
			}
		}
	}
}
