package shrink

import (
	"cmp"
	"slices"
	"strings"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/sim/env"
)

// A scenario with noise=rough hides its faults: a reader sees a send that fails and not the stall that made it fail. The
// passes of this file remove the noise. If the scenario does not fail without noise, the faults that chance has drawn
// become lines, and the lines that do not matter are dropped.

// Decision is one decision of chance that was not 0.
type Decision struct {
	Site, Entity   string
	Ordinal, Value uint64
}

// Deciding returns the function that runs a scenario and returns the decisions of chance that began faults.
func Deciding(o explore.Options) func(p *scenarios.Program, events uint64) []Decision {
	return func(p *scenarios.Program, events uint64) []Decision {
		var seen decisions
		o := o
		o.Events, o.Decisions = events, &seen
		if _, err := explore.Replay(p, o); err != nil {
			return nil
		}
		return seen.list
	}
}

// decisions collects the decisions that began faults.
type decisions struct{ list []Decision }

// Decided implements scenarios.Decisions.
func (d *decisions) Decided(site env.Site, entity string, ordinal, value uint64) {
	if one := (Decision{string(site), entity, ordinal, value}); one.fault() != nil {
		d.list = append(d.list, one)
	}
}

// fault returns the lines of a fault that does about the same as the decision: the line that begins the fault and, for some
// faults, the line that ends it. It returns nil for a decision that no line can replace.
func (d Decision) fault() []line {
	from, to, _ := strings.Cut(d.Entity, ">")
	span := func(unit env.Duration) string { return scenarios.FormatSpan(env.Duration(d.Value) * unit) }
	tick := env.Duration(d.Ordinal)
	switch d.Site {
	case "net.stall": // per second: an eighth of a second for each unit, for all packets of that second
		at := tick * env.Second
		return []line{lineAt(at, "slow", from, "->", to, "by", span(125*env.Millisecond)), lineAt(at+env.Second, "slow", from, "->", to, "by", "0s")}
	case "net.loss": // per millisecond: TCP sends the packets again after 200 ms, and once or twice more if they are lost again
		at, by := tick*env.Millisecond, map[uint64]string{7: "600ms", 8: "1400ms"}[d.Value]
		return []line{lineAt(at, "slow", from, "->", to, "by", cmp.Or(by, "200ms")), lineAt(at+env.Millisecond, "slow", from, "->", to, "by", "0s")}
	case "net.reset":
		return []line{lineAt(tick*100*env.Millisecond, "link", from, "->", to, "reset")}
	case "net.refuse":
		return []line{lineAt(tick*100*env.Millisecond, "link", from, "->", to, "refused", "for", "100ms")}
	case "disk.slow":
		return []line{lineAt(tick*10*env.Millisecond, "disk", from, "slow", "by", "5ms", "for", span(20*env.Millisecond))}
	case "disk.stalled":
		return []line{lineAt(tick*10*env.Millisecond, "disk", from, "stalled", "for", span(50*env.Millisecond))}
	}
	return nil
}

// lineAt returns a timed line.
func lineAt(at env.Duration, verb string, words ...string) line {
	return line{timed: true, at: at, verb: verb, words: words}
}

// telling returns the draft with lines for the faults of some decisions. Each fault begins earlier than chance drew it,
// by the span early. If last is true, the faults last: the lines that end them are left out. A fault of a client stands
// after the line that makes the client. The new lines have the ids from id upwards.
func (v view) telling(drawn []Decision, id int, early env.Duration, last bool) draft {
	c := v.clone()
	for _, d := range drawn {
		at := 1
		for i := range v.lines {
			if client := v.word(i, "CLIENT"); client != "" && slices.Contains(strings.Split(d.Entity, ">"), client) {
				at = 1 + slices.IndexFunc(c.lines, func(l line) bool { return l.id == v.lines[i].id })
				break
			}
		}
		lines := d.fault()
		if last {
			lines = lines[:1]
		}
		for _, l := range lines {
			l.id, l.at = id, max(0, l.at-early)
			c.lines = slices.Insert(c.lines, at, l)
			id, at = id+1, at+1
		}
	}
	return c
}

// calm removes the noise, which is the random faults.
func (r *search) calm() bool {
	v := r.look()
	for w, p := range v.parts[0] {
		if p.Name == "noise" {
			return r.accept(v.withoutWords(0, w, w+1)) || r.tellNoise(v.withoutWords(0, w, w+1))
		}
	}
	return false
}

// maxTold is the number of lines that may take the place of the noise. If more lines are needed, the scenario is easier to
// read with the noise.
const maxTold = 4

// tellNoise replaces the noise by the faults that it drew, if few of them matter. The draft calm is the best draft
// without its noise. The pass waits for the second round, because the draft is small then and its run draws few faults.
func (r *search) tellNoise(calm draft) bool {
	if r.salts == 0 || r.Noise == nil {
		return false
	}
	before, id := r.best, r.best.nextID()
	program, err := scenarios.Load("draft", []byte(before.text()))
	v, ok := calm.look()
	if err != nil || !ok {
		return false
	}
	drawn := r.Noise(program, r.budget)
	var list []draft
	// A calm network is faster, so what the fault has to hit may be over at the drawn time.
	for _, early := range [...]env.Duration{0, 20 * env.Millisecond, 100 * env.Millisecond, 500 * env.Millisecond} {
		list = append(list, v.telling(drawn, id, early, false), v.telling(drawn, id, early, true))
	}
	if !r.acceptOne(list) {
		return false
	}
	told := func(group []int) bool { return group[0] >= id }
	for {
		v := r.look()
		var groups [][]int
		for _, group := range slices.Concat(v.pairs(), v.singles()) {
			if told(group) {
				groups = append(groups, group)
			}
		}
		if !r.dropGroups(groups) || r.stopped {
			break
		}
	}
	left := 0
	for _, group := range r.look().singles() {
		if told(group) {
			left++
		}
	}
	if left > maxTold {
		r.best = before
		return false
	}
	return true
}
