package arch

import (
	"flag"
	"go/token"
	"testing"
)

var wordsOf = flag.String("words", "", "with -v: the package to show every line of")

// The comments of each package name machines. With -v the test prints how many lines have a word for people.
func TestWords(t *testing.T) {
	all := Wordings(load(t))
	for _, w := range all {
		if !testing.Verbose() {
			break // or the table would be printed above each finding
		}
		t.Logf("%5d of %5d  %s", len(w.Hits), w.Lines, w.Package)
		if w.Package == *wordsOf {
			for _, h := range w.Hits {
				t.Logf("%s: %s", h.Pos, h.Text)
			}
		}
	}
	report(t, Worded(all))
}

// One word makes one line a hit, in any case and as a whole word; lines without text do not count.
func TestCountingWords(t *testing.T) {
	var w Wording
	w.count(token.Position{Line: 5}, "// Nobody knows who did it, and whose it is.")
	w.count(token.Position{Line: 7}, "/* The whole log\n\n   is everybody's,\n   wholly. */")
	w.count(token.Position{Line: 20}, "//")
	if w.Lines != 4 || len(w.Hits) != 2 || w.Hits[0].Pos.Line != 5 || w.Hits[1].Pos.Line != 9 {
		t.Errorf("got %+v, want hits in lines 5 and 9, of 4 lines", w)
	}
}

// One line of a hundred passes, and more do not.
func TestOneLineOfAHundred(t *testing.T) {
	for _, c := range []struct{ hits, lines, findings int }{{0, 10, 0}, {1, 100, 0}, {1, 99, 1}, {2, 199, 1}, {2, 200, 0}} {
		w := Wording{Package: "sim", Lines: c.lines, Hits: make([]Hit, c.hits)}
		if got := Worded([]Wording{w}); len(got) != c.findings {
			t.Errorf("%d of %d lines: %v, wanted %d findings", c.hits, c.lines, got, c.findings)
		}
	}
}
