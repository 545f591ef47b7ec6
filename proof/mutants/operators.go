package mutants

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
)

// mutate finds the mutants of a file.
func (s *source) mutate() {
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				f := s.function(d)
				s.funcs = append(s.funcs, f)
				ast.Inspect(d.Body, func(n ast.Node) bool { return s.visit(f, n) })
			}
		case *ast.GenDecl:
			if d.Tok == token.CONST || d.Tok == token.VAR {
				ast.Inspect(d, func(n ast.Node) bool { return s.visit(nil, n) })
			}
		}
	}
}

// visit adds the mutants of one node. It reports whether to visit the node's children.
func (s *source) visit(f *function, n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		s.negate(f, n.Cond)
	case *ast.ForStmt:
		s.negate(f, n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					s.negate(f, e)
				}
			}
		}
	case *ast.BinaryExpr:
		s.binary(f, n)
	case *ast.IncDecStmt:
		s.swapToken(f, "incdec", n.TokPos, n.Tok)
	case *ast.AssignStmt:
		s.swapToken(f, "arithmetic", n.TokPos, n.Tok)
	case *ast.BasicLit:
		s.literal(f, n)
	case *ast.Ident:
		s.truth(f, n)
	case *ast.CallExpr:
		s.call(f, n)
	case *ast.BlockStmt:
		s.statements(f, n.List, n == f.body())
	case *ast.CaseClause:
		s.statements(f, n.Body, false)
	case *ast.CommClause:
		s.statements(f, n.Body, false)
	case *ast.ReturnStmt:
		s.swallow(f, n)
	}
	return true
}

// negate inverts a condition.
func (s *source) negate(f *function, cond ast.Expr) {
	if cond == nil {
		return
	}
	put := "!(" + s.cut(cond) + ")"
	if not, ok := cond.(*ast.UnaryExpr); ok && not.Op == token.NOT {
		put = s.cut(not.X)
	}
	s.add(f, "negate", cond.Pos(), cond.End(), put)
}

// others are the operators that take the place of each.
var others = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.AND_NOT: token.OR, token.XOR: token.AND,
	token.SHL: token.SHR, token.SHR: token.SHL,
	token.INC: token.DEC, token.DEC: token.INC,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
	token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
	token.OR_ASSIGN: token.AND_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN, token.AND_NOT_ASSIGN: token.OR_ASSIGN,
}

func (s *source) swapToken(f *function, operator string, at token.Pos, is token.Token) {
	if other, ok := others[is]; ok {
		s.add(f, operator, at, at+token.Pos(len(is.String())), other.String())
	}
}

// binary drops an operand of && and ||, and exchanges the other operators.
func (s *source) binary(f *function, n *ast.BinaryExpr) {
	switch n.Op {
	case token.LAND, token.LOR:
		s.add(f, "operand", n.Pos(), n.End(), s.cut(n.X))
		s.add(f, "operand", n.Pos(), n.End(), s.cut(n.Y))
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		s.swapToken(f, "boundary", n.OpPos, n.Op)
	case token.EQL, token.NEQ:
		s.swapToken(f, "equality", n.OpPos, n.Op)
	default:
		s.swapToken(f, "arithmetic", n.OpPos, n.Op)
	}
}

// literal changes an integer: 1 becomes 0, any other one more.
func (s *source) literal(f *function, n *ast.BasicLit) {
	v, err := strconv.ParseInt(n.Value, 0, 64)
	if n.Kind != token.INT || err != nil {
		return
	}
	put := v + 1
	if v == 1 {
		put = 0
	}
	s.add(f, "constant", n.Pos(), n.End(), fmt.Sprint(put))
}

func (s *source) truth(f *function, n *ast.Ident) {
	switch n.Name {
	case "true":
		s.add(f, "constant", n.Pos(), n.End(), "false")
	case "false":
		s.add(f, "constant", n.Pos(), n.End(), "true")
	}
}

// call exchanges arguments that stand side by side, min and max, and drops a bound.
func (s *source) call(f *function, n *ast.CallExpr) {
	name, _ := n.Fun.(*ast.Ident)
	if name != nil && (name.Name == "min" || name.Name == "max") {
		other := map[string]string{"min": "max", "max": "min"}[name.Name]
		s.add(f, "bound", n.Pos(), n.End(), other+s.text[s.offset(name.End()):s.offset(n.End())])
		for _, a := range n.Args {
			s.add(f, "bound", n.Pos(), n.End(), s.cut(a))
		}
		return
	}
	for i := 1; i < len(n.Args); i++ {
		a, b := n.Args[i-1], n.Args[i]
		between := s.text[s.offset(a.End()):s.offset(b.Pos())]
		s.add(f, "argument", a.Pos(), b.End(), s.cut(b)+between+s.cut(a))
	}
}
