package scenarios

import (
	"fmt"
	"strings"
	"unicode"
)

// Error is one error in a scenario file, with its position.
type Error struct {
	File       string
	Line, Col  int    // both from 1; Col counts characters
	Word       string // the word as written; empty if something is missing
	Msg        string // one sentence without a full stop
	Suggestion string // the nearest valid word; empty if none is near
	Verb       string // the verb to look up in help; empty if the line has no known verb
	Source     string // the whole line, for the caret
}

// Error returns the message in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("scenario %s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
	if e.Suggestion != "" {
		s += fmt.Sprintf(" (did you mean %q?)", e.Suggestion)
	}
	return s
}

// Show returns the message, the line, and a caret under the word.
//
//	scenario x.txt:7:1: no verb "cutt" (did you mean "cut"?)
//	    7 | cutt b1 -> b2
//	      | ^^^^
func (e *Error) Show() string {
	// A long line is shown from just before the word, so that the caret always fits on the screen.
	const room = 70
	source := []rune(strings.Map(printable, e.Source))
	col := min(e.Col-1, len(source))
	cut := 0
	if col > room-20 {
		cut = col - 20
	}
	shown := source[cut:]
	if len(shown) > room {
		shown = shown[:room]
	}
	wide := len([]rune(e.Word))
	carets := max(1, min(wide, room-(col-cut)))
	return fmt.Sprintf("%s\n%5d | %s\n      | %s%s", e.Error(), e.Line, string(shown),
		strings.Repeat(" ", col-cut), strings.Repeat("^", carets))
}

// printable replaces control characters.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case !unicode.IsPrint(r):
		return '?'
	}
	return r
}

// errorAt makes an error about a word of this file.
func (f *File) errorAt(w Word, msg, suggestion string) *Error {
	if runes := []rune(msg); len(runes) > 200 { // a word may be as long as a line, but a message must not
		msg = string(runes[:120]) + " ... " + string(runes[len(runes)-70:])
	}
	e := &Error{File: f.Name, Line: w.Line, Col: w.Col, Word: w.Raw, Msg: msg, Suggestion: suggestion}
	if w.Line >= 1 && w.Line <= len(f.lines) {
		e.Source = strings.TrimRight(f.lines[w.Line-1], "\r\n")
	}
	return e
}

// Errors are the errors of a file, in the order of its lines.
type Errors []*Error

// Error returns all errors, each with its line.
func (es Errors) Error() string {
	shown := make([]string, len(es))
	for i, e := range es {
		shown[i] = e.Show()
	}
	return strings.Join(shown, "\n")
}
