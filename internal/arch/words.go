package arch

// The subject of a sentence about machines is a named thing: the broker, the leader, the client. A comment that has a word
// for people instead hides the subject. A package may have such words in one comment line of a hundred, for the sentences
// about people.

import (
	"cmp"
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// peopleWords matches the words for people, which comments should not use for machines.
var peopleWords = regexp.MustCompile(`(?i)\b(who|whom|whose|whoever|nobody|somebody|anybody|everybody)\b`)

// Wording counts how often the comments of one package, tests included, have a word for people.
type Wording struct {
	Package string // inside the module: "sim/env"
	Lines   int    // of comments that are not empty
	Hits    []Hit  // lines with a word for people, in the order of files
}

// Hit is one comment line that has a word for people.
type Hit struct {
	Pos  token.Position
	Text string
}

// over reports whether more than one line in a hundred has a word for people.
func (w Wording) over() bool { return 100*len(w.Hits) > w.Lines }

// Wordings counts the words for people in each package of the module. The package with most hits comes first.
func Wordings(p *Program) []Wording {
	var all []Wording
	for _, q := range p.Packages {
		w := Wording{Package: q.Name}
		for _, f := range slices.Concat(q.Files, q.Tests) {
			for _, group := range f.Comments {
				for _, c := range group.List {
					w.count(p.position(c.Pos()), c.Text)
				}
			}
		}
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b Wording) int {
		return cmp.Or(cmp.Compare(len(b.Hits), len(a.Hits)), strings.Compare(a.Package, b.Package))
	})
	return all
}

// count adds a comment.
func (w *Wording) count(at token.Position, comment string) {
	for line := range strings.Lines(comment) {
		if text := strings.Trim(line, "/* \t\n"); text != "" {
			w.Lines++
			if peopleWords.MatchString(text) {
				w.Hits = append(w.Hits, Hit{at, text})
			}
		}
		at.Line++
	}
}

// Worded reports the packages in which too many comment lines have a word for people.
func Worded(all []Wording) []Finding {
	var found []Finding
	for _, w := range all {
		if w.over() {
			what := fmt.Sprintf("%d of %d comment lines of %s have who, whose, nobody or another word for people", len(w.Hits), w.Lines, w.Package)
			found = append(found, Finding{w.Hits[0].Pos, "words", what,
				"name the broker, leader, follower, client or controller; see the lines: go test ./internal/arch -run Words -v -words " + w.Package})
		}
	}
	sortFindings(found)
	return found
}
