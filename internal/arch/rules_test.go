package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// RULES.md is a map, and a map that is wrong is worse than none. So everything on it that can be checked is: each file,
// each name declared in it, each KIP and KAFKA number in the words or the code of one of the declarations named beside it,
// each old rule, each scenario. Its sentences are for readers to check.

// ruleRow is one line of RULES.md's tables.
type ruleRow struct {
	line                    int
	rule, from, where, with string
}

var (
	ruleLink   = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)|` + "`([^`]*)`")
	ruleNumber = regexp.MustCompile(`\b(KIP|KAFKA)-[0-9]+\b`)
)

func TestRulesOnTheMap(t *testing.T) {
	root := load(t).Root
	old := oldRules(t, root)
	rows := ruleRows(t, root)
	if len(rows) < 80 {
		t.Fatalf("RULES.md has %d rules, wanted the whole map: is its form still one row a rule?", len(rows))
	}
	files := map[string]map[string]string{}
	for _, r := range rows {
		bad := func(format string, args ...any) {
			t.Helper()
			t.Errorf("RULES.md:%d: "+format, append([]any{r.line}, args...)...)
		}
		// Where: files, each followed by the names that are declared in it.
		said, file := "", ""
		for _, m := range ruleLink.FindAllStringSubmatch(r.where, -1) {
			if m[3] == "" {
				if file = m[2]; m[1] != file {
					bad("the link to %s is called %s", file, m[1])
				}
				if files[file] == nil {
					files[file] = declared(t, filepath.Join(root, file))
				}
				continue
			}
			text, ok := files[file][m[3]]
			if !ok {
				bad("%s declares no %s", file, m[3])
			}
			said += text
		}
		if said == "" {
			bad("it does not say where the rule is decided")
		}
		for _, number := range ruleNumber.FindAllString(r.from, -1) {
			if !regexp.MustCompile(`\b` + number + `\b`).MatchString(said) {
				bad("%s is nowhere in the declarations named beside it: the decision must carry it, with the reason", number)
			}
		}
		// With: old rules and scenarios.
		for _, m := range ruleLink.FindAllStringSubmatch(r.with, -1) {
			switch id, isRule := strings.CutPrefix(m[3], "--rule "); {
			case isRule && !slices.Contains(old, id):
				bad("no history has the old rule %s", id)
			case m[3] == "":
				if _, err := os.Stat(filepath.Join(root, m[2])); err != nil || m[2] != "scenarios/"+m[1]+".txt" {
					bad("there is no scenario %s at %s", m[1], m[2])
				}
			case !isRule:
				bad("%s is neither an old rule nor a scenario", m[3])
			}
		}
	}
}

// ruleRows are the rows of all tables, without their heads.
func ruleRows(t *testing.T, root string) (rows []ruleRow) {
	text, err := os.ReadFile(filepath.Join(root, "RULES.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| rule |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 {
			t.Errorf("RULES.md:%d: %d columns, wanted four", i+1, len(cells))
			continue
		}
		rows = append(rows, ruleRow{i + 1, cells[0], cells[1], cells[2], cells[3]})
	}
	return rows
}

// declared is what a file declares by name, with its comment and its body: functions, methods as Type.Name, types,
// variables and constants, and fields of structs as Type.Name.
func declared(t *testing.T, path string) map[string]string {
	source, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return map[string]string{}
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	put := func(name string, doc *ast.CommentGroup, n ast.Node) {
		from := n.Pos()
		if doc != nil {
			from = doc.Pos()
		}
		all[name] = string(source[fset.Position(from).Offset:fset.Position(n.End()).Offset])
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			put(funcName(d), d.Doc, d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, name := range s.Names {
						put(name.Name, d.Doc, s)
					}
				case *ast.TypeSpec:
					put(s.Name.Name, d.Doc, s)
					if fields, ok := s.Type.(*ast.StructType); ok {
						for _, field := range fields.Fields.List {
							for _, name := range field.Names {
								put(s.Name.Name+"."+name.Name, field.Doc, field)
							}
						}
					}
				}
			}
		}
	}
	return all
}

// oldRules are the ids in all history.go, read as text: this package must work when the others do not compile.
func oldRules(t *testing.T, root string) (ids []string) {
	id := regexp.MustCompile(`\bID: "([A-Z]+[0-9]+)"`)
	for _, dir := range []string{"broker", "storage", "replication", "controller", "controller/raft"} {
		text, err := os.ReadFile(filepath.Join(root, dir, "history.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range id.FindAllStringSubmatch(string(text), -1) {
			ids = append(ids, m[1])
		}
	}
	return ids
}
