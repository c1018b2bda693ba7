package main

import (
	"bufio"
	"encoding/json"
	"os"

	"samsa/scenarios"
	"samsa/scenarios/view"
)

// trace writes notes to a file, one JSON object per line. A nil trace writes nothing.
type trace struct {
	file    *os.File
	w       *bufio.Writer
	session *scenarios.Session
	err     error // the first error; nothing is written after it
}

// traceLine is one note in the schema samsa.trace/1.
type traceLine struct {
	Event  uint64  `json:"event"`
	Cause  *uint64 `json:"cause,omitempty"` // the event that scheduled this one
	Step   uint64  `json:"step,omitempty"`  // 0 if the note is not in the story
	Time   int64   `json:"virtual_ns"`
	Who    string  `json:"who"`
	Note   string  `json:"note"`
	Fields []field `json:"fields,omitempty"`
	Text   string  `json:"text"`
}

// field is a name and a value. A list of them keeps the order of a note's fields.
type field struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// newTrace creates the file.
func newTrace(path string) (*trace, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, usage("", "cannot write the trace: %v", err)
	}
	return &trace{file: f, w: bufio.NewWriter(f)}, nil
}

// names sets the session that resolves names.
func (t *trace) names(s *scenarios.Session) {
	if t != nil {
		t.session = s
	}
}

// heard writes a note.
func (t *trace) heard(n scenarios.Note) {
	if t.err != nil {
		return
	}
	l := traceLine{Event: n.Event, Step: n.Step, Time: int64(n.Time), Who: string(n.Who), Note: n.Kind.Name}
	if n.Cause != scenarios.NoCause {
		l.Cause = &n.Cause
	}
	for i, name := range n.Kind.Fields {
		if name != "" {
			l.Fields = append(l.Fields, field{name, n.Args[i]})
		}
	}
	l.Text = view.Sentence(n, t.session.Names())
	line, err := json.Marshal(l)
	if err == nil {
		_, err = t.w.Write(append(line, '\n'))
	}
	if err == nil && n.Kind.Story {
		err = t.w.Flush() // flush, so that a reader of the growing file sees complete steps
	}
	t.err = err
}

// close closes the file and returns the first error of writing it.
func (t *trace) close() error {
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	if err := t.file.Close(); t.err == nil {
		t.err = err
	}
	return t.err
}
