package arch

// The rules about code that runs on its own: goroutines, channels, coroutines, init functions.

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// goStatements finds every go statement, wherever it leads: even a goroutine that only computes ends when it likes.
func goStatements(ps *pass) {
	ps.each(func(n ast.Node) {
		if g, ok := n.(*ast.GoStmt); ok {
			ps.report(g.Pos(), "a goroutine is started")
		}
	})
}

// selects finds select statements, also those with a default: they ask whether another goroutine was quick enough.
func selects(ps *pass) {
	ps.each(func(n ast.Node) {
		if s, ok := n.(*ast.SelectStmt); ok {
			ps.report(s.Pos(), "a select statement")
		}
	})
}

// channels finds channel types, and every use of a value of such a type: a channel may come from another package.
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

// recovers finds calls of the builtin. Only the packages that layers.go names may catch a panic: the world and the
// session, which report it with its seed.
func recovers(ps *pass) {
	ps.each(func(n ast.Node) {
		if call, ok := n.(*ast.CallExpr); ok && builtin(ps.pkg.Info, call) == "recover" {
			ps.report(n.Pos(), "a panic is caught with recover")
		}
	})
}

// pulls finds coroutines. They are deterministic, for only one side runs at a time, but a world that is dropped must
// stop them: so the packages that may start one are named in layers.go, each with the code that stops it.
func pulls(ps *pass) {
	ps.each(func(n ast.Node) {
		// Any mention counts, also as a value: the coroutine would start behind the next door.
		if id, ok := n.(*ast.Ident); ok {
			fn, ok := ps.pkg.Info.Uses[id].(*types.Func)
			if ok && fn.Pkg() != nil && fn.Pkg().Path() == "iter" && strings.HasPrefix(fn.Name(), "Pull") {
				ps.report(n.Pos(), "iter."+fn.Name())
			}
		}
	})
}

// codecs finds compressors that would start goroutines of their own.
func codecs(ps *pass) {
	// The option that each constructor must be given.
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

// asksForOne reports whether one of the call's arguments is option(1).
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

// isOne reports whether the arguments are the constant 1.
func isOne(info *types.Info, args []ast.Expr) bool {
	return len(args) == 1 && info.Types[args[0]].Value != nil && info.Types[args[0]].Value.ExactString() == "1"
}

// buildTags finds what only some platforms compile, and what reaches around the compiler.
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
