// Package view turns a session into plain structs: the story in sentences, and the findings of the judges.
//
//	session ──▶ entries ──▶ Story ──┐
//	        ──▶ verdict ──▶ Report ─┼──▶ text, JSON, screens
//	        ──▶ finding ──▶ Chain ──┤
//	two sessions ─▶ Differ ─▶ Diff ─┘
//
// The structs do not depend on width, colour or terminal. The integers of notes become words here. Read story.go for the
// sentences, report.go for the verdict, text.go for the output of `samsa run`, diff.go for the comparison of two runs, and
// why.go for the causes of a finding.
//
// The package has no effect on a run.
package view

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/scenarios"
	"samsa/wire"
)

// Line is one line of a story.
type Line struct {
	Kind  Kind
	Step  uint64 // 0 if the line is not a step
	Event uint64
	Cause uint64 // the event that scheduled this one; scenarios.NoCause for verbs, outputs, and events without a cause
	Time  int64  // nanoseconds since the world began
	Who   string // the machine that made the note; empty for verbs and outputs
	Text  string
	Num   int  // for a verb: the number of its line in the file
	Mark  Mark // "" for most lines; see MarkStory
}

// Kind is the origin of a line of a story.
type Kind string

const (
	Verb   Kind = "verb"   // a line of the scenario started
	Output Kind = "output" // a line of the scenario printed text
	Note   Kind = "note"   // a node or the world made a note
)

// Story returns the story so far.
func Story(s *scenarios.Session) []Line {
	story, _ := More(s, 0)
	return story
}

// More returns the story that begins at the given entry of the session, and the index of the next entry. Its cost depends
// only on the number of new entries. A story that is read in parts equals the story that is read at once. If the session
// seeks a step, the entries before that step do not change.
func More(s *scenarios.Session, from int) (story []Line, next int) {
	entries := s.Entries()
	from = min(from, len(entries))
	for _, e := range entries[from:] {
		if repeatedByJudges(s, e.Line) {
			continue
		}
		l := Line{Event: e.Event, Cause: scenarios.NoCause, Time: int64(e.Time)}
		switch e.Kind {
		case scenarios.EntryVerb:
			l.Kind, l.Text, l.Num = Verb, e.Line.String(), e.Line.Num
		case scenarios.EntryOutput:
			l.Kind = Output
			for text := range strings.Lines(e.Text) {
				l.Text = strings.TrimRight(text, "\n")
				story = append(story, l)
			}
			continue
		case scenarios.EntryNote:
			l.Kind, l.Step, l.Cause, l.Who = Note, e.Step, e.Note.Cause, string(e.Note.Who)
			l.Text = Sentence(e.Note, s.Names())
		}
		story = append(story, l)
	}
	return story, len(entries)
}

// repeatedByJudges reports whether a line is a claim that holds. The story omits such a line, because the report has it too.
func repeatedByJudges(s *scenarios.Session, l *scenarios.Line) bool {
	if l == nil || l.Verb.Text != "expect" && l.Verb.Text != "saw" {
		return false
	}
	for _, c := range s.Claims() {
		if c.Line == l && c.OK {
			return true
		}
	}
	return false
}

// Sentence returns a note in words, without its machine: the text of the note's kind with the fields filled in.
func Sentence(n scenarios.Note, names scenarios.Names) string {
	text := n.Kind.Text
	if text == "" {
		text = n.Kind.Name
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		field, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before)
		b.WriteString(fieldText(n, field, names))
		text = after
	}
}

// fieldText returns one field in words. If the kind does not have the field, fieldText returns {field}.
func fieldText(n scenarios.Note, field string, names scenarios.Names) string {
	for i, name := range n.Kind.Fields {
		if name == field && field != "" {
			return render(field, n.Args[i], names)
		}
	}
	return "{" + field + "}"
}

// render returns an integer in words. The form depends on the name of the note's field that holds the integer.
func render(field string, v int64, names scenarios.Names) string {
	number := strconv.FormatInt(v, 10)
	switch field {
	case "topic":
		if s := names.Topic(v); s != "" {
			return s
		}
	case "node":
		if v == int64(wire.NoNode) {
			return "none"
		}
		if s := names.Node(wire.NodeID(v)); s != "" {
			return s
		}
	case "error":
		return ErrorName(int16(v))
	case "ms":
		return number + " ms"
	case "set":
		return set(v)
	}
	return number
}

// ErrorName returns Kafka's name of an error.
func ErrorName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return "error " + strconv.Itoa(int(code))
}

// set formats a bit set of node ids, such as {1,3}.
func set(bits int64) string {
	var ids []string
	for id := range 63 {
		if bits&(1<<id) != 0 {
			ids = append(ids, strconv.Itoa(id))
		}
	}
	return "{" + strings.Join(ids, ",") + "}"
}
