package main

import (
	"context"
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// selector is the environment variable that selects one mutant of a batch.
const selector = "SAMSA_MUTANT"

// batch returns changed files that put many mutants into one program, because a build takes longer than most mutants run:
//
//	func (l *Log) Roll(n int) bool { switch mutant__ { case 7: return l.Roll__7(n) }; …the original
//	func (l *Log) Roll__7(n int) bool { …with one change
//
// Each mutant is a changed copy of its function. The original function begins with a switch that calls the selected copy.
// The first mutant has the number 1, and 0 selects the original. Lines keep their numbers. A planted mistake may change
// several functions, so it cannot be in a batch.
func (s *Source) batch(mutants []Mutant) map[string][]byte {
	var edits []Edit
	copies := map[string]string{} // by file: the text to append
	calls := map[*ast.FuncDecl]string{}
	var order []*ast.FuncDecl
	packages := map[string]string{} // the names of the changed packages, by their path
	files := map[*ast.FuncDecl]string{}
	for i, m := range mutants {
		number := strconv.Itoa(i + 1)
		name := m.fn.Name.Name + "__" + number
		copies[m.File] += "\n" + s.copyOf(m, name) + "\n"
		if calls[m.fn] == "" {
			order = append(order, m.fn)
			files[m.fn] = m.File
			packages[m.Package] = s.find(m.Package).Types.Name()
		}
		calls[m.fn] += "case " + number + ": " + callOf(m.fn, name) + "; "
	}
	for _, fn := range order {
		at := s.Fset.File(fn.Pos()).Offset(fn.Body.Lbrace) + 1
		edits = append(edits, Edit{files[fn], at, at, " switch mutant__ { " + calls[fn] + "};"})
		edits = append(edits, s.nameParameters(files[fn], fn)...)
	}
	changed := s.apply(edits)
	for file, text := range copies {
		changed[file] = append(changed[file], text...)
	}
	for dir, name := range packages {
		changed[path.Join(dir, "zz_mutant.go")] = []byte("package " + name + "\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\n" +
			"// mutant__ is the number of the mutant that this process is.\n" +
			"var mutant__, _ = strconv.Atoi(os.Getenv(\"" + selector + "\"))\n")
	}
	return changed
}

// copyOf returns the mutant's function under another name.
func (s *Source) copyOf(m Mutant, name string) string {
	file := s.Fset.File(m.fn.Pos())
	from, to := file.Offset(m.fn.Type.Func), file.Offset(m.fn.End())
	part := Source{text: map[string][]byte{"": s.text[m.File][from:to]}}
	edits := []Edit{{"", file.Offset(m.fn.Name.Pos()) - from, file.Offset(m.fn.Name.End()) - from, name}}
	for _, e := range m.edits {
		edits = append(edits, Edit{"", e.From - from, e.To - from, e.Text})
	}
	return string(part.apply(edits)[""])
}

// callOf returns the statements that call a copy with the parameters of the original.
func callOf(fn *ast.FuncDecl, name string) string {
	call := name
	if fn.Recv != nil {
		call = nameOfParameter(fn.Recv.List[0], 0, -1) + "." + name
	}
	if types := fn.Type.TypeParams; types != nil {
		var names []string
		for _, field := range types.List {
			for _, n := range field.Names {
				names = append(names, n.Name)
			}
		}
		call += "[" + strings.Join(names, ", ") + "]"
	}
	var arguments []string
	for i, field := range fn.Type.Params.List {
		for j := range max(1, len(field.Names)) {
			argument := nameOfParameter(field, j, i)
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				argument += "..."
			}
			arguments = append(arguments, argument)
		}
	}
	call += "(" + strings.Join(arguments, ", ") + ")"
	if fn.Type.Results == nil {
		return call + "; return"
	}
	return "return " + call
}

// nameOfParameter returns the j-th name in the i-th field of the parameters. If the field has no name, or this name is
// the blank identifier, it returns a new name.
func nameOfParameter(field *ast.Field, j, i int) string {
	if j < len(field.Names) && field.Names[j].Name != "_" {
		return field.Names[j].Name
	}
	return fmt.Sprintf("argument%d_%d__", i+1, j)
}

// nameParameters names the parameters that have no name, because the call of a copy needs them.
func (s *Source) nameParameters(file string, fn *ast.FuncDecl) (edits []Edit) {
	tokens := s.Fset.File(fn.Pos())
	name := func(field *ast.Field, i int) {
		if len(field.Names) == 0 {
			at := tokens.Offset(field.Type.Pos())
			edits = append(edits, Edit{file, at, at, nameOfParameter(field, 0, i) + " "})
		}
		for j, n := range field.Names {
			if n.Name == "_" {
				edits = append(edits, Edit{file, tokens.Offset(n.Pos()), tokens.Offset(n.End()), nameOfParameter(field, j, i)})
			}
		}
	}
	if fn.Recv != nil {
		name(fn.Recv.List[0], -1)
	}
	for i, field := range fn.Type.Params.List {
		name(field, i)
	}
	return edits
}

// target is an explorer with one mutant, or with several of which one is selected.
type target struct {
	path   string
	number int // the selected mutant; 0 if the binary has only one
}

// buildBatch builds one explorer with all these mutants, if there is more than one. A mutant in no batch has a build of its
// own.
func (t *tool) buildBatch(ctx context.Context, dir string, mutants []Mutant) (map[string]target, error) {
	mutants = slices.DeleteFunc(slices.Clone(mutants), func(m Mutant) bool { return m.fn == nil })
	if len(mutants) < 2 {
		return nil, nil
	}
	files := t.batch(mutants)
	if err := t.compiles(files); err != nil {
		return nil, fmt.Errorf("the batch of %d mutants does not compile: %w", len(mutants), err)
	}
	t.progress(fmt.Sprintf("build %d mutants", len(mutants)))
	path := filepath.Join(dir, "batch")
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, err
	}
	bin, err := t.build(ctx, path, files)
	if err != nil {
		return nil, err
	}
	built := map[string]target{}
	for i, m := range mutants {
		built[m.ID] = target{bin, i + 1}
	}
	return built, nil
}

// build builds an explorer with changed files.
func (t *tool) build(ctx context.Context, dir string, files map[string][]byte) (bin string, err error) {
	overlay, err := t.overlay(dir, files)
	if err != nil {
		return "", err
	}
	bin = filepath.Join(dir, "seeds")
	if err := t.goCommand(ctx, "build", "-overlay", overlay, "-o", bin, t.explorer); err != nil {
		return "", err
	}
	return bin, t.unchanged()
}
