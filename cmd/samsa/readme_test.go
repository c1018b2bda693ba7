package main

import (
	"fmt"
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

// The README and the help of run list all exit codes of a run, and in one order: that in which they apply.
func TestExitCodesAreListed(t *testing.T) {
	applies := []code{exitInternal, exitViolated, exitLiveness, exitUnmet, exitInconclusive, exitOK}
	src, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, c := range append([]code{exitInterrupted, exitUsage}, applies...) {
		row := fmt.Sprintf("\n| %d | ", c)
		i := strings.Index(string(src)[at:], row)
		if i < 0 {
			t.Fatalf("README.md has no row for %d after that of the code before", c)
		}
		at += i
	}
	help := strings.Join(strings.Fields(samsa(t, "help", "run").out), " ")
	_, help, ok := strings.Cut(help, "Exit codes, the first that applies: ")
	if !ok {
		t.Fatalf("help run has no exit codes:\n%s", help)
	}
	for _, c := range applies {
		word := fmt.Sprintf("%d ", c)
		if c == exitOK {
			word = "0 otherwise"
		}
		if !strings.HasPrefix(help, word) && !strings.Contains(help, "; "+word) {
			t.Fatalf("help run does not list %d after the codes before it: %s", c, help)
		}
		_, help, _ = strings.Cut(help, word)
	}
	for _, c := range []code{exitUsage, exitInterrupted} {
		if !strings.Contains(help, fmt.Sprintf("%d ", c)) {
			t.Errorf("help run does not list %d", c)
		}
	}
}
