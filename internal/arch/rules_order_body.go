package arch

// This file decides whether the body of a map range has the same result in any order. The rule is in rules_order.go.

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
)

// body checks the body of one map range. All statements that it accepts have the same result in any order: entries
// written under the loop's own key, sums, one constant, a minimum or maximum, keys that are sorted after the loop, and
// a search that can return only one value.
type body struct {
	*pass
	loop     *ast.RangeStmt
	key      types.Object
	consts   map[string]string       // outer variable or field → the one constant written to it
	places   map[types.Object]string // outer variable → how the loop changes it; readsOfChanged looks for reads of it
	collects map[string]bool         // slices that must be sorted after the loop
	entries  map[string]bool         // maps that the loop writes to; true if it writes only under its own key
	returns  string                  // the values of the returns in the loop
	effects  int                     // number of statements with an effect
	why      string                  // the first reason why the order matters
}

// orderMatters returns the reason why the order of a map range matters, or "". The statements after the loop are in rest.
func (ps *pass) orderMatters(loop *ast.RangeStmt, rest []ast.Stmt) string {
	if loop.Tok == token.ASSIGN {
		return "its key outlives the loop"
	}
	b := &body{pass: ps, loop: loop, consts: map[string]string{}, places: map[types.Object]string{},
		collects: map[string]bool{}, entries: map[string]bool{}}
	if id, ok := loop.Key.(*ast.Ident); ok {
		b.key = ps.pkg.Info.Defs[id]
	}
	b.block(loop.Body.List)
	if b.why == "" {
		b.readsOfChanged()
	}
	if b.why == "" && b.returns != "" && b.effects > 0 {
		b.why = "it returns in the middle of what it changes"
	}
	if b.why == "" {
		b.sortedBehind(rest)
	}
	return b.why
}

// fail keeps the first reason.
func (b *body) fail(n ast.Node, why string) {
	if b.why == "" {
		b.why = why + " (line " + itoa(b.position(n.Pos()).Line) + ")"
	}
}

// block looks at each statement of a list.
func (b *body) block(list []ast.Stmt) {
	for _, s := range list {
		b.stmt(s)
	}
}

// stmt accepts a statement that has the same effect in any order of iterations. Otherwise it keeps the first reason.
func (b *body) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case nil, *ast.EmptyStmt:
	case *ast.BlockStmt:
		b.block(s.List)
	case *ast.DeclStmt:
		b.pure(s)
	case *ast.IfStmt:
		// A value that a condition reads must not change during the loop; readsOfChanged checks all reads at once.
		if b.extreme(s) {
			return
		}
		b.stmt(s.Init)
		b.pure(s.Cond)
		b.block(s.Body.List)
		b.stmt(s.Else)
	case *ast.SwitchStmt:
		b.stmt(s.Init)
		if s.Tag != nil {
			b.pure(s.Tag)
		}
		for _, c := range s.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				b.pure(e)
			}
			b.block(c.(*ast.CaseClause).Body)
		}
	case *ast.RangeStmt:
		b.pure(s.X)
		b.block(s.Body.List)
	case *ast.ForStmt:
		b.stmt(s.Init)
		if s.Cond != nil {
			b.pure(s.Cond)
		}
		b.stmt(s.Post)
		b.block(s.Body.List)
	case *ast.BranchStmt: // break and goto are refused; continue only ends the iteration
		if s.Tok != token.CONTINUE {
			b.fail(s, s.Tok.String()+" stops at whichever entry comes first")
		}
	case *ast.ReturnStmt:
		b.returned(s)
	case *ast.IncDecStmt:
		b.sum(s, s.X)
	case *ast.AssignStmt:
		b.assign(s)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		switch {
		case ok && builtin(b.pkg.Info, call) == "delete":
			b.effects++
			if !b.isKey(call.Args[1]) {
				b.fail(s, "it deletes under another key than its own")
			}
		case ok && builtin(b.pkg.Info, call) == "panic":
			b.fail(s, "which entry panics first decides the message")
		default:
			b.fail(s, "it calls "+calledText(s.X)+", whose effects come in that order")
		}
	default:
		b.fail(s, "it does more than collect, count or look up")
	}
}

// pure requires an expression without effects.
func (b *body) pure(n ast.Node) {
	if !b.quiet(b.pkg, n) {
		b.fail(n, "it calls "+firstCall(b.pass, n)+", which may have effects")
	}
}

// local reports whether a variable lives inside one iteration of the loop.
func (b *body) local(o types.Object) bool {
	return o != nil && o.Pos() >= b.loop.Pos() && o.Pos() < b.loop.End()
}

// isKey reports whether an expression is the loop's key, perhaps converted. Each iteration has its own key.
func (b *body) isKey(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if call, conv := ast.Unparen(e).(*ast.CallExpr); conv && isConversion(b.pkg.Info, call) {
		id, ok = ast.Unparen(call.Args[0]).(*ast.Ident)
	}
	return ok && b.key != nil && b.pkg.Info.Uses[id] == b.key
}

// assign checks the value and the target of an assignment. A variable that lives in one iteration may get any value.
func (b *body) assign(s *ast.AssignStmt) {
	for _, rhs := range s.Rhs {
		b.pure(rhs)
	}
	for i, lhs := range s.Lhs {
		id, isID := ast.Unparen(lhs).(*ast.Ident)
		if isID && (id.Name == "_" || b.local(b.pkg.Info.ObjectOf(id))) {
			continue
		}
		if s.Tok != token.ASSIGN {
			switch s.Tok {
			case token.ADD_ASSIGN, token.SUB_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN, token.MUL_ASSIGN:
				b.sum(s, lhs)
			default:
				b.fail(s, "it combines with "+s.Tok.String()+", which is not commutative")
			}
			continue
		}
		var rhs ast.Expr
		if len(s.Lhs) == len(s.Rhs) {
			rhs = s.Rhs[i]
		}
		b.assignOne(s, lhs, rhs)
	}
}

// assignOne accepts m[key] = …, x = constant, x = append(x, …), x = max(x, …).
func (b *body) assignOne(s ast.Stmt, lhs, rhs ast.Expr) {
	b.effects++
	text := types.ExprString(lhs)
	// No other iteration writes under the loop's own key. Under another key, all iterations must write one constant.
	if ix, ok := ast.Unparen(lhs).(*ast.IndexExpr); ok && isMap(b.pkg.Info.TypeOf(ix.X)) {
		b.pure(ix)
		m := types.ExprString(ix.X)
		if b.isKey(ix.Index) {
			if _, ok := b.entries[m]; !ok {
				b.entries[m] = true
			}
			return
		}
		b.entries[m] = false
		if m == types.ExprString(b.loop.X) {
			b.fail(s, "it adds entries to the map it ranges over, which the loop may or may not visit")
			return
		}
		if rhs != nil && isConstant(b.pkg.Info, rhs) {
			b.constant(s, types.ExprString(ix.X)+"[…]", rhs)
			return
		}
		b.fail(s, "it writes "+text+", which another entry may write too")
		return
	}
	// A variable may grow from itself by x = append(x, …), if x is sorted after the loop, or by x = max(x, …).
	if call, ok := ast.Unparen(rhs).(*ast.CallExpr); ok && len(call.Args) > 0 && types.ExprString(call.Args[0]) == text {
		switch builtin(b.pkg.Info, call) {
		case "append":
			b.collects[text] = true
			b.change(lhs, "grows")
			return
		case "max", "min":
			b.change(lhs, "grows")
			return
		}
	}
	if rhs != nil && isConstant(b.pkg.Info, rhs) {
		b.constant(s, text, rhs)
		b.change(lhs, "is set")
		return
	}
	b.fail(s, "the last entry decides "+text)
}

// extreme accepts `if v > best { best = v }`.
func (b *body) extreme(s *ast.IfStmt) bool {
	cond, ok := s.Cond.(*ast.BinaryExpr)
	if !ok || s.Init != nil || s.Else != nil || len(s.Body.List) != 1 {
		return false
	}
	switch cond.Op {
	case token.LSS, token.GTR, token.LEQ, token.GEQ:
	default:
		return false
	}
	set, ok := s.Body.List[0].(*ast.AssignStmt)
	if !ok || set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return false
	}
	x, y := types.ExprString(cond.X), types.ExprString(cond.Y)
	l, r := types.ExprString(set.Lhs[0]), types.ExprString(set.Rhs[0])
	if !(l == x && r == y || l == y && r == x) || !b.quiet(b.pkg, set.Rhs[0]) {
		return false
	}
	b.effects++
	b.change(set.Lhs[0], "grows")
	return true
}

// sum accepts integer arithmetic that is the same in any order.
func (b *body) sum(s ast.Stmt, x ast.Expr) {
	if id, ok := ast.Unparen(x).(*ast.Ident); ok && b.local(b.pkg.Info.ObjectOf(id)) {
		return
	}
	b.effects++
	b.pure(x)
	basic, ok := b.pkg.Info.TypeOf(x).Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsInteger == 0 {
		b.fail(s, "it builds up "+types.ExprString(x)+", which is no integer")
		return
	}
	b.change(x, "is summed")
}

// constant accepts an assignment of a constant if all assignments to the same variable or entry have this constant.
func (b *body) constant(s ast.Stmt, place string, rhs ast.Expr) {
	b.effects++
	text := types.ExprString(rhs)
	if old, ok := b.consts[place]; ok && old != text {
		b.fail(s, "the last entry decides "+place)
	}
	b.consts[place] = text
}

// change records how the loop changes a variable.
func (b *body) change(lhs ast.Expr, how string) {
	if id, ok := ast.Unparen(lhs).(*ast.Ident); ok {
		if o := b.pkg.Info.ObjectOf(id); o != nil {
			b.places[o] = how
		}
	}
}

// readsOfChanged reports a read of a value that depends on earlier iterations, for example if n < 10 { n++ }.
func (b *body) readsOfChanged() {
	// writes has the uses of a variable in an accepted write: x in x++, x = append(x, …) and if v > x { x = v }.
	writes := map[*ast.Ident]bool{}
	own := map[ast.Expr]bool{} // m in m[key], and m[…] on the left side
	mark := func(e ast.Expr) {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			writes[id] = true
		}
	}
	ast.Inspect(b.loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				mark(lhs)
				if ix, ok := ast.Unparen(lhs).(*ast.IndexExpr); ok {
					own[ix.X] = true
				}
				if call, ok := ast.Unparen(n.Rhs[min(i, len(n.Rhs)-1)]).(*ast.CallExpr); ok && builtin(b.pkg.Info, call) != "" && len(call.Args) > 0 {
					mark(call.Args[0]) // x = append(x, …)
				}
			}
		case *ast.IncDecStmt:
			mark(n.X)
		case *ast.IfStmt:
			if cond, ok := n.Cond.(*ast.BinaryExpr); ok && len(n.Body.List) == 1 && b.extreme(n) {
				mark(cond.X)
				mark(cond.Y)
			}
		case *ast.IndexExpr:
			if b.entries[types.ExprString(n.X)] && b.isKey(n.Index) {
				own[n.X] = true
			}
		}
		if e, ok := n.(ast.Expr); ok && !own[e] {
			if _, written := b.entries[types.ExprString(e)]; written {
				b.fail(n, "it reads "+types.ExprString(e)+" while it fills it")
			}
		}
		if n, ok := n.(*ast.Ident); ok {
			if how := b.places[b.pkg.Info.Uses[n]]; how != "" && !writes[n] {
				b.fail(n, "it reads "+n.Name+", which "+how+" in the same loop")
			}
		}
		return true
	})
}

// returned accepts a return statement only if all returns in the loop return the same constants.
func (b *body) returned(s *ast.ReturnStmt) {
	text := "return"
	for _, r := range s.Results {
		if !isConstant(b.pkg.Info, r) {
			b.fail(s, "it returns "+types.ExprString(r)+" of whichever entry comes first")
			return
		}
		text += " " + types.ExprString(r)
	}
	if b.returns != "" && b.returns != text {
		b.fail(s, "which return comes first depends on the order")
	}
	b.returns = text
}

// sortedBehind checks that the statements directly after the loop sort the collected slices.
func (b *body) sortedBehind(rest []ast.Stmt) {
	for i := 0; i < len(rest) && i < len(b.collects)+1; i++ {
		es, ok := rest[i].(*ast.ExprStmt)
		if !ok {
			break
		}
		call, ok := es.X.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			break
		}
		switch calleeName(b.pkg.Info, call) {
		case "slices.Sort", "slices.SortFunc", "sort.Strings", "sort.Ints", "sort.Slice":
			delete(b.collects, types.ExprString(call.Args[0]))
		}
	}
	for name := range b.collects {
		b.why = "it collects into " + name + ", which is not sorted by the next statement"
	}
}

// isConstant accepts constants, nil and the empty struct.
func isConstant(info *types.Info, e ast.Expr) bool {
	tv := info.Types[e]
	if tv.Value != nil || tv.IsNil() {
		return true
	}
	lit, ok := ast.Unparen(e).(*ast.CompositeLit)
	return ok && len(lit.Elts) == 0
}

// firstCall returns the text of the first call that is not pure.
func firstCall(ps *pass, n ast.Node) string {
	text := "something"
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && text == "something" && !ps.pureCall(ps.pkg.Info, call) {
			text = calledText(call)
		}
		return true
	})
	return text
}

// calledText returns the source text of the called function.
func calledText(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok {
		return types.ExprString(call.Fun)
	}
	return types.ExprString(e)
}

// itoa returns a number in decimal.
func itoa(n int) string { return strconv.Itoa(n) }
