package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// Operator is a kind of mistake.
type Operator string

// The operators.
const (
	Negate    Operator = "negate"    // == becomes !=, < becomes >=, !x becomes x, a returned bool its opposite
	Bound     Operator = "bound"     // < becomes <=, > becomes >=, and vice versa; x + 1 and x - 1 become x
	Arith     Operator = "arith"     // x + y becomes x - y, and vice versa
	MinMax    Operator = "minmax"    // min becomes max, and vice versa
	Logic     Operator = "logic"     // && becomes ||, and vice versa
	ForceTrue Operator = "true"      // a condition is evaluated and counts as true
	ForceNot  Operator = "false"     // a condition is evaluated and counts as false
	Drop      Operator = "drop"      // a call, an assignment, or a return, break or continue is left out
	Unchecked Operator = "unchecked" // an error is there and the code continues as if there were none
	NoError   Operator = "no-error"  // a function returns nil instead of an error
)

// operators are all operators, in the order of the report.
var operators = []Operator{Negate, Bound, Arith, MinMax, Logic, ForceTrue, ForceNot, Drop, Unchecked, NoError}

// opposite has the negation of each comparison.
var opposite = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR,
}

// neighbour has the comparison that differs from each in the case of equality only.
var neighbour = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
}

// finder finds the places of one function at which a mistake is possible.
//
// The function add gets the node at which a mistake begins to matter, because only a run that executes this node can show
// the mistake. If a condition is forced to be false, this node is the first of the statements that the condition guards.
type finder struct {
	s    *Source
	info *types.Info
	file string
	add  func(op Operator, at ast.Node, stack []ast.Node, from, to token.Pos, text string)
}

// visit finds the mistakes that are possible in one node. The stack has the nodes around it, the outermost first.
func (f *finder) visit(n ast.Node, stack []ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n, stack)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.add(Negate, n, stack, n.Pos(), n.End(), f.text(n.X))
		}
	case *ast.CallExpr:
		if name, ok := n.Fun.(*ast.Ident); ok && f.info.Types[n.Fun].IsBuiltin() && (name.Name == "min" || name.Name == "max") {
			other := map[string]string{"min": "max", "max": "min"}[name.Name]
			f.add(MinMax, n, stack, name.Pos(), name.End(), other)
		}
		return !f.isPanic(n) // the words of a panic decide nothing
	case *ast.IfStmt:
		f.condition(n.Cond, stack, first(n.Body.List), otherwise(n, stack))
	case *ast.ForStmt:
		if n.Cond != nil {
			f.add(ForceNot, or(first(n.Body.List), n.Cond), stack, n.Cond.Pos(), n.Cond.End(), "("+f.text(n.Cond)+") && false")
		}
	case *ast.CaseClause:
		if sw, ok := stack[len(stack)-2].(*ast.SwitchStmt); ok && sw.Tag == nil {
			for _, cond := range n.List {
				f.condition(cond, stack, first(n.Body), nil)
			}
		}
	case *ast.ExprStmt:
		if f.isNote(n.X) {
			return false // a note tells the story and decides nothing
		}
		if call, ok := n.X.(*ast.CallExpr); ok && !f.isPanic(call) {
			f.add(Drop, n, stack, n.Pos(), n.End(), "")
		}
	case *ast.IncDecStmt:
		if f.isStatement(n, stack) {
			f.add(Drop, n, stack, n.Pos(), n.End(), "")
		}
	case *ast.AssignStmt:
		f.assignment(n, stack)
	case *ast.BranchStmt:
		if n.Label == nil && n.Tok != token.GOTO && n.Tok != token.FALLTHROUGH {
			f.add(Drop, n, stack, n.Pos(), n.End(), "")
		}
	case *ast.ReturnStmt:
		f.returned(n, stack)
	}
	return true
}

// binary finds mistakes in a comparison, a logical operator, a sum or a difference.
func (f *finder) binary(n *ast.BinaryExpr, stack []ast.Node) {
	replace := func(op Operator, with token.Token) {
		f.add(op, n, stack, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), with.String())
	}
	if with, ok := opposite[n.Op]; ok && !f.isErrorCheck(n) {
		replace(Negate, with)
	}
	if with, ok := neighbour[n.Op]; ok {
		replace(Bound, with)
	}
	switch n.Op {
	case token.LAND:
		replace(Logic, token.LOR)
	case token.LOR:
		replace(Logic, token.LAND)
	case token.ADD, token.SUB:
		basic, ok := f.info.Types[n].Type.Underlying().(*types.Basic)
		if !ok || basic.Info()&types.IsInteger == 0 || f.info.Types[n].Value != nil {
			return
		}
		if one, ok := n.Y.(*ast.BasicLit); ok && one.Value == "1" {
			f.add(Bound, n, stack, n.Pos(), n.End(), f.text(n.X))
		} else if n.Op == token.ADD {
			replace(Arith, token.SUB)
		} else {
			replace(Arith, token.ADD)
		}
	}
}

// condition forces a condition. It is still evaluated, so that only the decision changes and not its effects. The
// statement yes is the first one that runs if the condition is true, and the statement no is the first one that runs if
// it is false. Either is nil if there is no such statement.
func (f *finder) condition(cond ast.Expr, stack []ast.Node, yes, no ast.Node) {
	if f.isErrorCheck(cond) {
		f.add(Unchecked, or(yes, cond), stack, cond.Pos(), cond.End(), "("+f.text(cond)+") && false")
		return
	}
	f.add(ForceTrue, or(no, cond), stack, cond.Pos(), cond.End(), "("+f.text(cond)+") || true")
	f.add(ForceNot, or(yes, cond), stack, cond.Pos(), cond.End(), "("+f.text(cond)+") && false")
}

// first returns the first of some statements, or nil.
func first(list []ast.Stmt) ast.Node {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// otherwise returns the first statement that runs after the condition of an if was false: the first one of its else, or
// the one that follows in the same list. It is nil if there is none.
func otherwise(n *ast.IfStmt, stack []ast.Node) ast.Node {
	switch other := n.Else.(type) {
	case *ast.BlockStmt:
		return first(other.List)
	case *ast.IfStmt:
		return other
	}
	var list []ast.Stmt
	switch in := stack[len(stack)-1].(type) {
	case *ast.BlockStmt:
		list = in.List
	case *ast.CaseClause:
		list = in.Body
	}
	for i, s := range list {
		if s == n && i+1 < len(list) {
			return list[i+1]
		}
	}
	return nil
}

// or returns the first node that is not nil.
func or(nodes ...ast.Node) ast.Node {
	for _, n := range nodes {
		if n != nil {
			return n
		}
	}
	return nil
}

// assignment drops an assignment, or one variable of several.
func (f *finder) assignment(n *ast.AssignStmt, stack []ast.Node) {
	if n.Tok == token.DEFINE || !f.isStatement(n, stack) {
		return
	}
	if len(n.Lhs) == 1 {
		f.add(Drop, n, stack, n.Pos(), n.End(), "")
		return
	}
	for _, to := range n.Lhs {
		if f.text(to) != "_" {
			f.add(Drop, n, stack, to.Pos(), to.End(), "_")
		}
	}
}

// returned drops an early return without values, returns nil instead of an error, and returns the opposite of a bool.
func (f *finder) returned(n *ast.ReturnStmt, stack []ast.Node) {
	if len(n.Results) == 0 && f.isStatement(n, stack) {
		f.add(Drop, n, stack, n.Pos(), n.End(), "")
	}
	for _, x := range n.Results {
		tv := f.info.Types[x]
		switch {
		case tv.IsNil():
		case isError(tv.Type):
			if _, ok := x.(*ast.CallExpr); !ok { // a call would lose its effects too
				f.add(NoError, n, stack, x.Pos(), x.End(), "nil")
			}
		case isBool(tv.Type):
			if _, ok := x.(*ast.BinaryExpr); !ok {
				f.add(Negate, n, stack, x.Pos(), x.End(), "!("+f.text(x)+")")
			}
		}
	}
}

// isErrorCheck reports whether a condition says that an error is not nil.
func (f *finder) isErrorCheck(cond ast.Expr) bool {
	n, ok := cond.(*ast.BinaryExpr)
	return ok && n.Op == token.NEQ && f.info.Types[n.Y].IsNil() && isError(f.info.Types[n.X].Type)
}

// isStatement reports whether a node stands in a list of statements, and not in the head of an if, for or switch.
func (f *finder) isStatement(n ast.Stmt, stack []ast.Node) bool {
	switch in := stack[len(stack)-1].(type) {
	case *ast.BlockStmt, *ast.CommClause, *ast.LabeledStmt:
		return true
	case *ast.CaseClause:
		return n.Pos() > in.Colon
	}
	return false
}

// isNote reports whether an expression is a call of Env.Note.
func (f *finder) isNote(x ast.Expr) bool {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	return ok && fun.Sel.Name == "Note"
}

func (f *finder) isPanic(call *ast.CallExpr) bool {
	name, ok := call.Fun.(*ast.Ident)
	return ok && name.Name == "panic" && f.info.Types[call.Fun].IsBuiltin()
}

// text returns the source of a node.
func (f *finder) text(n ast.Node) string {
	file := f.s.Fset.File(n.Pos())
	return string(f.s.text[f.file][file.Offset(n.Pos()):file.Offset(n.End())])
}

// isError reports whether a type is error, or a pointer to a struct that is one, such as *kerr.Error.
func isError(t types.Type) bool {
	errorType := types.Universe.Lookup("error").Type()
	if types.Identical(t, errorType) {
		return true
	}
	_, pointer := t.(*types.Pointer)
	return pointer && strings.HasSuffix(t.String(), "Error") && types.Implements(t, errorType.Underlying().(*types.Interface))
}

func isBool(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsBoolean != 0
}
