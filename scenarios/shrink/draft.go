package shrink

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios"
	"samsa/sim/env"
)

// draft is a scenario that is being shrunk: its lines, except comments, outputs, and lines that only look at the cluster.
// A draft is a value: a pass copies it before changing it.
type draft struct {
	lines []line   // the first is the cluster line
	rules []string // the old rules that the draft enables
	salt  uint64   // the salt of the noise; a draft with the salt 0 has no salt line
}

// line is one line of a draft.
type line struct {
	id    int // the same in all drafts of a search
	timed bool
	at    env.Duration // only set if timed
	verb  string
	words []string // the words after the verb, as they are written
	// owed is set for the lines that end the faults, in a scenario that fails because the cluster did not become quiet.
	// They are never dropped, because a cluster need not become quiet while faults last.
	owed bool
}

// String returns the line as a scenario has it.
func (l line) String() string {
	s := strings.Join(append([]string{l.verb}, l.words...), " ")
	if l.timed {
		s = "at " + scenarios.FormatSpan(l.at) + " " + s
	}
	return s
}

// saltVerb is the verb of salt lines. A salt line without a site has the salt of the draft.
const saltVerb = "salt"

// ruleVerb is the verb that enables an old rule.
const ruleVerb = "rule"

// draftOf reads the lines of a program. It puts the cluster line first, because the passes expect it there.
func draftOf(p *scenarios.Program) draft {
	d := draft{rules: p.Rules()}
	var early []line // lines such as pin, which may precede the cluster line
	for i, c := range p.Commands() {
		if c.Verb.Looks() || c.Verb.Name == ruleVerb {
			continue
		}
		l := line{id: i, timed: c.Line.Timed, at: c.Line.At, verb: c.Verb.Name}
		for _, w := range c.Line.Args {
			l.words = append(l.words, w.Raw)
		}
		if l.verb == saltVerb && len(l.words) == 1 {
			if _, err := fmt.Sscan(l.words[0], &d.salt); err == nil {
				continue
			}
		}
		switch {
		case l.verb == "cluster":
			d.lines = append([]line{l}, early...)
			early = nil
		case len(d.lines) == 0:
			early = append(early, l)
		default:
			d.lines = append(d.lines, l)
		}
	}
	return d
}

// text returns the draft as a scenario file.
func (d draft) text() string {
	var b strings.Builder
	for _, id := range d.rules {
		fmt.Fprintf(&b, "%s %s\n", ruleVerb, id)
	}
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

// with returns a copy in which one word is replaced.
func (d draft) with(line, word int, raw string) draft {
	c := d.clone()
	c.lines[line].words[word] = raw
	return c
}

// salted returns the draft with another salt.
func (d draft) salted(salt uint64) draft {
	d.salt = salt
	return d
}

// view is a draft with the meaning of its words.
type view struct {
	draft
	parts [][]scenarios.Part // the parts of each line, one per word
}

// look reads a draft. It returns false if the draft cannot be read.
func (d draft) look() (view, bool) {
	bare := draft{lines: d.lines} // the words of these lines mean the same without the rules and the salt
	p, err := scenarios.Load("draft", []byte(bare.text()))
	if err != nil {
		return view{}, false
	}
	v := view{draft: d}
	cmds := p.Commands()
	for i := range cmds {
		v.parts = append(v.parts, cmds[i].Parts())
	}
	return v, true
}

// at returns the index of the first word in a line that has one of these kinds, and false if there is none.
func (v view) at(line int, kinds ...string) (int, bool) {
	i := slices.IndexFunc(v.parts[line], func(p scenarios.Part) bool { return slices.Contains(kinds, p.Kind) })
	return i, i >= 0
}

// word returns the text of the first word in a line that has one of these kinds, or "" if there is none.
func (v view) word(line int, kinds ...string) string {
	if i, ok := v.at(line, kinds...); ok {
		return valueOf(v.parts[line][i])
	}
	return ""
}

// has reports whether a line has a literal.
func (v view) has(line int, literal string) bool {
	return slices.ContainsFunc(v.parts[line], func(p scenarios.Part) bool { return p.Kind == "" && p.Word.Text == literal })
}

// valueOf returns the text of a word without its key.
func valueOf(p scenarios.Part) string {
	if p.Name != "" {
		return p.Word.Value
	}
	return p.Word.Text
}

// spell returns a word with the same key and another text.
func spell(p scenarios.Part, text string) string {
	if p.Name != "" {
		return p.Word.Key + "=" + text
	}
	return text
}

// without returns the draft without some lines. If a dropped line was the first of a client, its configs go to the next
// line of the client, because a client has the configs of its first line.
func (v view) without(ids map[int]bool) draft {
	c := draft{rules: v.rules, salt: v.salt}
	orphans := map[string][]string{} // the configs of each client that has lost its first line
	seen := map[string]bool{}
	for i, l := range v.clone().lines {
		client := v.word(i, "CLIENT")
		first := client != "" && !seen[client]
		seen[client] = true
		if ids[l.id] {
			if first {
				for w, p := range v.parts[i] {
					if p.Kind == scenarios.KindConfig {
						orphans[client] = append(orphans[client], l.words[w])
					}
				}
				seen[client] = false
			}
			continue
		}
		if configs := orphans[client]; first && len(configs) > 0 {
			l.words = append(l.words, slices.DeleteFunc(configs, func(w string) bool { return slices.Contains(l.words, w) })...)
			delete(orphans, client)
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// nextID returns an id that no line has.
func (d draft) nextID() (id int) {
	for _, l := range d.lines {
		id = max(id, l.id+1)
	}
	return id
}

// withoutWords returns the draft without the words [from, to) of a line.
func (d draft) withoutWords(line, from, to int) draft {
	c := d.clone()
	c.lines[line].words = slices.Delete(c.lines[line].words, from, to)
	return c
}
