package arch

import (
	"flag"
	"go/token"
	"os"
	"strings"
	"testing"
)

var wordsOf = flag.String("words", "", "with -v: the package to show every line of")

// The comments of each package name machines, and those that do not yet may only get fewer.
// With -v the test prints how many lines each package has.
func TestWords(t *testing.T) {
	text, err := os.ReadFile("words.txt")
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := ParseWords(string(text))
	if err != nil {
		t.Fatal(err)
	}
	all := load(t).Wordings()
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
	if *update {
		lines := FewerWords(all, allowed)
		rewrite(t, "words.txt", string(text), lines)
		if allowed, err = ParseWords(lines); err != nil {
			t.Fatal(err)
		}
	}
	report(t, Worded(all, allowed))
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

// The ratchet itself, on made-up packages.
func TestWordsRatchet(t *testing.T) {
	allowed, err := ParseWords("# comment\nlisted 5\n\n")
	if err != nil {
		t.Fatal(err)
	}
	pkg := func(name string, hits, lines int) Wording {
		return Wording{Package: name, Lines: lines, Hits: make([]Hit, hits)}
	}
	for _, c := range []struct {
		all  []Wording
		want string // part of the one finding; "" is none
		then string // words.txt, tightened
	}{
		{[]Wording{pkg("listed", 5, 100)}, "", "listed 5\n"},
		{[]Wording{pkg("listed", 6, 100)}, "6 comment lines of listed have a word for people, 5 when", "listed 5\n"},
		{[]Wording{pkg("listed", 3, 100)}, "", "listed 3\n"},
		{[]Wording{pkg("listed", 1, 100)}, "is listed in words.txt and has 1 such lines of 100", ""},
		{[]Wording{pkg("listed", 5, 100), pkg("new", 1, 100)}, "", "listed 5\n"},
		{[]Wording{pkg("listed", 5, 100), pkg("new", 2, 100)}, "2 of 100 comment lines of new", "listed 5\n"},
		{nil, "listed is listed in words.txt and does not exist", ""},
	} {
		var got []string
		for _, f := range Worded(c.all, allowed) {
			got = append(got, f.What)
		}
		if all := strings.Join(got, "; "); (c.want == "") != (all == "") || !strings.Contains(all, c.want) || len(got) > 1 {
			t.Errorf("%v: got %q, want %q", c.all, all, c.want)
		}
		if got := FewerWords(c.all, allowed); got != c.then {
			t.Errorf("%v: tightened to %q, want %q", c.all, got, c.then)
		}
	}
	for _, text := range []string{"listed", "listed many", "listed 5 lines"} {
		if _, err := ParseWords(text); err == nil || !strings.Contains(err.Error(), "words.txt:1") {
			t.Errorf("%q: got %v, want an error that names the line", text, err)
		}
	}
}
