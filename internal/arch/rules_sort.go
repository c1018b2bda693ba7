package arch

// The rule about sorting: if an order does not compare every field, equal elements may end up in any order.

import (
	"go/ast"
	"go/types"
	"strings"
)

// sorts reports unstable sorts with a comparison function that is not total by construction.
func sorts(ps *pass) {
	ps.each(func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		switch name := calleeName(ps.pkg.Info, call); name {
		case "slices.SortStableFunc", "sort.Stable", "sort.SliceStable":
			ps.candidate(n.Pos()) // a stable sort keeps equal elements in their old order
		case "sort.Slice", "sort.Sort", "slices.SortFunc", "slices.SortedFunc":
			ps.candidate(n.Pos())
			if len(call.Args) == 2 && naturalOrder(ps.pkg.Info, call.Args[1]) {
				return
			}
			ps.report(n.Pos(), name+" with an order that is not argued to be total")
		}
	})
}

// naturalOrder reports whether a comparison is total by construction, because it compares whole values (cmp.Compare) or
// is a function literal that compares every field.
func naturalOrder(info *types.Info, e ast.Expr) bool {
	switch e := ast.Unparen(unindexed(ast.Unparen(e))).(type) {
	case *ast.SelectorExpr:
		fn, ok := info.Uses[e.Sel].(*types.Func)
		return ok && fn.Pkg() != nil && comparesWhole(fn.Pkg().Path()+"."+fn.Name())
	case *ast.FuncLit:
		return comparesEveryField(info, e)
	}
	return false
}

// comparesWhole reports whether a comparison of the standard library distinguishes any two different values.
func comparesWhole(name string) bool {
	return name == "cmp.Compare" || name == "strings.Compare" || name == "bytes.Compare"
}

// comparesEveryField reports whether a function only does `return cmp.Or(cmp.Compare(a.X, b.X), …)` with all fields of
// the elements' type, or compares the elements themselves.
func comparesEveryField(info *types.Info, lit *ast.FuncLit) bool {
	var params []string
	for _, f := range lit.Type.Params.List {
		for _, id := range f.Names {
			params = append(params, id.Name)
		}
	}
	if len(params) != 2 || len(lit.Body.List) != 1 {
		return false
	}
	ret, ok := lit.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	// cmp.Or returns the first term that is not zero, so equal elements are equal in all terms. Other terms than plain
	// comparisons may come first, because they only decide between different elements.
	terms := ret.Results
	if or, ok := terms[0].(*ast.CallExpr); ok && calleeName(info, or) == "cmp.Or" {
		terms = or.Args
	}
	compared := map[string]bool{}
	for _, term := range terms {
		call, ok := ast.Unparen(term).(*ast.CallExpr)
		if !ok || !comparesWhole(calleeName(info, call)) {
			continue
		}
		x, y := types.ExprString(call.Args[0]), types.ExprString(call.Args[1])
		if x == params[1] || strings.HasPrefix(x, params[1]+".") {
			x, y = y, x // descending
		}
		field, ok := strings.CutPrefix(x, params[0])
		if ok && y == params[1]+field {
			compared[strings.TrimPrefix(field, ".")] = true
		}
	}
	if compared[""] {
		return true
	}
	st, ok := info.TypeOf(lit.Type.Params.List[0].Type).Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range st.Fields() {
		if !compared[f.Name()] {
			return false
		}
	}
	return st.NumFields() > 0
}
