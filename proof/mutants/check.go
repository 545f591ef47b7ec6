package mutants

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
)

// findBroken marks the mutants that do not compile: it checks the types of each package
// with all copies in it, and each error is in a copy.
func (b *build) findBroken() error {
	text, err := b.goCommand(append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, dotted(packages)...)...)
	if err != nil {
		return fmt.Errorf("go list: %w\n%s", err, text)
	}
	exports := map[string]string{}
	for l := range strings.Lines(text) {
		path, file, _ := strings.Cut(strings.TrimSpace(l), " ")
		exports[path] = file
	}
	set := token.NewFileSet()
	from := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, pkg := range packages {
		if err := b.check(set, from, pkg); err != nil {
			return err
		}
	}
	return nil
}

// check marks the mutants of one package.
func (b *build) check(set *token.FileSet, from types.Importer, pkg string) error {
	where := map[string][]lines{}
	texts := map[string]string{pkg + "/zz_mutant__.go": support(pkg)}
	for _, s := range b.files {
		if s.pkg() == pkg {
			texts[s.path], where[s.path] = s.schema()
		}
	}
	var files []*ast.File
	for path, text := range texts {
		f, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	var outside error
	config := types.Config{Importer: from, Error: func(err error) {
		at := set.Position(err.(types.Error).Pos)
		if m := find(where[at.Filename], at.Line); m != nil {
			m.broken = true
		} else {
			outside = fmt.Errorf("an error outside of every mutant: %w", err)
		}
	}}
	_, _ = config.Check(module+"/"+pkg, set, files, nil) // its error is the first of those above
	return outside
}

func find(where []lines, at int) *Mutant {
	for _, l := range where {
		if l.from <= at && at < l.to {
			return l.mutant
		}
	}
	return nil
}

// dotted are the packages as the go command takes them.
func dotted(pkgs []string) (all []string) {
	for _, pkg := range pkgs {
		all = append(all, "./"+pkg)
	}
	return all
}
