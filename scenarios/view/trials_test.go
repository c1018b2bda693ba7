package view

import (
	"encoding/json"
	"strings"
	"testing"

	"samsa/scenarios"
)

// The result of a test of files as text and as JSON: each breach once with its seeds, and outputs by the lines that differ.
func TestTrialsText(t *testing.T) {
	r := NewTrials(5)
	fine := NewFileTrials("fine.txt", 7)
	for seed := uint64(7); seed < 13; seed++ {
		fine.Add(scenarios.Trial{Seed: seed})
	}
	fine.Rewritten = true
	claim := scenarios.Breach{End: scenarios.Unmet, Line: 12, Text: "expected acked-durable held, but it is priced"}
	lost := scenarios.Breach{End: scenarios.Unsafe, Check: "lost-write", Kind: "leader of a partition", Step: 9, Text: `lost-write is violated: "a" of p1 was acknowledged at offset 3 of orders-0; readers have passed that offset and none has seen the record`}
	same := lost
	same.Text, same.Step = "lost-write is violated: another sentence", 4
	output := scenarios.Breach{End: scenarios.Unmet, Line: 4, Text: "the output is not the recorded one", Got: "one\ntwo\n2\nthree\nfour\n", Want: "one\ntwo\n3\nthree\nfour\n"}
	bad := NewFileTrials("my file.txt", 7)
	for seed, breaches := range [][]scenarios.Breach{{claim, output}, {lost}, {same, claim}, nil, {same}, {same}} {
		bad.Add(scenarios.Trial{Seed: uint64(seed) + 7, Own: seed == 0, Breaches: breaches})
	}
	cut := NewFileTrials("cut.txt", 7)
	cut.Add(scenarios.Trial{Seed: 7, Breaches: []scenarios.Breach{{End: scenarios.Bug, Text: "a bug of Samsa's: \x1b[31m"}}})
	cut.Add(scenarios.Trial{Seed: 8, Stopped: true})
	var text strings.Builder
	for _, f := range []*FileTrials{fine, bad, cut} {
		r.Add(f)
		text.WriteString(f.Text())
	}
	r.Interrupted = true
	text.WriteString(r.Closing())
	out, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "trials.txt", text.String())
	golden(t, "trials.json", string(out)+"\n")
	for line := range strings.Lines(text.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if r.End() != scenarios.Bug {
		t.Errorf("the worst of a bug, a violation and a claim is %s", r.End())
	}
}

// Only the lines that differ are shown, with a line around them, and not too many.
func TestDifference(t *testing.T) {
	for _, c := range [][3]string{
		{"a\nb\nc\n", "a\nx\nc\n", "        a\n      - x\n      + b\n        c\n"},
		{"a\n", "", "      -\n      + a\n"},
		{"", "a\n", "      - a\n      +\n"},
		{"a\na\n", "a\n", "        a\n      + a\n"},
		{strings.Repeat("x\n", 20), "y\n", "      - y\n" + strings.Repeat("      + x\n", 12) + "      + and 8 more lines\n"},
	} {
		if got := difference(c[0], c[1]); got != c[2] {
			t.Errorf("%q and %q:\n%s\nwant\n%s", c[0], c[1], got, c[2])
		}
	}
}
