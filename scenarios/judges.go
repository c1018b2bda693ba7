package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"samsa/broker"
	"samsa/check"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// judges draw the picture that package check looks at, change by change:
//
//	disks     ──sim.Feed──▶ ghosts: true logs ──────────────────┐
//	messages  ──sim.Feed──▶ who was told what (judges_wire.go)   ├──▶ check.View
//	nodes     ──after every event, what may have changed─▶ looks ┘
//
// A node's beliefs change at once when its handler runs, but what the handler wrote is complete only when its lane has
// paid for it. So a look waits until then, or until something that the same event sent has left; one that dies with its
// process never happened.
type judges struct {
	c      *cluster
	view   *check.View
	ghosts *ghosts
	hosts  map[env.Addr]*watched
	looks  []look // in the order of the events
	ailing []string

	committed wire.Offset // of the metadata log: records below were told
	claimed   wire.Offset // the highest high watermark of any controller
	claims    *watched    // whose that is
	calls     map[env.Request]call
	beats     map[wire.NodeID]*check.Heartbeat // the last one told, of each broker
}

// watched is a machine of the cluster with what was last seen of it.
type watched struct {
	*host
	replicas []*seen // of a broker, in the order of the image
	byTopic  map[topicKey]*seen
	applied  wire.Offset
	fenced   bool
	asked    map[env.Link]env.Request
	requests requests
	since    map[env.Link]uint64           // of questions about the ends of partitions: the step under way when they came in
	known    map[env.Link]wire.Offset      // of requests to controllers: how far the metadata was committed when they came in
	granted  map[env.Link]wire.BrokerEpoch // of AlterPartition: what was registered when it came in
	voter    check.VoterState
	image    wire.Offset
	born     uint64 // the event before the process that runs
}

type topicKey struct {
	id wire.TopicID
	n  int32
}

// seen is a replica of a running broker with what the judges were last told of it.
type seen struct {
	part *check.Partition
	copy *check.Replica
	life uint32
	check.State
	standings []standing // of a leader, in the order of the events; the oldest are forgotten
}

// standing is what a leader reckoned with from an event on: behind a sync, or on a slow processor, an answer leaves long
// after it was given, and other lanes go on meanwhile.
type standing struct {
	event  uint64
	epoch  wire.Epoch // in which it led, NoEpoch if it did not
	inSync int
	demand int         // min.insync.replicas as it had to know it, 0 if it need not obey any
	config wire.Offset // where the config that says so lies
}

// look is what a node believed at the end of an event.
type look struct {
	due   sim.Time
	event uint64
	host  *watched
	part  *check.Partition // nil: of a controller
	copy  *check.Replica
	state check.State
	voter check.VoterState
	image wire.Offset // of a controller: where its image stands, 0 if it has not moved
	hash  uint64
}

func newJudges(c *cluster) *judges {
	j := &judges{c: c, hosts: map[env.Addr]*watched{}, calls: map[env.Request]call{}, beats: map[wire.NodeID]*check.Heartbeat{}}
	contract := c.cfg.contract()
	contract.Machines = c.Node
	j.view = check.NewView(contract, check.All())
	j.ghosts = &ghosts{disk: c.world.Disk, hosts: map[env.Addr]map[string]*ghost{}, heard: j}
	c.world.Subscribe(j)
	return j
}

// watch adds a machine of the cluster.
func (j *judges) watch(h *host) {
	j.hosts[h.addr] = &watched{
		host: h, byTopic: map[topicKey]*seen{}, applied: -1, image: -1, asked: map[env.Link]env.Request{}, requests: requests{open: map[env.Link][]request{}}, since: map[env.Link]uint64{}, known: map[env.Link]wire.Offset{}, granted: map[env.Link]wire.BrokerEpoch{},
	}
}

// Changed implements sim.Feed.
func (j *judges) Changed(f *sim.Effect) {
	h := j.hosts[f.Node]
	switch f.Kind {
	case sim.EffectDisk:
		if h != nil {
			j.settle(f.At-1, h, f.Cause) // what earlier events made it believe, this one has built on, though their syncs may last
			j.clock(f.At)
			j.ghosts.changed(f.Node, &f.Disk)
			j.commit()
		}
	case sim.EffectDeparted:
		j.settle(f.At, h, f.Cause+1)
		j.clock(f.At)
		j.departed(h, f)
	case sim.EffectDelivered:
		j.clock(f.At)
		j.delivered(h, f)
	case sim.EffectStarted:
		if h != nil {
			j.clock(f.At)
			j.mend("down " + string(f.Node))
			j.started(h)
		}
	case sim.EffectDied:
		if h != nil {
			j.settle(f.At, nil, 0)
			j.clock(f.At)
			j.ail("down " + string(f.Node))
			j.died(h, f.Power)
		}
	}
}

// clock tells the judges the time and the last step: a step is counted before anything that its event did is told.
func (j *judges) clock(at sim.Time) { j.view.Clock(j.c.world.Steps(), int64(at)) }

func (j *judges) started(h *watched) {
	if h.role == "broker" {
		j.view.Started(h.node)
	}
	h.applied, h.fenced, h.image = -1, false, -1
	h.born = j.c.world.Events()
}

// died drops what a process still wanted to do, and with its power what was not on the device.
func (j *judges) died(h *watched, power bool) {
	j.looks = slices.DeleteFunc(j.looks, func(l look) bool { return l.host == h })
	j.unheard(h)
	clear(h.asked)
	clear(h.requests.open)
	clear(h.since)
	clear(h.known)
	clear(h.granted)
	h.voter = check.VoterState{}
	if h.role == "broker" {
		j.view.Died(h.node)
	} else {
		j.view.ControllerDied(h.node)
	}
	if power {
		j.view.DiskFaulted(h.node, check.PowerLoss)
		j.ghosts.lost(h.addr, check.PowerLoss)
	}
}

// observe looks at the node that an event has run in, before anything that the event did is told.
func (j *judges) observe(e *sim.Event) {
	h := j.hosts[e.Node]
	if h == nil || !j.c.world.Running(e.Node) {
		return
	}
	if j.c.world.Ending(e.Node) { // it may have gone on behind its death: what it holds is nobody's belief
		j.view.Ending(h.node)
		return
	}
	if e.Kind == sim.Received {
		h.requests.begun(e)
	}
	j.settle(e.Time-1, nil, 0)
	j.clock(e.Time)
	due := e.Time + sim.Time(e.Cost)
	if h.role == "broker" && e.Kind == sim.Stopping {
		j.view.ShutdownAsked(h.node)
	}
	if h.role == "broker" {
		if b := j.c.brokerNode(h.host); b != nil {
			j.lookAtBroker(h, b, e, due)
		}
	} else if k, ok := j.c.world.Node(e.Node).(*controller.Controller); ok {
		j.lookAtController(h, k, e, due)
	}
}

// after runs when everything that an event completed at once has been told.
func (j *judges) after(e *sim.Event) {
	j.settle(j.c.world.Now(), nil, 0)
	j.clock(j.c.world.Now())
	j.heard(e)
}

// settle tells the looks that are due, and those of one machine's events below one. While an event waits at its end for a
// sync, or a slow processor for it, another lane's event may begin, see what it did, and be done first: then the earlier
// look is overtaken and never told.
func (j *judges) settle(now sim.Time, of *watched, event uint64) {
	if len(j.looks) == 0 {
		return
	}
	kept := j.looks[:0]
	for _, l := range j.looks {
		if l.due > now && (l.host != of || l.event >= event) {
			kept = append(kept, l)
			continue
		}
		kept = slices.DeleteFunc(kept, func(o look) bool { return o.host == l.host && o.copy == l.copy })
		j.clock(min(l.due, max(now, 0)))
		if l.part != nil {
			j.ghosts.recovered(l.copy)
			j.view.ReplicaChanged(l.part, l.copy, l.state)
			continue
		}
		j.ghosts.recovered(j.view.Metadata().Replica(l.host.node))
		j.view.VoterChanged(l.host.node, l.voter)
		if l.image > 0 {
			j.view.ImageAt(l.host.node, l.image, l.hash)
		}
		if l.voter.HW > j.claimed {
			j.claimed, j.claims = l.voter.HW, l.host
		}
		j.commit()
	}
	j.looks = kept
}

// end tells the looks that are not due: nothing can overtake them any more. What their own events wrote counts with them.
func (j *judges) end() {
	for _, l := range j.looks {
		if l.part != nil {
			j.ghosts.hurry(l.host.addr, l.part.TP.String())
		}
	}
	j.settle(1<<62, nil, 0)
	j.clock(j.c.world.Now())
}

func (j *judges) look(h *watched, l look) {
	l.host = h
	j.looks = append(j.looks, l)
}

// lookAtBroker takes in what an event may have changed of a broker: of the partitions that the event was about, or of
// all if it was about none.
func (j *judges) lookAtBroker(h *watched, b *broker.Broker, e *sim.Event, due sim.Time) {
	life := j.c.world.Incarnation(h.addr)
	if next, fenced := b.Image().Next, b.Fenced(); next != h.applied || fenced != h.fenced {
		h.applied, h.fenced = next, fenced
		j.view.Applied(h.node, next, -1, fenced)
		j.view.ImageAt(h.node, next, b.Image().Digest())
		j.host(h, b)
		j.looks = slices.DeleteFunc(j.looks, func(l look) bool { // what it believed of a topic that it knows to be gone is past
			return l.host == h && l.part != nil && (b.Replica(l.part.TP) == nil || b.Replica(l.part.TP).ID != l.part.ID)
		})
	}
	j.touched(h, e, func(s *seen) {
		r := b.Replica(s.part.TP)
		if r == nil || r.ID != s.part.ID {
			return
		}
		fresh := s.life != life
		if fresh {
			s.standings = nil
		}
		defer j.stand(h, s, e)
		if fresh || r.LeaderEpoch() != s.Epoch {
			if home, ok := topicOf(j.c.world.Disk(h.addr), r.Log().Dir()); ok {
				j.view.DirectoryInUse(s.part, s.copy, home)
			}
		}
		leads, epoch, hw, version := r.Leads(), r.LeaderEpoch(), r.HW(), r.PartitionEpoch()
		proposal, pending := r.Pending()
		if !fresh && leads == s.Leads && epoch == s.Epoch && hw == s.HW && version == s.PartitionEpoch && pending == (s.Pending != nil) &&
			r.Log().End() == s.End && r.Log().Start() == s.Start && (!pending || len(proposal.ISR) == len(s.Pending)) {
			return
		}
		if fresh || version != s.PartitionEpoch || epoch != s.Epoch || leads != s.Leads {
			s.ISR = r.ISR()
		}
		// Records of the epoch that it knows already change nothing in a replica's epoch cache.
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
		j.look(h, look{due: due, event: e.Seq, part: s.part, copy: s.copy, state: s.State})
	})
}

// cached is the leader epoch cache of a log.
func cached(l *storage.Log) []check.EpochStart {
	all := []check.EpochStart{}
	for _, e := range l.Epochs().Entries() {
		all = append(all, check.EpochStart{Epoch: e.Epoch, Start: e.Start})
	}
	return all
}

// latest is the newest epoch of a cache.
func latest(cache []check.EpochStart) wire.Epoch {
	if n := len(cache); n > 0 {
		return cache[n-1].Epoch
	}
	return wire.NoEpoch
}

// stand notes what a leader reckons with at the end of an event, if that is new.
func (j *judges) stand(h *watched, s *seen, e *sim.Event) {
	now := standing{event: e.Seq, epoch: wire.NoEpoch, config: j.view.ConfigEnd()}
	if s.Leads {
		now.epoch, now.inSync = s.Epoch, s.InSync()
		if h.applied >= now.config {
			now.demand = j.view.MinISR(s.part)
		}
	}
	n := len(s.standings)
	if n > 0 && s.standings[n-1] == (standing{s.standings[n-1].event, now.epoch, now.inSync, now.demand, now.config}) {
		return
	}
	if n == cap(s.standings) && n >= 64 {
		s.standings = s.standings[:copy(s.standings, s.standings[n/2:])]
	}
	s.standings = append(s.standings, now)
}

// at is what the leader reckoned with in an event; nothing if it did not lead, or that is forgotten.
func (s *seen) at(event uint64) (at standing) {
	at.epoch = wire.NoEpoch
	for _, st := range s.standings {
		if st.event > event {
			break
		}
		at = st
	}
	return at
}

// host lists the replicas that a broker's image assigns to it.
func (j *judges) host(h *watched, b *broker.Broker) {
	for _, t := range b.Image().Topics() {
		for _, p := range t.Partitions {
			k := topicKey{t.ID, p.Partition}
			if !p.HasReplica(h.node) || h.byTopic[k] != nil {
				continue
			}
			part := j.view.Partition(t.ID, wire.TopicPartition{Topic: t.Name, Partition: p.Partition})
			s := &seen{part: part, copy: part.Replica(h.node)}
			h.byTopic[k] = s
			h.replicas = append(h.replicas, s)
		}
	}
}

// lookAtController takes in what an event may have changed of a controller.
func (j *judges) lookAtController(h *watched, k *controller.Controller, e *sim.Event, due sim.Time) {
	s, l := voterOf(k), look{due: due, event: e.Seq}
	if m := k.Image(); m != nil && m.Next != h.image {
		h.image = m.Next
		l.image, l.hash = m.Next, m.Digest()
	}
	if l.voter = s; s != h.voter || l.image > 0 {
		h.voter = s
		j.look(h, l)
	}
}

// voterOf is what a controller believes of the quorum.
func voterOf(k *controller.Controller) check.VoterState {
	n := k.Quorum()
	return check.VoterState{Leads: n.State() == raft.Leader, Leader: n.Leader(), Epoch: n.Epoch(), HW: n.Committed()}
}

// commit tells the records of the metadata log that are committed now, out of the true log of a controller that says so.
func (j *judges) commit() {
	if j.claimed <= j.committed {
		return
	}
	hw := j.claimed
	j.ghosts.bytes(j.ghosts.of(j.claims.addr, controller.LogDir), j.committed, hw, func(b wire.Batch) bool {
		if b.NextOffset() > hw {
			return false
		}
		if !b.IsControl() {
			for rec, err := range b.Records() {
				if err != nil {
					return false
				}
				if r, err := wire.ParseMetadata(rec.Value); err == nil {
					j.view.Committed(rec.Offset, r)
				}
			}
		}
		j.committed = b.NextOffset()
		j.view.CommittedTo(j.committed)
		return true
	})
}

// bind implements listener.
func (j *judges) bind(host env.Addr, dir string) (*check.Partition, *check.Replica, bool) {
	h := j.hosts[host]
	if h == nil {
		return nil, nil, false
	}
	if isMetadata(dir) {
		return j.view.Metadata(), j.view.Metadata().Replica(h.node), true
	}
	tp, kind, ok := storage.ParseDir(dir)
	id, known := topicOf(j.c.world.Disk(host), dir)
	if !ok || kind != storage.DirLog || !known {
		return nil, nil, false
	}
	p := j.view.Partition(id, tp)
	copies := 0
	for _, l := range j.ghosts.hosts[host] { //order: counted only
		if l.part == p || l.dir == dir {
			copies++
		}
	}
	j.view.Installed(p, h.node, copies)
	return p, p.Replica(h.node), true
}

func (j *judges) grew(l *ghost, b check.Batch)            { j.view.Grew(l.part, l.copy, b) }
func (j *judges) cut(l *ghost, to wire.Offset, by string) { j.view.Cut(l.part, l.copy, to, by) }
func (j *judges) flushed(l *ghost, end wire.Offset)       { j.view.Flushed(l.copy, end) }
func (j *judges) deleted(l *ghost) {
	if l.part != nil {
		j.view.Deleted(l.part, l.copy)
	}
}

// trimmed tells whether the first file of a log went because its broker has moved the log's start behind it. One that dies
// over it moves nothing any more; then it was so if the log goes on behind that file.
func (j *judges) trimmed(l *ghost, next wire.Offset) bool {
	if j.c.world.Running(l.host) && !j.c.world.Ending(l.host) {
		r := j.c.replica(j.c.hosts[l.host], l.part.TP)
		if r == nil || r.ID != l.part.ID || r.Log().Start() < next {
			return false
		}
	} else if !j.goesOn(l, next) {
		return false
	}
	j.view.Trimmed(l.part, l.copy, next)
	return true
}

// goesOn tells whether a log has a file behind an offset, be it empty: retention makes one before it deletes the last.
func (j *judges) goesOn(l *ghost, next wire.Offset) bool {
	return slices.ContainsFunc(j.c.world.Disk(l.host).Files(), func(f sim.DiskFile) bool {
		name, in := strings.CutPrefix(f.Path, l.dir+"/")
		base, log := strings.CutSuffix(name, ".log")
		at, err := strconv.ParseInt(base, 10, 64)
		return in && log && err == nil && wire.Offset(at) >= next
	})
}

// ail enters that something is wrong with the world, mend that it is over. Liveness is asked for once all is well.
func (j *judges) ail(what string) {
	if !slices.Contains(j.ailing, what) {
		j.ailing = append(j.ailing, what)
	}
	j.view.FaultActive()
}

func (j *judges) mend(what string) {
	if i := slices.Index(j.ailing, what); i >= 0 {
		j.ailing = slices.Delete(j.ailing, i, i+1)
	}
	if len(j.ailing) == 0 {
		j.view.FaultsOver(int64(j.rested()))
	}
}

// rested is when the last lane of a node is free: an event that began on a slow disk or processor takes as long as that
// took then, also when the fault is over meanwhile.
func (j *judges) rested() sim.Time {
	at := j.c.world.Now()
	for _, h := range j.c.machines() {
		for _, lane := range j.c.world.Lanes(h.addr) {
			at = max(at, lane.Busy)
		}
	}
	return at
}

// jolt is a fault that is over at once.
func (j *judges) jolt() {
	j.clock(j.c.world.Now())
	j.ail("jolt")
	j.mend("jolt")
}

// struck enters a fault of a disk that can take what it holds.
func (j *judges) struck(h *host, what string) { j.struckIn(h, what, "") }

// struckIn is struck for a fault that stays in one directory.
func (j *judges) struckIn(h *host, what, dir string) {
	if j.hosts[h.addr] != nil {
		j.clock(j.c.world.Now())
		j.view.DiskFaultedIn(h.node, what, dir)
	}
}
