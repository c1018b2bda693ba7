package check

import (
	"slices"
	"strconv"

	"samsa/wire"
)

// View is the state of a run that invariants look at: the true logs, the observed state of nodes, the committed metadata,
// and the ledger of promises and faults.
//
//	scenarios ──Appended, Truncated, Acked, …──▶ View ──Change──▶ every invariant that looks at its kind
//
// Package scenarios/observe calls the methods in feed.go in the order of the changes. The View never queries a node. The
// cost of a change does not depend on the length of any log.
type View struct {
	step uint64
	made uint64 // the step of the event that made the current change, at most step
	now  int64  // nanoseconds since the world began

	contract  Contract
	tallies   []Tally                 // one for each check, in the order of All
	observers [changeKinds][]observer // the checks that look at each kind of change
	change    Change                  // reused
	watcher   Watcher                 // nil unless the run is to be explained

	parts        []*Partition // in the order of first use
	index        map[partitionKey]*Partition
	brokers      []*Broker // by node
	image        image
	quorum       quorum
	faults       []Fault
	quietSince   int64 // the time when the last fault ended, -1 while a fault is active
	quietBefore  int64 // the value of quietSince until faultBeganAt
	faultBeganAt int64
	calm         []calmSpan // the earlier times without an active fault, in order

	appendedAt   int64 // the time of the last append to any partition's log
	idle         idle
	requests     int64 // the number of requests that have reached a node
	clients      int
	allLostPower bool // all brokers were without power at once
}

// Contract holds the static configs that decide what a cluster promises. Topic configs and finalised features take
// precedence.
type Contract struct {
	MinISR    int
	Unclean   bool // unclean.leader.election.enable
	Retention Retention
	Timeouts

	Wall     func(wire.NodeID) int64  // returns the time of a broker's clock in milliseconds
	Machines func(wire.NodeID) string // returns the machine that runs a node, such as b1 or c1; "" if none does
}

type partitionKey struct {
	id wire.TopicID
	n  int32
}

type observer struct {
	name  string
	tally *Tally
	see   func(*Tally, *View, *Change)
}

// metadataLog is the name of the metadata log's partition in findings.
const metadataLog = wire.MetadataTopic + "-0"

// NewView returns an empty View for these checks. They must be the checks that All returns, in the same order.
func NewView(c Contract, all []*Check) *View {
	c.MinISR = max(c.MinISR, 1)
	v := &View{contract: c, tallies: make([]Tally, len(all)), index: map[partitionKey]*Partition{}, image: newImage()}
	v.quorum.log = v.Partition(wire.MetadataTopicID, wire.TopicPartition{Topic: wire.MetadataTopic})
	for i, k := range all {
		for _, kind := range k.On {
			v.observers[kind] = append(v.observers[kind], observer{k.Name, &v.tallies[i], k.See})
		}
	}
	return v
}

// Partition is one partition: its replicas, its committed state and its promises.
type Partition struct {
	ID       wire.TopicID
	TP       wire.TopicPartition
	replicas []*Replica // in the order of first use; a replica's slot is its index

	assigned  Assignment      // the committed state; PartitionEpoch is -1 before the first record
	minISRs   []minISRInForce // the values of min.insync.replicas at promises and changes, in order
	changed   wire.Offset     // the offset after the last metadata record about it
	elections []Election      // the elections of leaders, in the order of their epochs
	newest    wire.Epoch      // the newest epoch of any leader
	leads     []leadership

	promises       []promise   // by (Base, Epoch)
	shown          wire.Offset // the highest high watermark in a response to a reader
	committedTo    wire.Offset // the highest high watermark of a leader
	acks           []offsetAt  // offsets acknowledged with acks=all, in the order of the steps
	recordsDeleted []deletion  // answered DeleteRecords requests, in the order of the steps
	trimmed        wire.Offset // on at least one replica, retention or an operator deleted all records below this offset
	deletionAsked  wire.Offset // the highest offset of the operators' DeleteRecords requests
	uncleanAsked   bool        // an operator requested an unclean election
	appendedAt     int64       // the time of the last append to one of its logs

	sends     map[Identity]Send   // the attempts by which leaders got their batches
	reencoded map[Identity]uint32 // batches that log cleaners encoded again, with their original checksums

	progress progress // see hwMoves
	flaws    flaws    // the marks of findings, see flaw.go

	// elrForgottenAt is the step in which its ELR was cleared or a member left the ISR and entered no ELR, and elrForgottenBy the cause.
	// It is 0 if the ISR has had min.insync.replicas members since.
	elrForgottenAt uint64
	elrForgottenBy string
}

// Assignment is the committed state of a partition.
type Assignment struct {
	Leader         wire.NodeID
	Epoch          wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	Replicas       []wire.NodeID
	ISR            []wire.NodeID
	ELR            []wire.NodeID
	LastELR        []wire.NodeID // last known ELR, with the last known leader
	Recovery       wire.LeaderRecoveryState
}

// electable returns the replicas that may be elected cleanly: the members of ISR and ELR.
func (a *Assignment) electable() []wire.NodeID { return slices.Concat(a.ISR, a.ELR) }

// leadership is the leader of an epoch, which is exactly one incarnation of one broker.
type leadership struct {
	epoch  wire.Epoch
	node   wire.NodeID
	starts uint32
}

// Replica is one copy of a partition on one disk.
type Replica struct {
	Node wire.NodeID
	Log  Log
	State
	slot           int
	observed       bool        // State was observed in this incarnation
	highestStart   wire.Offset // the highest log start offset that the broker has had since the log was last empty
	rewritten      wire.Offset // below this offset, a leader may have changed producers' batches
	formerStart    wire.Offset // the highest log start offset that it had when it was deleted
	removed        bool        // it was deleted with its topic, and has had no batch since
	loading        bool        // the process is loading its logs, and truncates only for recovery
	flushed        wire.Offset // batches below this offset are synced
	epochsCompared int         // Log.epochChanges at the last comparison of Epochs with the log, -1 if there was none
	earlyLosses    []earlyLoss // copies that faults destroyed before their batches were promised
	lead           *leading    // while its broker leads: what its followers have told it
	wholeSince     int64       // since when its log has had the same end as the leader's log, -1 if it has another end
	missing        int         // the number of promised batches that this log does not have
	missingStrong  int         // the number of strong promises among them
	turn           turn        // see followersServed
	joining        joining     // see isrSettles
}

// State is a running broker's own state of its replica.
type State struct {
	Leads          bool
	Leader         wire.NodeID
	Epoch          wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	HW             wire.Offset
	Start          wire.Offset
	End            wire.Offset
	ISR            []wire.NodeID // for a leader: the committed ISR that it knows
	Pending        []wire.NodeID // for a leader: the ISR that it has proposed, or nil if none is in flight

	Proposed []wire.BrokerEpoch // for a leader: the broker epochs in the AlterPartition request for Pending, or -1
	Epochs   []EpochStart       // its leader epoch cache: a new slice if it may have changed, or nil if it was not observed
}

// maximal returns the maximal ISR: the ISR and the members of the change in flight.
func (s *State) maximal() []wire.NodeID {
	all := slices.Clone(s.ISR)
	for _, id := range s.Pending {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// InSync returns the size of the maximal ISR.
func (s *State) InSync() int {
	n := len(s.ISR)
	for _, id := range s.Pending {
		if !slices.Contains(s.ISR, id) {
			n++
		}
	}
	return n
}

// role returns ByLeader or ByFollower.
func (s *State) role() Role {
	if s.Leads {
		return ByLeader
	}
	return ByFollower
}

// Broker is the View's state of one broker.
type Broker struct {
	Node             wire.NodeID
	up               bool
	ending           bool        // its process has died, and only responses that it made earlier are still sent
	starts           uint32      // counts processes
	stoppingSince    int64       // the time when it got SIGTERM, 0 if it did not get it
	died             uint64      // the step of its last death
	registeredAt     uint64      // the step of its last registration
	incarnations     []wire.UUID // incarnations that have asked to be registered
	registrationSent bool        // the last element of incarnations is the running process
	faults           []int       // faults of its disk, indexes of View.faults
	loaded           int         // the number of faults when it last loaded its logs
	faultsKnown      int         // the number of faults of which the controller knows: those before the last registration
	faultsWhenAsked  []int       // for each element of incarnations, the number of faults at its first request
	applied          wire.Offset // the offset of the metadata log up to which it has applied, -1 if unknown
	appliedPrior     wire.Offset // applied before its last advance
	epoch            wire.BrokerEpoch
	fenced           bool
	appliedKnown     bool // applied was observed in this process

	served []served // by leader: see followersServed

	tookToStop Duration // the longest of its controlled shutdowns, counting only time without faults
}

// Partition returns a partition by topic id and number, created on first use.
func (v *View) Partition(id wire.TopicID, tp wire.TopicPartition) *Partition {
	k := partitionKey{id, tp.Partition}
	p := v.index[k]
	if p == nil {
		p = &Partition{ID: id, TP: tp, newest: wire.NoEpoch, progress: progress{since: -1}, assigned: Assignment{Leader: wire.NoNode, Epoch: wire.NoEpoch, PartitionEpoch: -1}}
		v.index[k] = p
		v.parts = append(v.parts, p)
	}
	return p
}

// Replica returns a replica by its node id, created on first use. A new replica misses every promised batch.
func (p *Partition) Replica(node wire.NodeID) *Replica {
	if r := p.replica(node); r != nil {
		return r
	}
	r := &Replica{Node: node, slot: len(p.replicas), epochsCompared: -1, wholeSince: -1, joining: joining{epoch: wire.NoEpoch}, State: State{Leader: wire.NoNode, Epoch: wire.NoEpoch, PartitionEpoch: -1}}
	for i := range p.promises {
		if q := &p.promises[i]; !q.lost {
			r.adjustMissing(q, 1)
		}
	}
	p.replicas = append(p.replicas, r)
	return r
}

// replica returns a replica that exists already, or nil.
func (p *Partition) replica(node wire.NodeID) *Replica {
	for _, r := range p.replicas {
		if r.Node == node {
			return r
		}
	}
	return nil
}

// Broker returns a broker by its node id, created on first use.
func (v *View) Broker(node wire.NodeID) *Broker {
	i, ok := slices.BinarySearchFunc(v.brokers, node, func(b *Broker, id wire.NodeID) int { return int(b.Node) - int(id) })
	if !ok {
		v.brokers = slices.Insert(v.brokers, i, &Broker{Node: node, applied: -1, epoch: -1})
	}
	return v.brokers[i]
}

// election returns the election of an epoch's leader, or the last election before that epoch, or nil if there was none.
func (p *Partition) election(epoch wire.Epoch) *Election {
	for i := len(p.elections) - 1; i >= 0; i-- {
		if p.elections[i].Epoch <= epoch {
			return &p.elections[i]
		}
	}
	return nil
}

// MinISR returns the min.insync.replicas that a partition's leader uses, but at most the number of replicas.
func (v *View) MinISR(p *Partition) int {
	const name = "min.insync.replicas"
	least := v.contract.MinISR
	if n, err := strconv.Atoi(v.image.settingAt(p.assigned.Leader, p.TP.Topic, name)); err == nil {
		least = n
	}
	return min(least, max(1, len(p.assigned.Replicas)))
}

// unclean reports whether unclean election is enabled for a topic.
func (v *View) unclean(p *Partition) bool {
	return v.image.flag(p.TP.Topic, "unclean.leader.election.enable", v.contract.Unclean)
}
