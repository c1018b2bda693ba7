package arch

// The rules about code with its own flow of control: goroutines, channels, coroutines, init functions.

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// goStatements finds every go statement. Even if a goroutine only computes, the time at which it ends is unpredictable.
func goStatements(ps *pass) {
	ps.each(func(n ast.Node) {
		if g, ok := n.(*ast.GoStmt); ok {
			ps.report(g.Pos(), "a goroutine is started")
		}
	})
}

// selects finds every select statement, even one with a default case. The case that it chooses depends on the speed of other
// goroutines.
func selects(ps *pass) {
	ps.each(func(n ast.Node) {
		if s, ok := n.(*ast.SelectStmt); ok {
			ps.report(s.Pos(), "a select statement")
		}
	})
}

// channels finds channel types, and every use of a channel value, because a channel may come from another package.
func channels(ps *pass) {
	isChan := func(e ast.Expr) bool {
		t := ps.pkg.Info.Types[e].Type
		if t == nil {
			return false
		}
		_, ok := t.Underlying().(*types.Chan)
		return ok
	}
	ps.each(func(n ast.Node) {
		switch n := n.(type) {
		case *ast.ChanType:
			ps.report(n.Pos(), "a channel type")
		case *ast.SendStmt:
			ps.report(n.Pos(), "a send on a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				ps.report(n.Pos(), "a receive from a channel")
			}
		case *ast.RangeStmt:
			if isChan(n.X) {
				ps.report(n.Pos(), "a range over a channel")
			}
		case *ast.CallExpr:
			if builtin(ps.pkg.Info, n) == "close" {
				ps.report(n.Pos(), "a channel is closed")
			}
		}
	})
}

// inits finds init functions. A method of that name is an ordinary method.
func inits(ps *pass) {
	for _, f := range ps.pkg.Files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv == nil && fd.Name.Name == "init" {
				ps.report(fd.Pos(), "an init function")
			}
		}
	}
}

// recovers finds calls of recover. Only the packages listed in layers.go, such as the world and the session, may recover a
// panic. They report the panic with the seed of the run.
func recovers(ps *pass) {
	ps.each(func(n ast.Node) {
		if call, ok := n.(*ast.CallExpr); ok && builtin(ps.pkg.Info, call) == "recover" {
			ps.report(n.Pos(), "a panic is caught with recover")
		}
	})
}

// pulls finds uses of iter.Pull and iter.Pull2, which start coroutines. A coroutine is deterministic, because only one side
// of it runs at a time. But a world that is no longer used must stop its coroutines. So layers.go lists the packages that
// may start one, and says how each coroutine is stopped.
func pulls(ps *pass) {
	ps.each(func(n ast.Node) {
		// Any use of iter.Pull counts, even as a function value, because the code that gets the value could call it.
		if id, ok := n.(*ast.Ident); ok {
			fn, ok := ps.pkg.Info.Uses[id].(*types.Func)
			if ok && fn.Pkg() != nil && fn.Pkg().Path() == "iter" && strings.HasPrefix(fn.Name(), "Pull") {
				ps.report(n.Pos(), "iter."+fn.Name())
			}
		}
	})
}

// codecs finds compressors that would start their own goroutines.
func codecs(ps *pass) {
	// need maps each constructor to the option that limits its goroutines.
	need := map[string]string{
		modCompress + "/zstd.NewReader": "WithDecoderConcurrency",
		modCompress + "/zstd.NewWriter": "WithEncoderConcurrency",
	}
	ps.each(func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		name := calleeName(ps.pkg.Info, call)
		if option := need[name]; option != "" && !asksForOne(ps.pkg.Info, call, option) {
			ps.report(n.Pos(), name[strings.LastIndex(name, "/")+1:]+" without "+option+"(1)")
		}
		if fn := callee(ps.pkg.Info, call); fn != nil && fn.Name() == "ConcurrencyOption" && !isOne(ps.pkg.Info, call.Args) {
			ps.report(n.Pos(), "lz4.ConcurrencyOption other than 1")
		}
	})
}

// asksForOne reports whether one of the call's arguments is a call of the given option with the constant 1.
func asksForOne(info *types.Info, call *ast.CallExpr, option string) bool {
	for _, arg := range call.Args {
		if c, ok := ast.Unparen(arg).(*ast.CallExpr); ok {
			if fn := callee(info, c); fn != nil && fn.Name() == option && isOne(info, c.Args) {
				return true
			}
		}
	}
	return false
}

// isOne reports whether there is one argument, and it is the constant 1.
func isOne(info *types.Info, args []ast.Expr) bool {
	return len(args) == 1 && info.Types[args[0]].Value != nil && info.Types[args[0]].Value.ExactString() == "1"
}

// buildTags finds files that only some platforms compile, and the directives go:build and go:linkname.
func buildTags(ps *pass) {
	for _, name := range ps.pkg.Ignored {
		if len(ps.pkg.Files) == 0 || strings.HasSuffix(name, "_test.go") {
			continue
		}
		ps.report(ps.pkg.Files[0].Name.Pos(), "file "+name+", which not every platform compiles")
	}
	for _, f := range ps.pkg.Files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				for _, directive := range []string{"//go:build ", "//go:linkname "} {
					if strings.HasPrefix(c.Text, directive) {
						ps.report(c.Pos(), "a "+strings.TrimSpace(directive[2:])+" directive")
					}
				}
			}
		}
	}
}
