package observe

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/check"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// observer passes the changes of a cluster to a check.View:
//
//	disks     ──sim.Feed──▶ shadow logs (shadow.go) ───────────────────┐
//	messages  ──sim.Feed──▶ requests and responses (wire.go)           ├──▶ check.View
//	nodes     ──after every event: changed state──▶ observation        ┘
//
// A node's state changes when its handler runs, but the handler's disk writes take time and are complete only later. So the
// View gets the observation of an event only when the writes are complete, or earlier if the event sends a message. If the
// process dies before the View gets the observation, the observation is dropped.
type observer struct {
	*history
	shadows      *shadowLogs
	hosts        map[env.Addr]*hostView
	observations []observation // in the order of the events
	faults       []string      // the names of the active faults
	hindrances   hindrances

	committed wire.Offset // an offset of the metadata log; the View has all records below it
	claimedHW wire.Offset // the highest high watermark of any controller
	claimedBy *hostView   // the controller that has claimedHW
	ended     bool
	writer    uint64 // the event with the disk change that the shadow logs read, noEvent if there is none

	portions []check.Portion // reused

	cause  uint64     // the event that makes the next changes of the View
	steps  []toldStep // all steps so far
	causes *Causes    // nil unless the run is to be explained
}

// noEvent stands for the number of an event if there is no event.
const noEvent = 1<<64 - 1

// hostView is a machine of the cluster and the last observation of it.
type hostView struct {
	*cluster.Host
	replicas       []*replicaView // a broker's replicas, in the order of the image
	byTopic        map[topicKey]*replicaView
	applied        wire.Offset
	fenced         bool
	asked          map[env.Link]env.Request
	stepAsked      map[env.Link]uint64           // for Fetch and ListOffsets: the number of steps when the request arrived
	committedThen  map[env.Link]wire.Offset      // for requests to controllers: the committed metadata offset at the arrival
	tipThen        map[env.Link]wire.Offset      // the end of the controller's own log at that time
	appliedThen    map[env.Link]wire.Offset      // for Metadata: the metadata offset that the broker had applied at the arrival
	registeredThen map[env.Link]wire.BrokerEpoch // for AlterPartition: the registered broker epoch at the arrival
	produceArrived map[env.Link]arrival          // for Produce
	endsBefore     map[env.Link][]check.Before   // for ListOffsets: the states of the leaders, by partition of the request
	voter          check.VoterState
	image          wire.Offset
	early          []*kmsg.DeleteRecordsRequest // those that wait until the broker serves requests
	earlyLife      uint32                       // the incarnation that they wait for
	wall           int64                        // the machine's clock at its last event, in milliseconds: a fault may have set the clock back since
	life           life
}

type topicKey struct {
	id wire.TopicID
	n  int32
}

// replicaView is a replica of a running broker and the last observation of it.
type replicaView struct {
	part *check.Partition
	copy *check.Replica
	life uint32
	check.State
	snapshots []leaderSnapshot // states of a leader, in the order of the events; the oldest are dropped
}

// leaderSnapshot is the state of a leader from one event to the next snapshot. A sync or a slow CPU may delay a response,
// and other threads of the broker may change the leader's state before the response is sent.
type leaderSnapshot struct {
	event  uint64
	epoch  wire.Epoch  // the leader epoch, NoEpoch if the replica was not leader
	isr    int         // the size of the committed ISR
	inSync int         // the size of the maximal ISR
	minISR int         // the min.insync.replicas that the leader had applied, 0 if it had not applied the newest configs
	config wire.Offset // the metadata offset of the newest configs
}

// observation is the state of a node at the end of an event.
type observation struct {
	due   sim.Time // the time at which the writes of the event are complete
	event uint64
	host  *hostView
	part  *check.Partition // nil if the node is a controller
	copy  *check.Replica
	state check.State
	voter check.VoterState
	image wire.Offset // the offset of a controller's image, 0 if the image has not changed
	hash  uint64
}

func newObserver(in cluster.Inside) *observer {
	o := &observer{
		history: newHistory(in), hosts: map[env.Addr]*hostView{}, writer: noEvent,
	}
	promised := contract(in.Settings())
	promised.Machines = in.Node
	promised.Wall = func(node wire.NodeID) int64 {
		h := o.hosts[env.Addr(in.Node(node))]
		return max(h.wall, o.world.WallAt(h.Addr).Millis())
	}
	o.view = check.NewView(promised, check.All())
	o.shadows = &shadowLogs{disk: o.world.Disk, hosts: map[env.Addr]map[string]*shadowLog{}, listener: o}
	for _, h := range in.Nodes() {
		o.watch(h)
	}
	o.world.Subscribe(o)
	return o
}

// watch adds a machine of the cluster.
func (o *observer) watch(h *cluster.Host) {
	o.hosts[h.Addr] = &hostView{
		Host: h, byTopic: map[topicKey]*replicaView{}, applied: -1, image: -1, asked: map[env.Link]env.Request{}, stepAsked: map[env.Link]uint64{},
		committedThen: map[env.Link]wire.Offset{}, tipThen: map[env.Link]wire.Offset{}, appliedThen: map[env.Link]wire.Offset{}, registeredThen: map[env.Link]wire.BrokerEpoch{}, produceArrived: map[env.Link]arrival{},
		endsBefore: map[env.Link][]check.Before{},
	}
}

// Changed implements sim.Feed.
func (o *observer) Changed(f *sim.Effect) {
	h := o.hosts[f.Node]
	switch f.Kind {
	case sim.EffectDisk:
		if h != nil {
			o.deliverDue(f.At-1, h, f.Cause) // the event that wrote has seen the state after earlier events, synced or not
			o.clock(f.At)
			causedBy(o, f.Cause)
			o.writer = f.Cause
			o.shadows.changed(f.Node, &f.Disk)
			o.writer = noEvent
			o.tellCommitted()
		}
	case sim.EffectDeparted:
		o.deliverDue(f.At, h, f.Cause+1)
		o.clock(f.At)
		causedBy(o, f.Cause)
		if o.causes != nil {
			o.causes.left(f)
		}
		o.departed(h, f)
	case sim.EffectDelivered:
		o.clock(f.At)
		causedBy(o, f.Cause)
		if h != nil {
			h.life.answeredTo(f.Response)
		}
		o.delivered(h, f)
	case sim.EffectStarted:
		if h != nil {
			o.clock(f.At)
			causedBy(o, f.Cause)
			o.FaultEnded("down " + string(f.Node))
			o.started(h)
		}
	case sim.EffectDied:
		if h != nil {
			o.deliverDue(f.At, nil, 0)
			o.clock(f.At)
			causedBy(o, f.Cause)
			exited(o, h)
			o.FaultBegan("down " + string(f.Node))
			o.died(h, f.Power)
		}
	}
}

// clock sets the time and the step of the View. The world counts a step before it delivers the effects of the step's event.
func (o *observer) clock(at sim.Time) { o.view.Clock(o.world.Steps(), int64(at)) }

// causedBy says which event made the changes that follow. They may be visible only some steps later, when a write is complete; a
// finding about them names the step of the event that made them, which the story shows.
func causedBy(o *observer, event uint64) {
	o.cause = event
	for i := len(o.steps) - 1; i >= 0; i-- {
		if o.steps[i].event <= event {
			check.MadeAt(o.view, o.steps[i].step)
			return
		}
	}
	check.MadeAt(o.view, 0)
}

// toldStep is a step of the story with its event.
type toldStep struct{ event, step uint64 }

func (o *observer) started(h *hostView) {
	if h.Role == "broker" {
		o.view.Started(h.Node)
	}
	h.applied, h.fenced, h.image = -1, false, -1
	h.life = life{began: o.world.Now()}
	o.startedAt[h.Addr] = o.world.Events()
}

// died drops the pending observations of a process and, after a power loss, the bytes that were not synced.
func (o *observer) died(h *hostView, power bool) {
	o.observations = slices.DeleteFunc(o.observations, func(l observation) bool { return l.host == h })
	o.abandonCalls(h.Addr)
	clear(h.asked)
	clear(h.stepAsked)
	clear(h.committedThen)
	clear(h.tipThen)
	clear(h.appliedThen)
	clear(h.registeredThen)
	clear(h.produceArrived)
	clear(h.endsBefore)
	h.voter = check.VoterState{}
	if h.Role == "broker" {
		o.view.Died(h.Node)
	} else {
		o.view.ControllerDied(h.Node)
	}
	if power {
		o.view.DiskFaulted(h.Node, check.PowerLoss)
		o.shadows.powerLost(h.Addr, check.PowerLoss)
	}
}

// Event implements cluster.Witness. It observes the node of an event before any effect of the event is delivered.
func (o *observer) Event(e *sim.Event) {
	if e.Story {
		o.steps = append(o.steps, toldStep{e.Seq, e.Step + 1})
	}
	if o.causes != nil {
		o.causes.happened(e)
	}
	h := o.hosts[e.Node]
	if h == nil || !o.world.Running(e.Node) {
		return
	}
	h.life.asked = h.life.asked || e.Kind == sim.Stopping
	if o.world.Ending(e.Node) { // the process dies inside this event, so the state at the end of the handler never existed
		o.view.Ending(h.Node)
		return
	}
	o.deliverDue(e.Time-1, nil, 0)
	o.clock(e.Time)
	causedBy(o, e.Seq)
	h.wall = o.world.WallAt(h.Addr).Millis()
	due := e.Time + sim.Time(e.Cost)
	survived(o, h)
	if h.Role == "broker" && e.Kind == sim.Stopping {
		o.view.ShutdownAsked(h.Node)
	}
	if h.Role == "broker" {
		if b := o.broker(h.Addr); b != nil {
			req, _ := e.Request.(*kmsg.DeleteRecordsRequest)
			if e.Kind != sim.Received {
				req = nil
			}
			deletionsHandled(o, h, b, req)
			followerFetched(o, h, e)
			o.lookAtBroker(h, b, e, due)
		}
	} else if k, ok := o.world.Node(e.Node).(*controller.Controller); ok {
		o.lookAtController(h, k, e, due)
	}
}

// After implements cluster.Witness. The cluster calls it after each event, when all effects that are already complete have
// been delivered.
func (o *observer) After(e *sim.Event) {
	o.deliverDue(o.world.Now(), nil, 0)
	o.clock(o.world.Now())
	causedBy(o, e.Seq)
	o.returned(e)
	settle(o.history)
}

// deliverDue delivers to the View all observations that are due by now. It also delivers those observations of the machine
// "of" that were made before the given event. While one thread of a node waits for a sync or a slow CPU, an event of another
// thread may begin later and end earlier. When deliverDue delivers the observation of the later event, it drops the older
// observation of the same replica, which is outdated.
func (o *observer) deliverDue(now sim.Time, of *hostView, event uint64) {
	if len(o.observations) == 0 {
		return
	}
	kept := o.observations[:0]
	for _, l := range o.observations {
		if l.due > now && (l.host != of || l.event >= event) {
			kept = append(kept, l)
			continue
		}
		kept = slices.DeleteFunc(kept, func(later observation) bool { return later.host == l.host && later.copy == l.copy })
		o.clock(min(l.due, max(now, 0)))
		causedBy(o, l.event)
		if l.part != nil {
			o.shadows.recovered(l.copy)
			o.view.ReplicaChanged(l.part, l.copy, l.state)
			continue
		}
		o.shadows.recovered(o.view.Metadata().Replica(l.host.Node))
		o.view.VoterChanged(l.host.Node, l.voter)
		if l.image > 0 {
			o.view.ImageAt(l.host.Node, l.image, l.hash)
		}
		if l.voter.HW > o.claimedHW {
			o.claimedHW, o.claimedBy = l.voter.HW, l.host
		}
		o.tellCommitted()
	}
	o.observations = kept
}

// End implements Cluster. It delivers the observations that are not due yet. Before that, it reads the writes of their
// events from the disks.
func (o *observer) End() {
	o.ended = true
	for _, l := range o.observations {
		if l.part != nil {
			o.shadows.readAhead(l.host.Addr, l.part.TP.String())
		}
	}
	o.deliverDue(1<<62, nil, 0)
	o.clock(o.world.Now())
}

func (o *observer) observed(h *hostView, l observation) {
	l.host = h
	o.observations = append(o.observations, l)
}

// broker returns a running broker, or nil.
func (o *observer) broker(addr env.Addr) *broker.Broker {
	if !o.world.Running(addr) || o.world.Ending(addr) {
		return nil
	}
	b, _ := o.world.Node(addr).(*broker.Broker)
	return b
}

// lookAtBroker observes the partitions that an event concerns, or all partitions of the broker if it concerns none.
func (o *observer) lookAtBroker(h *hostView, b *broker.Broker, e *sim.Event, due sim.Time) {
	life := o.world.Incarnation(h.Addr)
	if next, fenced := b.Image().Next, b.Fenced(); next != h.applied || fenced != h.fenced {
		h.applied, h.fenced = next, fenced
		o.view.Applied(h.Node, next, -1, fenced)
		o.view.ImageAt(h.Node, next, b.Image().Digest())
		o.hostReplicas(h, b)
		o.observations = slices.DeleteFunc(o.observations, func(l observation) bool { // the replica's topic was deleted
			return l.host == h && l.part != nil && (b.Replica(l.part.TP) == nil || b.Replica(l.part.TP).ID != l.part.ID)
		})
	}
	o.visitConcerned(h, e, func(s *replicaView) {
		r := b.Replica(s.part.TP)
		if r == nil || r.ID != s.part.ID {
			return
		}
		fresh := s.life != life
		if fresh {
			s.snapshots = nil
		}
		defer o.snapshot(h, s, e)
		if fresh || r.LeaderEpoch() != s.Epoch {
			if home, ok := topicOf(o.world.Disk(h.Addr), r.Log().Dir()); ok {
				o.view.DirectoryInUse(s.part, s.copy, home)
			}
		}
		leads, epoch, hw, version := r.Leads(), r.LeaderEpoch(), r.HW(), r.PartitionEpoch()
		proposal, pending := r.Pending()
		defer looked(o, h, s)
		if !fresh && leads == s.Leads && epoch == s.Epoch && hw == s.HW && version == s.PartitionEpoch && pending == (s.Pending != nil) &&
			r.Log().End() == s.End && r.Log().Start() == s.Start && (!pending || len(proposal.ISR) == len(s.Pending)) {
			return
		}
		if fresh || version != s.PartitionEpoch || epoch != s.Epoch || leads != s.Leads {
			s.ISR = r.ISR()
		}
		// Appending records of a known epoch does not change the leader epoch cache.
		if l := r.Log(); fresh || epoch != s.Epoch || leads != s.Leads || l.End() < s.End || l.Start() != s.Start || latest(s.Epochs) != l.Epochs().Latest() {
			if s.Epochs = nil; l.Offline() == nil {
				s.Epochs = cached(l)
			}
		}
		s.life = life
		s.Leads, s.Leader, s.Epoch, s.HW, s.PartitionEpoch, s.Pending = leads, r.Leader(), epoch, hw, version, nil
		s.Start, s.End, s.Proposed = r.Log().Start(), r.Log().End(), nil
		for _, m := range proposal.ISR {
			s.Pending, s.Proposed = append(s.Pending, m.ID), append(s.Proposed, m.BrokerEpoch)
		}
		o.observed(h, observation{due: due, event: e.Seq, part: s.part, copy: s.copy, state: s.State})
	})
}

// snapshot adds the state of a leader at the end of an event if the state has changed.
func (o *observer) snapshot(h *hostView, s *replicaView, e *sim.Event) {
	now := leaderSnapshot{event: e.Seq, epoch: wire.NoEpoch, config: o.view.ConfigEnd()}
	if s.Leads {
		now.epoch, now.isr, now.inSync = s.Epoch, len(s.ISR), s.InSync()
		if id, exists := o.view.TopicNamed(s.part.TP.Topic); exists && id == s.part.ID && h.applied >= now.config { // a deleted topic has no configs
			now.minISR = o.view.MinISR(s.part)
		}
	}
	n := len(s.snapshots)
	if n > 0 && s.snapshots[n-1] == (leaderSnapshot{s.snapshots[n-1].event, now.epoch, now.isr, now.inSync, now.minISR, now.config}) {
		return
	}
	if n == cap(s.snapshots) && n >= 64 {
		s.snapshots = s.snapshots[:copy(s.snapshots, s.snapshots[n/2:])]
	}
	s.snapshots = append(s.snapshots, now)
}

// snapshotAt returns the state of the leader at the end of an event. The epoch of the result is NoEpoch if the replica was
// not leader or the snapshot was dropped.
func (s *replicaView) snapshotAt(event uint64) (at leaderSnapshot) {
	at.epoch = wire.NoEpoch
	for _, st := range s.snapshots {
		if st.event > event {
			break
		}
		at = st
	}
	return at
}

// hostReplicas adds the replicas that a broker's image assigns to it.
func (o *observer) hostReplicas(h *hostView, b *broker.Broker) {
	for _, t := range b.Image().Topics() {
		for _, p := range t.Partitions {
			k := topicKey{t.ID, p.Partition}
			if !p.HasReplica(h.Node) || h.byTopic[k] != nil {
				continue
			}
			part := o.view.Partition(t.ID, wire.TopicPartition{Topic: t.Name, Partition: p.Partition})
			s := &replicaView{part: part, copy: part.Replica(h.Node)}
			h.byTopic[k] = s
			h.replicas = append(h.replicas, s)
		}
	}
}

// lookAtController observes a controller after an event.
func (o *observer) lookAtController(h *hostView, k *controller.Controller, e *sim.Event, due sim.Time) {
	s, l := voterOf(k), observation{due: due, event: e.Seq}
	if m := k.Image(); m != nil && m.Next != h.image {
		h.image = m.Next
		l.image, l.hash = m.Next, m.Digest()
	}
	if l.voter = s; s != h.voter || l.image > 0 {
		h.voter = s
		o.observed(h, l)
	}
}

// voterOf returns a controller's quorum state.
func voterOf(k *controller.Controller) check.VoterState {
	n := k.Quorum()
	return check.VoterState{Leads: n.State() == raft.Leader, Leader: n.Leader(), Epoch: n.Epoch(), HW: n.Committed()}
}

// tellCommitted delivers newly committed metadata records. It reads them from the shadow log of the controller with the
// highest high watermark.
func (o *observer) tellCommitted() {
	if o.claimedHW <= o.committed {
		return
	}
	hw := o.claimedHW
	o.shadows.bytes(o.shadows.open(o.claimedBy.Addr, controller.LogDir), o.committed, hw, func(b wire.Batch) bool {
		if b.NextOffset() > hw {
			return false
		}
		if !b.IsControl() {
			for rec, err := range b.Records() {
				if err != nil {
					return false
				}
				if r, err := wire.ParseMetadata(rec.Value); err == nil {
					o.view.Committed(rec.Offset, r)
				}
			}
		}
		o.committed = b.NextOffset()
		o.view.CommittedTo(o.committed)
		return true
	})
}

// bind implements shadowListener.
func (o *observer) bind(host env.Addr, dir string) (*check.Partition, *check.Replica, bool) {
	h := o.hosts[host]
	if h == nil {
		return nil, nil, false
	}
	if isMetadata(dir) {
		return o.view.Metadata(), o.view.Metadata().Replica(h.Node), true
	}
	tp, kind, ok := storage.ParseDir(dir)
	id, known := topicOf(o.world.Disk(host), dir)
	if !ok || kind != storage.DirLog || !known {
		return nil, nil, false
	}
	p := o.view.Partition(id, tp)
	copies := 0
	for _, l := range o.shadows.hosts[host] { //order: counted only
		if l.part == p || l.dir == dir {
			copies++
		}
	}
	o.view.Installed(p, h.Node, copies)
	return p, p.Replica(h.Node), true
}

func (o *observer) grew(l *shadowLog, b check.Batch) {
	if s, ok := o.sends.written(o.writer, l.part); ok {
		check.Wrote(l.part, b, s)
	}
	o.view.Appended(l.part, l.copy, b)
}

func (o *observer) cut(l *shadowLog, to wire.Offset, by string) {
	o.view.Truncated(l.part, l.copy, to, by)
}
func (o *observer) flushed(l *shadowLog, end wire.Offset) { o.view.Flushed(l.copy, end) }
func (o *observer) deleted(l *shadowLog) {
	if l.part != nil {
		o.view.Deleted(l.part, l.copy)
	}
}

// trimmed implements shadowListener. The first file of a log was removed, and next is the offset after the last batch of the
// file. trimmed reports whether the reason was a new log start offset of at least next. A running broker has that offset in
// its log. If the broker died in the event, trimmed returns true if the log still has a later file.
func (o *observer) trimmed(l *shadowLog, next wire.Offset) bool {
	if o.world.Running(l.host) && !o.world.Ending(l.host) {
		b := o.broker(l.host)
		if b == nil {
			return false
		}
		r := b.Replica(l.part.TP)
		if r == nil || r.ID != l.part.ID || r.Log().Start() < next {
			return false
		}
	} else if !o.goesOn(l, next) {
		return false
	}
	o.view.LogStartMoved(l.part, l.copy, next)
	return true
}

// goesOn reports whether a log has a .log file with a base offset of at least next. After retention there always is one,
// even if it is empty, because retention rolls the log before it deletes the last segment.
func (o *observer) goesOn(l *shadowLog, next wire.Offset) bool {
	return slices.ContainsFunc(o.world.Disk(l.host).Files(), func(f disk.File) bool {
		name, in := strings.CutPrefix(f.Path, l.dir+"/")
		base, log := strings.CutSuffix(name, ".log")
		at, err := strconv.ParseInt(base, 10, 64)
		return in && log && err == nil && wire.Offset(at) >= next
	})
}
