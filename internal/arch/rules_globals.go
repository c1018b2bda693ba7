package arch

// The rule about package variables: a package variable may be a table or a name, but not state.

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"strings"
)

// packageVar is one name of a package-level var declaration.
type packageVar struct {
	obj   *types.Var
	id    *ast.Ident
	value ast.Expr // nil if the variable has no initial value
}

// packageVars lists the package variables that have a name.
func packageVars(q *Package) []packageVar {
	var vars []packageVar
	for _, f := range q.Files {
		for _, d := range f.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			for _, spec := range gd.Specs {
				vs := spec.(*ast.ValueSpec)
				for i, id := range vs.Names {
					v, ok := q.Info.Defs[id].(*types.Var)
					if !ok || id.Name == "_" {
						continue
					}
					pv := packageVar{obj: v, id: id}
					if i < len(vs.Values) {
						pv.value = vs.Values[i]
					}
					vars = append(vars, pv)
				}
			}
		}
	}
	return vars
}

// globals reports package variables that some code of the module changes. It also reports package variables of a type
// with state that the lint cannot see.
func globals(ps *pass) {
	changed := ps.changedGlobals()
	for _, v := range packageVars(ps.pkg) {
		// A change is reported with its position, because it may be in another package.
		ps.candidate(v.id.Pos())
		if at, ok := changed[v.obj]; ok {
			pos := ps.position(at)
			ps.report(v.id.Pos(), "package variable "+v.id.Name+" is changed at "+pos.Filename+":"+itoa(pos.Line))
			continue
		}
		if why := stateful(ps.Program, v.obj.Type(), map[types.Type]bool{}); why != "" {
			ps.report(v.id.Pos(), "package variable "+v.id.Name+" holds "+why)
		}
	}
}

// changedGlobals returns one position of a change for every package variable that is changed. The module is searched only
// once. If the package is a fixture, it is searched too.
func (ps *pass) changedGlobals() map[*types.Var]token.Pos {
	if ps.changed == nil {
		ps.changed = map[*types.Var]token.Pos{}
		for _, q := range ps.Packages {
			ps.changedBy(q, ps.changed)
		}
	}
	changed := maps.Clone(ps.changed)
	if ps.byPath[ps.pkg.Path] != ps.pkg {
		ps.changedBy(ps.pkg, changed)
	}
	return changed
}

// changedBy adds the variables that one package changes.
func (p *Program) changedBy(q *Package, changed map[*types.Var]token.Pos) {
	for _, f := range q.Files {
		for _, d := range f.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if !ok {
				fd = &ast.FuncDecl{Type: &ast.FuncType{}} // a variable's initialiser, which may contain function literals
			} else if fd.Body == nil {
				continue
			}
			sc := p.scope(q, fd)
			p.writes(q, d, func(target ast.Expr, _ bool) {
				v, _ := sc.root(target)
				if v == nil || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
					return
				}
				if _, known := changed[v]; !known {
					changed[v] = target.Pos()
				}
			})
		}
	}
}

// stateful describes the hidden state that a type may have, or returns "". Our own types hide nothing, because the lint
// finds the changes that their methods make.
func stateful(p *Program, t types.Type, seen map[types.Type]bool) string {
	if seen[t] {
		return ""
	}
	seen[t] = true
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		o := t.Obj()
		switch {
		case o.Pkg() == nil || onlyReads(t):
			return ""
		case p.owns(o.Pkg().Path()): // the underlying type of our own types decides
			return stateful(p, t.Underlying(), seen)
		case o.Pkg().Path() == modKmsg || o.Pkg().Path() == modKerr:
			return "" // plain structs
		}
		if _, ok := t.Underlying().(*types.Basic); ok {
			return "" // a number or string with a name
		}
		return "a " + o.Pkg().Name() + "." + o.Name() + ", whose state the lint cannot see"
	case *types.Pointer:
		return stateful(p, t.Elem(), seen)
	case *types.Slice:
		return stateful(p, t.Elem(), seen)
	case *types.Array:
		return stateful(p, t.Elem(), seen)
	case *types.Map:
		return stateful(p, t.Elem(), seen)
	case *types.Chan:
		return "a channel"
	case *types.Struct:
		for f := range t.Fields() {
			if why := stateful(p, f.Type(), seen); why != "" {
				return why
			}
		}
	}
	return ""
}

// onlyReads reports whether a type of another module is known never to change after it is made.
func onlyReads(t types.Type) bool {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	switch name := named.Obj().Pkg().Path() + "." + named.Obj().Name(); name {
	case "hash/crc32.Table", "regexp.Regexp", "strings.Replacer", "embed.FS", "encoding/base64.Encoding", "errors.errorString",
		"encoding/binary.littleEndian", "encoding/binary.bigEndian", "encoding/binary.ByteOrder", "unicode.RangeTable":
		return true
	default:
		return strings.HasPrefix(name, "iter.Seq")
	}
}
