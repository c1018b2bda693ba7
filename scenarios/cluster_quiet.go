package scenarios

import (
	"slices"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// Quiet implements Sight: no operation is under way, and of every partition all live replicas end where the leader does
// and know that this is committed.
//
// With a core it is the same for those machines alone, and it asks for no more than they can do. A partition must be led if
// one of them may lead it, by the rules of its controllers; else it must be without a leader. And of what it holds
// nothing more need be committed where they are fewer than min.insync.replicas (KIP-966: the high watermark waits).
func (c *cluster) Quiet(core []env.Addr) bool {
	if core != nil && !c.ruledBy(core) {
		return false
	}
	for _, o := range c.ops {
		if !c.over(o, core) {
			return false
		}
	}
	m := c.image()
	for _, tp := range c.partitions() {
		p, _ := c.Partition(tp)
		if core != nil {
			if !c.mayLead(m, tp, core) && p.Leader == wire.NoNode {
				continue
			}
			if !led(p, core) {
				return false
			}
		}
		commits := core == nil || len(p.ISR) >= c.demand(m, tp)
		for _, r := range p.Replicas {
			if !r.Up || core != nil && !slices.Contains(core, r.Host) {
				continue
			}
			if r.End != p.End || r.HW != p.End && commits || r.Epoch != p.Epoch || !slices.Contains(p.ISR, r.Node) {
				return false
			}
		}
	}
	for _, h := range c.brokers {
		if core != nil && !slices.Contains(core, h.addr) {
			continue
		}
		b := c.brokerNode(h)
		if core != nil && (b == nil || !c.letIn(h)) || b != nil && !b.Idle() {
			return false
		}
	}
	return true
}

// ruledBy says whether the newest active controller is one of these machines, so that what it knows is what counts.
func (c *cluster) ruledBy(core []env.Addr) bool {
	k := c.active()
	for _, h := range c.controllers {
		if c.world.Running(h.addr) && k != nil && c.world.Node(h.addr) == env.Node(k) {
			return slices.Contains(core, h.addr)
		}
	}
	return false
}

// over says whether an operation has ended, or nothing can end it: who reads a topic that is gone, or, with a core, a
// partition that nobody in it may lead, does so for ever. Creations wait for leaders, and those are asked for elsewhere.
//
// A read ends at the high watermark that its first answer named. An unclean election may have given that away: the log ends
// before it, and only new records would carry it there.
func (c *cluster) over(o *operation, core []env.Addr) bool {
	if o.done {
		return core != nil || o.outcome.Status != OutcomeOK || o.ready == nil || o.ready()
	}
	if !o.reads {
		return false
	}
	p, there := c.Partition(o.tp)
	switch {
	case !there:
		return c.image() != nil
	case p.Leader == wire.NoNode:
		return core != nil
	}
	return o.bound > p.End
}

// mayLead says whether the controllers' rules let one of these machines lead a partition, once all of them are let in: one
// in sync; with nobody in sync one that is eligible; else the last known leader; or any replica where unclean elections
// are allowed (PartitionChangeBuilder).
func (c *cluster) mayLead(m *image.Image, tp wire.TopicPartition, core []env.Addr) bool {
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	in := func(ids []wire.NodeID) bool {
		return slices.ContainsFunc(ids, func(id wire.NodeID) bool { return slices.Contains(core, c.brokers[id-1].addr) })
	}
	if setting, set := c.dynamic(m, tp.Topic, "unclean.leader.election.enable"); set && setting == "true" && in(p.Replicas) {
		return true
	}
	switch {
	case len(p.ISR) > 0:
		return in(p.ISR)
	case len(p.ELR) > 0:
		return in(p.ELR)
	}
	return m.Feature("eligible.leader.replicas.version") > 0 && len(p.LastKnown) == 1 && in(p.LastKnown)
}

// demand is a partition's min.insync.replicas, as committed.
func (c *cluster) demand(m *image.Image, tp wire.TopicPartition) int {
	if p, ok := c.judges.view.Find(m.TopicNamed(tp.Topic).ID, tp.Partition); ok {
		return c.judges.view.MinISR(p)
	}
	return 1
}

// dynamic is a topic's config as it was set while the cluster ran: its own, or that of all brokers.
func (c *cluster) dynamic(m *image.Image, topic, name string) (string, bool) {
	if v, ok := m.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: name}); ok {
		return v, true
	}
	return m.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: name})
}
