package view

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// compared compares two runs of compiled-in scenarios to their ends.
func compared(t *testing.T, a, b Diffed) Diff {
	t.Helper()
	d := NewDiffer(a, b)
	defer d.Close()
	for more := true; more; {
		var err error
		if more, err = d.Advance(100); err != nil {
			t.Fatal(err)
		}
	}
	return d.Diff()
}

func toDiff(t *testing.T, name string, o scenarios.RunOptions) Diffed {
	t.Helper()
	src, ok := scenarios.Source(name)
	if !ok {
		t.Fatalf("no scenario %s", name)
	}
	return inline(t, name, string(src), o)
}

func inline(t *testing.T, name, src string, o scenarios.RunOptions) Diffed {
	t.Helper()
	p, err := scenarios.Load(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	label := "samsa run " + name
	for _, r := range o.Rules {
		label += " --rule " + r
	}
	return Diffed{label, p, o}
}

// Under an old rule, the run parts at the event in which the rule decides. The golden file has the whole comparison.
func TestDiffOfAnOldRule(t *testing.T) {
	d := compared(t, toDiff(t, "museum-m1", scenarios.RunOptions{}), toDiff(t, "museum-m1", scenarios.RunOptions{Rules: []string{"M1"}}))
	golden(t, "diff-rule.txt", d.Text())
	if d.Equal || d.First.A.Event != d.First.B.Event || len(d.First.A.Notes) > 0 || len(d.First.B.Notes) != 1 || d.First.B.Machine != "b3" {
		t.Errorf("%+v", d.First)
	}
	if m := d.Machines[0]; m.Machine != "b3" || !m.InStory || !strings.Contains(m.B.Text, "own high watermark") {
		t.Errorf("%+v", d.Machines)
	}
	found := map[string]string{}
	for _, f := range d.Findings {
		found[f.Check] = f.A.Status + " " + f.B.Status
	}
	if found["acked-durable"] != "held violated" {
		t.Errorf("%v", found)
	}
	for line := range strings.Lines(d.Text()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// The first event that differs is the one that does something else, not the one that receives the consequence: with M22 a leader raises
// its high watermark and answers p1, in an event that looks and notes the same in both runs.
func TestDiffNamesTheEventThatActsDifferently(t *testing.T) {
	d := compared(t, toDiff(t, "museum-m22", scenarios.RunOptions{}), toDiff(t, "museum-m22", scenarios.RunOptions{Rules: []string{"M22"}}))
	a, b := d.First.A, d.First.B
	if a.Machine != "b1" || looks(a) != looks(b) || a.Event != b.Event || b.Event >= d.Visible.B.Event || len(a.Effects) > 0 || d.Visible.B.Machine != "p1" {
		t.Errorf("%+v %+v", a, b)
	}
	if want := []string{"moves its high watermark of orders-0 from 1 to 2", "sends the Produce response to p1"}; !slices.Equal(b.Effects, want) {
		t.Errorf("%q, want %q", b.Effects, want)
	}
	golden(t, "diff-effects.txt", d.Text())
	// The same is found if the runs change sides.
	back := compared(t, toDiff(t, "museum-m22", scenarios.RunOptions{Rules: []string{"M22"}}), toDiff(t, "museum-m22", scenarios.RunOptions{}))
	if !slices.Equal(back.First.A.Effects, b.Effects) || back.First.A.Event != b.Event || len(back.First.B.Effects) > 0 {
		t.Errorf("%+v", back.First)
	}
}

// The comparison from b to a is that from a to b, mirrored.
func TestDiffIsSymmetric(t *testing.T) {
	plain, old := toDiff(t, "museum-m1", scenarios.RunOptions{}), toDiff(t, "museum-m1", scenarios.RunOptions{Rules: []string{"M1"}})
	ab, ba := compared(t, plain, old), compared(t, old, plain)
	mirrored := ba
	mirrored.Runs[0], mirrored.Runs[1] = ba.Runs[1], ba.Runs[0]
	mirrored.First, mirrored.Visible = &DiffMoment{ba.First.B, ba.First.A}, &DiffMoment{ba.Visible.B, ba.Visible.A}
	for i := range mirrored.Machines {
		m := &mirrored.Machines[i]
		m.A, m.B = m.B, m.A
	}
	for i := range mirrored.Findings {
		f := &mirrored.Findings[i]
		f.A, f.B = f.B, f.A
	}
	x, _ := json.Marshal(ab)
	y, _ := json.Marshal(mirrored)
	if string(x) != string(y) {
		t.Errorf("got\n%s\nwant\n%s", y, x)
	}
}

// A run is the same as itself, in any message mode, and the sum says so.
func TestDiffOfARunWithItself(t *testing.T) {
	d := compared(t, toDiff(t, "leader-failover", scenarios.RunOptions{}), toDiff(t, "leader-failover", scenarios.RunOptions{Mode: scenarios.ModeWire}))
	if !d.Equal || d.First != nil || len(d.Machines)+len(d.Findings) > 0 || d.Runs[0].Hash != d.Runs[1].Hash || d.Runs[0].Events < 100 {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(d.Text(), "the runs are the same: "+thousands(d.Runs[0].Events)+" events") {
		t.Error(d.Text())
	}
}

const short = `cluster brokers=1 controllers=1 seed=3
topic orders partitions=1 replicas=1
produce p1 orders-0 a
`

// A line that only one file has is named at the event after it, even if it has no event of its own.
func TestDiffNamesTheLine(t *testing.T) {
	a := inline(t, "short", short+"produce p1 orders-0 b\n", scenarios.RunOptions{})
	b := inline(t, "crashed", short+"crash b1\nstart b1\nproduce p1 orders-0 b\n", scenarios.RunOptions{})
	d := compared(t, a, b)
	if d.Equal || !slices.Contains(d.First.B.Lines, "crash b1") || slices.Contains(d.First.A.Lines, "crash b1") {
		t.Errorf("%+v %+v", d.First.A, d.First.B)
	}
	if text := d.Text(); !strings.Contains(text, "> crash b1") {
		t.Error(text)
	}
}

// If one run ends where the other goes on, the comparison says which.
func TestDiffOfAPrefix(t *testing.T) {
	a := inline(t, "short", short, scenarios.RunOptions{})
	b := inline(t, "longer", short+"wait 1s\nproduce p1 orders-0 b\n", scenarios.RunOptions{})
	d := compared(t, a, b)
	if d.Equal || d.First.A != nil || d.First.B == nil || d.Runs[0].Events >= d.Runs[1].Events {
		t.Errorf("%+v", d.First)
	}
	if text := d.Text(); !strings.Contains(text, "the other run has ended when b goes on") || !strings.Contains(text, "> wait 1s") {
		t.Error(text)
	}
	p1 := d.Machines[len(d.Machines)-1]
	if p1.Machine != "p1" || p1.A != nil || p1.B == nil {
		t.Errorf("%+v", d.Machines)
	}
}

// Two seeds have other topic ids and times, and most machines still note the same.
func TestDiffIgnoresTopicIDs(t *testing.T) {
	seed := uint64(8)
	d := compared(t, toDiff(t, "leader-failover", scenarios.RunOptions{}), toDiff(t, "leader-failover", scenarios.RunOptions{Seed: &seed}))
	if d.Equal || d.First.A.Event != 0 {
		t.Fatalf("%+v", d.First)
	}
	for _, m := range d.Machines {
		if m.Machine == "p1" {
			t.Errorf("the producer's story is the same on both seeds, but: %+v %+v", m.A, m.B)
		}
	}
}

// No pair of lines of a comparison reads the same, whatever differs: two times within a millisecond are told as the time between
// them, and an explanation that both runs have is given once.
func TestDiffShowsWhatDiffers(t *testing.T) {
	event := func(ns int64) *DiffEvent {
		return &DiffEvent{Event: 7, VirtualNS: ns, Machine: "c1", Text: "reaches the end of a timer", Notes: []string{}}
	}
	found := func(status string) Property {
		return Property{Name: "acked-durable", Status: status, Explanation: "offset 0 is lost"}
	}
	for _, c := range []struct {
		a, b int64
		want string
	}{
		{5_000_000, 5_000_900, "  b    the same, 900 ns later\n"},
		{5_000_000, 5_123_456, "  b    the same, 123.456 µs later\n"},
		{5_400_000, 5_399_000, "  b    the same, 1.000 µs earlier\n"},
		{5_000_000, 5_000_000, "what it notes is the same"},
	} {
		d := Diff{First: &DiffMoment{event(c.a), event(c.b)}, Findings: []DiffFinding{{"acked-durable", found("violated"), found("priced")}}}
		text := d.Text()
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(c.want), " ")) || strings.Count(text, "offset 0 is lost") != 1 {
			t.Errorf("no %q in\n%s", c.want, text)
		}
	}
}

// A comparison that was interrupted compares what has run, and says that it is not the whole.
func TestDiffInterrupted(t *testing.T) {
	d := NewDiffer(toDiff(t, "museum-m1", scenarios.RunOptions{}), toDiff(t, "museum-m1", scenarios.RunOptions{Rules: []string{"M1"}}))
	defer d.Close()
	if more, err := d.Advance(50); !more || err != nil {
		t.Fatal(more, err)
	}
	if events, now := d.Progress(); events < 50 || now == 0 {
		t.Error(events, now)
	}
	out := d.Diff()
	out.Interrupted = true
	if !out.Equal || !strings.Contains(out.Text(), "the runs are the same so far") {
		t.Error(out.Text())
	}
	for more := true; more; {
		more, _ = d.Advance(50)
	}
	whole := d.Diff()
	want := compared(t, toDiff(t, "museum-m1", scenarios.RunOptions{}), toDiff(t, "museum-m1", scenarios.RunOptions{Rules: []string{"M1"}}))
	if whole.Text() != want.Text() {
		t.Errorf("a look at half the way changed the comparison:\n%s", whole.Text())
	}
}

func TestDiffJSON(t *testing.T) {
	d := compared(t, inline(t, "short", short, scenarios.RunOptions{}), inline(t, "longer", short+"wait 1s\n", scenarios.RunOptions{}))
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "diff.json", string(out)+"\n")
}
