package explore

// The families of this file combine several lines, or hit one connection of several, to reach states that single faults of
// random machines reach seldom.

// lanes are the words of scenarios for the separate connections of brokers and controllers.
var lanes = [...]string{"metadata", "heartbeat", "isr", "replication", "clients"} //immutable: a table

// specialFamilies returns those families.
func specialFamilies() []family {
	return []family{
		{name: "restart", rare: true, order: func(p *Plan, d draws, s strike) { p.begin(s, "restart", p.victim(d, s)) }},
		{name: "power-inside", rare: true, order: func(p *Plan, d draws, s strike) {
			p.begin(s, "crash", p.victim(d, s), "power", "inside", d.between("inside", s.ord, 1, 8))
			p.end(s, "start", nodes)
		}},
		{name: "lane", rare: true, order: (*Plan).lane},
		// The controller takes the leadership away, and the leader hears nothing of it; afterwards it may lead again.
		{name: "deposed", rare: true, order: func(p *Plan, d draws, s strike) {
			tp := p.partition(d, "deposed", s.ord, s.at)
			p.begin(s, "cut", "controllers", "->", tp.leader(), "lane", "metadata")
			p.begin(s, "cut", tp.leader(), "->", "controllers", "lane", "heartbeat")
			p.end(s, "heal")
			p.order(s.ends+p.time.unit, Tag{Family: s.tag.Family, ID: s.tag.ID, Ends: true}, "elect", "preferred", tp)
		}},
		{name: "stranded", order: stranded},
		{name: "late", rare: true, order: late},
		// A producer's answers are lost or late, and its requests are refused; the brokers are well.
		{name: "answers", rare: true, order: func(p *Plan, d draws, s strike) {
			client := host(p.producers[d.intn("answers", s.ord, len(p.producers))])
			switch how := pick(d, "answers.how", s.ord, "reset", "prefix", "half-open", "refused", "slow", "slow"); how {
			case "slow":
				p.begin(s, "slow", host("brokers"), "->", client, "by", span(pick(d, "answers.by", s.ord, 1, 2, 4, 16)*p.time.unit))
			default:
				p.begin(s, "link", client, "->", host("brokers"), how)
			}
			p.end(s, "heal", client, "<->", host("brokers"))
		}},
		// Requests of voters are as late as an election takes, so votes are split, and candidates win epochs that are over.
		{name: "votes", rare: true, order: func(p *Plan, d draws, s strike) {
			p.begin(s, "slow", host("controllers"), "->", host("controllers"), "lane", "metadata", "by", span(max(1, p.time.unit*d.between("votes.by", s.ord, 1, 12)/4)))
			how := pick(d, "votes.how", s.ord, words{"crash"}, words{"pause"}, words{"stop"})
			p.begin(s, how[0].(string), host("controller"))
			p.end(s, "heal")
			p.end(s, "resume", host("controllers"))
			p.end(s, "start", nodes)
		}},
		{name: "wipe", rots: true, once: true, order: func(p *Plan, d draws, s strike) {
			p.begin(s, "wipe", p.broker(d, "wipe", s.ord))
			p.end(s, "start", nodes)
		}},
		// An index of a partition rots while its broker is down after a clean shutdown, so nothing recovers it.
		{name: "index-rot", rots: true, once: true, order: func(p *Plan, d draws, s strike) {
			tp, hurt := p.partition(d, "index", s.ord, s.at), p.broker(d, "index", s.ord)
			name := pick(d, "index.kind", s.ord, "00000000000000000000.index", "00000000000000000000.timeindex")
			p.begin(s, "stop", hurt)
			rot := s
			rot.at = s.ends - 1
			p.begin(rot, "disk", hurt, "bit-rot", "on", logFile{tp, name})
			p.end(s, "start", nodes)
		}},
	}
}

// lane adds a fault of one of the connections between brokers and controllers, brokers, or a producer and brokers.
func (p *Plan) lane(d draws, s strike) {
	lane := lanes[d.intn("lane", s.ord, len(lanes))]
	a, b := p.broker(d, "lane", s.ord), host("controllers")
	if d.chance("lane.leader", s.ord, 500) {
		a = p.partition(d, "lane", s.ord, s.at).leader()
	}
	switch lane {
	case "replication":
		b = "brokers"
	case "clients":
		b = host(p.producers[d.intn("lane.client", s.ord, len(p.producers))])
	case "metadata":
		if d.chance("lane.quorum", s.ord, 300) {
			a = host(names("c", p.controllers)[d.intn("lane.c", s.ord, p.controllers)])
		}
	}
	if d.chance("lane.swap", s.ord, 500) {
		a, b = b, a
	}
	arrow := pick(d, "lane.arrow", s.ord, "<->", "->")
	if d.chance("lane.slow", s.ord, 400) {
		p.begin(s, "slow", a, arrow, b, "lane", lane, "by", span(pick(d, "lane.by", s.ord, 1, 2, 4, 8)*p.time.unit))
	} else {
		p.begin(s, "cut", a, arrow, b, "lane", lane)
	}
	p.end(s, "heal")
}

// stranded cuts the active controller off from the other controllers, and from them alone, so that it cannot commit what it is asked to
// write. Another one is elected, and the first must truncate its log. In some plans that lasts until all faults end, longer than
// any request may wait.
func stranded(p *Plan, d draws, s strike) {
	a, arrow, b := host("controller"), pick(d, "stranded.arrow", s.ord, "<->", "<->", "->"), host("standbys")
	if d.chance("stranded.deaf", s.ord, 300) {
		a, b = b, a
	}
	p.begin(s, "cut", a, arrow, b)
	t := topicName(lastingTopic(p.topics, d, s.ord).name)
	for i := range d.between("stranded.writes", s.ord, 1, 4) {
		ord := s.ord*10 + int32(i)
		at := s.at + d.between("stranded.write.at", ord, 1, p.time.unit)
		p.order(at, s.tag, "config", "topic", t, pick(d, "stranded.config", ord, "flush.messages=1", "flush.messages=100", "max.message.bytes=1048588"))
	}
	if d.chance("stranded.long", s.ord, 250) {
		return // the healing heals the network
	}
	p.end(s, "heal")
}

// late lets messages of a dead process arrive when its successor is at work: those of all its connections, or of one kind.
func late(p *Plan, d draws, s strike) {
	dies := p.machine(d, "late", s.ord)
	if d.chance("late.client", s.ord, 250) {
		dies = host(p.producers[d.intn("late.producer", s.ord, len(p.producers))])
	}
	var lane, power words
	if dies[0] != 'p' {
		if d.chance("late.one", s.ord, 500) {
			lane = words{"lane", lanes[d.intn("late.lane", s.ord, len(lanes))]}
		}
		power = pick(d, "late.power", s.ord, nil, nil, words{"power"})
	}
	p.begin(s, "slow", dies, "->", nodes, lane, "by", span(pick(d, "late.by", s.ord, 1, 2, 4, 8)*p.time.unit))
	dead := s
	dead.at += d.between("late.dies", s.ord, 1, p.time.unit)
	p.begin(dead, "crash", dies, power)
	dead.ends = dead.at + d.between("late.starts", s.ord, 1, p.time.unit)
	p.end(dead, "start", dies)
	p.end(s, "heal", dies, "->", nodes)
}
