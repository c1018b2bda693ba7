package explore

import (
	"fmt"
	"strings"
)

// fromStart is the config for a read from the log start.
const fromStart = "auto.offset.reset=earliest"

// drawWorkload chooses producers and consumers, and their reads and writes. Most producers use acks=all, which has the
// strongest promises.
func (p *Plan) drawWorkload(d draws) {
	p.style = styleOf(d)
	acks := []string{"all", "all", "all", "1", "0"}
	n := pick(d, "producers", 0, 1, 1, 2, 2, 3)
	for i := range n {
		ord := int32(i)
		name := fmt.Sprintf("p%d", i+1)
		p.producers = append(p.producers, name)
		how := "all"
		if i > 0 || d.chance("acks.weak", 0, 150) {
			how = pick(d, "acks", ord, acks...)
		}
		made := words{"acks=" + how, setting{"linger.ms", pick(d, "linger", ord, 5, 5, 0, 20)},
			setting{"batch.size", pick(d, "batch", ord, 16384, 16384, 64, 1)}, fromStart, p.time.client}
		made = append(made, p.style.fetches())
		// The line that creates a client precedes all other lines, because they may name the client.
		p.values++
		p.at(p.time.boot, newLine(Tag{}, "send", host(name), p.partition(d, "first", ord, p.time.boot), fmt.Sprintf("v%d", p.values), made))
	}
	for i := range d.between("sends", 0, 20, 60) {
		at := p.during(d, "send.at", int32(i))
		p.send(d, int32(i), at, p.partition(d, "send", int32(i), at))
	}
	for i, t := range p.topics { // a topic that is created and deleted also gets writes while it exists
		for j := range d.between("aimed", int32(i), 2, 6) {
			ord := int32(1000 + i*10 + j)
			if at := t.made + d.intn("aimed.at", ord, p.time.phase/3); t.made > 0 && at < p.heal {
				p.send(d, ord, at, partition{t.name, d.intn("aimed.partition", ord, t.partitions)})
			}
		}
	}
	for i, a := range p.aims {
		p.send(d, int32(3000+i), a.at, a.to)
	}
	for i := range pick(d, "consumers", 0, 0, 1, 1, 2) {
		name := fmt.Sprintf("r%d", i+1)
		p.consumers = append(p.consumers, name)
		reset := pick(d, "reset", int32(i), fromStart, fromStart, "auto.offset.reset=latest")
		p.at(p.time.boot, newLine(Tag{}, "consume", host(name), p.partition(d, "first.read", int32(i), p.time.boot), reset, p.time.client, p.style.fetches()))
		for j := range d.between("reads", int32(i), 1, 6) {
			ord := int32(i*100 + j)
			at := p.during(d, "read.at", ord)
			p.read(d, ord, at, host(name))
		}
	}
}

// send adds a few records of some producer to a partition.
func (p *Plan) send(d draws, ord int32, at int, to partition) {
	by := p.producers[d.intn("send.by", ord, len(p.producers))]
	count := pick(d, "send.values", ord, 1, 2, 5, 10, 20, 40)
	if p.style.busy && d.chance("send.busy", ord, 600) {
		to, count = partition{p.topics[0].name, 0}, 40
	}
	var target any = to
	fields := p.style.fields(d, ord)
	switch {
	case d.chance("send.missing", ord, 15):
		target = words{"missing", "ghost-0"}
	case p.style.topics && d.chance("send.whole", ord, 500):
		target = topicName(to.topic)
	}
	values := fmt.Sprintf("v%d..v%d", p.values+1, p.values+count)
	if p.style.equal && d.chance("send.equal", ord, 600) {
		values = strings.TrimSpace(strings.Repeat("same ", min(count, 10)))
	}
	p.at(at, newLine(Tag{}, "send", host(by), target, fields, values))
	p.values += count
}

// read adds a read of some partition: from its start, from the middle, from its end, or until stopped.
func (p *Plan) read(d draws, ord int32, at int, by host) {
	var target any = p.partition(d, "read", ord, at)
	if p.style.topics && d.chance("read.whole", ord, 300) {
		target = topicName(target.(partition).topic)
	}
	var how words
	switch d.intn("read.how", ord, 8) {
	case 0, 1:
		how = words{"from", d.between("read.from", ord, 0, 60)}
	case 2:
		from := d.between("read.from", ord, 0, 40)
		how = words{"from", fmt.Sprintf("%d..%d", from, from+d.between("read.count", ord, 1, 30))}
	case 3:
		how = words{"from", "latest"}
	case 4:
		how = words{"from", pick(d, "read.stays", ord, "latest", "earliest"), "until", "stopped"}
	}
	p.at(at, newLine(Tag{}, "consume", by, target, how))
}

// style says how the records of a run look. It is the same for the whole run, because a run in which all values differ can be
// judged best, and a run in which they do not finds judges that confuse records.
type style struct {
	equal  bool // many values are equal
	keyed  bool // records have keys
	rich   bool // records have headers and timestamps
	topics bool // clients name topics, and not partitions
	busy   bool // most records go to one partition, and fetches are small
}

// styleOf draws the style of a run.
func styleOf(d draws) style {
	return style{equal: d.chance("style.equal", 0, 250), keyed: d.chance("style.keyed", 0, 250), rich: d.chance("style.rich", 0, 150),
		topics: d.chance("style.topics", 0, 250), busy: d.chance("style.busy", 0, 200)}
}

// fetches returns the configs of a client's fetches.
func (s style) fetches() []setting {
	if !s.busy {
		return nil
	}
	return []setting{{"max.partition.fetch.bytes", 300}, {"fetch.max.bytes", 1024}}
}

// fields returns the fields of a send besides its values.
func (s style) fields(d draws, ord int32) (all words) {
	if s.keyed && d.chance("send.key", ord, 700) {
		all = append(all, fmt.Sprintf("key=k%d..k%d", d.between("send.keys", ord, 1, 3), 4))
	}
	if s.rich && d.chance("send.rich", ord, 500) {
		all = append(all, "header=trace:7")
		if d.chance("send.stamp", ord, 500) {
			all = append(all, "timestamp="+pick(d, "send.when", ord, "-1h", "0s", "200ms", "-2s"))
		}
	}
	return all
}
