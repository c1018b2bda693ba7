package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Each error that Kafka names for a request is in an answer that it gave to this request, or has a reason, and no reason is out
// of date.
func TestEveryErrorIsAnsweredOrHasAReason(t *testing.T) {
	all, err := readScripts(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]map[string]bool{}
	for _, s := range all.scripts {
		for _, it := range s.items {
			for _, a := range it.answers {
				for _, w := range strings.FieldsFunc(strings.Join(a.lines, " "), func(r rune) bool { return strings.ContainsRune(" ,{}[]:", r) }) {
					if answered[it.request.api] == nil {
						answered[it.request.api] = map[string]bool{}
					}
					answered[it.request.api][w] = true
				}
			}
		}
	}
	text, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string][]string{} // by request
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "why "); ok {
			codes, reason, _ := strings.Cut(rest, ": ")
			if words := strings.Fields(codes); strings.TrimSpace(reason) != "" {
				reasons[words[0]] = append(reasons[words[0]], words[1:]...)
			}
		}
	}
	named := 0
	used := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "#" || words[0] == "why" || all.find(words[0], true) == nil {
			continue
		}
		for _, code := range words[1:] {
			named++
			why := ""
			for _, of := range []string{"*", words[0]} {
				if slices.Contains(reasons[of], code) {
					why = of + " " + code
				}
			}
			used[why] = true
			switch {
			case answered[words[0]][code] && why != "":
				t.Errorf("%s: %s is answered, so its reason is out of date", words[0], code)
			case !answered[words[0]][code] && why == "":
				t.Errorf("%s: %s is in no answer and has no reason", words[0], code)
			}
		}
	}
	for of, codes := range reasons {
		for _, code := range codes {
			if !used[of+" "+code] {
				t.Errorf("the reason for %s %s belongs to no error", of, code)
			}
		}
	}
	if named < 60 {
		t.Errorf("only %d errors are named", named)
	}
}
