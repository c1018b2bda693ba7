package shrink

import (
	"slices"
	"strings"

	"samsa/scenarios"
)

// The passes of this file shorten lines. They drop words and machines, and replace roles by the names of machines.

// keptKeys are the words of a cluster line that stay although they have a default, because a reader looks for them.
var keptKeys = [...]string{"brokers", "controllers", "seed"} //immutable: a table

// dropWords drops optional words, such as configs, "power", "for 3s", "within 30s" and values. It tries all words. If the
// form of the line needs a word, the draft without the word cannot be read and is not accepted.
func (r *search) dropWords() (changed bool) {
	changed = r.dropConfigs()
	for i := len(r.best.lines) - 1; i >= 0; i-- {
		for width := 3; width > 0; width-- {
			for at := len(r.best.lines[i].words) - width; at >= 0; at-- {
				if v := r.look(); v.optional(i, at, width) && r.accept(v.withoutWords(i, at, at+width)) {
					changed = true
				}
			}
		}
	}
	return changed
}

// optional reports whether a pass may try to drop these words.
func (v view) optional(line, at, width int) bool {
	if v.lines[line].owed || at+width > len(v.parts[line]) {
		return false
	}
	return !slices.ContainsFunc(v.parts[line][at:at+width], func(p scenarios.Part) bool {
		return line == 0 && slices.Contains(keptKeys[:], p.Name)
	})
}

// dropConfigs drops configs. It first tries to drop all configs of a line at once.
func (r *search) dropConfigs() (changed bool) {
	for i := len(r.best.lines) - 1; i >= 0; i-- {
		for size := len(r.best.lines[i].words); size > 1; size = (size + 1) / 2 {
			v := r.look()
			var configs []int
			for w, p := range v.parts[i] {
				if p.Kind == scenarios.KindConfig {
					configs = append(configs, w)
				}
			}
			if size > len(configs) {
				size = len(configs)
			}
			for to := len(configs); to > 0 && size > 1; to -= size {
				c := r.best.clone()
				for _, w := range slices.Backward(configs[max(0, to-size):to]) {
					c.lines[i].words = slices.Delete(c.lines[i].words, w, w+1)
				}
				if r.accept(c) {
					changed = true
					break
				}
			}
			if size == 2 {
				break
			}
		}
	}
	return changed
}

// narrow drops machines from lists, replaces roles by machines, and replaces arrows with two heads by arrows with one
// head.
func (r *search) narrow() (changed bool) {
	for i := len(r.best.lines) - 1; i > 0; i-- {
		if r.best.lines[i].owed {
			continue
		}
		for w := 0; w < len(r.best.lines[i].words); w++ {
			for r.narrowWord(i, w) {
				changed = true
			}
		}
	}
	return changed
}

// narrowWord makes one word smaller. It returns false if that is not possible.
func (r *search) narrowWord(i, w int) bool {
	v := r.look()
	part := v.parts[i][w]
	if part.Kind == "" && part.Word.Text == "<->" {
		c := v.with(i, w, "->")
		back := c.clone()
		words := back.lines[i].words
		words[w-1], words[w+1] = words[w+1], words[w-1]
		return r.acceptOne([]draft{c, back})
	}
	if !isHosts(part.Kind) {
		return false
	}
	var list []draft
	for _, to := range v.narrower(part.Word.Text) {
		list = append(list, v.with(i, w, to))
	}
	return r.acceptOne(list)
}

// narrower returns lists of machines that are smaller than the given list, the smallest first.
func (v view) narrower(hosts string) (all []string) {
	add := func(s string) {
		if s != hosts && s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	terms := strings.Split(hosts, ",")
	var members []string // the machines that the terms may name
	for _, term := range terms {
		members = append(members, v.members(term)...)
	}
	slices.Sort(members)
	members = slices.Compact(members)
	for _, m := range members {
		add(m)
	}
	if len(terms) > 1 {
		for _, term := range terms {
			add(term)
		}
		for i := range terms {
			add(strings.Join(slices.Delete(slices.Clone(terms), i, i+1), ","))
		}
	}
	if role := len(terms) == 1 && len(members) > 1; role {
		for i, m := range members {
			for _, n := range members[i+1:] {
				add(m + "," + n)
			}
		}
		if plural(terms[0]) && len(members) > 2 {
			for i := range members {
				add(strings.Join(slices.Delete(slices.Clone(members), i, i+1), ","))
			}
		} else if !plural(terms[0]) { // a role is one machine, so two are not fewer
			all = slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, ",") })
		}
	}
	return all
}

// members returns the machines that a term may name: all brokers for leader:orders-0, the machine itself for b1.
func (v view) members(term string) []string {
	switch {
	case term == "brokers", strings.Contains(term, ":"):
		return names("b", v.count("brokers"))
	case slices.Contains([]string{"controllers", "controller", "standby", "standbys"}, term):
		return names("c", v.count("controllers"))
	}
	return []string{term}
}

// plural reports whether a role may be several machines.
func plural(term string) bool {
	return slices.Contains([]string{"brokers", "controllers", "standbys"}, term) || strings.HasPrefix(term, "followers:")
}
