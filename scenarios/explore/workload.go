package explore

import "fmt"

// fromStart is the config for a read from the log start.
const fromStart = "auto.offset.reset=earliest"

// drawWorkload chooses producers and consumers, and their reads and writes. Most producers use acks=all, which has the
// strongest promises.
func (p *Plan) drawWorkload(d draws) {
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
	for i := range pick(d, "consumers", 0, 0, 1, 1, 2) {
		name := fmt.Sprintf("r%d", i+1)
		p.consumers = append(p.consumers, name)
		p.at(p.time.boot, newLine(Tag{}, "consume", host(name), p.partition(d, "first.read", int32(i), p.time.boot), fromStart, p.time.client))
		for j := range d.between("reads", int32(i), 1, 6) {
			ord := int32(i*100 + j)
			at := p.during(d, "read.at", ord)
			p.at(at, newLine(Tag{}, "consume", host(name), p.partition(d, "read", ord, at)))
		}
	}
}

// send adds a few records of some producer to a partition.
func (p *Plan) send(d draws, ord int32, at int, to partition) {
	by := p.producers[d.intn("send.by", ord, len(p.producers))]
	count := pick(d, "send.values", ord, 1, 2, 5, 10, 20, 40)
	p.at(at, newLine(Tag{}, "send", host(by), to, fmt.Sprintf("v%d..v%d", p.values+1, p.values+count)))
	p.values += count
}
