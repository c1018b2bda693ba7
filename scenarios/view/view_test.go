package view

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
	"samsa/wire"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, path, want)
	}
}

// stage is a cluster on which every event makes a note, the kinds in turn.
type stage struct {
	observe.Cluster // for methods that no test calls
	sink            func(scenarios.Note)
	notes           []scenarios.Note
	at              int
	findings        []check.Finding
}

func (s *stage) Step() bool {
	if s.at == len(s.notes) {
		return false
	}
	s.sink(s.notes[s.at])
	s.at++
	return true
}

func (s *stage) Now() env.Duration { return env.Duration(s.at) * 500 * env.Millisecond }
func (s *stage) Events() uint64    { return uint64(s.at) * 1000 }
func (s *stage) Steps() uint64     { return uint64(s.at) }
func (s *stage) Hash() uint64      { return 0xbeef }
func (s *stage) Shape() uint64     { return 0xbeef }
func (s *stage) CreateTopic(cluster.TopicSpec) cluster.Op {
	return 1
}
func (s *stage) Outcome(cluster.Op) (cluster.Outcome, bool) {
	return cluster.Outcome{Status: cluster.OutcomeFailed, Error: "TOPIC_ALREADY_EXISTS"}, s.at == 2
}
func (s *stage) Crash(env.Addr, bool)             {}
func (s *stage) Names() scenarios.Names           { return someNames{} }
func (s *stage) Judge() []check.Finding           { return s.findings }
func (s *stage) Machines() []cluster.MachineState { return nil }
func (s *stage) At(env.Duration, string, func())  {}
func (s *stage) Start(env.Addr)                   {}
func (s *stage) Sound() error                     { return nil }
func (s *stage) Unmet() []cluster.Override        { return nil }
func (s *stage) Close()                           {}
func (s *stage) End()                             {}
func (s *stage) Quiet([]env.Addr) bool            { return s.at == len(s.notes) }

type someNames struct{}

func (someNames) Topic(short int64) string {
	if short == 77 {
		return "orders"
	}
	return ""
}

func (someNames) Node(id wire.NodeID) string {
	if id == 2 {
		return "b2"
	}
	return ""
}

var (
	leads = &env.NoteKind{Name: "partition.leads", Fields: [4]string{"topic", "partition", "epoch", "offset"},
		Text: "leads {topic}-{partition} from offset {offset} in epoch {epoch}", Story: true}
	odd = &env.NoteKind{Name: "odd.note", Fields: [4]string{"node", "error", "ms", "set"},
		Text: "told {node}: {error} after {ms}, in sync {set}, {missing} {unclosed", Story: true}
	long = &env.NoteKind{Name: "long.note", Text: strings.Repeat("says the same again and ", 9) + strings.Repeat("x", 100), Story: true}
)

func tell(t *testing.T, findings []check.Finding) (*scenarios.Session, *stage) {
	t.Helper()
	p, err := scenarios.Load("tale", []byte("# A tale of two brokers. It is short.\n#\n# And has two parts.\ncluster brokers=2\ntopic orders\ncrash b1\nrun until quiet\nexpect acked-durable held\n"))
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{findings: findings, notes: []scenarios.Note{
		{Event: 10, Step: 1, Time: 3 * env.Millisecond, Who: "b1", Kind: leads, Args: [4]int64{77, 0, 3, 1 << 40}},
		{Event: 11, Step: 2, Time: 1204500 * env.Microsecond, Who: "c1", Kind: odd, Args: [4]int64{2, 6, 40, 1<<1 | 1<<3}},
		{Event: 12, Step: 3, Time: 1204500 * env.Microsecond, Who: "b2", Kind: long},
		{Event: 13, Step: 4, Time: 2 * env.Second, Who: "b2", Kind: leads, Args: [4]int64{78, 1, 0, 0}},
		{Event: 14, Step: 5, Time: 2 * env.Second, Who: "c1", Kind: odd, Args: [4]int64{-1, 0, 0, 0}},
	}}
	s := scenarios.New(p, scenarios.RunOptions{Build: func(o cluster.Options) (observe.Cluster, error) {
		st.sink = o.Sink
		return st, nil
	}})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s, st
}

// A story read in parts of any size equals the story read at once. Reading old entries again costs nothing.
func TestStoryInParts(t *testing.T) {
	for _, name := range []string{"leader-failover", "operators-at-work", "museum-m1"} {
		src, ok := scenarios.Source(name)
		if !ok {
			t.Fatalf("no scenario %s", name)
		}
		p, err := scenarios.Load(name, src)
		if err != nil {
			t.Fatal(err)
		}
		s := scenarios.New(p, scenarios.RunOptions{})
		var parts []Line
		at := 0
		for {
			more, err := s.Advance(1)
			if err != nil {
				t.Fatal(err)
			}
			var part []Line
			part, at = More(s, at)
			parts = append(parts, part...)
			if !more {
				break
			}
		}
		whole := Story(s)
		if len(whole) < 30 || !slices.Equal(parts, whole) {
			for i := range min(len(parts), len(whole)) {
				if parts[i] != whole[i] {
					t.Errorf("%s: line %d in parts is\n%+v, at once\n%+v", name, i, parts[i], whole[i])
					break
				}
			}
			t.Errorf("%s: %d lines in parts, %d at once", name, len(parts), len(whole))
		}
		caused := 0
		for _, l := range whole {
			switch {
			case l.Kind == Note && l.Cause != scenarios.NoCause:
				if caused++; l.Cause >= l.Event {
					t.Errorf("%s: event %d is caused by %d, which is later", name, l.Event, l.Cause)
				}
			case l.Kind != Note && l.Cause != scenarios.NoCause:
				t.Errorf("%s: %+v has a cause", name, l)
			}
		}
		if caused < 10 {
			t.Errorf("%s: %d notes have a cause", name, caused)
		}
		if n := testing.AllocsPerRun(10, func() { More(s, at) }); n != 0 {
			t.Errorf("%s: to look again takes %v allocations", name, n)
		}
	}
}

var (
	fine   = []check.Finding{{Check: check.AckedDurable, Result: check.Result{Explanation: "3 acknowledged batches are where they should be"}}, {Check: check.LostWrite, Result: check.Result{Status: check.Unexercised}}}
	priced = []check.Finding{{Check: check.AckedDurable, Result: check.Result{Status: check.Priced, Step: 4,
		Explanation: `p1 was told offset 0 holds "a"; no replica that can lead has it`, Clause: "min.insync.replicas=1 and unclean election allowed"}}}
	broken = []check.Finding{{Check: check.AckedDurable, Result: check.Result{Status: check.Violated, Step: 58, Explanation: "lost"}}}
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		name     string
		findings []check.Finding
	}{{"fine.txt", fine}, {"priced.txt", priced}, {"broken.txt", broken}} {
		s, _ := tell(t, c.findings)
		r := NewReport("tale", s.Verdict())
		r.Again = "samsa run tale --seed 1"
		got := Opening("tale", r.Seed, s.Program().File.Story) + StoryText(Story(s)) + "\n" + r.Closing()
		golden(t, c.name, got)
		for line := range strings.Lines(got) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > width {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
}

func TestReportJSON(t *testing.T) {
	s, _ := tell(t, priced)
	out, err := json.MarshalIndent(NewReport("tale", s.Verdict()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", string(out)+"\n")
}

// The reason why a run ended early is given in one word and in a sentence.
func TestReportHasTheStopReason(t *testing.T) {
	whole := NewReport("x", &scenarios.Verdict{})
	cut := NewReport("x", &scenarios.Verdict{Reason: scenarios.StopBudget, Stopped: "the budget of 7 events is spent"})
	if whole.StopReason != "" || whole.Stopped != "" || cut.StopReason != "budget" || cut.Stopped != "the budget of 7 events is spent" {
		t.Errorf("%q %q, %q %q", whole.StopReason, whole.Stopped, cut.StopReason, cut.Stopped)
	}
}

// Control characters in a value or a file must not reach a terminal.
func TestTextIsClean(t *testing.T) {
	got := Opening("a\x1b[31mb", "7", "tale\x07 with\u202e marks") + StoryText([]Line{
		{Kind: Verb, Text: "show \x1b]0;title\x07"}, {Kind: Output, Text: "  tab\there\r"}, {Kind: Note, Who: "b\x1b", Text: "x\x00y"},
		{Kind: Output, Text: strings.Repeat("wide ", 40)},
	})
	for _, r := range got {
		if r != '\n' && (r < ' ' || r == 0x7f || r == 0x202e) {
			t.Errorf("%q in\n%s", r, got)
		}
	}
	for line := range strings.Lines(got) {
		if len([]rune(line)) > width+1 {
			t.Errorf("too wide: %s", line)
		}
	}
}

func TestSentence(t *testing.T) {
	kind := &env.NoteKind{Name: "bare.note"}
	if got := Sentence(scenarios.Note{Kind: kind}, someNames{}); got != "bare.note" {
		t.Errorf("a kind without a sentence reads %q", got)
	}
	if got := ErrorName(9999); got == "" {
		t.Error("an unknown error has no name")
	}
}
