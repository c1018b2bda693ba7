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

// Quiet implements Sight. It reports whether no operation is running, every running broker is idle, and in every partition
// each live replica is in the ISR and its log end offset and high watermark equal the leader's log end offset.
//
// If core, a set of machines, is not nil, Quiet requires this only of the machines in core. A partition must have a leader
// in core if the controllers may elect a machine of core; otherwise the partition need not have a leader. The high watermark
// of a partition need not advance while its ISR is smaller than the min.insync.replicas in effect (KIP-966).
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

// activeIn reports whether the active controller with the highest epoch is in core.
func (c *simCluster) activeIn(core []env.Addr) bool {
	k := c.active()
	for _, h := range c.controllers {
		if c.world.Running(h.Addr) && k != nil && c.world.Node(h.Addr) == env.Node(k) {
			return slices.Contains(core, h.Addr)
		}
	}
	return false
}

// ended reports whether an operation has ended or cannot end. A read of a deleted topic cannot end. If core is not nil, a
// read of a partition without a leader counts as one that cannot end. A read that stays has ended for now if it is at the high watermark. Without a core, the creation of a topic has ended only
// when all partitions of the topic have leaders. With a core, ended skips that test, because Quiet decides for each
// partition whether it needs a leader.
//
// A leader whose ISR is smaller than min.insync.replicas cannot move its high watermark. If that lies below the start of its epoch,
// a core without the other replicas never says where the log ends (KIP-207), so a read from there never begins. A read that has begun
// ends for now at the high watermark.
//
// A read ends at the high watermark of its first response. After an unclean election the log may end below that offset, and
// only new records would let the read end. A client's later reads of that partition wait for it, so they cannot begin.
func (c *simCluster) ended(o *operation, core []env.Addr) bool {
	if o.done {
		return core != nil || o.outcome.Status != OutcomeOK || o.ready == nil || o.ready()
	}
	if !o.reads {
		return false
	}
	if r := c.reading(o.client, o.tp); r != o && r != nil {
		return c.ended(r, core)
	}
	p, there := c.Partition(o.tp)
	switch {
	case !there:
		return c.image() != nil
	case p.Leader == wire.NoNode:
		return core != nil
	case core != nil && len(p.ISR) < c.minISR(c.image(), o.tp):
		return o.next < 0 || o.next >= p.HW
	case o.stays:
		return o.next >= p.HW
	}
	return o.readTo > p.End
}

// mayLead reports whether the controllers would elect a machine of core as the partition's leader once all brokers of core
// are unfenced.
func (c *simCluster) mayLead(m *image.Image, tp wire.TopicPartition, core []env.Addr) bool {
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	setting, set := c.dynamicConfig(m, tp.Topic, wire.NoNode, "unclean.leader.election.enable")
	elr := m.Feature("eligible.leader.replicas.version") > 0
	return controller.CanBeLed(&c.cfg.rules.controller, p, elr, set && setting == "true", func(id wire.NodeID) bool {
		return slices.Contains(core, c.brokers[id-1].Addr)
	})
}

// minISR returns the min.insync.replicas in effect for a partition at its leader, but at most the number of the partition's
// replicas. A value that was set while the cluster runs takes precedence over the brokers' setting.
func (c *simCluster) minISR(m *image.Image, tp wire.TopicPartition) int {
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	least := config.New(config.Topic).Over(c.cfg.brokers).Int("min.insync.replicas")
	if setting, set := c.dynamicConfig(m, tp.Topic, p.Leader, "min.insync.replicas"); set {
		if n, err := strconv.ParseInt(setting, 10, 32); err == nil {
			least = n
		}
	}
	return min(int(least), max(1, len(p.Replicas)))
}

// dynamicConfig returns the value of a config that was set while the cluster runs. A value of the topic takes precedence
// over that of the node, and that over the cluster-wide default. The result is false if none was set.
func (c *simCluster) dynamicConfig(m *image.Image, topic string, node wire.NodeID, name string) (string, bool) {
	if v, ok := m.Config(image.ConfigKey{Resource: wire.ConfigTopic, Of: topic, Name: name}); ok {
		return v, true
	}
	if v, ok := m.Config(image.ConfigKey{Resource: wire.ConfigBroker, Of: strconv.Itoa(int(node)), Name: name}); ok {
		return v, true
	}
	return m.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: name})
}
