package scenarios

import (
	"cmp"
	"slices"

	"samsa/sim/env"
)

// With the functions in this file, other packages can read and write a program word by word without any knowledge of its
// verbs. For example, a shrinker can shorten every word that has the placeholder SPAN in the form of its verb.

// Part is one word after the verb of a line, with its meaning in the form of the verb.
type Part struct {
	Word Word
	// Kind is the name of the placeholder, as in Verb.Forms or Key.Kind ("HOSTS", "TIME"). It is "" for a literal and
	// KindConfig for a config.
	Kind string
	Name string // the name of the key or of the config; "" for a word of the form
}

// KindConfig is Part.Kind of a CONFIG=VALUE word.
const KindConfig = "CONFIG"

// Commands returns the lines of the program. The caller must not change them.
func (p *Program) Commands() []Command { return p.code }

// Parts returns the words of the line after its verb, in their order.
func (c *Command) Parts() []Part {
	var parts []Part
	for _, b := range c.Args.bound {
		kind := b.name
		if b.value == nil {
			kind = ""
		}
		parts = append(parts, Part{Word: b.word, Kind: kind})
	}
	for _, b := range c.Args.keys {
		at := slices.IndexFunc(c.Verb.Keys, func(k Key) bool { return k.Name == b.name })
		parts = append(parts, Part{Word: b.word, Kind: c.Verb.Keys[at].Kind, Name: b.name})
	}
	for i, w := range c.Args.settings {
		parts = append(parts, Part{Word: w, Kind: KindConfig, Name: c.Args.Settings[i].Name})
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.Word.Col, b.Word.Col) })
	return parts
}

// Looks reports whether the verb has no effect on a run, so that its lines can be added and removed freely.
func (v *Verb) Looks() bool { return v.Group == groupLook }

// IsFault reports whether the verb begins or ends faults.
func (v *Verb) IsFault() bool { return v.Group == "faults" }

// IsClient reports whether the verb is a request of a client.
func (v *Verb) IsClient() bool { return v.Group == "clients" }

// ParseSpan reads a span of time such as 40ms, 1.2s or 1m30s.
func ParseSpan(s string) (env.Duration, bool) {
	d, bad := parseDuration(s)
	return d, bad == ""
}

// FormatSpan writes a span of time in the form that ParseSpan reads.
func FormatSpan(d env.Duration) string { return formatDuration(d) }
