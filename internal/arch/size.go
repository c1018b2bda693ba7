package arch

// The size ratchet. No file may exceed its limit. A function or a type that exceeds its limit is listed in size.txt with
// its size and, where required, a reason; after that it may only shrink.

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The limits.
const (
	fileLimit   = 600 // lines; a file above it cannot be listed
	funcLimit   = 70  // lines; above it a function is listed in size.txt, with a reason
	typeLimit   = 40  // methods; above it a type is listed in size.txt
	typeArguing = 90  // methods; above it a listed type has a reason
)

// Size is the length of one file or function in lines, or the number of a type's methods.
type Size struct {
	Kind    string // "file", "func" or "type"
	Package string // inside the module: "sim/env"
	Name    string // "log.go", "Log.Append", "Log"
	N       int
	Why     string // the reason, for a function, and for a type with more methods than typeArguing

	file string // path inside the module
	line int
}

// name identifies a size from one commit to the next. A function keeps its name when it moves to another file of its
// package.
func (s Size) name() string { return s.Kind + " " + s.Package + " " + s.Name }

// String returns the size as a line of size.txt.
func (s Size) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", s.name(), s.N, s.Why))
}

// unit returns the unit of N.
func (s Size) unit() string {
	if s.Kind == "type" {
		return "methods"
	}
	return "lines"
}

// limit returns the largest size that need not be listed.
func (s Size) limit() int {
	return map[string]int{"file": fileLimit, "func": funcLimit, "type": typeLimit}[s.Kind]
}

// argued reports whether a listed size has the reason it needs.
func (s Size) argued(reason string) bool {
	return s.Kind == "type" && s.N <= typeArguing || len(strings.Fields(reason)) >= 2
}

// Sizes measures every file of the module, tests included, and every function and type outside tests. Generated files
// are left out.
func (p *Program) Sizes() []Size {
	var sizes []Size
	for _, q := range p.Packages {
		methods := map[string]int{} // the number of methods of each type
		at := func(kind, name string, n int, pos token.Pos) Size {
			where := p.position(pos)
			return Size{Kind: kind, Package: q.Name, Name: name, N: n, file: where.Filename, line: where.Line}
		}
		types := map[string]token.Pos{}
		for i, f := range slices.Concat(q.Files, q.Tests) {
			if ast.IsGenerated(f) {
				continue
			}
			file := p.position(f.FileStart).Filename
			sizes = append(sizes, at("file", filepath.Base(file), p.Fset.File(f.FileStart).LineCount()-1, f.Package))
			if i >= len(q.Files) {
				continue
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					lines := p.position(d.End()).Line - p.position(d.Pos()).Line + 1
					sizes = append(sizes, at("func", funcName(d), lines, d.Pos()))
					if receiver, _, ok := strings.Cut(funcName(d), "."); ok {
						methods[receiver]++
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						if t, ok := spec.(*ast.TypeSpec); ok {
							types[t.Name.Name] = t.Pos()
						}
					}
				}
			}
		}
		for name, n := range methods {
			sizes = append(sizes, at("type", name, n, types[name]))
		}
	}
	slices.SortFunc(sizes, func(a, b Size) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), cmp.Compare(b.N, a.N), strings.Compare(a.name(), b.name()))
	})
	return sizes
}

// funcName returns a function's name with its receiver's type: "Log.Append".
func funcName(fd *ast.FuncDecl) string {
	if fd.Recv == nil || len(fd.Recv.List) == 0 {
		return fd.Name.Name
	}
	t := fd.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := unindexed(t).(*ast.Ident); ok {
		return id.Name + "." + fd.Name.Name
	}
	return fd.Name.Name
}

// listed reports whether a size must be in size.txt.
func (s Size) listed() bool { return s.Kind != "file" && s.N > s.limit() }

// ParseBaseline reads size.txt: `func PACKAGE NAME LINES REASON` and `type PACKAGE NAME METHODS REASON`, with # for
// comments.
func ParseBaseline(text string) ([]Size, error) {
	var sizes []Size
	sc := bufio.NewScanner(strings.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		w := strings.Fields(line)
		if w[0] != "func" && w[0] != "type" || len(w) < 4 {
			return nil, fmt.Errorf("size.txt:%d: %q is neither `func PACKAGE NAME LINES REASON` nor `type PACKAGE NAME METHODS REASON`", n, line)
		}
		s := Size{Kind: w[0], Package: w[1], Name: w[2], Why: strings.Join(w[4:], " "), file: "internal/arch/size.txt", line: n}
		var err error
		if s.N, err = strconv.Atoi(w[3]); err != nil {
			return nil, fmt.Errorf("size.txt:%d: %q is not a number", n, w[3])
		}
		sizes = append(sizes, s)
	}
	return sizes, sc.Err()
}

// Grown reports sizes that are larger than the baseline or the limits allow, and lines of size.txt that are out of date.
func Grown(sizes, baseline []Size) []Finding {
	was := map[string]Size{}
	for _, b := range baseline {
		was[b.name()] = b
	}
	var found []Finding
	report := func(s Size, what, why string) {
		found = append(found, Finding{token.Position{Filename: filepath.ToSlash(s.file), Line: max(s.line, 1), Column: 1}, "size", what, why})
	}
	for _, s := range sizes {
		b, known := was[s.name()]
		delete(was, s.name())
		switch {
		case s.Kind == "file" && s.N > fileLimit:
			report(s, fmt.Sprintf("%d lines, over %d", s.N, fileLimit), "a second idea has moved in: give it a file of its own")
		case s.listed() && !known:
			report(s, fmt.Sprintf("%s has %d %s, over %d", s.Name, s.N, s.unit(), s.limit()),
				"split it where its chapters are, or, if it is one algorithm or one switch, add `"+s.String()+" REASON` to internal/arch/size.txt")
		case s.listed() && s.N > b.N:
			report(s, fmt.Sprintf("%s has %d %s, %d when it was written down", s.Name, s.N, s.unit(), b.N),
				"sizes in internal/arch/size.txt may only shrink: move the new part out")
		case s.listed() && !s.argued(b.Why):
			report(s, s.Name+" is listed in size.txt without a reason", "say why it is better large")
		case !s.listed() && known:
			report(b, s.name()+" is listed in size.txt and has become small enough", "remove the line: go test ./internal/arch -run Size -update")
		}
	}
	for _, b := range baseline {
		if _, gone := was[b.name()]; gone {
			report(b, b.name()+" is listed in size.txt and does not exist", "remove the line, or write its new name: go test ./internal/arch -run Size -update")
		}
	}
	return found
}

// Tightened returns the new baseline. No size in it is larger than before. It leaves out functions and types that no longer
// exist or no longer exceed the limit. It adds no lines, because new lines are added by hand.
func Tightened(sizes, baseline []Size) []Size {
	was := map[string]Size{}
	for _, b := range baseline {
		was[b.name()] = b
	}
	var out []Size
	for _, s := range sizes {
		if b, known := was[s.name()]; known && s.listed() {
			b.N = min(b.N, s.N)
			out = append(out, b)
		}
	}
	return out
}
