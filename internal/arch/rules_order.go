package arch

// The rules about the order of maps. rules_order_body.go lists the statements that a range may have in its body.

import (
	"go/ast"
	"go/types"
)

// mapRanges reports every range over a map if the result of its body could depend on the order.
func mapRanges(ps *pass) {
	// A loop is checked together with the statements after it, because these may sort the collected keys.
	ps.each(func(n ast.Node) {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		}
		for i, s := range list {
			if l, ok := s.(*ast.LabeledStmt); ok {
				s = l.Stmt
			}
			loop, ok := s.(*ast.RangeStmt)
			if !ok || !isMap(ps.pkg.Info.TypeOf(loop.X)) {
				continue
			}
			ps.candidate(loop.Pos())
			if why := ps.orderMatters(loop, list[i+1:]); why != "" {
				ps.report(loop.Pos(), "a range over "+types.ExprString(loop.X)+", a map: "+why)
			}
		}
	})
}

// isMap reports whether a type is a map. A type parameter counts if its constraint has only map types.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if tp, ok := types.Unalias(t).(*types.TypeParam); ok {
		if i, ok := tp.Constraint().Underlying().(*types.Interface); ok {
			for e := range i.EmbeddedTypes() {
				if u, ok := e.(*types.Union); ok && u.Len() > 0 {
					return isMap(u.Term(0).Type())
				}
				if isMap(e) {
					return true
				}
			}
		}
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// mapKeys reports calls of maps.Keys, maps.Values and maps.All, unless the result is sorted at once or fills another map.
func mapKeys(ps *pass) {
	info := ps.pkg.Info
	harmless := map[*ast.Ident]bool{} // Inspect visits an outer call before the calls in its arguments
	ps.each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch calleeName(info, n) {
			case "slices.Sorted", "slices.SortedFunc", "maps.Collect", "maps.Insert":
				for _, arg := range n.Args {
					if inner, ok := ast.Unparen(arg).(*ast.CallExpr); ok {
						if sel, ok := ast.Unparen(unindexed(inner.Fun)).(*ast.SelectorExpr); ok {
							harmless[sel.Sel] = true
						}
					}
				}
			case "maps.DeleteFunc":
				if lit, ok := ast.Unparen(n.Args[1]).(*ast.FuncLit); !ok || len(lit.Body.List) != 1 || !ps.quiet(ps.pkg, lit.Body) {
					ps.report(n.Pos(), "maps.DeleteFunc with a function that may do more than decide")
				}
			}
		case *ast.Ident:
			fn, ok := info.Uses[n].(*types.Func)
			if !ok || fn.Pkg() == nil || fn.Pkg().Path() != "maps" {
				return
			}
			switch fn.Name() {
			case "Keys", "Values", "All":
				ps.candidate(n.Pos())
				if !harmless[n] {
					ps.report(n.Pos(), "maps."+fn.Name()+" without sorting")
				}
			}
		}
	})
}
