package controller

import (
	"cmp"
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

// placer assigns new replicas to brokers (StripedReplicaPlacer). It goes round robin over the racks, and in each rack
// over its brokers, with the active brokers first. This spreads the leaders over all brokers, and the replicas of each
// partition over racks and brokers. With racks a, b and c of three brokers each:
//
//	partition 0   a1 b1 c1
//	          1   b2 c2 a2
//	          2   c3 a3 b3
//
// The first replica, which will lead, is always on an active broker. When every active broker has had one first replica,
// the order of racks and brokers is shuffled; otherwise the tenth partition would get the same replicas as the first.
//
// Kafka starts at a random rack and at a random broker in each rack. This placer starts at the first rack and the first
// broker in each, so that a scenario can name the leaders.
type placer struct {
	racks  []*rack // in the order of use; brokers without a rack share one
	active int     // number of active brokers in all racks
	all    int     // number of brokers in all racks
	round  int     // number of partitions placed since the last shuffle
	begin  int     // index of the rack with which the next partition starts
}

// rack has the brokers of one rack.
type rack struct {
	name           string
	active, fenced circle
}

// circle is a list of brokers that each round traverses once. Each round starts one broker later than the round before.
type circle struct {
	ids   []wire.NodeID
	taken int // number of ids taken in this round
	first int // index of the first id of this round
	round int
}

// next returns the next broker of a round; ok is false if no broker is left.
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

// next returns the next broker of a rack. Active brokers come first.
func (r *rack) next(round int) (id wire.NodeID, ok bool) {
	if id, ok = r.active.next(round); ok {
		return id, true
	}
	return r.fenced.next(round)
}

// newPlacer returns a placer with every broker that is not in controlled shutdown, sorted by rack and id. A fenced broker
// is included even if its registration says that it is shutting down. Fencing has ended its controlled shutdown, and it
// may be unfenced again (BrokerHeartbeatManager.touch).
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

// place chooses the replicas of one partition. The placer must have an active broker, and at least as many brokers as
// the replication factor.
func (p *placer) place(e env.Env, factor int) []wire.NodeID {
	if p.round == p.active && p.active > 1 {
		p.shuffle(e)
		p.round = 0
	}
	p.begin %= len(p.racks)
	lead := p.begin
	var replicas []wire.NodeID
	for len(replicas) == 0 { // the leader is from the first rack with an active broker
		if id, ok := p.racks[lead].active.next(p.round); ok {
			replicas = append(replicas, id)
		} else {
			lead = (lead + 1) % len(p.racks)
		}
	}
	for at := p.begin; len(replicas) < factor; at = (at + 1) % len(p.racks) {
		if at == lead { // the leader's rack has its replica of this round already
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
			c.taken = 0 // Kafka does not reset taken, and so skips a rack that was not used since the first round
		}
	}
}

func shuffle[T any](e env.Env, all []T) {
	for i := len(all) - 1; i > 0; i-- {
		j := e.Choose("controller.placement", uint64(i)+1)
		all[i], all[j] = all[j], all[i]
	}
}
