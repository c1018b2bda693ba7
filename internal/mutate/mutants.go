package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/token"
	"hash/fnv"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"samsa/internal/arch"
)

// Mutant is one change of one function, or a planted mistake, which may change several.
//
// The ID has the package, the function, the operator and a number within the function. It does not have the line, so an
// edit elsewhere in the file changes no ID.
type Mutant struct {
	ID       string
	Package  string // the path inside the module; empty for a planted mistake
	Operator Operator
	File     string
	Line     int
	Change   string // the old and the new line

	fn    *ast.FuncDecl // the changed function; nil for a planted mistake
	edits []Edit
	// reach has positions in the source, the innermost first. The first of them that lies in a covered block selects that
	// block. Only test runs that execute the block can show the change.
	reach []token.Position
}

// mutants returns all possible mutants of a package, in the order of its files.
//
// It leaves out every file named history.go, because no run executes old rules by default, and the methods String and
// mustBeComplete, because they decide nothing.
func (s *Source) mutants(q *arch.Package) (all []Mutant) {
	for _, file := range q.Files {
		name := s.nameOf(file)
		if path.Base(name) == "history.go" {
			continue
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil || fn.Name.Name == "String" || fn.Name.Name == "mustBeComplete" {
				continue
			}
			all = append(all, s.mutantsOf(q, name, fn)...)
		}
	}
	return all
}

// mutantsOf returns the mutants of one function.
func (s *Source) mutantsOf(q *arch.Package, file string, fn *ast.FuncDecl) (all []Mutant) {
	counts := map[Operator]int{}
	f := finder{s: s, info: q.Info, file: file}
	f.add = func(op Operator, at ast.Node, stack []ast.Node, from, to token.Pos, text string) {
		counts[op]++
		tokens := s.Fset.File(from)
		m := Mutant{
			ID: fmt.Sprintf("%s.%s/%s#%d", q.Name, funcName(fn), op, counts[op]), fn: fn, Package: q.Name, Operator: op, File: file,
			Line: s.Fset.Position(from).Line, edits: []Edit{{file, tokens.Offset(from), tokens.Offset(to), text}},
		}
		m.Change = s.describe(m.edits[0], m.Line)
		m.reach = append(m.reach, s.Fset.Position(at.Pos()))
		for _, outer := range slices.Backward(stack) {
			m.reach = append(m.reach, s.Fset.Position(outer.Pos()))
		}
		all = append(all, m)
	}
	ast.PreorderStack(fn.Body, nil, func(n ast.Node, stack []ast.Node) bool { return f.visit(n, stack) })
	return all
}

// funcName returns the name of a function, with the type of its receiver.
func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
			continue
		case *ast.IndexExpr: // the receiver of a generic type
			t = x.X
			continue
		case *ast.IndexListExpr:
			t = x.X
			continue
		case *ast.Ident:
			return x.Name + "." + fn.Name.Name
		}
		return fn.Name.Name
	}
}

// describe returns an edit in one line.
func (s *Source) describe(e Edit, line int) string {
	text := s.text[e.File]
	begin := e.From - len(lastLine(text[:e.From]))
	end := e.To + strings.IndexByte(string(text[e.To:])+"\n", '\n')
	before := strings.Join(strings.Fields(string(text[begin:end])), " ")
	after := strings.Join(strings.Fields(string(text[begin:e.From])+e.Text+string(text[e.To:end])), " ")
	if after == "" {
		after = "nothing"
	}
	return before + "  →  " + after
}

// lastLine returns the part of the text after its last line break.
func lastLine(text []byte) []byte { return text[strings.LastIndexByte(string(text), '\n')+1:] }

// draw returns mutants in an order that the seed decides. It takes the packages in turn, and in each package the
// operators in turn, so that a large package or a frequent operator does not fill the list. Within one
// package and one operator, the order depends on the IDs alone, so a mutant that is added or removed moves few others.
func draw(all []Mutant, seed uint64) iter.Seq[Mutant] {
	byPackage := map[string]map[Operator][]Mutant{}
	for _, m := range all {
		of := byPackage[m.Package]
		if of == nil {
			of = map[Operator][]Mutant{}
			byPackage[m.Package] = of
		}
		of[m.Operator] = append(of[m.Operator], m)
	}
	var queues [][]Mutant // one for each package
	for _, name := range slices.SortedFunc(maps.Keys(byPackage), byHash(seed)) {
		queues = append(queues, interleave(byPackage[name], seed, name))
	}
	return func(yield func(Mutant) bool) {
		for i := 0; ; i++ {
			more := false
			for _, queue := range queues {
				if i < len(queue) {
					more = true
					if !yield(queue[i]) {
						return
					}
				}
			}
			if !more {
				return
			}
		}
	}
}

// interleave takes one mutant of each operator, then the next of each.
func interleave(of map[Operator][]Mutant, seed uint64, name string) (queue []Mutant) {
	order := slices.SortedFunc(maps.Keys(of), func(a, b Operator) int {
		return byHash(seed)(name+string(a), name+string(b))
	})
	for _, mutants := range of {
		slices.SortFunc(mutants, func(a, b Mutant) int { return byHash(seed)(a.ID, b.ID) })
	}
	for i := 0; ; i++ {
		before := len(queue)
		for _, op := range order {
			if i < len(of[op]) {
				queue = append(queue, of[op][i])
			}
		}
		if len(queue) == before {
			return queue
		}
	}
}

// byHash compares names by a hash of the name and the seed.
func byHash(seed uint64) func(a, b string) int {
	hash := func(name string) uint64 {
		h := fnv.New64a()
		h.Write(binary.BigEndian.AppendUint64([]byte(name), seed))
		x := h.Sum64() // the two lines below spread differences in the last bytes over all bits
		x = (x ^ x>>33) * 0xFF51AFD7ED558CCD
		return x ^ x>>33
	}
	return func(a, b string) int { return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a, b)) }
}
