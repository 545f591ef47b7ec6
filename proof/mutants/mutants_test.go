package mutants

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/penstock/penstock/internal/testkit"
)

const sample = `package sample

const most = 3

type box struct{ n int }

func (b *box) add(k, _ int, on bool) error {
	if on && k < most {
		b.n += k
		return nil
	}
	for k > 0 {
		k--
		if k == 7 {
			continue
		}
		b.n = min(k, 9)
	}
	return errFull(k)
}

func errFull(int) error { return nil }

func (*box) guard() {
	if recover() != nil {
		println(1)
	}
}

type lock struct{}

func (lock) Lock()   {}
func (lock) Unlock() {}

func (b *box) locked(l lock) {
	l.Lock()
	b.n++
	l.Unlock()
}
`

func parsed(t *testing.T, text string) *source {
	t.Helper()
	s, err := parseSource("fd/sample.go", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range number([]*source{s}) {
		m.wanted = true
	}
	return s
}

func TestOperatorsMakeTheirMutants(t *testing.T) {
	var got []string
	for _, m := range parsed(t, sample).mutants {
		got = append(got, strings.Split(m.ID, ":")[2]+": "+line(m.Was)+" -> "+line(m.Put))
	}
	for _, want := range []string{
		"constant: 3 -> 4",
		"negate: on && k < most -> !(on && k < most)",
		"operand: on && k < most -> on",
		"operand: on && k < most -> k < most",
		"boundary: < -> <=",
		"arithmetic: += -> -=",
		"incdec: -- -> ++",
		"drop: k-- -> ",
		"drop: continue -> ",
		"drop: return nil -> ",
		"drop: b.n = min(k, 9) -> ",
		"bound: min(k, 9) -> max(k, 9)",
		"bound: min(k, 9) -> k",
		"bound: min(k, 9) -> 9",
		"swallow: errFull(k) -> nil",
		"lock: b.n++ l.Unlock() -> l.Unlock() b.n++",
		"lock: l.Lock() b.n++ -> b.n++ l.Lock()",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no mutant %s among\n%s", want, joinLines(got))
		}
	}
}

// An id means the same edit after other text of the file has changed.
func TestIdsSurviveOtherEdits(t *testing.T) {
	changed := strings.Replace(sample, "type box", "// A comment.\nfunc other(a, b int) bool { return a < b }\n\ntype box", 1)
	was, is := parsed(t, sample), parsed(t, changed)
	for _, m := range was.mutants {
		if !is.has(m.ID) {
			t.Errorf("%s is lost", m.ID)
		}
	}
	seen := map[string]bool{}
	for _, m := range is.mutants {
		if seen[m.ID] {
			t.Errorf("%s twice", m.ID)
		}
		seen[m.ID] = true
	}
}

// The file with all copies compiles, but for errors in copies, whose lines are known.
func TestEveryErrorOfASchemaIsInACopy(t *testing.T) {
	text, where := parsed(t, sample).schema()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "sample.go", text, 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	support, err := parser.ParseFile(set, "support.go", "package sample\n\nvar mutant__ int\n\nfunc touch__(int) {}\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Error: func(err error) {
		if at := set.Position(err.(types.Error).Pos); find(where, at.Line) == nil {
			t.Errorf("line %d: %v\n%s", at.Line, err, text)
		}
	}}
	_, _ = config.Check("sample", set, []*ast.File{f, support}, nil)
	if strings.Contains(text, "guard__") {
		t.Error("a function that recovers has a copy, in which recover does nothing")
	}
	for _, want := range []string{"return b.add__", "touch__(1)", "b.locked__"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// equivalent.txt names mutants that exist.
func TestEquivalentMutantsExist(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := readFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	all := number(files)
	if _, err := readEquivalent(all, equivalent); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"fd/fd.go:FD.Fail:negate:000000 stale", all[0].ID, all[0].ID + " why\n" + all[0].ID + " why"} {
		if _, err := readEquivalent(all, text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// A mutant that a test notices is killed; one that the tests cannot notice survives, is
// named, and counts: a constant that no function of these tests uses.
func TestMutantsAreKilledAndSurvive(t *testing.T) {
	testkit.NeedFull(t)
	if runtime.GOOS != "linux" {
		t.Skip("the tests that kill need epoll")
	}
	var out strings.Builder
	const id = "^internal/sys/(epoll_linux.go:millis:boundary|opt.go::constant:)"
	const run = "^internal/sys\\.TestTimeouts"
	err := Run([]string{"-id", id, "-file", "internal/sys/epoll_linux.go", "-run", run, "-least", "100", "-v"}, &out)
	if err != nil || !strings.Contains(out.String(), "100.0 % killed: 1 of 1") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	err = Run([]string{"-id", id, "-file", "internal/sys/opt.go", "-run", run, "-sample", "1", "-least", "1"}, &out)
	if !errors.Is(err, errTooFew) || !strings.Contains(out.String(), "\n\t+ ") {
		t.Errorf("%v, want %v\n%s", err, errTooFew, &out)
	}
}
