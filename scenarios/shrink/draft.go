package shrink

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios"
	"samsa/sim/env"
)

// draft is a scenario that is being shrunk: its lines without comments, outputs and lines that only look. A draft is a
// value: a pass copies it before changing it.
type draft struct {
	lines []line
	salt  uint64 // of the noise; 0 writes no salt line
}

// line is one line of a draft.
type line struct {
	timed bool
	at    env.Duration // only set if timed
	verb  string
	words []string // the words after the verb, as they are written
}

// String returns the line as a scenario has it.
func (l line) String() string {
	s := strings.Join(append([]string{l.verb}, l.words...), " ")
	if l.timed {
		s = "at " + scenarios.FormatSpan(l.at) + " " + s
	}
	return s
}

// saltVerb is the verb of salt lines; one without a site carries the salt of the draft.
const saltVerb = "salt"

// draftOf reads the lines of a program.
func draftOf(p *scenarios.Program) draft {
	var d draft
	for _, c := range p.Commands() {
		if c.Verb.Looks() {
			continue
		}
		l := line{timed: c.Line.Timed, at: c.Line.At, verb: c.Verb.Name}
		for _, w := range c.Line.Args {
			l.words = append(l.words, w.Raw)
		}
		if l.verb == saltVerb && len(l.words) == 1 {
			if _, err := fmt.Sscan(l.words[0], &d.salt); err == nil {
				continue
			}
		}
		d.lines = append(d.lines, l)
	}
	return d
}

// text returns the draft as a scenario file.
func (d draft) text() string {
	var b strings.Builder
	for i, l := range d.lines {
		b.WriteString(l.String() + "\n")
		if i == 0 && d.salt != 0 { // after the cluster line
			fmt.Fprintf(&b, "%s %d\n", saltVerb, d.salt)
		}
	}
	return b.String()
}

// clone returns a copy that shares nothing with the draft.
func (d draft) clone() draft {
	d.lines = slices.Clone(d.lines)
	for i := range d.lines {
		d.lines[i].words = slices.Clone(d.lines[i].words)
	}
	return d
}

// without returns the draft without the lines of these indexes.
func (d draft) without(drop map[int]bool) draft {
	c := draft{salt: d.salt}
	for i, l := range d.clone().lines {
		if !drop[i] {
			c.lines = append(c.lines, l)
		}
	}
	return c
}
