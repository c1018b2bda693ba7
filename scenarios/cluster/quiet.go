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

// Quiet implements Sight. It reports whether no operation is running and, in every partition, the log end offset and high
// watermark of each live replica equal the leader's log end offset.
//
// With a core, it requires the same of those machines only. A partition must have a leader if the controllers may elect one
// of them; otherwise it must have none. Its high watermark need not advance if fewer of them than min.insync.replicas hold a
// replica (KIP-966).
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

// activeIn reports whether the newest active controller is one of these machines.
func (c *simCluster) activeIn(core []env.Addr) bool {
	k := c.active()
	for _, h := range c.controllers {
		if c.world.Running(h.Addr) && k != nil && c.world.Node(h.Addr) == env.Node(k) {
			return slices.Contains(core, h.Addr)
		}
	}
	return false
}

// ended reports whether an operation has ended or cannot end. A read of a deleted topic cannot end. With a core, neither can
// a read of a partition that no machine of the core may lead. Creations wait for leaders, which Quiet requires anyway.
//
// A read ends at the high watermark of its first response. After an unclean election the log may end below that offset, and
// only new records would let the read end.
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

// mayLead reports whether the controllers would elect one of these machines once all of them are unfenced.
func (c *simCluster) mayLead(m *image.Image, tp wire.TopicPartition, core []env.Addr) bool {
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	setting, set := c.dynamicConfig(m, tp.Topic, "unclean.leader.election.enable")
	elr := m.Feature("eligible.leader.replicas.version") > 0
	return controller.CanBeLed(&c.cfg.rules.controller, p, elr, set && setting == "true", func(id wire.NodeID) bool {
		return slices.Contains(core, c.brokers[id-1].Addr)
	})
}

// minISR returns a partition's committed min.insync.replicas, but at most the number of its replicas.
func (c *simCluster) minISR(m *image.Image, tp wire.TopicPartition) int {
	least := config.New(config.Topic).Over(c.cfg.brokers).Int("min.insync.replicas")
	if setting, set := c.dynamicConfig(m, tp.Topic, "min.insync.replicas"); set {
		if n, err := strconv.ParseInt(setting, 10, 32); err == nil {
			least = n
		}
	}
	return min(int(least), max(1, len(m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition).Replicas)))
}

// dynamicConfig returns a topic's config that was set while the cluster runs, on the topic or as the cluster-wide default.
func (c *simCluster) dynamicConfig(m *image.Image, topic, name string) (string, bool) {
	if v, ok := m.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: name}); ok {
		return v, true
	}
	return m.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: name})
}
