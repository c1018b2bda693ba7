package shrink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
)

// The passes of this file remove brokers, controllers, topics, partitions and clients. A pass removes every word that names
// the removed thing, and drops a line that has lost its machines, its partition or its client.

// count returns the number of brokers or controllers.
func (v view) count(key string) int {
	for _, p := range v.parts[0] {
		if p.Name == key {
			n, _ := strconv.Atoi(p.Word.Value)
			return n
		}
	}
	return 3 // the default of the cluster verb
}

// names returns names such as b1 to bn.
func names(letter string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%d", letter, i+1)
	}
	return all
}

// rewrite returns the draft with every word replaced by the result of a function. If the function returns false for a word
// with a key, the word is dropped. If it returns false for any other word, the whole line is dropped.
func (v view) rewrite(do func(line int, p scenarios.Part) (string, bool)) draft {
	c := draft{rules: v.rules, salt: v.salt}
	for i, l := range v.clone().lines {
		var words []string
		keep := true
		for _, p := range v.parts[i] {
			if text, ok := do(i, p); ok {
				words = append(words, text)
			} else if p.Name == "" {
				keep = false
			}
		}
		if l.words = words; keep {
			c.lines = append(c.lines, l)
		}
	}
	return c
}

// renamed returns the draft with every machine renamed by a function. If the new name is "", the machine is removed.
func (v view) renamed(to func(string) string) draft {
	host := func(text string) (string, bool) {
		var left []string
		for _, term := range strings.Split(text, ",") {
			if term = to(term); term != "" && !slices.Contains(left, term) {
				left = append(left, term)
			}
		}
		return strings.Join(left, ","), len(left) > 0
	}
	return v.rewrite(func(_ int, p scenarios.Part) (string, bool) {
		switch p.Kind {
		case "HOST", "HOSTS", "A", "B":
			return host(p.Word.Text)
		case "CLIENT":
			return to(p.Word.Text), to(p.Word.Text) != ""
		case "IDS", "PLACES":
			var left []string
			for _, id := range strings.Split(valueOf(p), ",") {
				if b := to("b" + strings.TrimPrefix(id, "b")); b != "" {
					left = append(left, b[1:])
				}
			}
			return spell(p, strings.Join(left, ",")), len(left) > 0
		case "ENTITY":
			var pair []string
			for _, m := range strings.Split(p.Word.Text, ">") {
				if m = to(m); m == "" {
					return "", false
				}
				pair = append(pair, m)
			}
			return strings.Join(pair, ">"), true
		}
		return p.Word.Raw, true
	})
}

// setKey sets a key of a line to a number. If the line does not have the key, setKey adds it.
func (d *draft) setKey(line int, key string, n int) {
	word := fmt.Sprintf("%s=%d", key, n)
	for w, have := range d.lines[line].words {
		if strings.HasPrefix(have, key+"=") {
			d.lines[line].words[w] = word
			return
		}
	}
	d.lines[line].words = append([]string{word}, d.lines[line].words...)
}

// dropMachines removes brokers and then controllers, one at a time. It keeps at least one of each.
func (r *search) dropMachines() (changed bool) {
	for _, kind := range [...]struct{ key, letter string }{{"brokers", "b"}, {"controllers", "c"}} {
		for n := r.look().count(kind.key); n > 1; n = min(n-1, r.look().count(kind.key)) {
			var list []draft
			for gone := n; gone >= 1; gone-- {
				if v := r.look(); v.count(kind.key) == n {
					list = append(list, v.withoutMachine(kind.key, kind.letter, n, gone))
				}
			}
			changed = r.acceptOne(list) || changed
		}
	}
	return changed
}

// withoutMachine returns the draft without one of n brokers or controllers. The machines after it get the next lower number.
func (v view) withoutMachine(key, letter string, n, gone int) draft {
	c := v.renamed(func(host string) string {
		i, err := strconv.Atoi(strings.TrimPrefix(host, letter))
		switch {
		case err != nil || !strings.HasPrefix(host, letter) || i < gone:
			return host
		case i == gone:
			return ""
		}
		return fmt.Sprintf("%s%d", letter, i-1)
	})
	c.setKey(0, key, n-1)
	if key == "brokers" {
		for i, l := range c.lines {
			for _, word := range l.words {
				if have, ok := strings.CutPrefix(word, "replicas="); ok && l.verb == "topic" && have == strconv.Itoa(n) {
					c.setKey(i, "replicas", n-1)
				}
			}
		}
	}
	return c
}

// dropReplicas gives topics fewer replicas.
func (r *search) dropReplicas() (changed bool) {
	for i := 1; i < len(r.best.lines); i++ {
		if r.best.lines[i].verb != "topic" {
			continue
		}
		v := r.look()
		for w, p := range v.parts[i] {
			ids := strings.Split(valueOf(p), ",")
			n, _ := strconv.Atoi(valueOf(p))
			switch {
			case p.Kind == "PLACES" && len(ids) > 1:
				var list []draft
				for at := range ids {
					list = append(list, v.with(i, w, spell(p, strings.Join(slices.Delete(slices.Clone(ids), at, at+1), ","))))
				}
				changed = r.acceptOne(list) || changed
			case p.Name == "replicas" && n > 1:
				changed = r.accept(v.with(i, w, spell(p, strconv.Itoa(n-1)))) || changed
			}
		}
	}
	return changed
}

// topics returns the names of all topics.
func (v view) topics() (all []string) {
	for i := range v.lines {
		if name := v.word(i, "NEWTOPIC"); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// withPartitions returns the draft with every topic and partition renamed by a function. For a topic, the function gets
// the number -1. If the new name is "", the topic or partition is removed.
func (v view) withPartitions(to func(topic string, n int) string) draft {
	tp := func(text string) (string, bool) {
		topic, n := partition(text)
		s := to(topic, n)
		return s, s != ""
	}
	return v.rewrite(func(_ int, p scenarios.Part) (string, bool) {
		switch p.Kind {
		case "TP":
			return tp(p.Word.Text)
		case "TOPIC", "NEWTOPIC":
			s := to(p.Word.Text, -1)
			return s, s != ""
		case "HOST", "HOSTS", "A", "B":
			var left []string
			for _, term := range strings.Split(p.Word.Text, ",") {
				if role, of, ok := strings.Cut(term, ":"); ok {
					s, there := tp(of)
					if !there {
						continue
					}
					term = role + ":" + s
				}
				left = append(left, term)
			}
			return strings.Join(left, ","), len(left) > 0
		case "PATH":
			topic, n := partition(strings.TrimSuffix(p.Word.Text, "/"))
			if s := to(topic, n); n >= 0 && s != "" {
				return s + "/", true
			}
		}
		return p.Word.Raw, true
	})
}

// partition splits a word such as orders-0. For any other word, n is -1.
func partition(text string) (topic string, n int) {
	at := strings.LastIndexByte(text, '-')
	if at < 0 {
		return text, -1
	}
	n, err := strconv.Atoi(text[at+1:])
	if err != nil {
		return text, -1
	}
	return text[:at], n
}

// written returns a partition, or a topic if the number is -1, as a word.
func written(topic string, n int) string {
	if n < 0 {
		return topic
	}
	return fmt.Sprintf("%s-%d", topic, n)
}

// dropTopics removes topics, and then partitions. It drops the lines of a removed partition or moves them to partition 0.
func (r *search) dropTopics() (changed bool) {
	for _, gone := range r.look().topics() {
		v := r.look()
		c := v.withPartitions(func(topic string, n int) string {
			if topic == gone {
				return ""
			}
			return written(topic, n)
		})
		list := []draft{c}
		for _, other := range v.topics() {
			if other != gone {
				list = append(list, v.movedTo(gone, other))
			}
		}
		if at, ok := v.firstLost(c); ok {
			for _, span := range waits {
				list = append(list, c.waiting(at, span))
			}
		}
		changed = r.acceptOne(list) || changed
	}
	for i := 1; i < len(r.best.lines); i++ {
		v := r.look()
		w, ok := v.at(i, "PARTITIONS")
		if !ok {
			continue
		}
		name, n := v.word(i, "NEWTOPIC", "TOPIC"), 0
		if n, _ = strconv.Atoi(valueOf(v.parts[i][w])); n < 2 {
			continue
		}
		var list []draft
		for _, onto := range [...]bool{false, true} { // first drop the lines of the partition, then move them instead
			for gone := n - 1; gone >= 0; gone-- {
				c := v.withPartitions(func(topic string, k int) string {
					switch {
					case topic != name || k < gone:
						return written(topic, k)
					case k == gone && !onto:
						return ""
					case k == gone:
						return written(topic, 0)
					}
					return written(topic, k-1)
				})
				for j, l := range c.lines {
					if l.id == v.lines[i].id {
						c.lines[j].words[w] = spell(v.parts[i][w], strconv.Itoa(n-1))
					}
				}
				list = append(list, c)
			}
		}
		if r.acceptOne(list) {
			changed = true
			i = 0
		}
	}
	return changed
}

// movedTo returns the draft without the topic "gone". The lines that name this topic name the first partition of the
// topic "other" instead.
func (v view) movedTo(gone, other string) draft {
	c := v.withPartitions(func(topic string, n int) string {
		if topic == gone {
			return written(other, min(n, 0))
		}
		return written(topic, n)
	})
	made := map[int]bool{} // the lines that make the topic
	for i, l := range v.lines {
		made[l.id] = v.word(i, "NEWTOPIC") == gone
	}
	c.lines = slices.DeleteFunc(c.lines, func(l line) bool { return made[l.id] })
	return c
}

// firstLost finds the first line that is missing in the smaller draft c, has no time and makes no topic. It returns the
// index in c at which the line is missing. Such a line takes a while, so a wait line may be needed in its place.
func (v view) firstLost(c draft) (int, bool) {
	kept := map[int]bool{}
	for _, l := range c.lines {
		kept[l.id] = true
	}
	at := 0
	for i, l := range v.lines {
		switch {
		case kept[l.id]:
			at++
		case !l.timed && v.word(i, "NEWTOPIC") == "":
			return at, true
		}
	}
	return 0, false
}

// clients returns the names of all clients, in the order of their first lines.
func (v view) clients() (all []string) {
	for i := range v.lines {
		if name := v.word(i, "CLIENT"); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// dropClients removes clients, or lets an earlier client do their work.
func (r *search) dropClients() (changed bool) {
	for _, gone := range slices.Backward(r.look().clients()) {
		v := r.look()
		list := []draft{v.renamed(func(host string) string {
			if host == gone {
				return ""
			}
			return host
		})}
		for _, other := range v.clients() {
			if other == gone {
				break
			}
			list = append(list, v.merged(gone, other))
		}
		changed = r.acceptOne(list) || changed
	}
	return changed
}

// merged returns the draft in which the client "other" also does the work of the client "gone", with the configs of
// "other".
func (v view) merged(gone, other string) draft {
	c := v.renamed(func(host string) string {
		if host == gone {
			return other
		}
		return host
	})
	for i := range c.lines { // renamed has dropped no line
		if v.word(i, "CLIENT") == gone {
			c.lines[i].words = slices.DeleteFunc(c.lines[i].words, func(w string) bool {
				return slices.ContainsFunc(v.parts[i], func(p scenarios.Part) bool {
					return p.Kind == scenarios.KindConfig && p.Word.Raw == w
				})
			})
		}
	}
	return c
}
