package mutants

import (
	"fmt"
	"go/ast"
	"strings"
)

// function describes a declaration.
func (s *source) function(d *ast.FuncDecl) *function {
	f := &function{decl: d, name: d.Name.Name, text: s.cut(d)}
	if d.Recv != nil {
		f.name = strings.TrimPrefix(s.cut(d.Recv.List[0].Type), "*") + "." + f.name
	}
	f.alone = !copyable(d)
	return f
}

func (f *function) body() *ast.BlockStmt {
	if f == nil {
		return nil
	}
	return f.decl.Body
}

// copyable reports whether the function may call a copy of itself. recover works only in
// the function that is deferred itself, init is not called by name, and the type arguments
// of a generic function are not known here.
func copyable(d *ast.FuncDecl) bool {
	if d.Type.TypeParams != nil || d.Name.Name == "init" {
		return false
	}
	recovers := false
	ast.Inspect(d.Body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok {
			name, _ := call.Fun.(*ast.Ident)
			recovers = recovers || name != nil && name.Name == "recover"
		}
		return true
	})
	return !recovers
}

// A lines is the range of lines of a file that a mutant's copy takes.
type lines struct {
	from, to int
	mutant   *Mutant
}

// schema is the file with a copy of its function for each mutant that is wanted, and the lines that each
// copy takes.
func (s *source) schema() (text string, where []lines) {
	var head, tail strings.Builder
	at, next := 0, 0
	for _, f := range s.funcs {
		open := s.offset(f.decl.Body.Lbrace) + 1
		if f.alone {
			head.WriteString(s.text[at:open] + s.dispatch(f, ""))
			at = open
			continue
		}
		signature, arguments := s.signature(f)
		head.WriteString(s.text[at:s.offset(f.decl.Pos())])
		head.WriteString("func " + s.receiver(f) + f.decl.Name.Name + signature + " {" + s.dispatch(f, arguments))
		at = open
		for _, m := range s.mutants {
			if m.fn != f || !m.wanted || m.broken {
				continue
			}
			body := s.edited(m)[open : s.offset(f.decl.Body.Rbrace)+1+len(m.Put)-len(m.Was)]
			copied := fmt.Sprintf("func %s%s%s {%s\n", s.receiver(f), copyName(m), signature, body)
			tail.WriteString(copied)
			n := strings.Count(copied, "\n")
			where = append(where, lines{next, next + n, m})
			next += n
		}
	}
	head.WriteString(s.text[at:] + "\n")
	first := strings.Count(head.String(), "\n") + 1
	for i := range where {
		where[i].from += first
		where[i].to += first
	}
	return head.String() + tail.String(), where
}

func copyName(m *Mutant) string { return fmt.Sprintf("%s__%d", m.fn.decl.Name.Name, m.number) }

// receiver is the receiver of a method, named.
func (s *source) receiver(f *function) string {
	if f.decl.Recv == nil {
		return ""
	}
	return "(" + receiverName(f) + " " + s.cut(f.decl.Recv.List[0].Type) + ") "
}

func receiverName(f *function) string {
	if names := f.decl.Recv.List[0].Names; len(names) == 1 && names[0].Name != "_" {
		return names[0].Name
	}
	return "recv__"
}

// signature is the parameters, all named, and the results; arguments passes them on. Both
// are without a newline that the original lacks.
func (s *source) signature(f *function) (signature, arguments string) {
	var params, args []string
	for _, field := range f.decl.Type.Params.List {
		typ := s.cut(field.Type)
		names := field.Names
		if len(names) == 0 {
			names = []*ast.Ident{{Name: "_"}}
		}
		for _, n := range names {
			name := n.Name
			if name == "_" {
				name = fmt.Sprintf("p%d__", len(params))
			}
			params = append(params, name+" "+typ)
			if strings.HasPrefix(typ, "...") {
				name += "..."
			}
			args = append(args, name)
		}
	}
	signature = "(" + strings.Join(params, ", ") + ")"
	if r := f.decl.Type.Results; r != nil {
		signature += " " + s.cut(r)
	}
	return signature, "(" + strings.Join(args, ", ") + ")"
}

// dispatch calls the copy that is selected, or records that the function was reached.
func (s *source) dispatch(f *function, arguments string) string {
	var b strings.Builder
	fmt.Fprintf(&b, " if mutant__ != 0 { switch mutant__ { case -1: touch__(%d); ", f.number)
	for _, m := range s.mutants {
		if m.fn != f || f.alone || !m.wanted || m.broken {
			continue
		}
		call := copyName(m) + arguments
		if f.decl.Recv != nil {
			call = receiverName(f) + "." + call
		}
		if f.decl.Type.Results != nil {
			fmt.Fprintf(&b, "case %d: return %s; ", m.number, call)
		} else {
			fmt.Fprintf(&b, "case %d: %s; return; ", m.number, call)
		}
	}
	b.WriteString("} }; ")
	return b.String()
}

// support is the file that is added to each package.
func support(pkg string) string {
	return strings.Replace(`package PACKAGE

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

// mutant__ is the number of the mutant that runs, 0 for none, -1 to record what is reached.
var mutant__ = func() int {
	n, _ := strconv.Atoi(os.Getenv("PENSTOCK_MUTANT"))
	return n
}()

var touched__ sync.Map

func touch__(function int) {
	if _, again := touched__.LoadOrStore(function, true); again {
		return
	}
	f, err := os.OpenFile(os.Getenv("PENSTOCK_TOUCHED"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, function)
	f.Close()
}
`, "PACKAGE", pkg[strings.LastIndexByte(pkg, '/')+1:], 1)
}
