package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"samsa/internal/arch"
)

// Source is the module with its types and the text of its files. It never changes a file.
type Source struct {
	*arch.Program
	text map[string][]byte // by the path inside the module, with slashes
}

// Edit replaces the bytes [From, To) of a file.
type Edit struct {
	File     string // the path inside the module, with slashes
	From, To int
	Text     string
}

// loadSource reads the module at root.
func loadSource(root string) (*Source, error) {
	p, err := arch.Load(root)
	if err != nil {
		return nil, err
	}
	s := &Source{Program: p, text: map[string][]byte{}}
	for _, q := range p.Packages {
		if err := errors.Join(q.Errors...); err != nil {
			return nil, fmt.Errorf("package %s does not compile: %w", q.Name, err)
		}
		for _, f := range q.Files {
			name := s.nameOf(f)
			if s.text[name], err = os.ReadFile(filepath.Join(p.Root, name)); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// nameOf returns the path of a file inside the module.
func (s *Source) nameOf(f *ast.File) string {
	name, err := filepath.Rel(s.Root, s.Fset.Position(f.Package).Filename)
	if err != nil {
		panic("mutate: a file outside its module: " + err.Error())
	}
	return filepath.ToSlash(name)
}

// find returns a package by its path inside the module, or nil.
func (s *Source) find(name string) *arch.Package {
	i := slices.IndexFunc(s.Packages, func(q *arch.Package) bool { return q.Name == name })
	if i < 0 {
		return nil
	}
	return s.Packages[i]
}

// apply returns the changed files. The edits must not overlap.
func (s *Source) apply(edits []Edit) map[string][]byte {
	changed := map[string][]byte{}
	sorted := slices.SortedFunc(slices.Values(edits), func(a, b Edit) int { return b.From - a.From })
	for _, e := range sorted { // from the end of each file, so that positions stay valid
		text, ok := changed[e.File]
		if !ok {
			text = s.text[e.File]
		}
		changed[e.File] = slices.Concat(text[:e.From], []byte(e.Text), text[e.To:])
	}
	return changed
}

// compiles checks the types of the packages with changed files. It needs a fraction of the time of a build, and finds what a
// changed statement often leaves: a variable or an import that nothing uses. Exported declarations must stay as they are,
// because packages that import the changed ones are not checked.
func (s *Source) compiles(changed map[string][]byte) error {
	done := 0
	for _, q := range s.Packages {
		var files []*ast.File
		mine := 0
		for _, f := range q.Files {
			name := s.nameOf(f)
			if text, ok := changed[name]; ok {
				mine++
				var err error
				if f, err = parser.ParseFile(s.Fset, filepath.Join(s.Root, name), text, parser.SkipObjectResolution); err != nil {
					return err
				}
			}
			files = append(files, f)
		}
		for _, name := range slices.Sorted(maps.Keys(changed)) { // new files
			if _, old := s.text[name]; !old && path.Dir(name) == q.Name {
				mine++
				f, err := parser.ParseFile(s.Fset, filepath.Join(s.Root, name), changed[name], parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				files = append(files, f)
			}
		}
		if mine == 0 {
			continue
		}
		done += mine
		conf := types.Config{Importer: s.Program, Sizes: types.SizesFor("gc", "amd64")}
		if _, err := conf.Check(q.Path, s.Fset, files, nil); err != nil {
			return err
		}
	}
	if done != len(changed) {
		return fmt.Errorf("of %d changed files only %d belong to a package of the module", len(changed), done)
	}
	return nil
}

// unchanged returns an error if a file on disk is not the one that was loaded. The go command reads all files from the disk,
// except those in the overlay.
func (s *Source) unchanged() error {
	for _, name := range slices.Sorted(maps.Keys(s.text)) {
		text, err := os.ReadFile(filepath.Join(s.Root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if !bytes.Equal(text, s.text[name]) {
			return fmt.Errorf("%s has changed since the start, so the result would be about two versions of the code; run the tool in a checkout that stays as it is", name)
		}
	}
	return nil
}

// digest identifies the code that a run depends on: all packages of the module except tools and commands. Results of one
// digest are results of the same code.
func (s *Source) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.text)) {
		if strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "internal/") {
			continue
		}
		fmt.Fprintf(h, "%s %d\n", name, len(s.text[name]))
		h.Write(s.text[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
