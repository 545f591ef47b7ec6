package mutants

import (
	"go/ast"
	"slices"
)

// users returns the numbers of the functions that a mutant changes: its own, or those that
// name the constant or variable that is declared with it, or another that is declared by it.
func (b *build) users(m *Mutant) (numbers []int) {
	if m.fn != nil {
		return []int{m.fn.number}
	}
	names := map[string]bool{}
	for _, s := range b.files {
		if s.path == m.File {
			s.declaredAt(m.from, names)
		}
	}
	for known := 0; known < len(names); {
		known = len(names)
		for _, s := range b.files {
			s.declaredBy(names)
		}
	}
	for _, s := range b.files {
		for _, f := range s.funcs {
			if mentions(f.decl, names) {
				numbers = append(numbers, f.number)
			}
		}
	}
	return numbers
}

// within reports whether the tests of a package may show a mutant of a declaration without
// a function in between: they are of its own package, and may name what it declares.
func (m *Mutant) within(pkg string) bool { return m.fn == nil && m.Package() == pkg }

// declaredAt adds the names of the declaration at an offset.
func (s *source) declaredAt(at int, names map[string]bool) {
	s.eachValue(func(v *ast.ValueSpec) {
		if s.offset(v.Pos()) <= at && at < s.offset(v.End()) {
			for _, n := range v.Names {
				names[n.Name] = true
			}
		}
	})
}

// declaredBy adds the names whose declarations mention one of names.
func (s *source) declaredBy(names map[string]bool) {
	s.eachValue(func(v *ast.ValueSpec) {
		if slices.ContainsFunc(v.Values, func(e ast.Expr) bool { return mentions(e, names) }) {
			for _, n := range v.Names {
				names[n.Name] = true
			}
		}
	})
}

func (s *source) eachValue(f func(v *ast.ValueSpec)) {
	for _, d := range s.file.Decls {
		if d, ok := d.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					f(v)
				}
			}
		}
	}
}

func mentions(n ast.Node, names map[string]bool) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok && names[name.Name] {
			found = true
		}
		return !found
	})
	return found
}
