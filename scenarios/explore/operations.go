package explore

import "fmt"

// operation is one kind of what operators do while the cluster serves: like a family of faults, a seed has it or not.
type operation struct {
	name  string
	locks bool // it may leave a partition without anybody who is allowed to lead it
	once  bool // once a run is enough
	order func(p *Plan, d die, ord int32, at int)
}

// operations are all there are, in the order in which plans name them.
func operations() []operation {
	return []operation{
		{name: "min-isr", locks: true, order: func(p *Plan, d die, ord int32, at int) {
			t := p.lastingTopic(d, "operation", ord)
			least := d.between("operation.isr", ord, 1, t.replicas)
			if d.odds("operation.everywhere", ord, 200) {
				p.fault(at, "config brokers min.insync.replicas=%d", least)
				return
			}
			p.fault(at, "config topic %s min.insync.replicas=%d", t.name, least)
		}},
		{name: "unclean", order: func(p *Plan, d die, ord int32, at int) {
			of := "topic " + p.lastingTopic(d, "operation", ord).name
			if d.odds("operation.everywhere", ord, 200) {
				of = "brokers"
			}
			p.fault(at, "config %s unclean.leader.election.enable=%s", of, pick(d, "operation.on", ord, "true", "false"))
		}},
		{name: "configs", order: func(p *Plan, d die, ord int32, at int) {
			p.fault(at, "config topic %s %s", p.lastingTopic(d, "operation", ord).name, pick(d, "operation.config", ord, movable[:]...))
		}},
		{name: "elect", order: func(p *Plan, d die, ord int32, at int) {
			how := pick(d, "operation.elect", ord, "preferred", "preferred", "unclean")
			tp := p.partition(d, "operation.elect", ord, at)
			for ; at < p.heal; at += p.time.phase / 10 { // there is something to elect at times only, so the operator insists
				p.fault(at, "elect %s %s", how, tp)
			}
		}},
		{name: "delete-records", order: func(p *Plan, d die, ord int32, at int) {
			line := "delete records " + p.partition(d, "operation.trim", ord, at)
			if d.odds("operation.before", ord, 600) {
				line += fmt.Sprintf(" before %d", d.between("operation.offset", ord, 1, 80))
			}
			p.fault(at, "%s", line)
		}},
		{name: "grow", once: true, order: func(p *Plan, d die, ord int32, at int) {
			t := p.lastingTopic(d, "operation", ord)
			t.grows, t.grown = at, t.partitions+d.between("operation.more", ord, 1, 2)
			p.fault(at, "grow %s to %d", t.name, t.grown)
		}},
		{name: "features", locks: true, order: func(p *Plan, d die, ord int32, at int) {
			name := pick(d, "operation.feature", ord, "eligible.leader.replicas.version", "eligible.leader.replicas.version", "transaction.version", "group.version")
			p.fault(at, "finalise %s=0", name)
			if d.odds("operation.back", ord, 700) {
				p.fault(at+d.between("operation.later", ord, 1, p.time.phase/2), "finalise %s=1", name)
			}
		}},
		{name: "come-and-go", order: (*Plan).comeAndGo},
		{name: "recreate", once: true, order: func(p *Plan, d die, ord int32, at int) {
			t := p.lastingTopic(d, "operation", ord)
			p.fault(at, "delete topic %s", t.name)
			p.again(d, ord, at, t)
		}},
	}
}

// movable are configs of topics that may change under a running one, with values that make a difference here.
var movable = [...]string{
	"retention.bytes=2000", "retention.bytes=-1", "retention.ms=1000", "retention.ms=-1", "internal.segment.bytes=512", "internal.segment.bytes=16384",
	"segment.ms=200", "max.message.bytes=150", "max.message.bytes=1048588", "flush.messages=1", "message.timestamp.type=LogAppendTime",
	"message.timestamp.type=CreateTime", "message.timestamp.after.max.ms=1000", "index.interval.bytes=1", "file.delete.delay.ms=0", "segment.index.bytes=60",
}

// drawOperations chooses what operators do.
func (p *Plan) drawOperations(d die) {
	all := operations()
	weights := make([]int, len(all))
	for i, o := range all {
		if d.odds("operator."+o.name, 0, 400) {
			weights[i] = 1 << d.roll("operator.weight."+o.name, 0, 4)
		}
	}
	did := make([]bool, len(all))
	for i := range pick(d, "operations", 0, 0, 0, 1, 2, 3, 5, 8) {
		ord := int32(i)
		o := d.weighted("operation", ord, weights)
		if o < 0 {
			break
		}
		all[o].order(p, d, ord, p.during(d, "operation.at", ord))
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

// lastingTopic is a topic that is there from before the workload.
func (p *Plan) lastingTopic(d die, site string, ord int32) *topic {
	n := 0
	for n < len(p.topics) && p.topics[n].made == 0 {
		n++
	}
	return &p.topics[d.roll(site+".topic", ord, n)]
}

// comeAndGo makes a topic in the middle of everything, deletes it, and perhaps makes it again; once all names are taken, a
// topic that came before goes again.
func (p *Plan) comeAndGo(d die, ord int32, at int) {
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
	t.made = at
	p.fault(at, "%s", t.words())
	if d.odds("operation.goes", ord, 800) {
		gone := at + d.between("operation.life", ord, 1, p.time.phase/2)
		if gone < p.heal {
			t.gone = gone
			p.fault(gone, "delete topic %s", t.name)
			p.again(d, ord, gone, &t)
		}
	}
	p.topics = append(p.topics, t)
}

// again makes a topic that was deleted once more, sooner or later or never: another one, perhaps with fewer partitions.
func (p *Plan) again(d die, ord int32, deleted int, t *topic) {
	if !d.odds("operation.again", ord, 700) {
		return
	}
	back := *t
	if d.odds("operation.fewer", ord, 300) {
		back.partitions = 1
	}
	if at := deleted + pick(d, "operation.pause", ord, 1, 5, 50, p.time.unit, p.time.phase/4); at < p.heal {
		p.fault(at, "%s", back.words())
		t.gone = 0 // it is worth writing to again
	}
}
