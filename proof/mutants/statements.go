package mutants

import (
	"go/ast"
	"go/token"
)

// statements adds the mutants that drop or move a statement of a list. last says that the
// list is the body of a function, whose last return cannot be dropped.
func (s *source) statements(f *function, list []ast.Stmt, last bool) {
	for i, stmt := range list {
		switch stmt := stmt.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
			s.add(f, "drop", stmt.Pos(), stmt.End(), "")
		case *ast.AssignStmt:
			if stmt.Tok != token.DEFINE && !blank(stmt) {
				s.add(f, "drop", stmt.Pos(), stmt.End(), "")
			}
		case *ast.BranchStmt:
			if stmt.Tok == token.BREAK || stmt.Tok == token.CONTINUE {
				s.add(f, "drop", stmt.Pos(), stmt.End(), "")
			}
		case *ast.ReturnStmt:
			if !(last && i == len(list)-1) {
				s.add(f, "drop", stmt.Pos(), stmt.End(), "")
			}
		}
		if i > 0 {
			s.shorten(f, list[i-1], stmt)
		}
		s.release(f, stmt)
	}
}

// blank reports whether an assignment discards all its values without a call: dropping
// it changes nothing.
func blank(n *ast.AssignStmt) bool {
	for _, e := range n.Lhs {
		if name, ok := e.(*ast.Ident); !ok || name.Name != "_" {
			return false
		}
	}
	for _, e := range n.Rhs {
		if _, ok := e.(*ast.CallExpr); ok {
			return false
		}
	}
	return true
}

// shorten moves the statement before an Unlock, or the one after a Lock, out of the lock.
func (s *source) shorten(f *function, before, after ast.Stmt) {
	unlock := isCall(after, "Unlock") && !isCall(before, "Lock")
	lock := isCall(before, "Lock") && !isCall(after, "Unlock") && !isDefer(after)
	if unlock || lock {
		s.add(f, "lock", before.Pos(), after.End(), s.cut(after)+"\n"+s.cut(before))
	}
}

// release turns a deferred Unlock into one that is made at once.
func (s *source) release(f *function, stmt ast.Stmt) {
	if d, ok := stmt.(*ast.DeferStmt); ok && method(d.Call) == "Unlock" {
		s.add(f, "lock", stmt.Pos(), stmt.End(), s.cut(d.Call))
	}
}

func isDefer(stmt ast.Stmt) bool {
	_, ok := stmt.(*ast.DeferStmt)
	return ok
}

func isCall(stmt ast.Stmt, name string) bool {
	e, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	return ok && method(call) == name
}

// method is the name of the method that is called, empty if it is none.
func method(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return ""
}

// swallow returns no error in place of one. It knows the results of declared functions,
// and not those of function literals, where the copy may then not compile.
func (s *source) swallow(f *function, n *ast.ReturnStmt) {
	if f == nil || len(n.Results) == 0 || f.decl.Type.Results == nil {
		return
	}
	fields := f.decl.Type.Results.List
	none := map[string]string{"error": "nil", "sys.Errno": "0", "Errno": "0"}[s.cut(fields[len(fields)-1].Type)]
	last := n.Results[len(n.Results)-1]
	if none != "" && s.cut(last) != none {
		s.add(f, "swallow", last.Pos(), last.End(), none)
	}
}
