package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/controller"
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// image is the newest metadata that anybody running knows: the active controller's, else that of the broker which has
// read on furthest; nil if nobody runs.
func (c *cluster) image() *image.Image {
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

// partitions are all partitions of the newest image, by name.
func (c *cluster) partitions() []wire.TopicPartition {
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

// replica is a broker's running replica of a partition, or nil.
func (c *cluster) replica(h *host, tp wire.TopicPartition) *replication.Partition {
	if b := c.brokerNode(h); b != nil {
		return b.Replica(tp)
	}
	return nil
}

// Partition implements Sight.
func (c *cluster) Partition(tp wire.TopicPartition) (PartitionState, bool) {
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
		r := ReplicaState{Node: id, Host: h.addr, Up: c.world.Running(h.addr), Epoch: wire.NoEpoch}
		if live := c.replica(h, tp); live != nil {
			r.Leads, r.Epoch, r.Start, r.HW, r.End = live.Leads(), live.LeaderEpoch(), live.Log().Start(), live.HW(), live.Log().End()
			if leads := r.Leads && id == p.Leader; leads || !led && r.End >= out.End {
				out.Start, out.HW, out.End = r.Start, r.HW, r.End
				led = led || leads
			}
		} else {
			r.Start, r.End = c.judges.ghosts.find(h.addr, tp.String()).span()
		}
		out.Replicas = append(out.Replicas, r)
	}
	return out, true
}

// Log implements Sight: the batches as they lie on the disk.
func (c *cluster) Log(addr env.Addr, tp wire.TopicPartition) []BatchState {
	dir := tp.String()
	if strings.HasPrefix(string(addr), "c") {
		dir = controller.LogDir
	}
	disk := c.world.Disk(addr)
	var all []BatchState
	ghost := c.judges.ghosts.find(addr, dir)
	if ghost == nil {
		return nil
	}
	for _, f := range ghost.files {
		for _, b := range f.batches {
			bytes, _, _ := disk.Peek(f.path, b.pos, int(b.size))
			if int64(len(bytes)) < b.size {
				return all // the process has cut its log here, and has not paid for that yet
			}
			all = append(all, show(wire.Batch(bytes)))
		}
	}
	return all
}

// show is one batch for a reader.
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
func (c *cluster) Files(addr env.Addr) []FileState {
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
func (c *cluster) Machines() []MachineState {
	var all []MachineState
	for _, h := range c.machines() {
		m := MachineState{
			Host: h.addr, Node: h.node, Role: h.role, Up: c.world.Running(h.addr), Paused: h.paused,
			Incarnation: c.world.Incarnation(h.addr),
		}
		if h.role == "broker" && m.Up && !c.letIn(h) {
			m.Fenced, m.Note = true, "fenced"
		}
		if k, ok := c.world.Node(h.addr).(*controller.Controller); ok && m.Up && k.Active() {
			m.Active = true
			m.Note = fmt.Sprintf("active controller, epoch %d", k.Epoch())
		}
		all = append(all, m)
	}
	return all
}

// letIn tells whether the newest image has a broker in service.
func (c *cluster) letIn(h *host) bool {
	m := c.image()
	if m == nil {
		return false
	}
	b := m.Broker(h.node)
	return b != nil && b.Active()
}

// Names implements Sight.
func (c *cluster) Names() Names { return c }

// Topic implements Names. A name that was learned stays known, also when the topic is gone.
func (c *cluster) Topic(short int64) string {
	if name, ok := c.topics[short]; ok {
		return name
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

// learnTopics keeps the names of all topics in the newest image. Only events of the run do so: if a question for a name did,
// what a run knows would depend on how often it was looked at.
func (c *cluster) learnTopics() {
	if m := c.image(); m != nil {
		for _, t := range m.Topics() {
			c.topics[t.ID.Short()] = t.Name
		}
	}
}

// Node implements Names.
func (c *cluster) Node(id wire.NodeID) string {
	for _, h := range c.machines() {
		if h.node == id && id != wire.NoNode {
			return string(h.addr)
		}
	}
	return ""
}

// Judge implements Sight.
func (c *cluster) Judge() []check.Finding {
	evidence := c.evidence
	evidence.History = slices.Clip(evidence.History) // what is open now may be told later
	found := c.found()
	for _, r := range c.records {
		if r.told {
			continue
		}
		op := r.send(check.NeverDecided)
		op.Step = c.world.Steps()
		if r.op.done || !c.ended {
			op.Outcome = check.Indefinite // its client died, or may yet be told
		}
		op.Topic = wire.TopicID{}
		at := found[spot{op.Partition, op.Value}]
		if len(at) == 0 {
			evidence.History = append(evidence.History, &op)
		}
		for _, id := range at { // it went where a reader found it
			there := op
			there.Topic = id
			evidence.History = append(evidence.History, &there)
		}
	}
	return check.Judge(&evidence)
}

// spot is a value in a partition.
type spot struct {
	tp    wire.TopicPartition
	value string
}

// found is which topics of a name readers have found a value in: more than one after a topic was made again.
func (c *cluster) found() map[spot][]wire.TopicID {
	all := map[spot][]wire.TopicID{}
	for _, op := range c.evidence.History {
		op, ok := op.(*check.Consume)
		if !ok || op.Kind != check.RecordRead {
			continue
		}
		if k := (spot{op.Partition, op.Value}); !slices.Contains(all[k], op.Topic) {
			all[k] = append(all[k], op.Topic)
		}
	}
	return all
}

// Unmet implements Sight.
func (c *cluster) Unmet() []Override { return c.world.Unmet() }

// Sound implements Sight.
func (c *cluster) Sound() error {
	if v := c.world.GuardViolation(); v != nil {
		return v
	}
	// No request waits for longer than its sender does; one that is still there after twice that was forgotten.
	for _, u := range c.world.Unanswered(2 * c.cfg.longestCall(c.patience)) {
		// Who has not been let in yet keeps all but the controllers waiting, as Kafka does (SocketServer.enableRequestProcessing).
		// The broker itself is asked: an image may still have its last incarnation, or know before it does.
		h := c.hosts[u.Server]
		if b := c.brokerNode(h); !c.world.Paused(u.Server) && (h.role != "broker" || b != nil && b.Serves()) {
			return fmt.Errorf("%s has not answered a request of %s with api key %d since %s", u.Server, u.Ticket.From,
				u.Ticket.Key, formatDuration(env.Duration(u.Since)))
		}
	}
	return nil
}
