package explore

import "slices"

// operation is one kind of request that the operator sends while the cluster serves. A seed uses only some kinds of
// operations, as it uses only some families of faults.
type operation struct {
	name  string
	locks bool // after the operation, a partition may have no replica that is allowed to be leader
	once  bool // a run has at most one such operation
	often bool // most seeds use the kind, because a check depends on it alone
	order func(p *Plan, d draws, o order)
}

// order is one operation to add to a plan.
type order struct {
	ord int32
	at  int // the time in milliseconds
	tag Tag
}

// operations returns all kinds of operations, in the order in which plans name them.
func operations() []operation { return slices.Concat(commonOperations(), specialOperations()) }

// commonOperations returns the kinds that change one thing.
func commonOperations() []operation {
	return []operation{
		{name: "min-isr", locks: true, order: func(p *Plan, d draws, o order) {
			t := lastingTopic(p.topics, d, o.ord)
			least := d.between("operation.isr", o.ord, 1, t.replicas)
			if d.chance("operation.everywhere", o.ord, 200) {
				p.order(o.at, o.tag, "config", host("brokers"), setting{"min.insync.replicas", least})
				return
			}
			p.order(o.at, o.tag, "config", "topic", topicName(t.name), setting{"min.insync.replicas", least})
		}},
		{name: "unclean", order: func(p *Plan, d draws, o order) {
			of := words{"topic", topicName(lastingTopic(p.topics, d, o.ord).name)}
			if d.chance("operation.everywhere", o.ord, 200) {
				of = words{host("brokers")}
			}
			p.order(o.at, o.tag, "config", of, uncleanConfig+"="+pick(d, "operation.on", o.ord, "true", "false"))
		}},
		{name: "configs", order: func(p *Plan, d draws, o order) {
			t := lastingTopic(p.topics, d, o.ord)
			p.order(o.at, o.tag, "config", "topic", topicName(t.name), pick(d, "operation.config", o.ord, movable[:]...))
		}},
		{name: "elect", order: func(p *Plan, d draws, o order) {
			how := pick(d, "operation.elect", o.ord, "preferred", "preferred", "unclean")
			if p.needs.Test != "" && !slices.Contains(p.needs.Operations, "unclean") {
				how = "preferred" // an unclean election may lose records that the test counts on
			}
			tp := p.partition(d, "operation.elect", o.ord, o.at)
			for at := o.at; at < p.heal; at += p.time.phase / 10 { // retry, because an election is only sometimes needed
				p.order(at, o.tag, "elect", how, tp)
			}
		}},
		{name: "delete-records", often: true, order: func(p *Plan, d draws, o order) {
			var before words
			if d.chance("operation.before", o.ord, 600) {
				before = words{"before", d.between("operation.offset", o.ord, 1, 80)}
			}
			p.order(o.at, o.tag, "delete", "records", p.partition(d, "operation.trim", o.ord, o.at), before)
		}},
		{name: "grow", once: true, order: func(p *Plan, d draws, o order) {
			t := lastingTopic(p.topics, d, o.ord)
			t.grows, t.grown = o.at, t.partitions+d.between("operation.more", o.ord, 1, 2)
			p.order(o.at, o.tag, "grow", topicName(t.name), "to", t.grown)
		}},
		{name: "features", locks: true, order: func(p *Plan, d draws, o order) {
			if p.makeup.old && d.chance("operation.upgrade", o.ord, 600) {
				p.order(o.at, o.tag, "finalise", setting{"metadata.version", newestFormat})
				p.order(o.at+d.between("operation.later", o.ord, 1, p.time.phase/4), o.tag, "finalise", setting{"eligible.leader.replicas.version", 1})
				return
			}
			name := pick(d, "operation.feature", o.ord, "eligible.leader.replicas.version", "eligible.leader.replicas.version", "transaction.version", "group.version")
			p.order(o.at, o.tag, "finalise", setting{name, 0})
			if d.chance("operation.back", o.ord, 700) {
				later := o.at + d.between("operation.later", o.ord, 1, p.time.phase/2)
				p.order(later, o.tag, "finalise", setting{name, 1})
			}
		}},
		{name: "come-and-go", order: (*Plan).comeAndGo},
		{name: "recreate", once: true, order: func(p *Plan, d draws, o order) {
			t := lastingTopic(p.topics, d, o.ord)
			p.order(o.at, o.tag, "delete", "topic", topicName(t.name))
			p.again(d, o, o.at, t)
		}},
	}
}

// movable lists topic configs that may change while the cluster runs, with values that have an effect on a short run.
var movable = [...]string{
	"retention.bytes=2000", "retention.bytes=-1", "retention.ms=1000", "retention.ms=-1", "internal.segment.bytes=512", "internal.segment.bytes=16384",
	"segment.ms=200", "max.message.bytes=150", "max.message.bytes=1048588", "flush.messages=1", "message.timestamp.type=LogAppendTime",
	"message.timestamp.type=CreateTime", "message.timestamp.after.max.ms=1000", "index.interval.bytes=1", "file.delete.delay.ms=0", "segment.index.bytes=60",
}

// orderTopic adds the line that creates a topic, unless its time is after the start of the healing.
func (p *Plan) orderTopic(when int, tag Tag, t *topic) {
	if when < p.heal {
		p.at(when, t.making(tag))
	}
}

// drawOperations chooses the operator's requests.
func (p *Plan) drawOperations(d draws) {
	all := operations()
	weights := make([]int, len(all))
	for i, o := range all {
		share := 400
		if o.often {
			share = 700
		}
		if d.chance("operator."+o.name, 0, share) {
			weights[i] = 1 << d.intn("operator.weight."+o.name, 0, 4)
		}
	}
	many := pick(d, "operations", 0, 0, 0, 1, 2, 3, 5, 8)
	if i := slices.IndexFunc(all, func(o operation) bool { return o.name == p.focus }); i >= 0 {
		weights[i], many = 8, max(many, 2)
	}
	p.operate(slices.Repeat([]draws{d}, many), all, weights)
}

// operate adds one request for each element of the list. The element makes the decisions of that request.
func (p *Plan) operate(each []draws, all []operation, weights []int) {
	did := make([]bool, len(all))
	for i, d := range each {
		ord := int32(i)
		o := d.weighted("operation", ord, weights)
		if focus := slices.IndexFunc(all, func(o operation) bool { return o.name == p.focus }); i == 0 && focus >= 0 {
			o = focus
		}
		if o < 0 {
			break
		}
		all[o].order(p, d, order{ord, p.during(d, "operation.at", ord), p.tag(all[o].name)})
		did[o] = true
		p.locks = p.locks || all[o].locks
		if all[o].once {
			weights[o] = 0
		}
	}
	for i, o := range all {
		if did[i] {
			p.operations = append(p.operations, o.name)
		}
	}
}

// lastingTopic draws a topic that exists before the workload.
func lastingTopic(topics []topic, d draws, ord int32) *topic {
	n := 0
	for n < len(topics) && topics[n].made == 0 {
		n++
	}
	return &topics[d.intn("operation.topic", ord, n)]
}

// comeAndGo creates a topic during the workload, usually deletes it later, and perhaps creates it a second time. If all
// topic names are used, it does nothing.
func (p *Plan) comeAndGo(d draws, o order) {
	name := lasting
	for _, t := range p.topics {
		if t.made > 0 {
			name++
		}
	}
	if name == len(topicNames) {
		return
	}
	t := p.newTopic(d, name)
	t.made = o.at
	p.orderTopic(o.at, o.tag, &t)
	if d.chance("operation.goes", o.ord, 800) {
		gone := o.at + d.between("operation.life", o.ord, 1, p.time.phase/2)
		if gone < p.heal {
			t.gone = gone
			p.order(gone, o.tag, "delete", "topic", topicName(t.name))
			p.again(d, o, gone, &t)
		}
	}
	p.topics = append(p.topics, t)
}

// again creates a deleted topic a second time in some of the plans, perhaps with fewer partitions.
func (p *Plan) again(d draws, o order, deleted int, t *topic) {
	if !d.chance("operation.again", o.ord, 700) {
		return
	}
	back := *t
	if d.chance("operation.fewer", o.ord, 300) {
		back.partitions = 1
	}
	if at := deleted + pick(d, "operation.pause", o.ord, 1, 5, 50, p.time.unit, p.time.phase/4); at < p.heal {
		p.orderTopic(at, o.tag, &back)
		t.gone = 0 // the workload may write to it again
	}
}
