package arch

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Each directory of testdata is named after a rule and holds bad.go, where every guilty line ends in
//
//	// want "what the finding says"
//
// and ok.go, its accepted twin. A file is checked as the package that its //as comment names.

// fixtureImports lists what the fixtures import, so that the loader finds types for it.
func fixtureImports() ([]string, error) {
	files, err := filepath.Glob("testdata/*/*.go")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, err
			}
			paths = append(paths, path)
		}
	}
	return paths, nil
}

var (
	wantForm  = regexp.MustCompile(`// want ((?:"(?:[^"\\]|\\.)*"\s*|` + "`[^`]*`" + `\s*)+)`)
	quoteForm = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|` + "`[^`]*`")
)

// wants reads the expectations of a fixture: line → patterns.
func wants(t *testing.T, p *Program, q *Package) map[int][]*regexp.Regexp {
	t.Helper()
	found := map[int][]*regexp.Regexp{}
	for _, f := range q.Files {
		for _, group := range f.Comments {
			for _, c := range group.List {
				m := wantForm.FindStringSubmatch(c.Text)
				if m == nil {
					continue
				}
				line := p.position(c.Pos()).Line
				for _, quoted := range quoteForm.FindAllString(m[1], -1) {
					text, err := strconv.Unquote(quoted)
					if err != nil {
						t.Fatalf("%s: %v", p.position(c.Pos()), err)
					}
					found[line] = append(found[line], regexp.MustCompile(text))
				}
			}
		}
	}
	return found
}

// inspect runs on a fixture what its rule belongs to.
func inspect(p *Program, rule string, q *Package) []Finding {
	if textReasons[rule] == "" {
		return append(p.Imports(q), p.Lint(q)...)
	}
	if rule == "sleep" {
		q.Tests = q.Files
	}
	return slices.DeleteFunc(p.Text(q), func(f Finding) bool { return f.Rule != rule })
}

// Every rule finds its plant, on the line that says so and with a reason, and nothing else.
func TestPlanted(t *testing.T) {
	p := load(t)
	dirs, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]bool{}
	for _, dir := range dirs {
		rule := filepath.Base(dir)
		planted[rule] = true
		for _, name := range []string{"bad.go", "ok.go"} {
			t.Run(rule+"/"+name, func(t *testing.T) {
				q, err := p.LoadFixture([]string{filepath.Join(dir, name)})
				if err != nil {
					t.Fatal(err)
				}
				want := wants(t, p, q)
				if (len(want) > 0) != (name == "bad.go") {
					t.Errorf("%s expects findings on %d lines; bad.go must, ok.go must not", name, len(want))
				}
				exercised := false
				for _, f := range inspect(p, rule, q) {
					exercised = exercised || f.Rule == rule
					i := slices.IndexFunc(want[f.Pos.Line], func(re *regexp.Regexp) bool { return re.MatchString(f.Rule + ": " + f.What) })
					if i < 0 {
						t.Errorf("not wanted: %s", f)
						continue
					}
					if len(strings.Fields(f.Why)) < 5 {
						t.Errorf("without a reason: %s", f)
					}
					want[f.Pos.Line] = slices.Delete(want[f.Pos.Line], i, i+1)
				}
				for line, patterns := range want {
					for _, re := range patterns {
						t.Errorf("%s:%d: nothing found that matches %q", name, line, re)
					}
				}
				if name == "bad.go" && !exercised {
					t.Errorf("no finding of rule %s", rule)
				}
			})
		}
	}
	for _, name := range allRules() {
		if name == "size" || name == "words" {
			continue // TestSizeRatchet, TestOneLineOfAHundred
		}
		if !planted[name] {
			t.Errorf("rule %s has no planted violation in testdata/%s", name, name)
		}
	}
}
