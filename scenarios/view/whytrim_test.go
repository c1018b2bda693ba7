package view

import (
	"fmt"
	"strings"
	"testing"
)

// A long chain loses its least important links until it has 25 lines of text, and keeps the symptom, the answer to each question and
// the old rules.
func TestLongChainIsShortened(t *testing.T) {
	links := []Link{{Kind: LinkSymptom, Sentence: "is without the record", Machine: "b1"}}
	for part := range 3 {
		links = append(links, Link{Kind: LinkEvent, Question: fmt.Sprintf("Why %d?", part), Sentence: fmt.Sprintf("answers %d", part), Machine: "b1"})
		for i := range 2 {
			links = append(links,
				Link{Kind: LinkState, Sentence: fmt.Sprintf("state %d of %d", i, part), Machine: "b2"},
				Link{Kind: LinkMessage, Sentence: fmt.Sprintf("message %d of %d", i, part), Machine: "b2"},
				Link{Kind: LinkFault, Sentence: fmt.Sprintf("fault %d of %d", i, part), Line: i + 1})
		}
		links = append(links, Link{Kind: LinkEvent, Sentence: fmt.Sprintf("decides %d", part), Machine: "c1"}, Link{Kind: LinkRule, Sentence: fmt.Sprintf("old rule %d", part)})
	}
	links = append(links, Link{Kind: LinkState, Question: "Why was b1 elected?", Sentence: "is in the ISR from the start", Machine: "c1", initial: true})
	if n := lines(links); n <= maxLines {
		t.Fatalf("the chain has only %d lines", n)
	}
	before := fmt.Sprint(links)
	got := shorten(links)
	text := (&Chain{Links: got}).Text()
	if n := lines(got); n > maxLines || n < maxLines-2 {
		t.Errorf("%d lines\n%s", n, text)
	}
	for part := range 3 {
		for _, want := range []string{"Why %d?", "answers %d", "old rule %d", "decides %d", "fault 0 of %d", "fault 1 of %d"} {
			last := want == "fault 1 of %d" && part == 2 // the cause that is farthest from the symptom
			if last == strings.Contains(text, fmt.Sprintf(want, part)) {
				t.Errorf("no "+want+" in\n%s", part, text)
			}
		}
	}
	if strings.Contains(text, "Why was b1 elected?") || strings.Contains(text, "state 1 of 2") || !strings.Contains(text, "without the record") {
		t.Errorf("other links are gone\n%s", text)
	}
	if fmt.Sprint(links) != before {
		t.Error("shorten has changed its argument")
	}
	// If nothing may go, the end of the chain does.
	var rules []Link
	for i := range 30 {
		rules = append(rules, Link{Kind: LinkRule, Sentence: fmt.Sprintf("old rule %d", i)})
	}
	if got := shorten(append([]Link{{Kind: LinkSymptom, Sentence: "fails"}}, rules...)); lines(got) != maxLines || got[0].Kind != LinkSymptom {
		t.Errorf("%d lines", lines(got))
	}
}

// A dropped link that began a part leaves its question to the next link of the part.
func TestShortenedPartKeepsItsQuestion(t *testing.T) {
	links := []Link{{Kind: LinkSymptom, Sentence: "fails"}, {Kind: LinkState, Question: "Why?", Sentence: "is so from the start", initial: true}}
	for i := range 23 {
		links = append(links, Link{Kind: LinkEvent, Sentence: fmt.Sprintf("does %d", i)})
	}
	got := shorten(links)
	if got[1].Question != "Why?" || got[1].Sentence != "does 0" || lines(got) != maxLines {
		t.Errorf("%d lines, %+v", lines(got), got[1])
	}
}
