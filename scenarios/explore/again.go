package explore

// The families of this file hit a machine again while it recovers from the first hit, because a machine that comes back is in the
// states that it passes only once: it loads its logs, catches up, joins the ISR, or grants its first vote.

// recurringFamilies returns those families.
func recurringFamilies() []family {
	return []family{
		{name: "rejoins", rare: true, order: rejoins},
		{name: "reboots", rare: true, order: reboots},
		{name: "missed", rare: true, order: missed},
		{name: "voters", rare: true, order: voters},
	}
}

// rejoins takes a broker away, so that it leaves the ISR, and again when it is about to join it. Messages about the ISR are late, so
// a leader's proposal may arrive when the broker that it adds is down, or is another incarnation with a shorter log.
func rejoins(p *Plan, d draws, s strike) {
	hurt := p.broker(d, "rejoins", s.ord)
	slow := d.chance("rejoins.slow", s.ord, 700)
	if slow {
		a, b := host("brokers"), host("controllers")
		if d.chance("rejoins.answers", s.ord, 400) {
			a, b = b, a
		}
		p.begin(s, "slow", a, "->", b, "lane", "isr", "by", span(pick(d, "rejoins.by", s.ord, 1, 2, 4, 8)*p.time.unit))
	}
	at := s.at
	for i := range d.between("rejoins.times", s.ord, 2, 3) {
		ord := s.ord*10 + int32(i)
		power := pick(d, "rejoins.power", ord, nil, words{"power"})
		if how := pick(d, "rejoins.how", ord, "crash", "crash", "stop"); how == "stop" && i == 0 {
			p.order(at, s.tag, how, hurt)
		} else {
			p.order(at, s.tag, "crash", hurt, power)
		}
		at += d.between("rejoins.away", ord, 1, 6*p.time.unit)
		p.end(strike{s.ord, at, at, s.tag}, "start", hurt)
		at += d.between("rejoins.back", ord, 1, 12*p.time.unit) // it is unfenced once the session of the dead incarnation is over
	}
	if d.chance("rejoins.leads", s.ord, 400) { // so that the broker that has just joined may be elected
		leads := p.partition(d, "rejoins.leader", s.ord, s.at).leader()
		p.order(at, s.tag, "crash", leads)
		p.end(strike{s.ord, at, at + 4*p.time.unit, s.tag}, "start", nodes)
	}
	if slow {
		p.end(strike{s.ord, s.at, max(s.ends, at), s.tag}, "heal")
	}
}

// reboots lets a broker die while it boots, after a clean shutdown or a crash, and lose power when it has served for a while.
func reboots(p *Plan, d draws, s strike) {
	hurt := p.broker(d, "reboots", s.ord)
	how := pick(d, "reboots.how", s.ord, words{"stop", hurt}, words{"stop", hurt}, words{"crash", hurt}, words{"crash", hurt, "power"})
	p.order(s.at, s.tag, how[0].(string), how[1:])
	at := s.at + d.between("reboots.away", s.ord, p.time.unit, 4*p.time.unit)
	for i := range d.between("reboots.times", s.ord, 1, 2) {
		ord := s.ord*10 + int32(i)
		p.end(strike{s.ord, at, at, s.tag}, "start", hurt)
		p.order(at, s.tag, "crash", hurt, pick(d, "reboots.power", ord, nil, words{"power"}), "inside", d.between("reboots.inside", ord, 1, 30))
		at += d.between("reboots.again", ord, 1, 2*p.time.unit)
	}
	p.end(strike{s.ord, at, at, s.tag}, "start", hurt)
	if d.chance("reboots.last", s.ord, 600) {
		at += d.between("reboots.serves", s.ord, p.time.unit, 6*p.time.unit)
		p.order(at, s.tag, "crash", hurt, "power")
		p.end(strike{s.ord, at, at + p.time.unit, s.tag}, "start", nodes)
	}
}

// missed moves a partition's leadership away and back while its followers hear nothing of it. In some plans one of them is late with
// the last records of the first leader, so that the next leader may have others in their place.
func missed(p *Plan, d draws, s strike) {
	tp := p.partition(d, "missed", s.ord, s.at)
	deaf := pick(d, "missed.deaf", s.ord, tp.follower(), tp.followers())
	p.begin(s, "cut", host("controllers"), "->", deaf, "lane", "metadata")
	if d.chance("missed.late", s.ord, 600) {
		p.begin(s, "slow", tp.leader(), "->", p.broker(d, "missed.late", s.ord), "lane", "replication", "by", span(pick(d, "missed.by", s.ord, 2, 4, 8)*p.time.unit))
	}
	at := s.at + d.between("missed.after", s.ord, 1, 2*p.time.unit)
	how := pick(d, "missed.how", s.ord, "crash", "restart", "restart")
	p.order(at, s.tag, how, tp.leader())
	if how == "crash" {
		p.end(strike{s.ord, at, at + d.between("missed.away", s.ord, 1, 8*p.time.unit), s.tag}, "start", nodes)
	}
	over := max(s.ends, at+4*p.time.unit)
	for i := range d.between("missed.elects", s.ord, 1, 3) {
		p.order(at+d.intn("missed.elect.at", s.ord*10+int32(i), over-at+p.time.unit), s.tag, "elect", "preferred", tp)
	}
	p.end(strike{s.ord, s.at, over, s.tag}, "heal")
}

// voters take the power of voters during an election, and give it back within the same election. In some plans the requests of voters
// are late besides, so that there are several candidates in one epoch.
func voters(p *Plan, d draws, s strike) {
	slow := d.chance("voters.slow", s.ord, 500)
	if slow {
		p.begin(s, "slow", host("controllers"), "->", host("controllers"), "lane", "metadata", "by", span(max(1, p.time.unit*d.between("voters.by", s.ord, 1, 6)/4)))
	}
	first := pick(d, "voters.first", s.ord, words{"crash"}, words{"crash", "power"}, words{"pause"})
	p.order(s.at, s.tag, first[0].(string), host("controller"), first[1:])
	at := s.at
	for i := range d.between("voters.times", s.ord, 1, 4) {
		ord := s.ord*10 + int32(i)
		at += d.between("voters.at", ord, 0, p.time.unit)
		hurt := host(names("c", p.controllers)[d.intn("voters.c", ord, p.controllers)])
		p.order(at, s.tag, "crash", hurt, "power")
		p.end(strike{s.ord, at, at + d.between("voters.away", ord, 1, max(1, p.time.unit/2)), s.tag}, "start", hurt)
	}
	over := strike{s.ord, s.at, max(at+p.time.unit, s.at+d.between("voters.for", s.ord, 1, 4*p.time.unit)), s.tag}
	if slow {
		p.end(over, "heal")
	}
	p.end(over, "resume", host("controllers"))
	p.end(over, "start", nodes)
}
