package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
)

// A step has one meaning. The step of a finding, the first row of its chain and the line of the story are the same event, or, if the
// event is no step, the chain and the finding name the last step before it.
func TestStepsAgree(t *testing.T) {
	exact := 0
	for _, name := range []string{"m1", "m2", "m3", "m6", "m9", "m20", "m22", "m24", "m29", "m37", "k1", "k2", "k3", "k22"} {
		s := ended(t, "museum-"+name, []string{strings.ToUpper(name)}, 0)
		times, last := map[uint64]int64{}, uint64(0)
		for _, l := range Story(s) {
			if l.Step > 0 {
				times[l.Step], last = l.Time, max(last, l.Step)
			}
		}
		for _, f := range s.Verdict().Findings {
			if f.Status != check.Violated || f.Check.Liveness || f.Step == 0 {
				continue
			}
			chain, err := NewChain(s, f)
			if err != nil {
				t.Fatal(err)
			}
			l := chain.Links[0]
			if max(l.Step, l.After) != f.Step {
				t.Errorf("%s: %s is violated at step %d, and its chain begins at step %d, or after step %d", name, f.Check.Name, f.Step, l.Step, l.After)
			}
			if l.Step > 0 {
				exact++
			}
			for _, l := range chain.Links {
				step := max(l.Step, l.After)
				if step > last || step > 0 && l.Time < times[step] || step > 0 && step < last && l.Time > times[step+1] || l.Step > 0 && l.Time != times[step] {
					t.Errorf("%s: %s: a row of step %d (after %d) at %s is not where the story has that step: %+v", name, f.Check.Name, l.Step, l.After, Seconds(l.Time), l)
				}
			}
		}
	}
	if exact < 10 {
		t.Errorf("only %d findings are of an event that the story shows", exact)
	}
}

// The story of museum-m1 marks where its promises broke, and the three faults and the decision that caused it; the legend names the
// checks. A run that keeps its promises has no marks.
func TestMarkStory(t *testing.T) {
	s := ended(t, "museum-m1", []string{"M1"}, 0)
	v := s.Verdict()
	best := func() check.Finding { return named(v, "acked-durable") }
	m := MarkStory(s, v, best)
	text := StoryText(m.Story)
	for _, want := range []string{"\n*         0.250s  > cut b2 -> b3\n", "\n*         0.266s  > crash b1\n", "\n*         9.730s  > crash b2\n",
		"\nX  13             b3    truncates its log of orders-0", "\nX  15    17.239s  b3    leads orders-0 in epoch 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\nX") + strings.Count(text, "\n*"); n != 5 {
		t.Errorf("%d marks in\n%s", n, text)
	}
	if want := "X  broken here: acked-durable at step 15, acked-electable at step 13,\n   truncation-licensed at step 13\n*  its causes, as samsa why explains them for acked-durable\n"; m.Legend() != want {
		t.Errorf("the legend is\n%s", m.Legend())
	}
	for line := range strings.Lines(text + m.Legend()) {
		if len([]rune(line)) > width+1 {
			t.Errorf("too wide: %s", line)
		}
	}
	for _, x := range []StoryMark{{Broke, "acked-durable", 15, 0}, {Caused, "acked-durable", 0, 9}, {Caused, "acked-durable", 13, 0}} {
		if !slices.Contains(m.Marks, x) {
			t.Errorf("no mark %+v in %+v", x, m.Marks)
		}
	}
	fine := ended(t, "museum-m1", nil, 0)
	if m := MarkStory(fine, fine.Verdict(), best); len(m.Marks) > 0 || m.Legend() != "" || StoryText(m.Story) != StoryText(Story(fine)) {
		t.Errorf("a run that keeps its promises has the marks %+v", m.Marks)
	}
}

// A step of five digits fills the margin, so the mark stands before it.
func TestMarkOfALongStory(t *testing.T) {
	for step, want := range map[uint64]string{9: "X   9     0.000s  b1    x", 12345: "X12345     0.000s  b1    x"} {
		got := StoryText([]Line{{Kind: Note, Step: step, Who: "b1", Text: "x", Mark: Broke}})
		if !strings.HasSuffix(got, "\n"+want+"\n") {
			t.Errorf("step %d:\n%s", step, got)
		}
	}
}

// named returns a finding of a verdict.
func named(v *scenarios.Verdict, name string) check.Finding {
	for _, f := range v.Findings {
		if f.Check.Name == name {
			return f
		}
	}
	panic(fmt.Sprintf("no finding of %s", name))
}
