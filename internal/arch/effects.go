package arch

// This file computes the effects of functions. Two rules need them: a package variable is constant only if no code
// changes it through a method or an argument, and the body of a map range may call only functions that change nothing.
//
// The analysis looks at writes through a name: x = …, x.f = …, x[i] = …, *x = …, delete(x, …), x.Change() and
// change(x). It treats a local name for x like x. It does not follow values into fields, closures and interfaces.

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// effect describes what a call of a function changes.
type effect struct {
	pure    bool                // the call changes nothing that other code sees, but it may panic
	changes map[*types.Var]bool // the parameters, including the receiver, through which the call changes something
}

// changesParam reports whether a call changes the value that its i-th argument refers to; -1 means the receiver.
func (p *Program) changesParam(fn *types.Func, i int) bool {
	sig := fn.Signature()
	v := sig.Recv()
	if i >= 0 {
		i = min(i, sig.Params().Len()-1) // the last parameter takes all remaining arguments
		if i < 0 {
			return false
		}
		v = sig.Params().At(i)
	}
	return p.effectOf(fn).changes[v]
}

// effectOf analyses a function of the module once. A recursive call counts as harmless, because the outer analysis finds
// the same changes.
func (p *Program) effectOf(fn *types.Func) effect {
	if e, ok := p.effects[fn]; ok {
		return e
	}
	at, ok := p.funcs[fn]
	if !ok {
		return effect{} // the function has no body in our code, so its effects are unknown
	}
	p.effects[fn] = effect{pure: true}
	e := effect{pure: true, changes: map[*types.Var]bool{}}
	sc := p.scope(at.pkg, at.decl)
	p.writes(at.pkg, at.decl.Body, func(target ast.Expr, through bool) {
		v, deref := sc.root(target)
		deref = deref || through
		switch {
		case v == nil: // the target is the result of a call, which other code may share
			e.pure = false
		case v.Parent() == nil || v.Parent() == v.Pkg().Scope(): // the target is a field by itself, or a package variable
			e.pure = false
		case sc.params[v] && deref:
			e.changes[v] = true
			e.pure = false
		case deref && !sc.fresh[v] && !sc.params[v]: // a local name refers to a value that was made elsewhere
			e.pure = false
		}
	})
	if e.pure {
		e.pure = p.quiet(at.pkg, at.decl.Body)
	}
	p.effects[fn] = e
	return e
}

// quiet reports whether a piece of code calls only pure functions, and has no go, defer or select statement and no
// channel operation.
func (p *Program) quiet(q *Package, n ast.Node) bool {
	ok := true
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt, *ast.SendStmt, *ast.SelectStmt, *ast.DeferStmt:
			ok = false
		case *ast.UnaryExpr:
			ok = ok && n.Op != token.ARROW
		case *ast.CallExpr:
			ok = ok && p.pureCall(q.Info, n)
		}
		return ok
	})
	return ok
}

// pureCall reports whether a call can be made any number of times in any order.
func (p *Program) pureCall(info *types.Info, call *ast.CallExpr) bool {
	if isConversion(info, call) {
		return true
	}
	switch builtin(info, call) {
	case "len", "cap", "min", "max", "make", "new", "append", "panic", "complex", "real", "imag", "copy", "delete", "clear":
		return true // callWrites finds the writes of append, copy, delete and clear
	case "":
	default:
		return false
	}
	fn := callee(info, call)
	if fn == nil || fn.Pkg() == nil {
		return fn != nil && fn.Name() == "Error" // the method Error of the type error, which belongs to no package
	}
	if _, ours := p.funcs[fn]; ours {
		return p.effectOf(fn).pure
	}
	if fn.Signature().Recv() != nil {
		return false
	}
	return pureForeign(fn.Pkg().Path(), fn.Name())
}

// pureForeign reports whether a function of the standard library is known to be pure.
func pureForeign(path, name string) bool {
	switch path {
	case "strings", "strconv", "math/bits", "cmp", "unicode", "unicode/utf8", "errors", "bytes", "math":
		return true
	case "fmt":
		return strings.HasPrefix(name, "Sprint") || name == "Errorf"
	case "slices", "maps":
		return !changesFirst(path, name)
	}
	return false
}

// changesFirst reports whether a function of slices, maps or sort changes the value that its first argument refers to.
func changesFirst(path, name string) bool {
	switch path {
	case "sort":
		return true
	case "slices":
		return strings.HasPrefix(name, "Sort") && !strings.HasPrefix(name, "Sorted") ||
			slices.Contains([]string{"Reverse", "Delete", "DeleteFunc", "Insert", "Compact", "CompactFunc", "Replace"}, name)
	case "maps":
		return name == "Copy" || name == "DeleteFunc" || name == "Insert"
	}
	return false
}

// writes calls visit for every expression in n that is changed. The argument through is true if the change is not to the
// variable itself, but to the value that it refers to.
func (p *Program) writes(q *Package, n ast.Node, visit func(target ast.Expr, through bool)) {
	info := q.Info
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, lhs := range n.Lhs { // skip a name that the statement declares
				if id, ok := lhs.(*ast.Ident); ok && (id.Name == "_" || info.Defs[id] != nil) {
					continue
				}
				visit(lhs, false)
			}
		case *ast.IncDecStmt:
			visit(n.X, false)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if e != nil {
						visit(e, false)
					}
				}
			}
		case *ast.CallExpr:
			p.callWrites(info, n, visit)
		}
		return true
	})
}

// callWrites does the same as writes, but for one call.
func (p *Program) callWrites(info *types.Info, call *ast.CallExpr, visit func(ast.Expr, bool)) {
	if isConversion(info, call) {
		return
	}
	switch builtin(info, call) {
	case "delete", "clear", "copy":
		visit(call.Args[0], true)
	case "append":
		// Appending to a whole slice (s or s[:]) writes after its end; the write shows only in slices sharing its capacity.
		// Appending to s[:n] overwrites the elements after n, unless the capacity is cut too (s[:n:n]).
		if cut, ok := ast.Unparen(call.Args[0]).(*ast.SliceExpr); ok && cut.High != nil && !cut.Slice3 {
			visit(call.Args[0], true)
		}
	}
	fn := callee(info, call)
	if fn == nil {
		return
	}
	_, ours := p.funcs[fn]
	if recv := fn.Signature().Recv(); recv != nil {
		sel, ok := ast.Unparen(unindexed(call.Fun)).(*ast.SelectorExpr)
		if ok && info.Selections[sel] != nil {
			// A method of another module with a pointer receiver may change its receiver, unless onlyReads knows the
			// type.
			_, pointer := recv.Type().(*types.Pointer)
			if ours && p.changesParam(fn, -1) || !ours && pointer && !types.IsInterface(recv.Type()) && !onlyReads(recv.Type()) {
				visit(sel.X, true)
			}
		}
	}
	for i, arg := range call.Args {
		amp, isAddress := ast.Unparen(arg).(*ast.UnaryExpr)
		isAddress = isAddress && amp.Op == token.AND
		switch {
		case ours && p.changesParam(fn, i):
			visit(arg, true)
		case !ours && isAddress: // json.Unmarshal(b, &x), atomic.AddInt64(&x, 1)
			visit(amp.X, false)
		case !ours && i == 0 && fn.Pkg() != nil && changesFirst(fn.Pkg().Path(), fn.Name()):
			visit(arg, true)
		}
	}
}

// scope has the names of one function: its parameters, its local names for other values, and its new values.
type scope struct {
	info   *types.Info
	params map[*types.Var]bool
	alias  map[*types.Var]ast.Expr // a local name for (part of) something: p := &table[i]
	fresh  map[*types.Var]bool     // made in this function: x := T{}, &T{}, make, new
}

// scope reads the declarations of a function once, without regard to the order in which they run. That is enough for names
// that are assigned only where they are declared, as nearly all names are.
func (p *Program) scope(q *Package, fd *ast.FuncDecl) *scope {
	sc := &scope{info: q.Info, params: map[*types.Var]bool{}, alias: map[*types.Var]ast.Expr{}, fresh: map[*types.Var]bool{}}
	for _, list := range []*ast.FieldList{fd.Recv, fd.Type.Params} {
		if list == nil {
			continue
		}
		for _, f := range list.List {
			for _, id := range f.Names {
				if v, ok := q.Info.Defs[id].(*types.Var); ok {
					sc.params[v] = true
				}
			}
		}
	}
	if fd.Body == nil {
		return sc
	}
	// define records whether a name is a new value, another name for an existing value, or a copy.
	define := func(lhs ast.Expr, rhs ast.Expr) {
		id, ok := lhs.(*ast.Ident)
		if !ok {
			return
		}
		v, _ := q.Info.Defs[id].(*types.Var)
		if v == nil {
			return
		}
		if rhs == nil || isFresh(q.Info, rhs) {
			sc.fresh[v] = true
		} else if refers(v.Type()) {
			sc.alias[v] = rhs
		} else {
			sc.fresh[v] = true // a copy
		}
	}
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					define(lhs, n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if len(n.Values) == 0 {
					define(id, nil)
				} else if i < len(n.Values) {
					define(id, n.Values[i])
				}
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				define(n.Value, n.X)
			}
		}
		return true
	})
	return sc
}

// refers reports whether a value of the type gives access to something shared.
func refers(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Slice:
		return true
	}
	return false
}

// isFresh reports whether an expression makes a new thing.
func isFresh(info *types.Info, e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		return true
	case *ast.UnaryExpr:
		_, lit := ast.Unparen(e.X).(*ast.CompositeLit)
		return e.Op == token.AND && lit
	case *ast.CallExpr:
		switch builtin(info, e) {
		case "make", "new":
			return true
		}
		switch calleeName(info, e) {
		case "slices.Clone", "maps.Clone", "bytes.Clone", "slices.Sorted", "slices.Collect":
			return true
		}
	}
	return false
}

// root returns the variable at the start of an expression. If the variable is a local name for another value, root continues
// with that value. The result deref reports whether a pointer, slice or map is between the variable and the expression. If
// the expression starts with the result of a call, the variable is nil.
func (sc *scope) root(e ast.Expr) (v *types.Var, deref bool) {
	for range 100 { // the limit is for a name that is an alias of itself (p = p.next)
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e, deref = x.X, true
		case *ast.UnaryExpr:
			if x.Op != token.AND {
				return nil, deref
			}
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.IndexExpr:
			if t := sc.info.TypeOf(x.X); t != nil && refers(t) {
				deref = true
			}
			e = x.X
		case *ast.SelectorExpr:
			sel := sc.info.Selections[x]
			if sel == nil { // a package's variable
				v, _ = sc.info.Uses[x.Sel].(*types.Var)
				return v, deref
			}
			if t := sc.info.TypeOf(x.X); t != nil && refers(t) {
				deref = true
			}
			e = x.X
		case *ast.Ident:
			v, _ = sc.info.ObjectOf(x).(*types.Var)
			if v == nil {
				return nil, deref
			}
			if from, ok := sc.alias[v]; ok && deref {
				e = from
				continue
			}
			return v, deref
		default:
			return nil, deref
		}
	}
	return nil, deref
}
