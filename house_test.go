package penstock_test

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// close(2) is called in one place of the runtime. The type checker finds the calls,
// whatever their receiver is called.
func TestCloseIsCalledInOnePlace(t *testing.T) {
	set := token.NewFileSet()
	compiled := exports(t)
	from := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) })
	var places []string
	all := sources(t)
	for _, dir := range line[1:] {
		var files []*ast.File
		for _, s := range all {
			if filepath.ToSlash(filepath.Dir(s.path)) != dir || s.test {
				continue
			}
			f, err := parser.ParseFile(set, s.path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		uses := map[*ast.Ident]types.Object{}
		config := types.Config{Importer: from}
		if _, err := config.Check(module+dir, set, files, &types.Info{Uses: uses}); err != nil {
			t.Fatal(err)
		}
		for id, object := range uses {
			if object.Pkg() != nil && object.Pkg().Path() == module+"internal/sys" && object.Name() == "Close" {
				places = append(places, set.Position(id.Pos()).Filename)
			}
		}
	}
	if len(places) != 1 || places[0] != "fd/close.go" {
		t.Errorf("close(2) is called in %v, want fd/close.go alone", places)
	}
}

// exports returns the files in which the compiler left the declarations of each
// package that the library is built of.
func exports(t *testing.T) map[string]string {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./splice")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, l := range strings.Split(string(out), "\n") {
		path, file, _ := strings.Cut(l, " ")
		files[path] = file
	}
	return files
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

// Each invariant names a function that keeps it and a test that guards it; both
// must exist.
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
	sections := strings.Split(string(text), "\n## ")[1:]
	if len(sections) == 0 {
		t.Error("no invariants")
	}
	for i, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, strconv.Itoa(i+1)+". ") {
			t.Errorf("%q is the invariant after %d", title, i)
		}
		kept := regexp.MustCompile("`([^`\\s:]+):([^`]+)`").FindAllStringSubmatch(section, -1)
		guarded := regexp.MustCompile("`([^`\\s]+)\\.(Test[^`]+)`").FindAllStringSubmatch(section, -1)
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
