package arch

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite size.txt: tighten what has shrunk, add files that have passed the aim")

// module loads the module once for all tests.
var module = sync.OnceValues(func() (*Program, error) {
	imports, err := fixtureImports()
	if err != nil {
		return nil, err
	}
	return Load("../..", imports...)
})

// load is the module, or the end of the test.
func load(t *testing.T) *Program {
	t.Helper()
	p, err := module()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// report makes every finding an error of the test, in the form that editors can jump to.
func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%s", f)
	}
}

// The other tests see only what has types.
func TestEveryPackageCompiles(t *testing.T) {
	for _, q := range load(t).Packages {
		for _, err := range q.Errors {
			t.Errorf("%s: %v", q.Name, err)
		}
	}
}

// The import table of ARCHITECTURE.md, and the modules each layer may use.
func TestImports(t *testing.T) {
	p := load(t)
	for _, q := range p.Packages {
		report(t, p.Imports(q))
	}
}

// A table with a row twice, without a reason, or importing upwards would not mean what it says.
func TestTable(t *testing.T) {
	above := map[string]bool{}
	for _, l := range layers {
		if above[l.Path] {
			t.Errorf("%s has two rows", l.Path)
		}
		if len(strings.Fields(l.Why)) < 5 {
			t.Errorf("%s has no reason", l.Path)
		}
		for _, o := range l.Ours {
			if o != everything && !above[o] {
				t.Errorf("%s imports %s, which stands below it in the table: rows go from low to high", l.Path, o)
			}
		}
		for rule, why := range l.Except {
			if ruleNamed(rule) == nil || len(strings.Fields(why)) < 5 {
				t.Errorf("%s switches off %q without a reason, or there is no such rule", l.Path, rule)
			}
		}
		for path, why := range l.Argued {
			if len(strings.Fields(why)) < 5 {
				t.Errorf("%s may import %s without a reason", l.Path, path)
			}
		}
		above[l.Path] = true
	}
}

// ruleNamed is a determinism rule by its name, or nil.
func ruleNamed(name string) *Rule {
	for i := range Rules {
		if Rules[i].Name == name {
			return &Rules[i]
		}
	}
	return nil
}

// What a seed could not repeat.
func TestLint(t *testing.T) {
	p := load(t)
	for _, q := range p.Packages {
		report(t, p.Lint(q))
	}
}

// What the words of the module must and must not say.
func TestText(t *testing.T) {
	p := load(t)
	for _, q := range p.Packages {
		report(t, p.Text(q))
	}
}

// The same for files that are not Go. The walk also tells go test which directories this package depends on, so that
// a new file is not hidden by a cached result.
func TestDocuments(t *testing.T) {
	root := load(t).Root
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == ".git" || path == filepath.Join(root, "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(path); ext != ".md" && ext != ".txt" && path != filepath.Join(root, ".ci", "run") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		report(t, Document(name, string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What a contributor reads must name what will be found.
func TestRulesAndLayersAreDocumented(t *testing.T) {
	contributing, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	architecture, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range allRules() {
		if !strings.Contains(string(contributing), "`"+name+"`") {
			t.Errorf("CONTRIBUTING.md does not mention the rule %s", name)
		}
	}
	for _, l := range layers {
		if !strings.Contains(string(architecture), "`"+l.Path+"`") {
			t.Errorf("ARCHITECTURE.md does not mention the package %s", l.Path)
		}
	}
}

// A guide that names a file which has moved leads nowhere.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	named := regexp.MustCompile("`([a-z][a-z0-9_./*]*/[a-z0-9_*]+\\.(?:go|txt|md))`")
	for _, doc := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"} {
		text, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if found, err := filepath.Glob(filepath.Join("../..", m[1])); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, and there is no such file", doc, m[1])
			}
		}
	}
}

// allRules names every rule, of whatever kind.
func allRules() []string {
	rules := []string{"layer", "import", "size", argumentRule}
	for _, r := range Rules {
		rules = append(rules, r.Name)
	}
	for name := range textReasons {
		rules = append(rules, name)
	}
	slices.Sort(rules)
	return rules
}

// Files and functions stay short, and what is long may only shrink.
func TestSize(t *testing.T) {
	text, err := os.ReadFile("size.txt")
	if err != nil {
		t.Fatal(err)
	}
	baseline, err := ParseBaseline(string(text))
	if err != nil {
		t.Fatal(err)
	}
	sizes := load(t).Sizes()
	if *update {
		var b strings.Builder
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") {
				b.WriteString(line)
			}
		}
		baseline = Tightened(sizes, baseline)
		for _, s := range baseline {
			b.WriteString(s.String() + "\n")
		}
		if err := os.WriteFile("size.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	report(t, Grown(sizes, baseline))
}

// The ratchet itself, on made-up sizes.
func TestRatchet(t *testing.T) {
	baseline, err := ParseBaseline(`# comment
file a.go 700
file gone.go 650
func f.go T.Do 140 one switch of one-line cases
func f.go Bare 130
`)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, n int) Size { return Size{Kind: "file", File: name, Lines: n} }
	fn := func(name string, n int) Size { return Size{Kind: "func", File: "f.go", Func: name, Lines: n} }
	settled := []Size{file("a.go", 700), file("gone.go", 650), fn("T.Do", 140), fn("Bare", 130)}
	for _, c := range []struct {
		change Size
		want   string // part of the finding; "" is none
	}{
		{file("a.go", 700), ""},
		{file("a.go", 690), ""},
		{file("a.go", 701), "700 when it was written down"},
		{file("a.go", 801), "over 800"},
		{file("a.go", 600), "short enough"},
		{file("new.go", 600), ""},
		{file("new.go", 601), "over the aim of 600"},
		{fn("T.Do", 141), "140 when it was written down"},
		{fn("T.Do", 120), "short enough"},
		{fn("New", 121), "over 120"},
	} {
		sizes := []Size{c.change}
		for _, s := range settled {
			if s.name() != c.change.name() {
				sizes = append(sizes, s)
			}
		}
		var got []string
		for _, f := range Grown(sizes, baseline) {
			if !strings.Contains(f.What, "Bare") { // always found: it has no reason
				got = append(got, f.What)
			}
		}
		if all := strings.Join(got, "; "); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%s\n got  %q\n want %q", c.change, all, c.want)
		}
	}
	if got := Grown(settled[:1], baseline[:2]); len(got) != 1 || !strings.Contains(got[0].What, "gone") {
		t.Errorf("a listed file that is gone: got %v, want one finding that says so", got)
	}
	if got := Grown([]Size{fn("Bare", 130)}, baseline[3:]); len(got) != 1 || !strings.Contains(got[0].What, "without a reason") {
		t.Errorf("a listed function without a reason: got %v, want one finding that says so", got)
	}
	grown := []Size{file("a.go", 710), file("new.go", 650), fn("T.Do", 130)}
	want := "file a.go 700\nfile new.go 650\nfunc f.go T.Do 130 one switch of one-line cases\n"
	var got strings.Builder
	for _, s := range Tightened(grown, baseline) {
		got.WriteString(s.String() + "\n")
	}
	if got.String() != want {
		t.Errorf("tightened:\n%swant:\n%s", got.String(), want)
	}
}
