package shrink

import (
	"slices"
	"strconv"

	"samsa/scenarios"
)

// Altered returns the text of a scenario that has the seed and the settings in its own lines. It runs as p runs with
// RunOptions.Seed and RunOptions.Set, so a file that is made from it needs no flags. It has no comments, outputs or claims.
// The seed may be nil.
func Altered(p *scenarios.Program, seed *uint64, set []scenarios.Setting) []byte {
	d := draftOf(p)
	v, ok := d.look()
	if !ok {
		panic("shrink: the lines of a scenario cannot be read")
	}
	c := v.clone()
	seen := map[string]bool{}
	for i, l := range v.lines {
		client := v.word(i, "CLIENT")
		first := client != "" && !seen[client] // a client has the configs of its first line
		seen[client] = true
		if l.verb == "config" || i > 0 && v.word(i, "NEWTOPIC") == "" && !first {
			continue
		}
		for _, s := range set {
			c = c.setting(i, v.parts[i], s)
		}
	}
	if seed != nil {
		c.lines[0].words = slices.DeleteFunc(c.lines[0].words, func(w string) bool { return len(w) > 5 && w[:5] == "seed=" })
		c.lines[0].words = append(c.lines[0].words, "seed="+strconv.FormatUint(*seed, 10))
	}
	return []byte(c.text())
}

// setting returns the draft with a setting on a line, in the place of the line's own setting of the same name. If the line
// cannot have the setting, the line only loses its own setting.
func (d draft) setting(line int, parts []scenarios.Part, s scenarios.Setting) draft {
	c := d.clone()
	for _, p := range parts {
		if p.Kind == scenarios.KindConfig && p.Name == s.Name {
			c.lines[line].words = slices.DeleteFunc(c.lines[line].words, func(w string) bool { return w == p.Word.Raw })
		}
	}
	with := c.clone()
	with.lines[line].words = append(with.lines[line].words, s.Name+"="+s.Value)
	if _, ok := with.look(); ok {
		return with
	}
	return c
}
