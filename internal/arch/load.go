package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// Program has every package of the module with syntax and types, dependencies first.
type Program struct {
	Root     string // the module's directory
	Module   string // the module's path: "samsa"
	Fset     *token.FileSet
	Packages []*Package

	byPath  map[string]*Package
	foreign types.Importer           // packages of other modules, from the compiler's export data
	funcs   map[*types.Func]fnDecl   // every function of the module that has a body
	effects map[*types.Func]effect   // the functions that were analysed so far, with their effects
	changed map[*types.Var]token.Pos // package variables that some code changes, with the position of one change
}

// Package is one package. Tests are parsed but not type-checked, because the rules for them are about text.
type Package struct {
	Path    string // import path: "samsa/sim/env"
	Name    string // path inside the module: "sim/env"
	Dir     string
	Files   []*ast.File
	Tests   []*ast.File
	Types   *types.Package
	Info    *types.Info
	Ignored []string // files that a build constraint leaves out on this platform
	Errors  []error  // parse and type errors
}

// fnDecl is the declaration of a function and its package.
type fnDecl struct {
	pkg  *Package
	decl *ast.FuncDecl
}

// listed is the part of `go list -json` that the loader needs.
type listed struct {
	ImportPath, Dir, Export                           string
	Standard                                          bool
	Module                                            *struct{ Path string }
	GoFiles, TestGoFiles, XTestGoFiles                []string
	IgnoredGoFiles, CgoFiles, SFiles, CFiles, Imports []string
}

// Load reads the module at root. The argument extra lists packages of other modules that fixtures can import, even if the
// module does not import them.
//
// Our packages are checked from source in dependency order, so a package that does not compile loses only its own types.
// Other packages come from the compiler's export data, which go build has already cached.
func Load(root string, extra ...string) (*Program, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	all, err := goList(root, "-e", "-deps", "-json=ImportPath,Dir,Standard,Module,GoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles,CgoFiles,SFiles,CFiles,Imports", "./...")
	if err != nil {
		return nil, err
	}
	p := &Program{Root: root, Fset: token.NewFileSet(), byPath: map[string]*Package{}, funcs: map[*types.Func]fnDecl{}, effects: map[*types.Func]effect{}}
	name, err := goOutput(root, "list", "-m")
	if err != nil {
		return nil, err
	}
	p.Module = strings.TrimSpace(string(name))

	var ours []listed
	wanted := slices.Clone(extra)
	for _, l := range all {
		if l.Module != nil && l.Module.Path == p.Module {
			ours = append(ours, l)
			wanted = append(wanted, l.Imports...)
		}
	}
	if len(ours) == 0 {
		return nil, fmt.Errorf("load %s: no packages of module %s", root, p.Module)
	}
	if err := p.findExports(wanted); err != nil {
		return nil, err
	}
	for _, l := range ours {
		p.add(l)
	}
	return p, nil
}

// findExports asks the compiler for the types of packages that are not ours.
func (p *Program) findExports(paths []string) error {
	paths = slices.DeleteFunc(paths, func(path string) bool {
		return p.owns(path) || path == "unsafe" || path == "C"
	})
	slices.Sort(paths)
	paths = slices.Compact(paths)
	exports := map[string]string{}
	if len(paths) > 0 {
		found, err := goList(p.Root, append([]string{"-e", "-export", "-json=ImportPath,Export"}, paths...)...)
		if err != nil {
			return err
		}
		for _, l := range found {
			exports[l.ImportPath] = l.Export
		}
	}
	p.foreign = importer.ForCompiler(p.Fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data for %q", path)
		}
		return os.Open(exports[path])
	})
	return nil
}

// owns reports whether an import path is a package of this module.
func (p *Program) owns(path string) bool {
	return path == p.Module || strings.HasPrefix(path, p.Module+"/")
}

// Import implements types.Importer, for our packages and for those of other modules.
func (p *Program) Import(path string) (*types.Package, error) {
	if q := p.byPath[path]; q != nil && q.Types != nil {
		return q.Types, nil
	}
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if p.owns(path) {
		return nil, fmt.Errorf("no package %q in the module", path)
	}
	return p.foreign.Import(path)
}

// add parses and checks one listed package and appends it to the program.
func (p *Program) add(l listed) {
	q := &Package{
		Path: l.ImportPath,
		Name: strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, p.Module), "/"),
		Dir:  l.Dir,
	}
	// These files are built only on some platforms.
	for _, names := range [][]string{l.IgnoredGoFiles, l.CgoFiles, l.SFiles, l.CFiles} {
		q.Ignored = append(q.Ignored, names...)
	}
	q.Files = p.parse(q, l.GoFiles)
	p.check(q)
	q.Tests = append(p.parse(q, l.TestGoFiles), p.parse(q, l.XTestGoFiles)...)
	p.Packages = append(p.Packages, q)
	p.byPath[q.Path] = q
}

// parse reads files of a package and keeps parse errors in q.Errors.
func (p *Program) parse(q *Package, names []string) []*ast.File {
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(p.Fset, filepath.Join(q.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			q.Errors = append(q.Errors, err)
		}
		if f != nil {
			files = append(files, f)
		}
	}
	return files
}

// check finds the types of a package and indexes its functions.
func (p *Program) check(q *Package) {
	q.Info = &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Implicits:  map[ast.Node]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Instances:  map[*ast.Ident]types.Instance{},
	}
	conf := types.Config{
		Importer: p,
		Sizes:    types.SizesFor("gc", "amd64"), // the same platform everywhere, so that the findings are the same
		Error:    func(err error) { q.Errors = append(q.Errors, err) },
	}
	q.Types, _ = conf.Check(q.Path, p.Fset, q.Files, q.Info) // errors go to conf.Error
	for _, f := range q.Files {
		for _, d := range f.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if !ok || fd.Body == nil {
				continue
			}
			if fn, ok := q.Info.Defs[fd.Name].(*types.Func); ok {
				p.funcs[fn] = fnDecl{q, fd}
			}
		}
	}
}

// LoadFixture checks the Go files of one directory as if they were the package in their first `//as path` comment. A
// fixture is not part of the program.
func (p *Program) LoadFixture(files []string) (*Package, error) {
	sort.Strings(files)
	q := &Package{Dir: filepath.Dir(files[0])}
	for _, name := range files {
		q.Files = append(q.Files, p.parse(q, []string{filepath.Base(name)})...)
	}
	for _, f := range q.Files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if as, ok := strings.CutPrefix(c.Text, "//as "); ok {
					q.Name = strings.TrimSpace(as)
				}
			}
		}
	}
	if q.Name == "" {
		return nil, fmt.Errorf("fixture %s: no //as comment that says which package it plays", q.Dir)
	}
	q.Path = p.Module + "/" + q.Name
	p.check(q)
	return q, errors.Join(q.Errors...)
}

// goList runs go list and decodes its stream of objects.
func goList(dir string, args ...string) ([]listed, error) {
	out, err := goOutput(dir, append([]string{"list"}, args...)...)
	if err != nil && len(out) == 0 {
		return nil, err
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list %s: %w", strings.Join(args, " "), err)
		}
		all = append(all, l)
	}
}

// goOutput runs the go command in dir and returns what it prints.
func goOutput(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, stderr.String())
	}
	return out, nil
}
