package arch

// The rules about text: every package has documentation, and no file mentions things outside the project.

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// textReasons maps the name of each rule about text to the reason for the rule.
var textReasons = map[string]string{
	"package-doc":  "the package doc is the only thing some readers read: say what it is, how to read it, what it is not",
	"exported-doc": "a reader of another package sees only this: give meaning, unit, range, source",
	"machine-path": "a path of one machine means nothing in a clone",
	"unfinished":   "main is always done: finish it, or write down in ARCHITECTURE.md what is left out and why",
	"odd-text":     "it looks different, or not at all, in another editor or terminal; use plain letters and boxes",
	"sleep":        "a test that waits for time is slow on a good day and red on a bad one; wait for the thing itself",
}

var (
	machinePath = regexp.MustCompile(`(^|[\s"'(=` + "`" + `])(/work/|/tmp/|/root/|/home/|\.\./shared)`)
	unfinished  = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)
)

// Text checks the comments and literals of one package, tests included.
func (p *Program) Text(q *Package) []Finding {
	var found []Finding
	report := func(pos token.Pos, rule, what string) {
		found = append(found, Finding{p.position(pos), rule, what, textReasons[rule]})
	}
	if len(q.Files) > 0 && !hasPackageDoc(q) {
		report(q.Files[0].Name.Pos(), "package-doc", "package "+q.Name+" has no package doc")
	}
	for _, f := range q.Files {
		exportedDocs(q, f, report)
		words(f, q.Name != "tui", report)
	}
	for _, f := range q.Tests {
		words(f, false, report)
		sleeps(f, report)
	}
	sortFindings(found)
	return found
}

// hasPackageDoc reports whether a comment above a package clause says more than the name.
func hasPackageDoc(q *Package) bool {
	for _, f := range q.Files {
		if len(strings.Fields(f.Doc.Text())) > 5 {
			return true
		}
	}
	return false
}

// selfEvident lists methods that need no comment, because the interface that they implement gives their meaning.
var selfEvident = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "Format": true, "MarshalJSON": true, "MarshalText": true, "UnmarshalText": true,
	"Len": true, "Less": true, "Swap": true, "Push": true, "Pop": true, "Write": true, "Read": true,
}

// exportedDocs demands a comment on every exported name. A comment above a group counts for all names in it, and a constant
// needs no comment if its type is declared in its package.
func exportedDocs(q *Package, f *ast.File, report func(token.Pos, string, string)) {
	if f.Name.Name == "main" {
		return
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && !(d.Recv != nil && (selfEvident[d.Name.Name] || !exportedReceiver(d))) {
				report(d.Name.Pos(), "exported-doc", d.Name.Name+" has no comment")
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						report(s.Name.Pos(), "exported-doc", s.Name.Name+" has no comment")
					}
				case *ast.ValueSpec:
					for _, id := range s.Names {
						if id.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil && !explainedByType(q, id) {
							report(id.Pos(), "exported-doc", id.Name+" has no comment")
						}
					}
				}
			}
		}
	}
}

// exportedReceiver reports whether a method belongs to a type that other packages can name.
func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := unindexed(t).(*ast.Ident)
	return ok && id.IsExported()
}

// explainedByType reports whether a constant has a named type of its own package.
func explainedByType(q *Package, id *ast.Ident) bool {
	c, ok := q.Info.Defs[id].(*types.Const)
	if !ok {
		return false
	}
	named, ok := types.Unalias(c.Type()).(*types.Named)
	return ok && named.Obj().Pkg() == q.Types
}

// words checks the comments of a file, and its literals for invisible characters. If plain is set, literals must have no
// terminal escapes either. Tests may have terminal escapes, to check that output has none.
func words(f *ast.File, plain bool, report func(token.Pos, string, string)) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			for rule, what := range badWords(c.Text) {
				report(c.Pos(), rule, what)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING && lit.Kind != token.CHAR {
			return true
		}
		if what := oddRune(lit.Value); what != "" {
			report(lit.Pos(), "odd-text", what)
		}
		if value, err := strconv.Unquote(lit.Value); err == nil && plain && strings.Contains(value, escape+"[") {
			report(lit.Pos(), "odd-text", "a terminal's control sequence outside tui")
		}
		return true
	})
}

// escape begins a terminal's control sequence.
const escape = "\x1b"

// badWords finds text that is forbidden in comments and documents. The result maps each broken rule to the text that breaks
// it.
func badWords(text string) map[string]string {
	found := map[string]string{}
	if m := machinePath.FindString(text); m != "" {
		found["machine-path"] = "the path " + strings.TrimLeft(m, " \t\n\"'(=`")
	}
	if m := unfinished.FindString(text); m != "" {
		found["unfinished"] = "the word " + m
	}
	if what := oddRune(text); what != "" {
		found["odd-text"] = what
	}
	return found
}

// oddRune finds emoji and characters that show nothing: control, zero-width, direction marks.
func oddRune(text string) string {
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
		case r >= 0x1F000 || r == 0xFE0F:
			return "an emoji (" + strconv.QuoteRuneToASCII(r) + ")"
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return "a character that shows nothing (" + strconv.QuoteRuneToASCII(r) + ")"
		}
	}
	return ""
}

// sleeps finds time.Sleep in tests. It goes by the name, because tests are not type-checked.
func sleeps(f *ast.File, report func(token.Pos, string, string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Sleep" {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" {
			report(n.Pos(), "sleep", "time.Sleep in a test")
		}
		return true
	})
}

// Document checks a file that is not Go: its name inside the module, and its text.
func Document(name, text string) []Finding {
	var found []Finding
	line := 0
	for s := range strings.Lines(text) {
		line++
		for rule, what := range badWords(s) {
			found = append(found, Finding{token.Position{Filename: filepath.ToSlash(name), Line: line, Column: 1}, rule, what, textReasons[rule]})
		}
	}
	sortFindings(found)
	return found
}
