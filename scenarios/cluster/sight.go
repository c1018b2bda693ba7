package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/controller"
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// image returns the newest metadata image of a running node, or nil if none runs. It returns the active controller's image
// if there is an active controller, otherwise that of the broker with the highest applied offset.
func (c *simCluster) image() *image.Image {
	if k := c.active(); k != nil {
		return k.Image()
	}
	var newest *image.Image
	for _, h := range c.brokers {
		if b := c.brokerNode(h); b != nil && (newest == nil || b.Image().Next > newest.Next) {
			newest = b.Image()
		}
	}
	return newest
}

// partitions returns all partitions of the newest image, sorted by name.
func (c *simCluster) partitions() []wire.TopicPartition {
	m := c.image()
	if m == nil {
		return nil
	}
	var all []wire.TopicPartition
	for _, t := range m.Topics() {
		for i := range t.Partitions {
			all = append(all, wire.TopicPartition{Topic: t.Name, Partition: int32(i)})
		}
	}
	return all
}

// replica returns a broker's running replica of a partition, or nil.
func (c *simCluster) replica(h *Host, tp wire.TopicPartition) *replication.Partition {
	if b := c.brokerNode(h); b != nil {
		return b.Replica(tp)
	}
	return nil
}

// Partition implements Sight.
func (c *simCluster) Partition(tp wire.TopicPartition) (PartitionState, bool) {
	m := c.image()
	if m == nil || m.TopicNamed(tp.Topic) == nil {
		return PartitionState{}, false
	}
	p := m.Partition(m.TopicNamed(tp.Topic).ID, tp.Partition)
	if p == nil {
		return PartitionState{}, false
	}
	out := PartitionState{
		TP: tp, Leader: p.Leader, Epoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		ISR: slices.Sorted(slices.Values(p.ISR)), ELR: slices.Sorted(slices.Values(p.ELR)),
	}
	led := false
	for _, id := range p.Replicas {
		h := c.brokers[id-1]
		r := ReplicaState{Node: id, Host: h.Addr, Up: c.world.Running(h.Addr), Epoch: wire.NoEpoch}
		if live := c.replica(h, tp); live != nil {
			r.Leads, r.Epoch, r.Start, r.HW, r.End = live.Leads(), live.LeaderEpoch(), live.Log().Start(), live.HW(), live.Log().End()
			if leads := r.Leads && id == p.Leader; leads || !led && r.End >= out.End {
				out.Start, out.HW, out.End = r.Start, r.HW, r.End
				led = led || leads
			}
		} else {
			r.Start, r.End = c.observer.Span(h.Addr, tp.String())
		}
		out.Replicas = append(out.Replicas, r)
	}
	return out, true
}

// Log implements Sight. It returns the batches on the disk.
func (c *simCluster) Log(addr env.Addr, tp wire.TopicPartition) []BatchState {
	dir := tp.String()
	if strings.HasPrefix(string(addr), "c") {
		dir = controller.LogDir
	}
	disk := c.world.Disk(addr)
	var all []BatchState
	c.observer.Batches(addr, dir, func(path string, pos, size int64) bool {
		bytes, _, _ := disk.Peek(path, pos, int(size))
		if int64(len(bytes)) < size {
			return false // the process has truncated the file here, but the observer does not know of it yet
		}
		all = append(all, show(wire.Batch(bytes)))
		return true
	})
	return all
}

// show converts one batch.
func show(b wire.Batch) BatchState {
	s := BatchState{
		Base: b.BaseOffset(), Next: b.NextOffset(), Epoch: b.LeaderEpoch(), Producer: b.ProducerID(), PEpoch: b.ProducerEpoch(),
		Sequence: b.BaseSequence(), Control: b.IsControl(),
	}
	for r, err := range b.Records() {
		if err != nil {
			s.Values = append(s.Values, "(unreadable)")
			break
		}
		s.Values = append(s.Values, string(r.Value))
	}
	return s
}

// Files implements Sight.
func (c *simCluster) Files(addr env.Addr) []FileState {
	disk := c.world.Disk(addr)
	var all []FileState
	for _, f := range disk.Files() {
		if !f.Dir {
			all = append(all, FileState{Path: f.Path, Size: f.Size, Synced: disk.DurableSize(f.Path)})
		}
	}
	slices.SortFunc(all, func(a, b FileState) int { return cmp.Compare(a.Path, b.Path) }) //total: paths are unique
	return all
}

// Machines implements Sight.
func (c *simCluster) Machines() []MachineState {
	var all []MachineState
	for _, h := range c.machines() {
		m := MachineState{
			Host: h.Addr, Node: h.Node, Role: h.Role, Up: c.world.Running(h.Addr), Paused: h.paused,
			Incarnation: c.world.Incarnation(h.Addr),
		}
		if h.Role == "broker" && m.Up && !c.unfenced(h) {
			m.Fenced, m.Note = true, "fenced"
		}
		if k, ok := c.world.Node(h.Addr).(*controller.Controller); ok && m.Up && k.Active() {
			m.Active = true
			m.Note = fmt.Sprintf("active controller, epoch %d", k.Epoch())
		}
		all = append(all, m)
	}
	return all
}

// unfenced reports whether a broker is registered and unfenced in the newest image.
func (c *simCluster) unfenced(h *Host) bool {
	m := c.image()
	if m == nil {
		return false
	}
	b := m.Broker(h.Node)
	return b != nil && b.Active()
}

// Names implements Sight.
func (c *simCluster) Names() Names { return c }

// Topic implements Names. A name stays known after the topic is deleted.
func (c *simCluster) Topic(short int64) string {
	if t, ok := c.topics[short]; ok {
		return t.name
	}
	if m := c.image(); m != nil {
		for _, t := range m.Topics() {
			if t.ID.Short() == short {
				return t.Name
			}
		}
	}
	return ""
}

// topicName is a topic by its name and its id.
type topicName struct {
	name string
	id   wire.TopicID
}

// learnTopics keeps the names of all topics in the newest image. It is called only during events. If Topic called it, the
// names would depend on the calls of viewers.
func (c *simCluster) learnTopics() {
	if m := c.image(); m != nil {
		for _, t := range m.Topics() {
			c.topics[t.ID.Short()] = topicName{t.Name, t.ID}
		}
	}
}

// Node implements Names.
func (c *simCluster) Node(id wire.NodeID) string {
	for _, h := range c.machines() {
		if h.Node == id && id != wire.NoNode {
			return string(h.Addr)
		}
	}
	return ""
}

// Unmet implements Sight.
func (c *simCluster) Unmet() []Override { return c.world.Unmet() }

// Sound implements Sight.
func (c *simCluster) Sound() error {
	if v := c.world.GuardViolation(); v != nil {
		return changed(v)
	}
	return nil
}

// seconds formats a time in seconds with three decimals.
func seconds(d env.Duration) string {
	return fmt.Sprintf("%d.%03ds", d/env.Second, d%env.Second/env.Millisecond)
}
