package view

import (
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios"
)

// Marked is the story of a run, with marks at the margin if a promise broke. The mark X is at the step at
// which the promise broke. The mark * is at each line of the scenario and each step that the chain of causes names.
//
//	step       time  node  what happened
//	*        0.628s  > cut b2 -> b3
//	X  16   17.632s  b3    leads orders-0 in epoch 2, which begins at offset 0
type Marked struct {
	Story []Line
	Marks []StoryMark
}

// StoryMark is one mark of a story, for --json.
type StoryMark struct {
	Kind  Mark   `json:"kind"`
	Check string `json:"check"`          // the promise that broke
	Step  uint64 `json:"step,omitempty"` // the step of the story
	Line  int    `json:"line,omitempty"` // the line of the scenario
}

// Mark is a sign at the margin of a story.
type Mark string

const (
	Broke  Mark = "broke"  // a promise broke at this step, or between it and the next one
	Caused Mark = "caused" // a fault or an old rule's decision that the chain of causes names
)

// sign returns the character at the margin.
func (m Mark) sign() string {
	switch m {
	case Broke:
		return "X"
	case Caused:
		return "*"
	}
	return " "
}

// maxMarked is the largest number of events of a run for which MarkStory looks for causes. The ledger of causes of a longer
// run takes too much memory for marks alone. The command samsa why accepts this cost.
const maxMarked = 3_000_000

// MarkStory marks the story of a session that has a verdict. It marks the step of each violation, and the causes of the
// violation that the function best returns. The command samsa why explains the same violation. A run without a violation
// has no marks.
func MarkStory(s *scenarios.Session, v *scenarios.Verdict, best func() check.Finding) Marked {
	m := Marked{Story: Story(s)}
	for _, f := range v.Findings {
		if f.Status == check.Violated && f.Step > 0 {
			m.add(StoryMark{Broke, f.Check.Name, f.Step, 0})
		}
	}
	if len(m.Marks) == 0 || v.Events > maxMarked {
		return m
	}
	f := best()
	chain, err := NewChain(s, f)
	if err != nil { // the marks of the steps are still right
		return m
	}
	for _, l := range chain.Links {
		switch {
		case l.Kind == LinkFault && l.Line > 0:
			m.add(StoryMark{Caused, f.Check.Name, 0, l.Line})
		case l.Kind == LinkRule && l.Step > 0:
			m.add(StoryMark{Caused, f.Check.Name, l.Step, 0})
		}
	}
	return m
}

// add adds a mark to the list and to the first line of the story that it fits.
func (m *Marked) add(x StoryMark) {
	if slices.Contains(m.Marks, x) {
		return
	}
	m.Marks = append(m.Marks, x)
	for i := range m.Story {
		l := &m.Story[i]
		if (x.Step > 0 && l.Step == x.Step || x.Line > 0 && l.Num == x.Line && l.Kind == Verb) && l.Mark != Broke {
			l.Mark = x.Kind
			return
		}
	}
}

// Legend explains the marks, one line for each kind; it is empty if there are none.
func (m Marked) Legend() string {
	var broke []string
	caused := ""
	for _, x := range m.Marks {
		if x.Kind == Broke {
			broke = append(broke, fmt.Sprintf("%s at step %d", x.Check, x.Step))
		} else {
			caused = x.Check
		}
	}
	text := ""
	if len(broke) > 0 {
		text += fill("broken here: "+strings.Join(broke, ", "), "X  ", "   ") + "\n"
	}
	if caused != "" {
		text += fill("its causes, as samsa why explains them for "+caused, "*  ", "   ") + "\n"
	}
	return text
}
