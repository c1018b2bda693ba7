package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Finding is one thing that breaks a rule.
type Finding struct {
	Pos  token.Position // the file is relative to the module
	Rule string
	What string // what was found
	Why  string // why it is forbidden, and what to do instead
}

// String returns the finding as one line, which the tests print.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s: %s", f.Pos.Filename, f.Pos.Line, f.Pos.Column, f.Rule, f.What, f.Why)
}

// Rule is one determinism rule.
type Rule struct {
	Name string
	Why  string // why the rule forbids the code, and what to do instead
	// Argue is the word of the comment that exempts a line ("order" for //order: reason), or "" if no line can be exempt.
	Argue string
	check func(*pass)
}

// Rules are the determinism rules, for protocol code. CONTRIBUTING.md lists them by name.
var Rules = []Rule{
	{"go-statement", "the scheduler decides which one runs first; handle the event to its end, arm a timer, or park the request", "goroutine", goStatements},
	{"select", "with several cases ready the choice is random; the world delivers one event at a time", "goroutine", selects},
	{"channel", "a channel needs a second goroutine, and no node has one; keep a slice and work it off", "goroutine", channels},
	{"map-range", "the order differs in every run; range over slices.Sorted(maps.Keys(m)), or keep the body to what no order can change", "order", mapRanges},
	{"map-keys", "the order differs in every run; wrap it: slices.Sorted(maps.Keys(m))", "order", mapKeys},
	{"sort-total", "elements that compare equal may change places, and do so differently in another Go version; compare to the last field, or use slices.SortStableFunc", "total", sorts},
	{"float", "floats round differently on different machines and compilers; use integers: permille, fixed point, tables", "float", floats},
	{"global", "a package variable that changes leaks from one run into the next; put the state into the node or the world", "immutable", globals},
	{"init", "it runs before any seed is known and in an order that no reader sees; write a table, or a function that is called", "", inits},
	{"env-stored", "a node that keeps its Env or Disk could act outside an event; hand it down as a parameter", "env", storedEnvs},
	{"print-address", "an address is another one in every run; print the value, or a name or number that identifies it", "print", prints},
	{"iter-pull", "a coroutine that is not stopped leaks a goroutine; only the packages that internal/arch/layers.go names may start one", "", pulls},
	{"codec-goroutine", "its default is a pool of goroutines and buffers for the whole process; ask for a concurrency of 1", "", codecs},
	{"recover", "a broken invariant is a finding with a seed; code that swallows the panic hides it", "", recovers},
	{"int-width", "it wraps at another value on a 32-bit machine; name the width: uint32, uint64, int64", "width", widths},
	{"build-tag", "code that only some platforms compile cannot run the same on all", "", buildTags},
}

// argumentRule is the rule for findings about the exemption comments themselves.
const argumentRule = "argument"

// pass is the check of one package by one rule.
type pass struct {
	*Program
	pkg    *Package
	layer  *Layer
	rule   *Rule
	args   arguments
	report func(pos token.Pos, what string)
}

// Lint runs the determinism rules on a package. It finds nothing if the layer is exempt or unknown.
func (p *Program) Lint(q *Package) []Finding {
	layer := LayerOf(q.Name)
	if layer == nil || layer.Exempt != "" {
		return nil
	}
	args := p.argumentsOf(q)
	var found []Finding
	for i := range Rules {
		r := &Rules[i]
		if layer.Except[r.Name] != "" {
			continue
		}
		seen := map[token.Position]bool{} // one finding of a rule per line is enough
		ps := &pass{Program: p, pkg: q, layer: layer, rule: r, args: args}
		ps.report = func(pos token.Pos, what string) {
			at := p.position(pos)
			line := token.Position{Filename: at.Filename, Line: at.Line}
			if seen[line] || ps.argued(at) {
				return
			}
			seen[line] = true
			why := r.Why
			if ps.arguable() {
				why += "; or argue for it on this line: //" + r.Argue + ": reason"
			}
			found = append(found, Finding{at, r.Name, what, why})
		}
		r.check(ps)
	}
	found = append(found, args.leftOver()...)
	sortFindings(found)
	return found
}

// arguable reports whether a line in this layer may be exempt from the rule.
func (ps *pass) arguable() bool {
	word := ps.rule.Argue
	return word != "" && (word != "goroutine" || slices.Contains(ps.layer.Argue, word))
}

// argued reports whether an exemption comment for the rule is on a line, and is allowed there.
func (ps *pass) argued(at token.Position) bool {
	if !ps.arguable() {
		return false
	}
	for _, arg := range ps.args[lineOf{at.Filename, at.Line}] {
		if arg.word == ps.rule.Argue {
			arg.used = true
			return true
		}
	}
	return false
}

// candidate marks an exemption comment as used if it is on a line that the rule has checked, even if the rule finds
// nothing there. A comment on why a map's order does not matter is welcome even if the lint can see that itself.
func (ps *pass) candidate(pos token.Pos) { ps.argued(ps.position(pos)) }

// argument is a comment that exempts a line: `//order: reason`.
type argument struct {
	word, reason string
	at           token.Position
	used         bool
}

// lineOf is one line of one file.
type lineOf struct {
	file string
	line int
}

// arguments maps each line to its exemption comments: those on the line and those directly above it.
type arguments map[lineOf][]*argument

var argumentForm = regexp.MustCompile(`^// ?(goroutine|order|total|float|immutable|env|print|width):(.*)$`)

// argumentsOf finds the exemption comments of a package.
func (p *Program) argumentsOf(q *Package) arguments {
	args := arguments{}
	for _, f := range q.Files {
		for _, group := range f.Comments {
			end := p.position(group.End())
			for _, c := range group.List {
				m := argumentForm.FindStringSubmatch(c.Text)
				if m == nil {
					continue
				}
				reason, _, _ := strings.Cut(m[2], "// want") // in a fixture, the expected finding follows
				at := p.position(c.Pos())
				arg := &argument{word: m[1], reason: strings.TrimSpace(reason), at: at}
				args[lineOf{at.Filename, at.Line}] = append(args[lineOf{at.Filename, at.Line}], arg)
				args[lineOf{at.Filename, end.Line + 1}] = append(args[lineOf{at.Filename, end.Line + 1}], arg)
			}
		}
	}
	return args
}

// leftOver reports exemption comments that give no reason or are on a line that breaks no rule.
func (args arguments) leftOver() []Finding {
	var found []Finding
	seen := map[*argument]bool{}
	for _, list := range args {
		for _, a := range list {
			if seen[a] {
				continue
			}
			seen[a] = true
			switch {
			case len(strings.Fields(a.reason)) < 2:
				found = append(found, Finding{a.at, argumentRule, "//" + a.word + ": gives no reason", "the reason is what a reader needs; say why it holds here"})
			case !a.used:
				found = append(found, Finding{a.at, argumentRule, "//" + a.word + ": argues for a line that breaks no rule", "an argument that outlives its line misleads; remove it"})
			}
		}
	}
	return found
}

// position returns a position with the file relative to the module.
func (p *Program) position(pos token.Pos) token.Position {
	at := p.Fset.Position(pos)
	if rel, err := filepath.Rel(p.Root, at.Filename); err == nil {
		at.Filename = filepath.ToSlash(rel)
	}
	return at
}

// sortFindings sorts findings by position, so that two runs print the same text.
func sortFindings(found []Finding) {
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Pos.Filename, b.Pos.Filename), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column), strings.Compare(a.Rule, b.Rule), strings.Compare(a.What, b.What))
	})
}

// each calls f for every node of the package's files.
func (ps *pass) each(f func(ast.Node)) {
	for _, file := range ps.pkg.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				f(n)
			}
			return true
		})
	}
}

// callee returns the called function or method, or nil for a conversion, a function value or a builtin.
func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	var id *ast.Ident
	switch f := ast.Unparen(unindexed(call.Fun)).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	fn, _ := info.Uses[id].(*types.Func)
	if fn != nil {
		fn = fn.Origin()
	}
	return fn
}

// unindexed strips the type arguments of an instantiation.
func unindexed(e ast.Expr) ast.Expr {
	switch x := e.(type) {
	case *ast.IndexExpr:
		return x.X
	case *ast.IndexListExpr:
		return x.X
	}
	return e
}

// calleeName returns the called package function as "path.Name", or "" for methods and other calls.
func calleeName(info *types.Info, call *ast.CallExpr) string {
	fn := callee(info, call)
	if fn == nil || fn.Pkg() == nil || fn.Signature().Recv() != nil {
		return ""
	}
	return fn.Pkg().Path() + "." + fn.Name()
}

// builtin returns the name of the called builtin, or "".
func builtin(info *types.Info, call *ast.CallExpr) string {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

// isConversion reports whether a call converts a value.
func isConversion(info *types.Info, call *ast.CallExpr) bool {
	return info.Types[call.Fun].IsType()
}
