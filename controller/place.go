package controller

import (
	"cmp"
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

// placer assigns new replicas to brokers (StripedReplicaPlacer): round robin over the racks, and in each rack over its
// brokers, the active ones first. So leaders are spread over all brokers, and the replicas of a partition over racks, if
// there are several, and over brokers. With racks a, b and c of three brokers each:
//
//	partition 0   a1 b1 c1
//	          1   b2 c2 a2
//	          2   c3 a3 b3
//
// The first replica, which will lead, is always on an active broker. When every active broker has been first once, all
// orders are shuffled, or the tenth partition would be a copy of the first.
//
// Kafka starts at a random rack and a random broker of each; this placer starts at the first ones, so that a scenario
// can name the leaders.
type placer struct {
	racks  []*rack // in their order of use; brokers without a rack are in one of their own
	active int     // active brokers of all racks
	all    int     // brokers
	round  int     // partitions placed since the orders were shuffled
	begin  int     // index into racks: the next partition starts there
}

// rack is the brokers of one rack.
type rack struct {
	name           string
	active, fenced circle
}

// circle is a list that each round traverses once, each time from the next start.
type circle struct {
	ids   []wire.NodeID
	taken int // in this round
	first int // index into ids of this round's first
	round int
}

// next is the next broker of a round; ok is false if there are no more.
func (c *circle) next(round int) (id wire.NodeID, ok bool) {
	if len(c.ids) == 0 {
		return wire.NoNode, false
	}
	if c.round != round {
		c.round, c.taken, c.first = round, 0, (c.first+1)%len(c.ids)
	}
	if c.taken == len(c.ids) {
		return wire.NoNode, false
	}
	c.taken++
	return c.ids[(c.first+c.taken-1)%len(c.ids)], true
}

// next is the next broker of a rack, the active ones first.
func (r *rack) next(round int) (id wire.NodeID, ok bool) {
	if id, ok = r.active.next(round); ok {
		return id, true
	}
	return r.fenced.next(round)
}

// newPlacer has every broker that is not in controlled shutdown, by rack and id. Fencing has ended the controlled
// shutdown of a fenced broker, and it may be unfenced again (BrokerHeartbeatManager.touch).
func (s decisionState) newPlacer() *placer {
	p := &placer{}
	for _, b := range s.Brokers() { // in order of id
		if b.ShuttingDown && !b.Fenced {
			continue
		}
		i := slices.IndexFunc(p.racks, func(r *rack) bool { return r.name == b.Rack })
		if i < 0 {
			i = len(p.racks)
			p.racks = append(p.racks, &rack{name: b.Rack})
		}
		p.all++
		if b.Fenced {
			p.racks[i].fenced.ids = append(p.racks[i].fenced.ids, b.ID)
		} else {
			p.active++
			p.racks[i].active.ids = append(p.racks[i].active.ids, b.ID)
		}
	}
	slices.SortFunc(p.racks, func(a, b *rack) int { return cmp.Compare(a.name, b.name) }) //total: names are unique
	return p
}

// place chooses the replicas of one partition. There must be an active broker, and factor brokers.
func (p *placer) place(e env.Env, factor int) []wire.NodeID {
	if p.round == p.active && p.active > 1 {
		p.shuffle(e)
		p.round = 0
	}
	p.begin %= len(p.racks)
	lead := p.begin
	var replicas []wire.NodeID
	for len(replicas) == 0 { // the leader: from the first rack with an active broker
		if id, ok := p.racks[lead].active.next(p.round); ok {
			replicas = append(replicas, id)
		} else {
			lead = (lead + 1) % len(p.racks)
		}
	}
	for at := p.begin; len(replicas) < factor; at = (at + 1) % len(p.racks) {
		if at == lead { // it has had its replica in this round
			lead = -1
		} else if id, ok := p.racks[at].next(p.round); ok {
			replicas = append(replicas, id)
		}
	}
	p.round++
	p.begin++
	return replicas
}

func (p *placer) shuffle(e env.Env) {
	shuffle(e, p.racks)
	for _, r := range p.racks {
		for _, c := range []*circle{&r.active, &r.fenced} {
			shuffle(e, c.ids)
			c.taken = 0 // Kafka leaves it, so that a rack not used since the first round is passed over once more
		}
	}
}

func shuffle[T any](e env.Env, all []T) {
	for i := len(all) - 1; i > 0; i-- {
		j := e.Choose("controller.placement", uint64(i)+1)
		all[i], all[j] = all[j], all[i]
	}
}
