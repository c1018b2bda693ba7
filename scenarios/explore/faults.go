package explore

import (
	"fmt"
	"strings"
)

// family is one kind of fault: a seed has it or not (swarm by omission: a fault that is always there hides what needs
// its absence), and if it has it, with a weight of its own.
type family struct {
	name  string
	rots  bool // it can take for good what a replica needs
	once  bool // once a run is enough
	order func(p *Plan, d die, s strike)
}

// strike is one fault to be ordered.
type strike struct {
	ord  int32
	at   int // when
	ends int // when it is over, if it is one that lasts
}

// families are all there are, in the order in which plans name them.
func families() []family {
	return []family{
		{name: "crash", order: func(p *Plan, d die, s strike) {
			p.fault(s.at, "crash %s", p.victim(d, s))
			p.fault(s.ends, "start %s", p.nodes())
		}},
		{name: "die-inside", order: func(p *Plan, d die, s strike) {
			p.fault(s.at, "crash %s inside %d", p.victim(d, s), d.between("inside", s.ord, 1, 8))
			p.fault(s.ends, "start %s", p.nodes())
		}},
		{name: "power", order: func(p *Plan, d die, s strike) {
			who := p.victim(d, s)
			switch d.roll("power.who", s.ord, 8) {
			case 0:
				who = p.nodes() // the whole room
			case 1:
				who = "brokers"
			case 2, 3:
				who = p.some(d, s.ord) // a rack
			}
			p.fault(s.at, "crash %s power", who)
			p.fault(s.ends, "start %s", p.nodes())
		}},
		{name: "stop", order: func(p *Plan, d die, s strike) {
			p.fault(s.at, "stop %s", p.victim(d, s))
			p.fault(s.ends, "start %s", p.nodes())
		}},
		{name: "pause", order: func(p *Plan, d die, s strike) {
			who := p.victim(d, s)
			p.fault(s.at, "pause %s", who)
			if strings.Contains(who, ":") {
				who = p.nodes() // whoever it was
			}
			p.fault(s.ends, "resume %s", who)
		}},
		{name: "cut", order: func(p *Plan, d die, s strike) { p.net(d, s, "cut", "") }},
		{name: "slow", order: func(p *Plan, d die, s strike) {
			p.net(d, s, "slow", " by "+ms(pick(d, "slow.by", s.ord, 1, 1, 2, 4, 8)*p.time.unit))
		}},
		{name: "links", order: func(p *Plan, d die, s strike) {
			kind := pick(d, "link.kind", s.ord, "reset", "reset", "half-open", "prefix", "stalled", "clogged", "refused", "lossy", "narrow")
			if kind == "stalled" {
				kind += " for " + ms(s.ends-s.at)
			}
			p.net(d, s, "link", " "+kind)
		}},
		{name: "clients", order: func(p *Plan, d die, s strike) {
			who := p.producers[d.roll("client", s.ord, len(p.producers))]
			hurt, mend := "pause", "resume"
			if d.odds("client.dies", s.ord, 500) {
				hurt, mend = "crash", "start"
			}
			p.fault(s.at, "%s %s", hurt, who)
			p.fault(s.ends, "%s %s", mend, who)
		}},
		{name: "processor", order: func(p *Plan, d die, s strike) {
			who := p.machine(d, "processor", s.ord)
			p.fault(s.at, "slow %s times %d", who, pick(d, "slower", s.ord, 10, 100, 1000, 10000))
			p.fault(s.ends, "slow %s times 1", who)
		}},
		{name: "clocks", order: func(p *Plan, d die, s strike) {
			who, sign := p.machine(d, "clock", s.ord), pick(d, "clock.sign", s.ord, "", "-")
			switch d.roll("clock.kind", s.ord, 4) {
			case 0:
				p.fault(s.at, "clock %s skew %s%s", who, sign, pick(d, "clock.by", s.ord, "50ms", "3s", "10m", "48h"))
			case 1:
				p.fault(s.at, "clock %s step %s%s", who, sign, pick(d, "clock.by", s.ord, "50ms", "3s", "10m", "48h"))
			case 2:
				p.fault(s.at, "clock %s drift %s%dppm", who, sign, pick(d, "clock.ppm", s.ord, 100, 10_000, 300_000))
			default:
				p.fault(s.at, "clock %s monotonic-drift %s%dppm", who, sign, pick(d, "clock.ppm", s.ord, 100, 10_000, 300_000))
			}
		}},
		{name: "slow-disk", order: func(p *Plan, d die, s strike) {
			how := "slow by " + ms(pick(d, "disk.slow", s.ord, 1, 5, 20, 100))
			if d.odds("disk.stall", s.ord, 400) {
				how = "stalled"
			}
			p.fault(s.at, "disk %s %s for %s", p.machine(d, "disk", s.ord), how, ms(max(1, s.ends-s.at)))
		}},
		{name: "disk-errors", order: func(p *Plan, d die, s strike) {
			how := pick(d, "disk.error", s.ord, "error", "short-write", "broken", "full")
			if how == "broken" || how == "full" {
				how += " for " + ms(max(1, s.ends-s.at))
			}
			p.fault(s.at, "disk %s %s", p.machine(d, "disk", s.ord), how)
			p.fault(s.ends+p.time.unit, "start %s", p.nodes())
		}},
		// A controller's log is all there is of it, so a disk that lies to a controller loses what it promised by design.
		{name: "disk-lies", rots: true, order: func(p *Plan, d die, s strike) {
			p.fault(s.at, "disk %s %s", p.broker(d, "disk", s.ord), pick(d, "disk.lie", s.ord, "sync-lies", "sync-forgets", "lost-write"))
		}},
		{name: "disk-rot", rots: true, once: true, order: func(p *Plan, d die, s strike) {
			how := "misdirected"
			if d.odds("disk.rot", s.ord, 500) {
				how = "bit-rot on " + p.partition(d, "rot", s.ord, s.at) + "/"
			}
			p.fault(s.at, "disk %s %s", p.broker(d, "disk", s.ord), how)
		}},
	}
}

// drawFaults chooses families, weights, and when what strikes. One seed in sixteen has no fault at all: what breaks
// there is broken indeed.
func (p *Plan) drawFaults(d die) {
	if d.odds("faultless", 0, 60) {
		return
	}
	p.rough = d.odds("noise", 0, 400)
	all := families()
	weights := make([]int, len(all))
	rare := d.odds("rots", 0, 120) // a run that owes no rest proves less: few of them
	for i, f := range all {
		if f.rots && !rare || !f.rots && !d.odds("family."+f.name, 0, 500) {
			continue
		}
		weights[i] = 1 << d.roll("weight."+f.name, 0, 6) // log-uniform: one family often dominates
		p.families = append(p.families, f.name)
		p.rots = p.rots || f.rots
	}
	for i := range pick(d, "strikes", 0, 1, 2, 4, 6, 8, 12, 16) {
		ord := int32(i)
		f := d.weighted("strike", ord, weights)
		if f < 0 {
			break
		}
		s := strike{ord: ord, at: p.during(d, "strike.at", ord)}
		s.ends = s.at + p.time.unit/2<<d.roll("strike.for", ord, 6)
		all[f].order(p, d, s)
		if all[f].once {
			weights[f] = 0
		}
	}
	p.drawCore(d)
	p.drawEarly(d)
}

// drawEarly lets a fault hit the boot, now and then.
func (p *Plan) drawEarly(d die) {
	if !d.odds("early", 0, 120) {
		return
	}
	at := d.roll("early.at", 0, p.time.boot/2)
	hurt := pick(d, "early.kind", 0, "crash %s", "crash %s power", "stop %s", "pause %s")
	p.early = append(p.early, timed{at, fmt.Sprintf(hurt, p.machine(d, "early", 0))})
	at += d.roll("early.for", 0, p.time.boot/2)
	p.early = append(p.early, timed{at, "resume " + p.nodes()}, timed{at, "start " + p.nodes()})
}

// fault adds a line of faults or operators; what would come behind the healing is the healing's.
func (p *Plan) fault(at int, format string, args ...any) {
	if at < p.heal {
		p.at(at, format, args...)
	}
}

// victim is a machine, often one that matters at the time.
func (p *Plan) victim(d die, s strike) string {
	switch d.roll("victim", s.ord, 8) {
	case 0, 1, 3, 4:
		return "leader:" + p.partition(d, "victim", s.ord, s.at)
	case 2:
		return "follower:" + p.partition(d, "victim", s.ord, s.at)
	}
	return p.machine(d, "victim", s.ord)
}

// machine is a broker or a controller.
func (p *Plan) machine(d die, site string, ord int32) string {
	if d.odds(site+".controller", ord, 250) {
		return names("c", p.controllers)[d.roll(site+".c", ord, p.controllers)]
	}
	return p.broker(d, site, ord)
}

func (p *Plan) broker(d die, site string, ord int32) string {
	return names("b", p.brokers)[d.roll(site+".b", ord, p.brokers)]
}

// some is a few brokers and controllers, at least one.
func (p *Plan) some(d die, ord int32) string {
	var in []string
	for i, m := range append(names("b", p.brokers), names("c", p.controllers)...) {
		if d.odds(fmt.Sprintf("some.%d", ord), int32(i), 400) {
			in = append(in, m)
		}
	}
	if len(in) == 0 {
		in = append(in, p.broker(d, "some", ord))
	}
	return strings.Join(in, ",")
}

// net orders a fault between two sides, and its end: symmetric or one way, around a machine or between two, with the
// leader and its followers or its controllers on both ends.
func (p *Plan) net(d die, s strike, verb, how string) {
	tp := p.partition(d, "net", s.ord, s.at)
	a, b := p.some(d, s.ord), p.nodes()
	switch d.roll("net.sides", s.ord, 8) {
	case 0:
		a, b = "leader:"+tp, "followers:"+tp
	case 1:
		a, b = "leader:"+tp, "controllers"
	case 2:
		a, b = "leader:"+tp, p.producers[d.roll("net.client", s.ord, len(p.producers))]
	case 3, 4:
		a, b = p.machine(d, "net.a", s.ord), p.machine(d, "net.b", s.ord)
	case 5:
		b = "brokers"
	}
	if d.odds("net.swap", s.ord, 500) {
		a, b = b, a
	}
	arrow := pick(d, "net.arrow", s.ord, "<->", "->")
	p.fault(s.at, "%s %s %s %s%s", verb, a, arrow, b, how)
	if strings.Contains(a+b, ":") {
		p.fault(s.ends, "heal") // whoever led then
		return
	}
	p.fault(s.ends, "heal %s %s %s", a, arrow, b)
}
