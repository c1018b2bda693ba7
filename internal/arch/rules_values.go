package arch

// The rules about values: floats, widths, addresses, and the Env, which no node may keep after an event.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// floats finds every expression and every type that is a float or a complex number. An untyped constant with an
// integral value, such as 1e9, is not reported.
func floats(ps *pass) {
	info := ps.pkg.Info
	// Named types with an underlying float are floats too.
	isFloat := func(t types.Type) bool {
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
	}
	ps.each(func(n ast.Node) {
		e, ok := n.(ast.Expr)
		if !ok {
			return
		}
		tv, ok := info.Types[e]
		if !ok || tv.Type == nil {
			// The name in a declaration is not an expression, and a constant may get its type implicitly.
			if id, isID := e.(*ast.Ident); isID {
				if c, isConst := info.Defs[id].(*types.Const); isConst && isFloat(c.Type()) && !wholeNumber(c.Type(), c.Val()) {
					ps.report(n.Pos(), "constant "+id.Name+" of type "+c.Type().String())
				}
			}
			return
		}
		if !isFloat(tv.Type) {
			return
		}
		if wholeNumber(tv.Type, tv.Value) {
			return
		}
		what := "an expression of type "
		if tv.IsType() {
			what = "the type "
		}
		ps.report(n.Pos(), what+tv.Type.String())
	})
}

// wholeNumber reports whether an untyped constant is an integer written as a float: 1e9.
func wholeNumber(t types.Type, value constant.Value) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&types.IsUntyped != 0 && value != nil && constant.ToInt(value).Kind() == constant.Int
}

// widths finds code that depends on the width of int. It does not report conversions to int, because nearly all of them
// convert lengths; the audit on a 32-bit platform finds the others.
func widths(ps *pass) {
	info := ps.pkg.Info
	// Constants with a value that depends on the platform.
	wide := map[string]bool{"math.MaxInt": true, "math.MinInt": true, "math.MaxUint": true, "math/bits.UintSize": true, "strconv.IntSize": true}
	// mixed reports whether a value is not constant and has a type with a platform-dependent width.
	mixed := func(e ast.Expr) bool {
		return info.Types[e].Value == nil && hasKind(info, e, types.Int, types.Uint, types.Uintptr)
	}
	ps.each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Ident:
			if t, ok := info.Uses[n].(*types.TypeName); ok && t.Pkg() == nil && (t.Name() == "uint" || t.Name() == "uintptr") {
				ps.report(n.Pos(), "the type "+t.Name())
			}
			if o := info.Uses[n]; o != nil && o.Pkg() != nil && wide[o.Pkg().Path()+"."+o.Name()] {
				ps.report(n.Pos(), o.Pkg().Name()+"."+o.Name())
			}
		case *ast.BinaryExpr:
			// A hash in an int would depend on the width of int. Shifts are not reported, because they compute lengths.
			if n.Op == token.XOR && mixed(n.X) {
				ps.report(n.Pos(), "bits of a platform-wide integer are mixed with "+n.Op.String())
			}
		case *ast.AssignStmt:
			if n.Tok == token.XOR_ASSIGN && mixed(n.Lhs[0]) {
				ps.report(n.Pos(), "bits of a platform-wide integer are mixed with "+n.Tok.String())
			}
		case *ast.FuncLit:
			ps.cutDifference(n.Type, n.Body)
		case *ast.FuncDecl:
			ps.cutDifference(n.Type, n.Body)
		case *ast.CallExpr:
			switch calleeName(info, n) {
			case "encoding/binary.Write", "encoding/binary.Read", "encoding/binary.Append", "encoding/binary.Encode", "encoding/binary.Decode":
				ps.report(n.Pos(), "bytes written by reflection with "+callee(info, n).FullName())
			}
		}
	})
}

// cutDifference reports comparison functions that return int(a.end - b.end). If int has 32 bits, the difference of two
// 64-bit numbers loses its upper half and its sign. Other differences are nearly always lengths.
func (ps *pass) cutDifference(ft *ast.FuncType, body *ast.BlockStmt) {
	info := ps.pkg.Info
	if body == nil || ft.Params.NumFields() != 2 || ft.Results.NumFields() != 1 {
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if !ok || len(ret.Results) != 1 {
			return true
		}
		call, ok := ast.Unparen(ret.Results[0]).(*ast.CallExpr)
		if !ok || !isConversion(info, call) || !hasKind(info, call, types.Int) {
			return true
		}
		minus, ok := ast.Unparen(call.Args[0]).(*ast.BinaryExpr)
		if ok && minus.Op == token.SUB && hasKind(info, minus, types.Int64, types.Uint64) {
			ps.report(ret.Pos(), types.ExprString(call)+" cuts a 64-bit difference; cmp.Compare tells the order")
		}
		return true
	})
}

// hasKind reports whether the underlying type of an expression is one of the given basic kinds.
func hasKind(info *types.Info, e ast.Expr, kinds ...types.BasicKind) bool {
	t := info.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && slices.Contains(kinds, b.Kind())
}

// storedEnvs finds an Env or a Disk that is kept after its event, in a field, a package variable or a stored function.
func storedEnvs(ps *pass) {
	info := ps.pkg.Info
	ps.each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.StructType:
			for _, f := range n.Fields.List {
				if name := ps.heldEnv(info.TypeOf(f.Type)); name != "" {
					ps.report(f.Pos(), "a field of type "+name)
				}
			}
		case *ast.MapType: // even a local map of Envs is reported, because it may outlive the event
			if name := ps.heldEnv(info.TypeOf(n.Value)); name != "" {
				ps.report(n.Pos(), "a map that keeps "+name)
			}
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) && outlives(lhs) {
					ps.keptClosure(n.Rhs[i])
				}
			}
		case *ast.CompositeLit:
			for _, elt := range n.Elts {
				if kv, ok := elt.(*ast.KeyValueExpr); ok {
					elt = kv.Value
				}
				ps.keptClosure(elt)
			}
		case *ast.CallExpr:
			if builtin(info, n) == "append" {
				for _, arg := range n.Args[1:] {
					ps.keptClosure(arg)
				}
			}
		}
	})
	for _, v := range packageVars(ps.pkg) {
		if name := ps.heldEnv(v.obj.Type()); name != "" {
			ps.report(v.id.Pos(), "a package variable of type "+name)
		}
	}
}

// heldEnv returns env.Env or env.Disk if a type holds it directly or in a container. The fields of our named types are
// reported where the type is declared.
func (ps *pass) heldEnv(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		// Only the interfaces themselves count. A type that implements them belongs to the world, which may keep it.
		if o := t.Obj(); o.Pkg() != nil && o.Pkg().Path() == ps.Module+"/sim/env" && (o.Name() == "Env" || o.Name() == "Disk") {
			return "env." + o.Name()
		}
	case *types.Pointer:
		return ps.heldEnv(t.Elem())
	case *types.Slice:
		return ps.heldEnv(t.Elem())
	case *types.Array:
		return ps.heldEnv(t.Elem())
	case *types.Map:
		return ps.heldEnv(t.Elem())
	}
	return ""
}

// outlives reports whether an assignment's left side is something other than a local variable.
func outlives(lhs ast.Expr) bool {
	switch ast.Unparen(lhs).(type) {
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr:
		return true
	}
	return false
}

// keptClosure reports a stored function that uses an Env or a Disk of the event in which it was made. The function is a
// literal that mentions an Env or a Disk, or a method value of an Env or a Disk.
func (ps *pass) keptClosure(e ast.Expr) {
	if sel, ok := ast.Unparen(e).(*ast.SelectorExpr); ok {
		if s := ps.pkg.Info.Selections[sel]; s != nil && s.Kind() == types.MethodVal {
			if name := ps.heldEnv(s.Recv()); name != "" {
				ps.report(e.Pos(), "a function that is kept, "+types.ExprString(e)+", belongs to the "+name+" of the event it was made in")
			}
		}
		return
	}
	lit, ok := ast.Unparen(e).(*ast.FuncLit)
	if !ok {
		return
	}
	// Names that the literal declares, such as its parameters, belong to the event in which it is called.
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := ps.pkg.Info.Uses[id].(*types.Var)
		if ok && !v.IsField() && (v.Pos() < lit.Pos() || v.Pos() > lit.End()) {
			if name := ps.heldEnv(v.Type()); name != "" {
				ps.report(id.Pos(), "a function that is kept uses "+id.Name+" ("+name+") of the event it was made in")
			}
		}
		return true
	})
}

// prints finds calls that print an address.
func prints(ps *pass) {
	info := ps.pkg.Info
	ps.each(func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		if b := builtin(info, call); b == "print" || b == "println" {
			ps.report(n.Pos(), "the builtin "+b)
			return
		}
		fn := callee(info, call)
		if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "fmt" {
			return
		}
		at, formatted := printArgs(fn.Name())
		if at < 0 || len(call.Args) <= at || call.Ellipsis.IsValid() {
			return // args... is a slice made elsewhere, so its elements are not known here
		}
		args := call.Args[at:]
		if !formatted {
			for _, arg := range args {
				ps.printed(arg, 'v')
			}
			return
		}
		format := info.Types[args[0]].Value
		if format == nil || format.Kind() != constant.String {
			return // the format is computed, so its verbs are unknown; vet reports it
		}
		for i, verb := range verbsOf(constant.StringVal(format)) {
			if i+1 < len(args) {
				ps.printed(args[i+1], verb)
			}
		}
	})
}

// printArgs returns the index of the first argument that a function of fmt prints, or -1 if it prints none. It also returns
// whether that argument is a format.
func printArgs(name string) (at int, formatted bool) {
	switch name {
	case "Print", "Println", "Sprint", "Sprintln":
		return 0, false
	case "Fprint", "Fprintln", "Append", "Appendln":
		return 1, false
	case "Printf", "Sprintf", "Errorf":
		return 0, true
	case "Fprintf", "Appendf":
		return 1, true
	}
	return -1, false
}

// verbsOf lists the verb of each argument that a format consumes. A star counts as an argument of its own. Explicit
// indexes end the list, because nothing in the project needs them.
func verbsOf(format string) []rune {
	var verbs []rune
	for {
		_, rest, ok := strings.Cut(format, "%")
		if !ok {
			return verbs
		}
		i := 0
		for i < len(rest) && strings.IndexByte("+-# 0123456789.*", rest[i]) >= 0 {
			if rest[i] == '*' {
				verbs = append(verbs, 'd')
			}
			i++
		}
		if i == len(rest) || rest[i] == '[' {
			return verbs
		}
		if rest[i] != '%' {
			verbs = append(verbs, rune(rest[i]))
		}
		format = rest[i+1:]
	}
}

// printed reports an argument if its text under the verb would contain an address.
func (ps *pass) printed(arg ast.Expr, verb rune) {
	t := ps.pkg.Info.TypeOf(arg)
	if t == nil {
		return
	}
	if verb == 'p' {
		ps.report(arg.Pos(), "the verb %p")
		return
	}
	if verb == 'T' {
		return // a type's name is the same in every run
	}
	if why := addressIn(t, 0, verb == 'v' || verb == 's' || verb == 'q' || verb == 'w', map[types.Type]bool{}); why != "" {
		ps.report(arg.Pos(), "printing "+types.TypeString(t, types.RelativeTo(ps.pkg.Types))+" shows "+why)
	}
}

// addressIn describes the address that the text of a value of type t would contain, or returns "". Package fmt follows a
// pointer only at the top level, and calls String or Error only on values that it can access.
func addressIn(t types.Type, depth int, methods bool, seen map[types.Type]bool) string {
	if methods && printsItself(t) || seen[t] {
		return "" // a type met inside itself adds nothing new
	}
	seen[t] = true
	defer delete(seen, t)
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.UnsafePointer {
			return "an unsafe pointer"
		}
	case *types.Signature:
		return "the address of a function"
	case *types.Chan:
		return "the address of a channel"
	case *types.Pointer:
		switch u.Elem().Underlying().(type) {
		case *types.Struct, *types.Slice, *types.Array, *types.Map:
			if depth == 0 {
				return addressIn(u.Elem(), depth+1, methods, seen)
			}
		}
		return "the address of a " + types.TypeString(u.Elem(), (*types.Package).Name)
	case *types.Interface:
		if u.NumMethods() > 0 { // an empty interface is checked where its value is made
			return "whatever is in it, perhaps an address"
		}
	case *types.Slice:
		return addressIn(u.Elem(), depth+1, methods, seen)
	case *types.Array:
		return addressIn(u.Elem(), depth+1, methods, seen)
	case *types.Map:
		if why := addressIn(u.Key(), depth+1, methods, seen); why != "" {
			return why
		}
		return addressIn(u.Elem(), depth+1, methods, seen)
	case *types.Struct:
		for f := range u.Fields() {
			if why := addressIn(f.Type(), depth+1, methods && f.Exported(), seen); why != "" {
				return why
			}
		}
	}
	return ""
}

// printsItself reports whether a type has a method that fmt prefers: Error, String or Format.
func printsItself(t types.Type) bool {
	set := types.NewMethodSet(t)
	for _, name := range []string{"Error", "String", "Format"} {
		if m := set.Lookup(nil, name); m != nil {
			sig := m.Obj().(*types.Func).Signature()
			if name == "Format" || sig.Params().Len() == 0 && sig.Results().Len() == 1 {
				return true
			}
		}
	}
	return false
}
