package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// A form is the grammar of a verb's words, written as a usage line. The parser and help use the same text.
//
//	crash HOSTS [power]
//	run until hw TP >= OFFSET [within SPAN]
//	clock HOST skew|step SPAN
//
// Lower-case words and signs are literals, and | separates alternatives. Words in capitals are placeholders named after
// their kind (see kinds). [ ] marks an optional group, and ... repeats the last word. Key=value words are not part of a
// form. They may occur anywhere, and Verb.Keys and Verb.Configs list the ones that a verb accepts.

// item is one element of a compiled form.
type item struct {
	literals []string // the word must be one of these
	kind     *kind    // the kind of the placeholder
	repeat   bool
	optional []item
}

// compileForm reads a form. It panics on a malformed form, because forms are part of the program.
func compileForm(form string) []item {
	form = strings.NewReplacer("[", " [ ", "]", " ] ").Replace(form)
	items, rest := compileItems(strings.Fields(form))
	if len(rest) != 0 {
		panic("malformed form: " + form)
	}
	return items
}

func compileItems(words []string) (items []item, rest []string) {
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		switch {
		case w == "]":
			return items, append([]string{w}, words...)
		case w == "[":
			var group []item
			group, words = compileItems(words)
			if len(words) == 0 || words[0] != "]" {
				panic("a [ without its ]")
			}
			words = words[1:]
			items = append(items, item{optional: group})
		case w[0] >= 'A' && w[0] <= 'Z':
			name := strings.TrimSuffix(w, "...")
			k := kindOf(name)
			if k == nil {
				panic("no kind of word " + name)
			}
			items = append(items, item{kind: k, repeat: name != w})
		default:
			items = append(items, item{literals: strings.Split(w, "|")})
		}
	}
	return items, nil
}

// mismatch is the position at which a form did not match, and the reason.
type mismatch struct {
	form   int      // the index of the form; the first one if several forms matched equally far
	at     int      // the index of the word; len(words) if words are missing
	wants  []string // the words or kinds that the form allows there
	near   []string // the names that the form allows there
	reason string   // the error of the word itself; empty if the word is only in the wrong place
}

// matcher matches words with one form.
type matcher struct {
	names *names
	words []Word
	at    int
	bound []bound
	skip  []item // the first items of skipped optional groups
	left  int    // the index of the word at which those groups were skipped
}

// matchForms matches words with the first form that matches all of them. If none does, it returns the mismatch of the form
// that matched furthest.
func matchForms(forms [][]item, ns *names, words []Word) ([]bound, *mismatch) {
	var worst *mismatch
	for n, form := range forms {
		m := &matcher{names: ns, words: words}
		miss := m.items(form)
		if miss == nil && m.at < len(words) {
			miss = &mismatch{at: m.at}
			if m.left == m.at {
				for _, it := range m.skip {
					miss.wants, miss.near = append(miss.wants, wanted(it)...), append(miss.near, m.near(it)...)
				}
			}
			miss.wants = append(miss.wants, "the end of the line")
		}
		switch {
		case miss == nil:
			return m.bound, nil
		case worst == nil || miss.at > worst.at:
			worst, miss.form = miss, n
		case miss.at == worst.at:
			for _, w := range miss.wants {
				if !slices.Contains(worst.wants, w) {
					worst.wants = append(worst.wants, w)
				}
			}
			worst.near = append(worst.near, miss.near...)
			if worst.reason == "" {
				worst.reason = miss.reason
			}
		}
	}
	return nil, worst
}

// items matches a sequence of items.
func (m *matcher) items(items []item) *mismatch {
	for _, it := range items {
		if it.optional != nil {
			if m.at < len(m.words) && m.begins(it.optional[0]) {
				if miss := m.items(it.optional); miss != nil {
					return miss
				}
			} else {
				m.skipped(it.optional[0])
			}
			continue
		}
		if miss := m.one(it); miss != nil {
			return miss
		}
		for it.repeat && m.at < len(m.words) {
			if miss := m.one(it); miss != nil {
				return miss
			}
		}
	}
	return nil
}

// begins reports whether the next word begins an optional group, given the first item of the group. The word must be one of
// the item's literals or a valid value of its placeholder, so that a misspelt literal is not reported as a bad value.
func (m *matcher) begins(first item) bool {
	w := m.words[m.at]
	if first.literals != nil {
		return !w.Quoted && slices.Contains(first.literals, w.Text)
	}
	_, bad := first.kind.read(m.names, w)
	return bad == ""
}

// skipped records the first item of a skipped group, for the message about an unexpected word.
func (m *matcher) skipped(first item) {
	if m.left != m.at {
		m.skip, m.left = m.skip[:0], m.at
	}
	m.skip = append(m.skip, first)
}

// one matches a literal or a placeholder.
func (m *matcher) one(it item) *mismatch {
	miss := func(reason string) *mismatch {
		return &mismatch{at: m.at, wants: wanted(it), near: m.near(it), reason: reason}
	}
	if m.at == len(m.words) {
		return miss("")
	}
	w := m.words[m.at]
	if it.literals != nil {
		if w.Quoted || !slices.Contains(it.literals, w.Text) {
			return miss("")
		}
		m.bound = append(m.bound, bound{name: w.Text, word: w})
		m.at++
		return nil
	}
	v, bad := it.kind.read(m.names, w)
	if bad != "" {
		return miss(bad)
	}
	m.bound = append(m.bound, bound{name: it.kind.name, word: w, value: v})
	m.at++
	return nil
}

// near returns the names that an item allows.
func (m *matcher) near(it item) []string {
	if it.literals != nil {
		return it.literals
	}
	if it.kind.list != nil {
		return it.kind.list(m.names)
	}
	return nil
}

// wanted describes the words that an item allows.
func wanted(it item) []string {
	if it.literals != nil {
		return slices.Clone(it.literals)
	}
	return []string{it.kind.doc}
}

// orList joins words as in "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// bound is a word that matched an item. For a literal, the name is the word itself and the value is nil.
type bound struct {
	name  string
	word  Word
	value any
}

// complain turns the mismatch into the error of the line.
func (m *mismatch) complain(f *File, l Line, verb *Verb, words []Word) *Error {
	if m.at >= len(words) {
		msg := fmt.Sprintf("%s needs %s here; usage: %s", verb.Name, orList(m.wants), verb.usage(verb.Forms[m.form]))
		return f.errorAt(Word{Line: l.Num, Col: l.End}, msg, "")
	}
	w := words[m.at]
	suggestion := Nearest(w.Text, m.near)
	if verb.Configs == ScopeFeature { // all words of such a verb are FEATURE=LEVEL, so =LEVEL is missing
		return f.errorAt(w, fmt.Sprintf("%s takes %s here, not %q", verb.Name, verb.setting(), w.Text), suggestion)
	}
	if m.reason != "" {
		return f.errorAt(w, m.reason, suggestion)
	}
	return f.errorAt(w, fmt.Sprintf("%s takes %s here, not %q", verb.Name, orList(m.wants), w.Text), suggestion)
}
