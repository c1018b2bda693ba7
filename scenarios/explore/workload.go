package explore

import "fmt"

// drawWorkload chooses producers and consumers and what they do. Most producers ask for acks=all, since that is what
// promises are about.
func (p *Plan) drawWorkload(d die) {
	acks := []string{"all", "all", "all", "1", "0"}
	n := pick(d, "producers", 0, 1, 1, 2, 2, 3)
	value := 1
	for i := range n {
		ord := int32(i)
		name := fmt.Sprintf("p%d", i+1)
		p.producers = append(p.producers, name)
		how := "all"
		if i > 0 || d.odds("acks.weak", 0, 150) {
			how = pick(d, "acks", ord, acks...)
		}
		made := fmt.Sprintf(" acks=%s linger.ms=%d batch.size=%d%s", how, pick(d, "linger", ord, 5, 5, 0, 20),
			pick(d, "batch", ord, 16384, 16384, 64, 1), list(p.time.producer))
		// The line that makes a client stands before all others, because they may name it.
		p.at(p.time.boot, "send %s %s v%d%s", name, p.partition(d, "first", ord), value, made)
		value++
	}
	sends := d.between("sends", 0, 20, 60)
	for i := range sends {
		ord := int32(i)
		name := p.producers[d.roll("send.by", ord, n)]
		count := pick(d, "send.values", ord, 1, 2, 5, 10, 20, 40)
		p.at(p.during(d, "send.at", ord), "send %s %s v%d..v%d", name, p.partition(d, "send", ord), value, value+count-1)
		value += count
	}
	for i := range pick(d, "consumers", 0, 0, 1, 1, 2) {
		name := fmt.Sprintf("r%d", i+1)
		p.consumers = append(p.consumers, name)
		p.at(p.time.boot, "consume %s %s auto.offset.reset=earliest%s", name, p.partition(d, "first.read", int32(i)), list(p.time.consumer))
		for j := range d.between("reads", int32(i), 1, 6) {
			ord := int32(i*100 + j)
			p.at(p.during(d, "read.at", ord), "consume %s %s", name, p.partition(d, "read", ord))
		}
	}
}

// drawOperations chooses what operators do meanwhile: they allow and forbid unclean elections, and ask for more or
// fewer copies of a record.
func (p *Plan) drawOperations(d die) {
	for i := range pick(d, "operations", 0, 0, 0, 1, 2, 3) {
		ord := int32(i)
		t := p.topics[d.roll("operation.topic", ord, len(p.topics))]
		what := fmt.Sprintf("min.insync.replicas=%d", d.between("operation.isr", ord, 1, t.replicas))
		if d.odds("operation.unclean", ord, 250) {
			what = "unclean.leader.election.enable=" + pick(d, "operation.on", ord, "true", "false")
		}
		p.at(p.during(d, "operation.at", ord), "config topic %s %s", t.name, what)
	}
}
