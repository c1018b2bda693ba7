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

var update = flag.Bool("update", false, "rewrite size.txt: lines that have shrunk or are not needed any more")

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

// The determinism rules hold in every package.
func TestLint(t *testing.T) {
	p := load(t)
	for _, q := range p.Packages {
		report(t, p.Lint(q))
	}
}

// The rules about text hold in every package.
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

// CONTRIBUTING.md names every rule and ARCHITECTURE.md every package.
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
	rules := []string{"layer", "import", "size", "words", argumentRule}
	for _, r := range Rules {
		rules = append(rules, r.Name)
	}
	for name := range textReasons {
		rules = append(rules, name)
	}
	slices.Sort(rules)
	return rules
}
