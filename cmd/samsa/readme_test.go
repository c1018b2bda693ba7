package main

import (
	"os"
	"strings"
	"testing"
)

// The README shows the exact output of its first command, except for the lines that shortened omits. To update it: go test
// ./cmd/samsa -run README -update
func TestREADMEShowsWhatIsPrinted(t *testing.T) {
	const readme, opening, closing = "../../README.md", "<!-- transcript: samsa run leader-failover --seed 7 -->\n```text\n", "```\n"
	src, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(src), opening)
	shown, after, closed := strings.Cut(rest, closing)
	if !ok || !closed {
		t.Fatalf("%s has no block that begins with\n%s", readme, opening)
	}
	r := samsa(t, "run", "leader-failover", "--seed", "7")
	if r.code != exitOK {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	want := shortened(t, r.out)
	if *update {
		if err := os.WriteFile(readme, []byte(before+opening+want+closing+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("%s shows\n%s\nthe command prints\n%s", readme, shown, want)
	}
}

// shortened omits the start of the cluster, and all findings after the first two.
func shortened(t *testing.T, out string) string {
	t.Helper()
	var b strings.Builder
	start, judges, left := false, 0, 0
	for line := range strings.Lines(out) {
		switch {
		case strings.Contains(line, "> produce "):
			start = false
		case line == "\n" && judges > 4:
			judges = 0
		}
		if start || judges > 4 {
			left++
		} else {
			b.WriteString(line)
		}
		switch {
		case strings.HasPrefix(line, " step "):
			start = true
			b.WriteString("          ...\n")
		case line == "what the judges say\n" || judges > 0:
			if judges++; judges == 5 {
				b.WriteString("  ...\n")
			}
		}
	}
	if left < 3 || start || judges > 0 {
		t.Fatalf("the story has no parts that could be left out:\n%s", out)
	}
	return b.String()
}
