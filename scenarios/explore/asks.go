package explore

import "strings"

// movableBrokers lists dynamic configs of brokers, with values that have an effect on a short run.
var movableBrokers = [...]string{ //immutable: a table
	"log.retention.bytes=2000", "log.retention.ms=1000", "message.max.bytes=150", "log.message.timestamp.type=LogAppendTime",
	"log.flush.interval.messages=1", "log.index.interval.bytes=1", "log.segment.delete.delay.ms=0", "log.index.size.max.bytes=60",
}

// specialOperations returns the kinds of operations that need several lines, or ask and change nothing.
func specialOperations() []operation {
	return []operation{
		{name: "broker-configs", order: func(p *Plan, d draws, o order) {
			of := words{host("brokers")}
			if d.chance("operation.one", o.ord, 600) {
				of = words{"broker", p.broker(d, "operation.broker", o.ord)}
			}
			set := pick(d, "operation.config", o.ord, movableBrokers[:]...)
			p.order(o.at, o.tag, "config", of, set)
			if d.chance("operation.back", o.ord, 500) {
				name, _, _ := strings.Cut(set, "=")
				p.order(o.at+d.between("operation.later", o.ord, 1, p.time.phase/2), o.tag, "config", of, "delete", name)
			}
		}},
		{name: "config-deletes", order: func(p *Plan, d draws, o order) {
			name, _, _ := strings.Cut(pick(d, "operation.config", o.ord, movable[:]...), "=")
			p.order(o.at, o.tag, "config", "topic", topicName(lastingTopic(p.topics, d, o.ord).name), "delete", name)
		}},
		{name: "compacts", order: func(p *Plan, d draws, o order) {
			t := topicName(lastingTopic(p.topics, d, o.ord).name)
			p.order(o.at, o.tag, "config", "topic", t, "append", "cleanup.policy=compact")
			p.order(o.at+d.between("operation.later", o.ord, 1, p.time.phase/4), o.tag, "config", "topic", t, "subtract", "cleanup.policy=compact")
		}},
		{name: "below-min-isr", locks: true, order: (*Plan).belowMinISR},
		{name: "questions", order: (*Plan).ask},
		{name: "handover", order: handover},
		{name: "burst", locks: true, order: burst},
		// A broker is away while a topic is deleted and created again. It may die again before its next checkpoint.
		{name: "away", once: true, order: func(p *Plan, d draws, o order) {
			t := lastingTopic(p.topics, d, o.ord)
			away := p.broker(d, "operation.broker", o.ord)
			how := pick(d, "operation.how", o.ord, words{"crash", away}, words{"crash", away, "power"}, words{"stop", away})
			p.order(o.at, o.tag, how[0].(string), how[1:])
			gone := o.at + d.between("operation.goes", o.ord, 1, p.time.unit)
			p.order(gone, o.tag, "delete", "topic", topicName(t.name))
			p.again(d, o, gone, t)
			back := gone + d.between("operation.back", o.ord, 1, p.time.phase/4)
			p.order(back, o.tag, "start", nodes)
			if d.chance("operation.dies", o.ord, 500) {
				p.order(back+d.between("operation.dies.at", o.ord, 1, p.time.unit), o.tag, "crash", away, pick(d, "operation.power", o.ord, nil, words{"power"}))
				p.order(back+2*p.time.unit, o.tag, "start", nodes)
			}
		}},
	}
}

// belowMinISR makes min.insync.replicas the number of the replicas, and takes one of them away, so that acks=all is refused before
// and after an append.
func (p *Plan) belowMinISR(d draws, o order) {
	t := lastingTopic(p.topics, d, o.ord)
	tp := partition{t.name, d.intn("operation.partition", o.ord, t.partitions)}
	p.order(o.at, o.tag, "config", "topic", topicName(t.name), setting{"min.insync.replicas", t.replicas})
	hurt, mend := "crash", "start"
	if d.chance("operation.pauses", o.ord, 400) {
		hurt, mend = "pause", "resume"
	}
	dies := p.broker(d, "operation.broker", o.ord)
	p.order(o.at+d.between("operation.dies", o.ord, 0, p.time.unit), o.tag, hurt, dies)
	over := o.at + d.between("operation.later", o.ord, p.time.unit, p.time.phase/2)
	for i := range d.between("operation.sends", o.ord, 2, 6) {
		ord := o.ord*10 + int32(i) + 5000
		p.aims = append(p.aims, aim{o.at + d.intn("operation.send.at", ord, max(1, over-o.at)), tp})
	}
	p.order(over, o.tag, mend, dies)
	p.order(over+1, o.tag, "config", "topic", topicName(t.name), setting{"min.insync.replicas", max(1, t.replicas-1)})
}

// ask adds questions about one partition, so that some come before a change of its leader and some after, and one description.
func (p *Plan) ask(d draws, o order) {
	tp := p.partition(d, "question", o.ord, o.at)
	for i := range d.between("questions", o.ord, 2, 10) {
		ord := o.ord*100 + int32(i)
		at := o.at + d.intn("question.at", ord, p.time.phase/3)
		word := pick(d, "question", ord, "latest", "latest", "latest", "latest", "earliest", "max-timestamp")
		var version words
		if d.chance("question.old", ord, 300) {
			version = words{setting{"version", d.between("question.version", ord, 1, 11)}}
		}
		p.order(at, o.tag, "list", "offsets", tp, word, version)
	}
	what := pick(d, "question.what", o.ord, words{"cluster"}, words{"quorum"}, words{"features"}, words{"topic", topicName(tp.topic)}, words{"configs", host("brokers")})
	p.order(o.at, o.tag, "describe", what)
}

// burst changes a config many times, faster than followers fetch, so that brokers apply one delta of the metadata after the other
// while records are on their way. Of min.insync.replicas, a change may leave a partition without an electable replica.
func burst(p *Plan, d draws, o order) {
	t := lastingTopic(p.topics, d, o.ord)
	of := words{"topic", topicName(t.name)}
	if d.chance("burst.everywhere", o.ord, 300) {
		of = words{host("brokers")}
	}
	values := pick(d, "burst.values", o.ord, [2]string{"max.message.bytes=1048588", "max.message.bytes=900000"}, [2]string{"min.insync.replicas=1", "min.insync.replicas=2"})
	if len(of) == 1 {
		values[0], values[1] = strings.Replace(values[0], "max.message.bytes", "message.max.bytes", 1), strings.Replace(values[1], "max.message.bytes", "message.max.bytes", 1)
	}
	at := o.at
	for i := range d.between("burst.many", o.ord, 20, 60) {
		p.order(at, o.tag, "config", of, values[i%2])
		at += d.between("burst.pause", o.ord*100+int32(i), 1, max(2, p.time.unit/8))
	}
	for i := range 4 {
		p.aims = append(p.aims, aim{o.at + d.intn("burst.send.at", o.ord*10+int32(i)+9000, max(1, at-o.at)), partition{t.name, 0}})
	}
}

// madeBefore returns the first time at which a line may name a partition: its topic's line comes before.
func (p *Plan) madeBefore(tp partition) int {
	at := p.time.boot
	for i := range p.topics {
		if t := &p.topics[i]; t.name == tp.topic && t.made > 0 {
			at = max(at, t.made+1)
		}
	}
	return at
}

// handover takes a partition's leader away while records are on their way to its followers, and asks for the end offset before,
// during and after. The new leader knows the high watermark of the old one only up to its last fetch, so it may not answer at
// once (KIP-207). In some plans the followers' fetches are late besides, so the new leader needs longer.
func handover(p *Plan, d draws, o order) {
	tp := p.partition(d, "handover", o.ord, o.at)
	ord := func(i int) int32 { return o.ord*100 + int32(i) + 7000 }
	for i := range d.between("handover.sends", o.ord, 3, 8) {
		p.aims = append(p.aims, aim{max(p.madeBefore(tp), o.at-d.intn("handover.send.at", ord(i), p.time.unit)), tp})
	}
	over := o.at + d.between("handover.for", o.ord, 4, 16)*p.time.unit
	late := d.chance("handover.late", o.ord, 600)
	if late {
		p.order(o.at-1, o.tag, "slow", host("brokers"), "->", host("brokers"), "lane", "replication", "by", span(pick(d, "handover.by", o.ord, 1, 1, 2, 4)*p.time.unit))
	}
	ends := Tag{Family: o.tag.Family, ID: o.tag.ID, Ends: true}
	switch how := pick(d, "handover.how", o.ord, "crash", "crash", "pause", "stop", "restart", "elect"); how {
	case "elect": // first another broker must lead, so that the preferred replica can take over
		p.order(o.at, o.tag, "restart", tp.leader())
		p.order(over-1, o.tag, "elect", "preferred", tp)
	case "restart":
		p.order(o.at, o.tag, how, tp.leader())
	default:
		p.order(o.at, o.tag, how, tp.leader())
		p.order(over, ends, "resume", nodes)
		p.order(over, ends, "start", nodes)
	}
	for i := range d.between("handover.questions", o.ord, 4, 12) {
		p.order(o.at+d.intn("handover.question.at", ord(i), over-o.at+p.time.unit), o.tag, "list", "offsets", tp, "latest")
	}
	if d.chance("handover.twice", o.ord, 400) { // the new leader goes too, before it has recovered
		at := o.at + d.between("handover.second", o.ord, 1, over-o.at)
		p.order(at, o.tag, "crash", tp.leader(), pick(d, "handover.power", o.ord, nil, words{"power"}))
		p.order(max(at, over)+1, ends, "start", nodes)
	}
	if late {
		p.order(over, ends, "heal", host("brokers"), "->", host("brokers"))
	}
}

// aim is a send that an operation asks for.
type aim struct {
	at int
	to partition
}
