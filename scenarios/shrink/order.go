package shrink

import (
	"slices"
	"strings"

	"samsa/scenarios"
	"samsa/sim/env"
)

// The passes of this file make a scenario easier to read. They remove times and noise, merge sends, name the brokers of a
// topic, and give simple names to machines, clients and records.

// untime removes the times of lines, so that each line begins when the line before it has ended. It begins with the first
// timed lines of the file, because a file in which lines without a time follow timed lines is hard to read. Lines that
// have the same time may get a wait line before them.
func (r *search) untime() (changed bool) {
	for size := len(r.best.lines); size > 0; size /= 2 {
		for {
			timed := r.best.timed()
			if len(timed) == 0 {
				return changed
			}
			if !r.acceptOne(r.best.untimed(timed[:min(size, len(timed))])) {
				break
			}
			changed = true
		}
	}
	return r.untimeAfterWait() || changed
}

// timed returns the indexes of the timed lines.
func (d draft) timed() (all []int) {
	for i, l := range d.lines {
		if l.timed {
			all = append(all, i)
		}
	}
	return all
}

// untimed returns two drafts without the times of these lines. In the second draft, these lines have produce in the place
// of send.
func (d draft) untimed(lines []int) []draft {
	c := d.clone()
	for _, i := range lines {
		c.lines[i].timed, c.lines[i].at = false, 0
	}
	produce := c.clone()
	for _, i := range lines {
		if produce.lines[i].verb == "send" {
			produce.lines[i].verb = "produce"
		}
	}
	return []draft{c, produce}
}

// waits are the spans of new wait lines. The pass shortenSpans makes them shorter.
var waits = [...]env.Duration{100 * env.Millisecond, env.Second, 2 * env.Second, 5 * env.Second, 10 * env.Second} //immutable: a table

// untimeAfterWait replaces the time of the first timed lines by a wait line before them, if at least two lines have this
// time.
func (r *search) untimeAfterWait() (changed bool) {
	for {
		timed := r.best.timed()
		n := 0
		for n < len(timed) && r.best.lines[timed[n]].at == r.best.lines[timed[0]].at {
			n++
		}
		if n < 2 {
			return changed
		}
		var list []draft
		for _, span := range waits {
			for _, c := range r.best.untimed(timed[:n]) {
				list = append(list, c.waiting(timed[0], span))
			}
		}
		if !r.acceptOne(list) {
			return changed
		}
		changed = true
	}
}

// waiting returns the draft with a wait line before a line.
func (d draft) waiting(before int, span env.Duration) draft {
	c := d.clone()
	c.lines = slices.Insert(c.lines, before, line{id: d.nextID(), verb: waitVerb, words: []string{scenarios.FormatSpan(span)}})
	return c
}

// waitVerb is the verb of the lines that only wait.
const waitVerb = "wait"

// waitInstead replaces a line by a line that waits, if the line matters only because it takes a while.
func (r *search) waitInstead() (changed bool) {
	for i := len(r.best.lines) - 1; i > 0; i-- {
		v := r.look()
		if i >= len(v.lines) || v.lines[i].owed || v.lines[i].timed {
			continue
		}
		switch v.lines[i].verb {
		case waitVerb, "run", "topic", "pin", "off", "keep", "salt":
			continue
		}
		var list []draft
		for _, span := range waits {
			c := v.waiting(i, span)
			c.lines = slices.Delete(c.lines, i+1, i+2)
			list = append(list, c)
		}
		changed = r.acceptOne(list) || changed
	}
	return changed
}

// endInTime replaces the last line by "run until time", if the failure needs only the time that the line takes. It tries
// this with a line that has a time, and with a wait line after a line that has a time.
func (r *search) endInTime() bool {
	v := r.look()
	i := len(v.lines) - 1
	if i == 0 || v.lines[i].owed || v.lines[i].verb == "run" {
		return false
	}
	end, after := v.lines[i].at, v.lines[i].timed
	if v.lines[i].verb == waitVerb {
		span, _ := scenarios.ParseSpan(v.word(i, "TIME"))
		end += span
		if !after {
			end, after = v.lines[i-1].at+span, v.lines[i-1].timed
		}
	}
	if !after {
		return false
	}
	var list []draft
	for _, more := range append([]env.Duration{0}, waits[:]...) {
		c := v.clone()
		c.lines[i] = line{id: v.lines[i].id, verb: "run", words: []string{"until", "time", scenarios.FormatSpan(end + more)}}
		list = append(list, c)
	}
	return r.acceptOne(list)
}

// gather merges two neighbouring lines that do the same to different machines.
func (r *search) gather() (changed bool) {
	for i := len(r.best.lines) - 1; i > 1; i-- {
		v := r.look()
		a, b := v.lines[i-1], v.lines[i]
		if a.verb != b.verb || a.timed != b.timed || a.at != b.at || len(a.words) != len(b.words) || a.owed || b.owed {
			continue
		}
		at, ok := v.at(i, "HOSTS")
		if !ok || slices.Equal(a.words, b.words) {
			continue
		}
		rest := func(l line) string { return strings.Join(slices.Delete(slices.Clone(l.words), at, at+1), " ") }
		if rest(a) != rest(b) {
			continue
		}
		c := v.with(i-1, at, a.words[at]+","+b.words[at])
		c.lines = slices.Delete(c.lines, i, i+1)
		changed = r.accept(c) || changed
	}
	return changed
}

// mergeSends appends the values of a send to an earlier send of the same client to the same partition.
func (r *search) mergeSends() (changed bool) {
	for i := len(r.best.lines) - 1; i > 0; i-- {
		v := r.look()
		if i >= len(v.lines) || v.word(i, "VALUE") == "" || v.lines[i].owed {
			continue
		}
		var list []draft
		for j := i - 1; j > 0; j-- {
			if v.word(j, "VALUE") != "" && v.word(j, "CLIENT") == v.word(i, "CLIENT") && partitionOrTopic(v, j) == partitionOrTopic(v, i) {
				c := v.clone()
				for w, p := range v.parts[i] {
					if p.Kind == "VALUE" {
						c.lines[j].words = append(c.lines[j].words, v.lines[i].words[w])
					}
				}
				c.lines = slices.Delete(c.lines, i, i+1)
				list = append(list, c)
				break
			}
		}
		changed = r.acceptOne(list) || changed
	}
	return changed
}

// partitionOrTopic returns the partition or topic that a line of a client names.
func partitionOrTopic(v view, i int) string { return v.word(i, "TP", "TOPIC", "ABSENT") }

// dropRules drops the old rules that the failure does not need.
func (r *search) dropRules() (changed bool) {
	for i := len(r.best.rules) - 1; i >= 0; i-- {
		c := r.best.clone()
		c.rules = slices.Delete(slices.Clone(c.rules), i, i+1)
		changed = r.accept(c) || changed
	}
	return changed
}

// maxPlaces bounds the number of lists of brokers that place tries for one topic.
const maxPlaces = 24

// place replaces the number of replicas of a topic by a list of brokers (on=). A reader then knows the preferred leader,
// which is the first broker of the list.
func (r *search) place() (changed bool) {
	for i := 1; i < len(r.best.lines); i++ {
		v := r.look()
		if _, placed := v.at(i, "PLACES"); placed || v.word(i, "NEWTOPIC") == "" || v.count("brokers") == 1 {
			continue
		}
		n := min(3, v.count("brokers"))
		bare := v.clone()
		for w, p := range v.parts[i] {
			if p.Name == "replicas" {
				n = int(p.Word.Value[0] - '0')
				bare.lines[i].words = slices.Delete(bare.lines[i].words, w, w+1)
			}
		}
		var list []draft
		for _, on := range arrangements(v.count("brokers"), n, maxPlaces) {
			c := bare.clone()
			c.lines[i].words = slices.Insert(c.lines[i].words, 1, "on="+strings.Join(on, ","))
			list = append(list, c)
		}
		changed = r.acceptOne(list) || changed
	}
	return changed
}

// arrangements returns up to most ordered choices of k of the numbers 1 to n.
func arrangements(n, k, most int) (all [][]string) {
	var add func(sofar []string)
	add = func(sofar []string) {
		if len(sofar) == k {
			all = append(all, slices.Clone(sofar))
			return
		}
		for _, id := range names("", n) {
			if len(all) < most && !slices.Contains(sofar, id) {
				add(append(sofar, id))
			}
		}
	}
	add(nil)
	return all
}

// tidy gives the brokers of the first topic with on= the names b1, b2, …, clients the names p1, r1, …, and records the
// values a, b, … or v1, v2, ….
func (r *search) tidy() (changed bool) {
	v := r.look()
	for i := range v.lines {
		if places := v.word(i, "PLACES"); places != "" {
			changed = r.rename(v.byPlace(strings.Split(places, ","))) || changed
			break
		}
	}
	v = r.look()
	to := map[string]string{}
	writers, readers := 0, 0
	for _, c := range v.clients() {
		writes := false
		for i := range v.lines {
			writes = writes || v.word(i, "CLIENT") == c && v.word(i, "VALUE") != ""
		}
		if writes {
			writers++
			to[c] = "p" + names("", writers)[writers-1]
		} else {
			readers++
			to[c] = "r" + names("", readers)[readers-1]
		}
	}
	changed = r.rename(to) || changed
	return r.renameValues() || changed
}

// byPlace returns new names for all brokers. The brokers of a list get the first names, in the order of the list.
func (v view) byPlace(on []string) map[string]string {
	to := map[string]string{}
	next := 1
	give := func(b string) {
		if to[b] == "" {
			to[b] = names("b", next)[next-1]
			next++
		}
	}
	for _, id := range on {
		give("b" + strings.TrimPrefix(id, "b"))
	}
	for _, b := range names("b", v.count("brokers")) {
		give(b)
	}
	return to
}

// rename gives machines the names in a map. It returns false if nothing changes or the draft does not fail.
func (r *search) rename(to map[string]string) bool {
	c := r.look().renamed(func(host string) string {
		if other, ok := to[host]; ok {
			return other
		}
		return host
	})
	return c.text() != r.best.text() && r.accept(c)
}

// renameValues gives the records new values, in their order.
func (r *search) renameValues() bool {
	v := r.look()
	c := v.clone()
	var words []*string
	for i := range v.lines {
		for w, p := range v.parts[i] {
			if p.Kind == "VALUE" {
				words = append(words, &c.lines[i].words[w])
			}
		}
	}
	ranged := slices.ContainsFunc(words, func(w *string) bool { return strings.Contains(*w, "..") })
	if !ranged && len(words) <= 26 {
		for i, w := range words {
			*w = string(rune('a' + i))
		}
	} else {
		next := 1
		for _, w := range words {
			_, _, n := values(*w)
			*w = names("v", next)[next-1]
			if n > 1 {
				*w += ".." + names("v", next+n-1)[next+n-2]
			}
			next += n
		}
	}
	return c.text() != r.best.text() && r.accept(c)
}
