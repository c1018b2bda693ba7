package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// core is the set of machines that must become quiet alone after the faults. It has a majority of the controllers and some
// brokers. The other machines stay dead, or cut off from the core and from all clients, for a while or to the end.
type core struct {
	away    []string // the machines outside the core; empty if all machines come back
	cut     bool     // those machines are cut off and not dead
	rejoins bool     // those machines come back later, and then all must become quiet
}

// Core is the kind of a plan's core.
type Core string

const (
	All      Core = ""                 // every machine must become quiet
	DeadStay Core = "dead"             // some machines stayed dead to the end
	DeadCome Core = "dead, then back"  // some machines stayed dead and came back later
	CutStay  Core = "cut off"          // some machines stayed cut off to the end
	CutCome  Core = "cut off, then in" // some machines stayed cut off and rejoined later
)

// kind returns the kind of the core.
func (c core) kind() Core {
	switch {
	case len(c.away) == 0:
		return All
	case c.cut && c.rejoins:
		return CutCome
	case c.cut:
		return CutStay
	case c.rejoins:
		return DeadCome
	}
	return DeadStay
}

// drawCore chooses the machines outside the core.
func (p *Plan) drawCore(d draws) {
	if p.rots || !d.chance("core", 0, 400) {
		return
	}
	for i, b := range names("b", p.brokers) {
		if len(p.core.away) < p.brokers-1 && d.chance("core.broker", int32(i), 350) {
			p.core.away = append(p.core.away, b)
		}
	}
	left := (p.controllers - 1) / 2
	for i, c := range names("c", p.controllers) {
		if left > 0 && d.chance("core.controller", int32(i), 350) {
			left--
			p.core.away = append(p.core.away, c)
		}
	}
	p.core.cut, p.core.rejoins = d.chance("core.cut", 0, 500), d.chance("core.rejoins", 0, 500)
}

// coreOf returns the machines of the core.
func coreOf(p *Plan) []string {
	all := append(names("b", p.brokers), names("c", p.controllers)...)
	return slices.DeleteFunc(all, func(m string) bool { return slices.Contains(p.core.away, m) })
}

// story writes the leading comment of a file.
func (p *Plan) story(b *strings.Builder) {
	what := "Exploration"
	if p.needs.Test != "" {
		what = p.needs.Test
	}
	fmt.Fprintf(b, "# %s, seed %d: %s timeouts.\n#\n", what, p.Seed, p.Profile)
	fmt.Fprintf(b, "# Faults until %s: %s.\n", ms(p.heal), cmp.Or(strings.Join(p.families, ", "), "none"))
	if len(p.operations) > 0 {
		fmt.Fprintf(b, "# Operations until then: %s.\n", strings.Join(p.operations, ", "))
	}
	b.WriteString("# Then the faults end and all machines come back")
	switch away := strings.Join(p.core.away, ","); {
	case away == "":
	case p.core.rejoins:
		fmt.Fprintf(b, ", %s later than the others", away)
	default:
		fmt.Fprintf(b, ", except %s", away)
	}
	if p.rots {
		b.WriteString(". A disk may have lost for good what the cluster needs to come to rest.\n")
	} else {
		b.WriteString(", and the cluster must come to rest.\n")
	}
}

// healer writes the last part of a plan.
type healer struct {
	*Plan
	left  effect // the lasting effects of earlier lines
	lines []Line
}

// add adds a line.
func (h *healer) add(verb string, args ...any) {
	l := newLine(Tag{}, verb, args...)
	l.Part = Healing
	h.lines = append(h.lines, l)
}

// healing returns the lines that end the faults, wait until the cluster is quiet, and read everything.
func (p *Plan) healing() []Line {
	h := &healer{Plan: p, left: p.effects()}
	h.add("run", "until", "time", span(p.heal))
	clients := host(strings.Join(slices.Concat(p.producers, p.consumers), ","))
	h.endFaults(clients)
	whole := len(p.core.away) == 0
	away, members := host(strings.Join(p.core.away, ",")), host(strings.Join(coreOf(p), ","))
	up := nodes
	switch {
	case whole:
	case p.core.cut:
		h.add("cut", away, "<->", members+","+clients)
	default:
		h.add("crash", away)
		up = members
	}
	h.start(up + "," + clients)
	h.startAgain(up)
	if p.locks {
		h.unlock()
	}
	var of words
	if !whole {
		of = words{"of", members}
		h.rest(of)
	}
	if !whole && p.core.rejoins {
		if of = nil; p.core.cut {
			h.add("heal")
		}
		h.start(away)
		if p.core.cut { // a machine that was stopped and cut off completes its shutdown only now
			h.startAgain(away)
		}
	}
	if of == nil {
		h.rest(of)
	}
	if p.rots { // a client that reads lost records would wait for ever
		h.add("crash", clients)
		return h.lines
	}
	if p.lingers && whole { // for judges of a cluster that has recovered, which give it the time that its timeouts allow
		h.add("wait", span(h.time.idle))
	}
	if p.needs.Test == "" {
		h.add("drain", host(p.producers[0]))
	} else { // the test's own client may be reading
		h.add("drain", host("z1"), fromStart, p.time.client)
	}
	h.rest(of)
	// A read of deleted or lost records, or of a partition without a leader, would never end, and the run would last until
	// its time limit.
	endless := slices.ContainsFunc(p.topics, func(t topic) bool { return t.made > 0 || t.unclean })
	if p.needs.Test == "" && (endless || p.locks || h.left&(unclean|deletes|grows) != 0 || of != nil) {
		h.add("crash", clients)
	}
	return h.lines
}

// start starts machines "for good", so that a machine starts again whenever its process ends. A machine may still be
// stopping, because a clean shutdown may wait for a controller or a slow disk; it starts once it is down. A broker that
// exits after initial.broker.registration.timeout.ms also starts again. If disks may have lost bytes, start starts the
// machines only once, because a broker that cannot boot would restart for ever.
func (h *healer) start(machines host) {
	if h.rots {
		h.add("start", machines)
		return
	}
	h.add("start", machines, "for", "good")
}

// startAgain starts machines a second time if one of them may still have been stopping at the first start.
func (h *healer) startAgain(machines host) {
	if h.left&(stops|hurtsDisk) != 0 {
		h.add("wait", span(h.time.rest/10))
		h.start(machines)
	}
}

// rest waits until the cluster is quiet. It waits for a fixed time instead if the cluster need not become quiet.
func (h *healer) rest(of words) {
	if h.rots {
		h.add("wait", span(h.time.rest/4))
		return
	}
	h.add("run", "until", "quiet", of, "within", span(h.time.rest))
}

// endFaults ends the lasting faults.
func (h *healer) endFaults(clients host) {
	for _, m := range [...]struct {
		of   effect
		verb string
		args words
	}{
		{hurtsDisk, "disk", words{nodes, "heal"}},
		{drifts, "clock", words{nodes, "monotonic-drift", "0ppm"}},
		{slows, "slow", words{nodes, "times", 1}},
		{pauses, "resume", words{nodes + "," + clients}},
		{hurtsNet, "heal", nil},
	} {
		if h.left&m.of != 0 {
			h.add(m.verb, m.args)
		}
	}
	if h.rough {
		h.add("heal", "noise")
	}
}

// unlock requests an unclean election for every partition. Some partitions need it: if min.insync.replicas changes while a
// partition has an empty ISR, Kafka clears the ELR of the partition (ClearElrRecord), and only an unclean election then
// gives the partition a leader again. The same applies after a downgrade of eligible.leader.replicas.version. Without a
// request, the controller holds unclean elections only every unclean.leader.election.interval.ms.
func (h *healer) unlock() {
	h.add("wait", span(20*h.time.unit))
	for _, t := range h.topics {
		h.add("config", "topic", topicName(t.name), uncleanConfig+"=true")
		for i := range max(t.partitions, t.grown) {
			h.add("elect", "unclean", partition{t.name, i})
		}
	}
}
