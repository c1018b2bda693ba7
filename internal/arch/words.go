package arch

// The words ratchet. The subject of a sentence about machines is a named thing: the broker, the leader, the client. A
// comment with a word for people hides it. A package may have such words in one comment line of a hundred; words.txt
// lists the packages that have more, with their number of lines, which may only shrink.

import (
	"bufio"
	"cmp"
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// peopleWords are the words for people that comments use for machines.
var peopleWords = regexp.MustCompile(`(?i)\b(who|whom|whose|whoever|nobody|somebody|anybody|everybody)\b`)

// Wording is how often the comments of one package have a word for people, tests included.
type Wording struct {
	Package string // inside the module: "sim/env"
	Lines   int    // of comments that are not empty
	Hits    []Hit  // lines with such a word, in the order of files
}

// Hit is one comment line.
type Hit struct {
	Pos  token.Position
	Text string
}

// String is the wording as a line of words.txt.
func (w Wording) String() string { return fmt.Sprintf("%s %d", w.Package, len(w.Hits)) }

// over reports whether more than one line of a hundred is hit.
func (w Wording) over() bool { return 100*len(w.Hits) > w.Lines }

// Wordings counts every package of the module, the one with most hits first.
func (p *Program) Wordings() []Wording {
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

// ParseWords reads words.txt: `PACKAGE LINES`, with # for comments.
func ParseWords(text string) (map[string]int, error) {
	allowed := map[string]int{}
	sc := bufio.NewScanner(strings.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		w := strings.Fields(sc.Text())
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			continue
		}
		lines, err := 0, error(nil)
		if len(w) == 2 {
			lines, err = strconv.Atoi(w[1])
		}
		if len(w) != 2 || err != nil {
			return nil, fmt.Errorf("words.txt:%d: %q is not `PACKAGE LINES`", n, sc.Text())
		}
		allowed[w[0]] = lines
	}
	return allowed, sc.Err()
}

// Worded compares the module with words.txt.
func Worded(all []Wording, allowed map[string]int) []Finding {
	var found []Finding
	report := func(at token.Position, what, why string) {
		found = append(found, Finding{at, "words", what, why})
	}
	list := token.Position{Filename: "internal/arch/words.txt", Line: 1, Column: 1}
	gone := map[string]bool{}
	for name := range allowed {
		gone[name] = true
	}
	for _, w := range all {
		most, known := allowed[w.Package]
		delete(gone, w.Package)
		switch {
		case w.over() && !known:
			report(w.Hits[0].Pos, fmt.Sprintf("%d of %d comment lines of %s have who, whose, nobody or another word for people", len(w.Hits), w.Lines, w.Package),
				"name the broker, leader, follower, client or controller; see the lines: go test ./internal/arch -run Words -v -words "+w.Package+
					"; if they moved here from a listed package, move their number in words.txt, too")
		case w.over() && len(w.Hits) > most:
			report(w.Hits[0].Pos, fmt.Sprintf("%d comment lines of %s have a word for people, %d when it was written down", len(w.Hits), w.Package, most),
				"name the broker, leader, follower, client or controller; see the lines: go test ./internal/arch -run Words -v -words "+w.Package)
		case !w.over() && known:
			report(list, fmt.Sprintf("%s is listed in words.txt and has %d such lines of %d", w.Package, len(w.Hits), w.Lines),
				"remove the line: go test ./internal/arch -run Words -update")
		}
	}
	for name := range gone {
		report(list, name+" is listed in words.txt and does not exist", "remove the line: go test ./internal/arch -run Words -update")
	}
	sortFindings(found)
	return found
}

// FewerWords is words.txt as it should be written: no package with more lines than it had, and none that needs no line.
func FewerWords(all []Wording, allowed map[string]int) string {
	var b strings.Builder
	for _, w := range all {
		if most, known := allowed[w.Package]; known && w.over() {
			fmt.Fprintf(&b, "%s %d\n", w.Package, min(most, len(w.Hits)))
		}
	}
	return b.String()
}
