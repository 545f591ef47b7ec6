package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A Mutant is one edit of the source.
type Mutant struct {
	// ID is the file, the function, the operator and a hash of the edit and of its lines. It
	// stays the same when other lines of the file change.
	ID   string
	File string // from the root of the repository
	Func string // such as FD.Fail; empty outside of a function
	Line int
	Was  string // the text that the edit replaces
	Put  string

	before, after string // what stands beside Was in its lines

	from   int // offset of Was in the file
	number int // what the environment selects it by
	fn     *function
	wanted bool // is in the build, if it compiles
	broken bool // does not compile
}

// Package is the package's folder, such as internal/sys.
func (m *Mutant) Package() string { return path.Dir(m.File) }

// alone reports whether the mutant needs a build of its own.
func (m *Mutant) alone() bool { return m.fn == nil || m.fn.alone }

func (m *Mutant) String() string {
	return fmt.Sprintf("%s:%d: %s\n\t- %s\n\t+ %s", m.File, m.Line, m.ID, line(m.before+m.Was+m.after), line(m.before+m.Put+m.after))
}

// line puts a text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// A source is one file whose functions are mutated.
type source struct {
	path    string // from the root of the repository
	text    string
	set     *token.FileSet
	file    *ast.File
	mutants []*Mutant
	funcs   []*function
}

func (s *source) pkg() string { return path.Dir(s.path) }

// A function is one function declaration.
type function struct {
	decl   *ast.FuncDecl
	name   string
	number int
	text   string
	alone  bool // cannot have copies: see copyable
}

// readFiles parses the files of all packages that Linux builds.
func readFiles(root string) (all []*source, err error) {
	for _, pkg := range packages {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*.go"))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			name := filepath.Base(p)
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") {
				continue
			}
			text, err := os.ReadFile(p)
			if err != nil {
				return nil, err
			}
			s, err := parseSource(pkg+"/"+name, string(text))
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	return all, nil
}

func parseSource(path, text string) (*source, error) {
	s := &source{path: path, text: text, set: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s.mutate()
	return s, nil
}

// number gives each function and each mutant its number in the build.
func number(files []*source) (all []*Mutant) {
	functions := 0
	for _, s := range files {
		for _, f := range s.funcs {
			functions++
			f.number = functions
		}
		for _, m := range s.mutants {
			all = append(all, m)
			m.number = len(all)
		}
	}
	return all
}

// offset is where a position is in the text.
func (s *source) offset(p token.Pos) int { return s.set.Position(p).Offset }

// cut is the text of a node.
func (s *source) cut(n ast.Node) string { return s.text[s.offset(n.Pos()):s.offset(n.End())] }

// add records the mutant that puts a text in place of [from, to).
func (s *source) add(f *function, operator string, from, to token.Pos, put string) {
	m := &Mutant{File: s.path, fn: f, from: s.offset(from), Put: put, Line: s.set.Position(from).Line}
	m.Was = s.text[m.from:s.offset(to)]
	m.before = strings.TrimLeft(s.text[strings.LastIndexByte(s.text[:m.from], '\n')+1:m.from], "\t")
	m.after, _, _ = strings.Cut(s.text[s.offset(to):], "\n")
	if line(m.Was) == line(put) {
		return
	}
	if f != nil {
		m.Func = f.name
	}
	for ordinal := 0; ; ordinal++ {
		h := fnv.New32a()
		fmt.Fprint(h, line(m.before), "\x00", line(m.Was), "\x00", line(m.after), "\x00", line(put), "\x00", ordinal)
		m.ID = fmt.Sprintf("%s:%s:%s:%06x", s.path, m.Func, operator, h.Sum32()&0xffffff)
		if !s.has(m.ID) {
			break
		}
	}
	s.mutants = append(s.mutants, m)
}

func (s *source) has(id string) bool {
	for _, m := range s.mutants {
		if m.ID == id {
			return true
		}
	}
	return false
}

// edited is the text of the whole file with the edit.
func (s *source) edited(m *Mutant) string {
	return s.text[:m.from] + m.Put + s.text[m.from+len(m.Was):]
}
