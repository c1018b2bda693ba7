package cluster

import (
	"slices"
	"strconv"

	"samsa/controller"
	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// Quiet implements Sight: no operation is under way, and of every partition all live replicas end where the leader does
// and know that this is committed.
//
// With a core it is the same for those machines alone, and it asks for no more than they can do. A partition must be led if
// one of them may lead it, by the rules of its controllers; else it must be without a leader. And of what it holds
// nothing more need be committed where they are fewer than min.insync.replicas (KIP-966: the high watermark waits).
func (c *simCluster) Quiet(core []env.Addr) bool {
	if core != nil && !c.activeIn(core) {
		return false
	}
	for _, o := range c.ops {
		if !c.ended(o, core) {
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
			if !p.Led(core) {
				return false
			}
		}
		commits := core == nil || len(p.ISR) >= c.minISR(m, tp)
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
		if core != nil && !slices.Contains(core, h.Addr) {
			continue
		}
		b := c.brokerNode(h)
		if core != nil && (b == nil || !c.unfenced(h)) || b != nil && !b.Idle() {
			return false
		}
	}
	return true
}

// activeIn reports whether the newest active controller is one of these machines, so that what it knows is what counts.
func (c *simCluster) activeIn(core []env.Addr) bool {
	k := c.active()
	for _, h := range c.controllers {
		if c.world.Running(h.Addr) && k != nil && c.world.Node(h.Addr) == env.Node(k) {
			return slices.Contains(core, h.Addr)
		}
	}
	return false
}

// ended reports whether an operation has ended, or cannot end: a read of a topic that is gone, or, with a core, of a partition
// that no machine in it may lead, waits for ever. Creations wait for leaders, which Quiet looks at by itself.
//
// A read ends at the high watermark that its first answer named. An unclean election may have given that away: the log ends
// before it, and only new records would carry it there.
func (c *simCluster) ended(o *operation, core []env.Addr) bool {
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
	return o.readTo > p.End
}

// mayLead reports whether the controllers would elect one of these machines, once all of them are unfenced.
func (c *simCluster) mayLead(m *image.Image, tp wire.TopicPartition, core []env.Addr) bool {
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	setting, set := c.dynamicConfig(m, tp.Topic, "unclean.leader.election.enable")
	elr := m.Feature("eligible.leader.replicas.version") > 0
	return controller.CanBeLed(&c.cfg.rules.controller, p, elr, set && setting == "true", func(id wire.NodeID) bool {
		return slices.Contains(core, c.brokers[id-1].Addr)
	})
}

// minISR is a partition's min.insync.replicas, as committed: no more than it has replicas.
func (c *simCluster) minISR(m *image.Image, tp wire.TopicPartition) int {
	least := config.New(config.Topic).Over(c.cfg.brokers).Int("min.insync.replicas")
	if setting, set := c.dynamicConfig(m, tp.Topic, "min.insync.replicas"); set {
		if n, err := strconv.ParseInt(setting, 10, 32); err == nil {
			least = n
		}
	}
	return min(int(least), max(1, len(m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition).Replicas)))
}

// dynamicConfig is a topic's config as it was set while the cluster ran: its own, or that of all brokers.
func (c *simCluster) dynamicConfig(m *image.Image, topic, name string) (string, bool) {
	if v, ok := m.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: name}); ok {
		return v, true
	}
	return m.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: name})
}
