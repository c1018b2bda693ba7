package explore

import (
	"fmt"
	"slices"
	"strings"
)

// family is one kind of fault. A seed uses only some families, each with its own weight. This is swarm testing: a fault that
// is always present hides failures that need its absence.
type family struct {
	name  string
	rots  bool // the fault can destroy synced bytes for good
	once  bool // a run has at most one such fault
	rare  bool // only a quarter of the seeds use the family, and not a half
	order func(p *Plan, d draws, s strike)
}

// strike is one fault to add to a plan.
type strike struct {
	ord  int32
	at   int // the time in milliseconds
	ends int // the time at which a lasting fault ends
	tag  Tag
}

// families returns all families of faults, in the order of their names in plans.
func families() []family {
	return slices.Concat(commonFamilies(), specialFamilies(), recurringFamilies())
}

// commonFamilies returns the families that hit any machine or connection.
func commonFamilies() []family {
	return []family{
		{name: "crash", order: func(p *Plan, d draws, s strike) {
			p.begin(s, "crash", p.victim(d, s))
			p.end(s, "start", nodes)
		}},
		{name: "die-inside", order: func(p *Plan, d draws, s strike) {
			p.begin(s, "crash", p.victim(d, s), "inside", d.between("inside", s.ord, 1, 8))
			p.end(s, "start", nodes)
		}},
		{name: "power", order: func(p *Plan, d draws, s strike) {
			struck := p.victim(d, s)
			switch d.intn("power.who", s.ord, 8) {
			case 0:
				struck = nodes // the whole room loses power
			case 1:
				struck = "brokers"
			case 2, 3:
				struck = p.some(d, s.ord) // a rack loses power
			}
			p.begin(s, "crash", struck, "power")
			p.end(s, "start", nodes)
		}},
		{name: "stop", order: func(p *Plan, d draws, s strike) {
			p.begin(s, "stop", p.victim(d, s))
			p.end(s, "start", nodes)
		}},
		{name: "pause", order: func(p *Plan, d draws, s strike) {
			paused := p.victim(d, s)
			p.begin(s, "pause", paused)
			if paused.role() {
				paused = nodes // the role may have moved, so resume every machine
			}
			p.end(s, "resume", paused)
		}},
		{name: "cut", order: func(p *Plan, d draws, s strike) { p.net(d, s, "cut", nil) }},
		{name: "slow", order: func(p *Plan, d draws, s strike) {
			p.net(d, s, "slow", words{"by", span(pick(d, "slow.by", s.ord, 1, 1, 2, 4, 8) * p.time.unit)})
		}},
		{name: "links", order: func(p *Plan, d draws, s strike) {
			how := words{pick(d, "link.kind", s.ord, "reset", "reset", "half-open", "half-open", "prefix", "stalled", "clogged", "refused", "lossy", "narrow")}
			if how[0] == "stalled" {
				how = append(how, "for", span(s.ends-s.at))
			}
			p.net(d, s, "link", how)
		}},
		{name: "clients", order: func(p *Plan, d draws, s strike) {
			client := host(p.producers[d.intn("client", s.ord, len(p.producers))])
			hurt, mend := "pause", "resume"
			if d.chance("client.dies", s.ord, 500) {
				hurt, mend = "crash", "start"
			}
			p.begin(s, hurt, client)
			p.end(s, mend, client)
		}},
		{name: "processor", order: func(p *Plan, d draws, s strike) {
			slowed := p.machine(d, "processor", s.ord)
			p.begin(s, "slow", slowed, "times", pick(d, "slower", s.ord, 10, 100, 1000, 10000))
			p.end(s, "slow", slowed, "times", 1)
		}},
		{name: "clocks", order: func(p *Plan, d draws, s strike) {
			wrong, sign := p.machine(d, "clock", s.ord), pick(d, "clock.sign", s.ord, "", "-")
			switch d.intn("clock.kind", s.ord, 4) {
			case 0:
				p.begin(s, "clock", wrong, "skew", sign+pick(d, "clock.by", s.ord, "50ms", "3s", "10m", "48h"))
			case 1:
				p.begin(s, "clock", wrong, "step", sign+pick(d, "clock.by", s.ord, "50ms", "3s", "10m", "48h"))
			case 2:
				p.begin(s, "clock", wrong, "drift", fmt.Sprintf("%s%dppm", sign, pick(d, "clock.ppm", s.ord, 100, 10_000, 300_000)))
			default:
				p.begin(s, "clock", wrong, "monotonic-drift", fmt.Sprintf("%s%dppm", sign, pick(d, "clock.ppm", s.ord, 100, 10_000, 300_000)))
			}
		}},
		{name: "slow-disk", order: func(p *Plan, d draws, s strike) {
			how := words{"slow", "by", span(pick(d, "disk.slow", s.ord, 1, 5, 20, 100))}
			if d.chance("disk.stall", s.ord, 400) {
				how = words{"stalled"}
			}
			p.begin(s, "disk", p.machine(d, "disk", s.ord), how, "for", span(max(1, s.ends-s.at)))
		}},
		{name: "disk-errors", order: func(p *Plan, d draws, s strike) {
			how := words{pick(d, "disk.error", s.ord, "error", "short-write", "broken", "full")}
			if how[0] == "broken" || how[0] == "full" {
				how = append(how, "for", span(max(1, s.ends-s.at)))
			}
			p.begin(s, "disk", p.machine(d, "disk", s.ord), how)
			p.end(strike{s.ord, s.at, s.ends + p.time.unit, s.tag}, "start", nodes)
		}},
		// A controller relies on synced bytes by design, so a controller with a lying disk always loses committed records.
		{name: "disk-lies", rots: true, order: func(p *Plan, d draws, s strike) {
			p.begin(s, "disk", p.broker(d, "disk", s.ord), pick(d, "disk.lie", s.ord, "sync-lies", "sync-forgets", "lost-write"))
		}},
		{name: "disk-rot", rots: true, once: true, order: func(p *Plan, d draws, s strike) {
			how := words{"misdirected"}
			if d.chance("disk.rot", s.ord, 500) {
				how = words{"bit-rot", "on", directory(p.partition(d, "rot", s.ord, s.at))}
			}
			p.begin(s, "disk", p.broker(d, "disk", s.ord), how)
		}},
	}
}

// drawFaults chooses families, weights and times of faults. About one seed in twelve has no fault at all, to find
// violations that happen without faults.
func (p *Plan) drawFaults(d draws) {
	all := families()
	focus := slices.IndexFunc(all, func(f family) bool { return f.name == p.focus })
	if d.chance("faultless", 0, 80) && focus < 0 {
		return
	}
	p.rough = d.chance("noise", 0, 400)
	weights := make([]int, len(all))
	rare := d.chance("rots", 0, 120) // only few seeds, because a cluster that may lose synced bytes need not become quiet
	for i, f := range all {
		often := 500
		if f.rare {
			often = 250
		}
		if f.rots && !rare || !f.rots && !d.chance("family."+f.name, 0, often) {
			continue
		}
		weights[i] = 1 << d.intn("weight."+f.name, 0, 6) // log-uniform, so one family often dominates
	}
	// In some plans one family has no other beside it, because a fault of another family hides what the first one does. Often that
	// is answers: what a producer does after a lost answer must be right although every broker is well.
	if d.chance("one.family", 0, 120) {
		i := d.intn("alone", 0, len(all))
		if d.chance("answers.alone", 0, 300) {
			i = slices.IndexFunc(all, func(f family) bool { return f.name == "answers" })
		}
		if !all[i].rots {
			clear(weights)
			weights[i] = 1
		}
	}
	if focus >= 0 {
		weights[focus] = 32
	}
	for i, f := range all {
		if weights[i] > 0 {
			p.families = append(p.families, f.name)
			p.rots = p.rots || f.rots
		}
	}
	p.strike(slices.Repeat([]draws{d}, pick(d, "strikes", 0, 1, 2, 4, 6, 8, 12, 16)), all, weights)
	p.drawCore(d)
	p.drawEarly(d)
}

// strike adds one fault for each element of the list. The element makes the decisions of that fault.
func (p *Plan) strike(each []draws, all []family, weights []int) {
	for i, d := range each {
		ord := int32(i)
		f := d.weighted("strike", ord, weights)
		if focus := slices.IndexFunc(all, func(f family) bool { return f.name == p.focus }); i == 0 && focus >= 0 {
			f = focus
		}
		if f < 0 {
			break
		}
		s := strike{ord: ord, at: p.during(d, "strike.at", ord), tag: p.tag(all[f].name)}
		s.ends = s.at + p.time.unit/2<<d.intn("strike.for", ord, 6)
		all[f].order(p, d, s)
		if all[f].once {
			weights[f] = 0
		}
	}
}

// drawEarly sometimes adds a fault during the boot.
func (p *Plan) drawEarly(d draws) {
	if !d.chance("early", 0, 120) {
		return
	}
	at := d.intn("early.at", 0, p.time.boot/2)
	tag := p.tag("early")
	add := func(l Line) {
		l.Timed, l.At = true, at
		p.early = append(p.early, l)
	}
	how := pick(d, "early.kind", 0, words{"crash"}, words{"crash", "power"}, words{"stop"}, words{"pause"})
	add(newLine(tag, how[0].(string), p.machine(d, "early", 0), how[1:]))
	at += d.intn("early.for", 0, p.time.boot/2)
	tag.Ends = true
	add(newLine(tag, "resume", nodes))
	add(newLine(tag, "start", nodes))
}

// begin adds the line that begins a fault.
func (p *Plan) begin(s strike, verb string, args ...any) { p.order(s.at, s.tag, verb, args...) }

// end adds the line that ends a fault.
func (p *Plan) end(s strike, verb string, args ...any) {
	s.tag.Ends = true
	p.order(s.ends, s.tag, verb, args...)
}

// victim draws a machine, often the leader or a follower of a partition at the time of the fault.
func (p *Plan) victim(d draws, s strike) host {
	switch d.intn("victim", s.ord, 8) {
	case 0, 1, 3, 4:
		return p.partition(d, "victim", s.ord, s.at).leader()
	case 2:
		return p.partition(d, "victim", s.ord, s.at).follower()
	}
	return p.machine(d, "victim", s.ord)
}

// machine draws a broker or a controller.
func (p *Plan) machine(d draws, site string, ord int32) host {
	if d.chance(site+".controller", ord, 250) {
		return host(names("c", p.controllers)[d.intn(site+".c", ord, p.controllers)])
	}
	return p.broker(d, site, ord)
}

func (p *Plan) broker(d draws, site string, ord int32) host {
	return host(names("b", p.brokers)[d.intn(site+".b", ord, p.brokers)])
}

// some draws a few brokers and controllers, at least one machine.
func (p *Plan) some(d draws, ord int32) host {
	var in []string
	for i, m := range append(names("b", p.brokers), names("c", p.controllers)...) {
		if d.chance(fmt.Sprintf("some.%d", ord), int32(i), 400) {
			in = append(in, m)
		}
	}
	if len(in) == 0 {
		in = append(in, string(p.broker(d, "some", ord)))
	}
	return host(strings.Join(in, ","))
}

// net adds a network fault and its end. The fault affects both directions or only one. It is between two machines, between a
// few machines and all nodes or all brokers, or between a leader and its followers, the controllers or a producer.
func (p *Plan) net(d draws, s strike, verb string, how words) {
	tp := p.partition(d, "net", s.ord, s.at)
	a, b := p.some(d, s.ord), nodes
	switch d.intn("net.sides", s.ord, 8) {
	case 0:
		a, b = tp.leader(), tp.followers()
	case 1:
		a, b = tp.leader(), "controllers"
	case 2:
		a, b = tp.leader(), host(p.producers[d.intn("net.client", s.ord, len(p.producers))])
	case 3, 4:
		a, b = p.machine(d, "net.a", s.ord), p.machine(d, "net.b", s.ord)
	case 5:
		b = "brokers"
	}
	if d.chance("net.swap", s.ord, 500) {
		a, b = b, a
	}
	arrow := pick(d, "net.arrow", s.ord, "<->", "->")
	p.begin(s, verb, a, arrow, b, how)
	if a.role() || b.role() {
		p.end(s, "heal") // heal all links, because another broker may be leader by then
		return
	}
	p.end(s, "heal", a, arrow, b)
}
