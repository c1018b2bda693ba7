package explore

import (
	"fmt"
	"slices"
	"strings"
)

// core is who must come to rest alone once the faults are over, as in "heal a random core and require convergence": a
// majority of the controllers and some brokers. The others stay dead, or cut off from the core and from all clients.
type core struct {
	away    []string // who is not of it; empty if everybody must come back
	cut     bool     // away is cut off, and not dead
	rejoins bool     // and comes back later, and then all must come to rest
}

// Core says what became of the machines that were not healed.
type Core string

const (
	Everybody Core = ""                 // all were healed
	DeadStay  Core = "dead"             // they stayed dead to the end
	DeadCome  Core = "dead, then back"  // and then came back
	CutStay   Core = "cut off"          // they stayed cut off to the end
	CutCome   Core = "cut off, then in" // and then were let in again
)

// kind is which of them a plan is.
func (c core) kind() Core {
	switch {
	case len(c.away) == 0:
		return Everybody
	case c.cut && c.rejoins:
		return CutCome
	case c.cut:
		return CutStay
	case c.rejoins:
		return DeadCome
	}
	return DeadStay
}

// drawCore chooses who stays away.
func (p *Plan) drawCore(d die) {
	if p.rots || !d.odds("core", 0, 400) {
		return
	}
	for i, b := range names("b", p.brokers) {
		if len(p.core.away) < p.brokers-1 && d.odds("core.broker", int32(i), 350) {
			p.core.away = append(p.core.away, b)
		}
	}
	left := (p.controllers - 1) / 2
	for i, c := range names("c", p.controllers) {
		if left > 0 && d.odds("core.controller", int32(i), 350) {
			left--
			p.core.away = append(p.core.away, c)
		}
	}
	p.core.cut, p.core.rejoins = d.odds("core.cut", 0, 500), d.odds("core.rejoins", 0, 500)
}

// members are the machines of the core; all of them if nobody stays away.
func (p *Plan) members() []string {
	all := append(names("b", p.brokers), names("c", p.controllers)...)
	return slices.DeleteFunc(all, func(m string) bool { return slices.Contains(p.core.away, m) })
}

// story is the comment that a file begins with.
func (p *Plan) story(b *strings.Builder) {
	fmt.Fprintf(b, "# Exploration, seed %d: %s timeouts.\n#\n", p.Seed, p.Profile)
	what := "no fault is ordered"
	if len(p.families) > 0 {
		what = "what may strike is " + strings.Join(p.families, ", ")
	}
	fmt.Fprintf(b, "# Until %s %s.\n", ms(p.heal), what)
	if len(p.operations) > 0 {
		fmt.Fprintf(b, "# Operators meanwhile: %s.\n", strings.Join(p.operations, ", "))
	}
	b.WriteString("# Then everything is mended and started")
	switch away := strings.Join(p.core.away, ","); {
	case away == "":
	case p.core.rejoins:
		fmt.Fprintf(b, ", all but %s at first", away)
	default:
		fmt.Fprintf(b, ", all but %s", away)
	}
	if p.rots {
		b.WriteString(". What a disk has lost for good may keep the cluster from coming to rest.\n")
	} else {
		b.WriteString(", and the cluster must come to rest.\n")
	}
	if len(p.Rules) > 0 {
		fmt.Fprintf(b, "# It was found with --rule %s.\n", strings.Join(p.Rules, " --rule "))
	}
}

// mend ends the faults, waits for rest, and reads everything.
func (p *Plan) mend(b *strings.Builder) {
	fmt.Fprintf(b, "\nrun until time %s\n", ms(p.heal))
	clients := strings.Join(slices.Concat(p.producers, p.consumers), ",")
	p.endFaults(b, clients)
	whole := len(p.core.away) == 0
	away, members := strings.Join(p.core.away, ","), strings.Join(p.members(), ",")
	up := p.nodes()
	switch {
	case whole:
	case p.core.cut:
		fmt.Fprintf(b, "cut %s <-> %s,%s\n", away, members, clients)
	default:
		fmt.Fprintf(b, "crash %s\n", away)
		up = members
	}
	// Who is still on the way down comes back: a clean shutdown waits for a controller and for a slow disk, and a process
	// that dies inside an event is gone when that is paid. So does a broker that was kept out for too long and gives up
	// (initial.broker.registration.timeout.ms). Not where disks have lost something: who cannot boot would do nothing else.
	good := " for good"
	if p.rots {
		good = ""
	}
	fmt.Fprintf(b, "start %s,%s%s\n", up, clients, good)
	again := func(who string) { // most of those who were leaving are back by then
		if p.has("stop ") || p.has(" inside ") || p.has("disk ") {
			fmt.Fprintf(b, "wait %s\nstart %s%s\n", ms(p.time.rest/10), who, good)
		}
	}
	again(up)
	if p.locks {
		p.unlock(b)
	}
	rest := func(of string) {
		if p.rots {
			fmt.Fprintf(b, "wait %s\n", ms(p.time.rest/4))
		} else {
			fmt.Fprintf(b, "run until quiet%s within %s\n", of, ms(p.time.rest))
		}
	}
	of := ""
	if !whole {
		of = " of " + members
		rest(of)
	}
	if !whole && p.core.rejoins {
		if of = ""; p.core.cut {
			b.WriteString("heal\n")
		}
		fmt.Fprintf(b, "start %s%s\n", away, good)
		if p.core.cut { // who was told to stop and cut off comes to its end only now
			again(away)
		}
	}
	if of == "" {
		rest(of)
	}
	if p.rots { // whoever waits for what is gone for good would do so for ever
		fmt.Fprintf(b, "crash %s\n", clients)
		return
	}
	fmt.Fprintf(b, "drain %s\n", p.producers[0])
	rest(of)
	// A reader of what is gone or never came, of what an unclean election gave away, or of what is led by nobody, would read
	// on, and the run would last until it is given up.
	endless := slices.ContainsFunc(p.topics, func(t topic) bool { return t.made > 0 || t.unclean })
	if endless || p.locks || p.has("unclean") || p.has("delete topic") || p.has("grow ") || of != "" {
		fmt.Fprintf(b, "crash %s\n", clients)
	}
}

// endFaults takes back what has no end of its own.
func (p *Plan) endFaults(b *strings.Builder, clients string) {
	nodes := p.nodes()
	for _, m := range [...]struct{ after, line string }{
		{" inside ", "disk " + nodes + " heal"},
		{"disk ", "disk " + nodes + " heal"},
		{"monotonic-drift", "clock " + nodes + " monotonic-drift 0ppm"},
		{" times ", "slow " + nodes + " times 1"},
		{"pause ", "resume " + nodes + "," + clients},
		{" -> ", "heal"},
		{" <-> ", "heal"},
	} {
		if p.has(m.after) && !strings.Contains(b.String(), "\n"+m.line+"\n") {
			b.WriteString(m.line + "\n")
		}
	}
	if p.rough {
		b.WriteString("heal noise\n")
	}
}

// unlock does what an operator must do where min.insync.replicas was changed while a partition had nobody in sync: Kafka
// forgets the eligible leader replicas then (ClearElrRecord), and only an unclean election gives it a leader again. So it
// is where the feature that remembers them was taken back. The controller would look every unclean.leader.election.interval.ms
// whom it may elect; here the operator asks.
func (p *Plan) unlock(b *strings.Builder) {
	fmt.Fprintf(b, "wait %s\n", ms(20*p.time.unit))
	for _, t := range p.topics {
		fmt.Fprintf(b, "config topic %s unclean.leader.election.enable=true\n", t.name)
		for i := range max(t.partitions, t.grown) {
			fmt.Fprintf(b, "elect unclean %s-%d\n", t.name, i)
		}
	}
}
