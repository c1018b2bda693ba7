// Package replication is one partition on one broker: who leads it, who is in sync, how far it is committed.
//
//	                 ┌── Lead ────────────────┐
//	image ──Become──▶│ isr, remotes, pending  │──▶ high watermark ──▶ acks=all, consumers
//	                 ├── Follow ──────────────┤
//	                 │ append, or truncate    │◀── what the leader's log says
//	                 └────────────────────────┘
//	                          storage.Log
//
// It knows nothing of requests, connections or other partitions; broker feeds it and asks it. This file has the two
// transitions; append.go what each origin may append to a leader, leader.go the ISR's states and the high watermark, isr.go
// the changes of the ISR, fetch.go what a leader lets a fetch read, follower.go truncation and copying. rules.go lists the decisions that Kafka once took otherwise.
//
// Not here: who may lead (controller), reassignment, several log directories, remote storage.
package replication

import (
	"slices"
	"strconv"
	"strings"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Partition is one replica. It exists from the moment the image assigns it here until it is deleted.
//
// Invariants: start ≤ hw ≤ end; epoch and version never go back; exactly one of lead and follow is set once Become ran.
type Partition struct {
	TP   wire.TopicPartition
	ID   wire.TopicID
	self wire.NodeID
	log  *storage.Log

	rules    Rules
	registry Registry

	epoch   wire.Epoch          // leader epoch of the image
	version wire.PartitionEpoch // partition epoch of the image, or of an accepted ISR change that the image has yet to show
	hw      wire.Offset         // exclusive; on a leader it only rises within an epoch

	lead   *leading // nil unless this broker leads
	follow *following
}

// Assignment is the controller's word on a partition, as far as a replica needs it.
type Assignment struct {
	Leader   wire.NodeID
	Epoch    wire.Epoch
	Version  wire.PartitionEpoch
	Replicas []wire.NodeID
	ISR      []wire.NodeID
	MinISR   int          // min.insync.replicas of the topic
	LagMax   env.Duration // replica.lag.time.max.ms
}

// Registry is what this broker's metadata say of other brokers. It is asked, never kept: they change.
type Registry interface {
	// Registered is the epoch of a broker's registered incarnation, -1 if there is none or it is fenced.
	Registered(wire.NodeID) wire.BrokerEpoch
	// InService tells whether a broker is neither fenced nor shutting down.
	InService(wire.NodeID) bool
}

// Replica says which replica of what New makes.
type Replica struct {
	TP       wire.TopicPartition
	ID       wire.TopicID
	Self     wire.NodeID
	Rules    Rules
	Registry Registry
}

// New is a replica on an open log, with the checkpointed high watermark. It does nothing before Become.
func New(r Replica, log *storage.Log, hw wire.Offset) *Partition {
	return &Partition{
		TP: r.TP, ID: r.ID, self: r.Self, rules: r.Rules, registry: r.Registry,
		log: log, epoch: wire.NoEpoch, version: -1, hw: min(max(hw, log.Start()), log.End()),
	}
}

// Become takes on the role that the image gives this replica. Older words than what it already knows are skipped: the
// answer to its own ISR change may have been here before the image shows that change (KIP-497), and the old ISR would be
// committed again. It says whether the leader epoch is new: then whoever waits for this replica in its old role waits in vain.
func (p *Partition) Become(d env.Disk, a Assignment, now env.Instant) (newEpoch bool, err error) {
	if a.Version < p.version || a.Epoch < p.epoch {
		return false, nil
	}
	newEpoch = a.Epoch > p.epoch
	if a.Leader == p.self {
		err = p.becomeLeader(d, a, newEpoch, now)
	} else {
		err = p.becomeFollower(d, a, newEpoch)
	}
	p.epoch, p.version = a.Epoch, a.Version
	return newEpoch, err
}

// becomeLeader opens the epoch at the end of the log (also in the epoch cache, at once: KAFKA-7415), and forgets what it
// believed of the other replicas. One that led before knows where they are, but not any more when they were in sync.
// Within the same epoch it only takes the committed ISR over.
//
// A leader that was elected uncleanly is RECOVERING in the image. It has nothing to recover from, as in Kafka, and its
// next ISR change says RECOVERED.
func (p *Partition) becomeLeader(d env.Disk, a Assignment, newEpoch bool, now env.Instant) error {
	p.follow = nil
	if p.lead == nil {
		p.lead = &leading{self: p.self, maximal: p.rules.Maximal}
		newEpoch = true
	}
	if newEpoch {
		if err := p.log.AssignEpoch(d, a.Epoch, p.log.End()); err != nil {
			return err
		}
		p.lead.start = p.log.End()
	}
	p.lead.take(a, newEpoch, now)
	if newEpoch || a.Version > p.version { // else the change in flight still is: the controller may yet agree to it
		p.lead.commit(a.ISR)
	}
	p.epoch = a.Epoch
	p.Advance(now)
	return nil
}

// becomeFollower forgets leadership. What must be cut off the log turns out with the first fetch (KIP-595).
func (p *Partition) becomeFollower(d env.Disk, a Assignment, newEpoch bool) error {
	p.lead = nil
	if p.follow == nil {
		p.follow = &following{}
		newEpoch = true
	}
	if !newEpoch {
		return nil
	}
	p.follow.leader = a.Leader
	if cut := p.rules.CutOnFollow(p.hw, p.log.End()); cut < p.log.End() {
		return p.Truncate(d, cut)
	}
	return nil
}

// setHW moves the high watermark, and tells the log which transactions are decided for good.
func (p *Partition) setHW(hw wire.Offset) {
	p.hw = hw
	p.log.Producers().HighWatermark(hw)
}

// Log is the replica's log.
func (p *Partition) Log() *storage.Log { return p.log }

// Epoch is the leader epoch this replica lives in.
func (p *Partition) Epoch() wire.Epoch { return p.epoch }

// Version is the partition epoch this replica knows of.
func (p *Partition) Version() wire.PartitionEpoch { return p.version }

// HW is the high watermark: everything below is committed, as far as this replica knows.
func (p *Partition) HW() wire.Offset { return p.hw }

// Settled tells whether a leader's high watermark has reached its own epoch: before that it may lie below what an
// earlier leader has already shown (KIP-207).
func (p *Partition) Settled() bool { return p.lead != nil && p.hw >= p.lead.start }

// Stable is the last stable offset: everything below is committed, and no transaction below is open.
func (p *Partition) Stable() wire.Offset {
	if at, ok := p.log.Producers().FirstUnstable(); ok {
		return min(at, p.hw)
	}
	return p.hw
}

// Leads tells whether this replica believes to lead.
func (p *Partition) Leads() bool { return p.lead != nil }

// Leader is whom this replica follows, itself if it leads, or NoNode.
func (p *Partition) Leader() wire.NodeID {
	switch {
	case p.lead != nil:
		return p.self
	case p.follow != nil:
		return p.follow.leader
	}
	return wire.NoNode
}

// ISR is the committed in-sync set, as a leader knows it.
func (p *Partition) ISR() []wire.NodeID {
	if p.lead == nil {
		return nil
	}
	return slices.Clone(p.lead.isr)
}

// String shows the replica in one line: orders-0 L1 e3 [0‥42) hw=40 isr=1,2
func (p *Partition) String() string {
	role := "F" + strconv.Itoa(int(p.Leader()))
	isr := ""
	if p.lead != nil {
		role = "L" + strconv.Itoa(int(p.self))
		var ids []string
		for _, id := range p.lead.isr {
			ids = append(ids, strconv.Itoa(int(id)))
		}
		isr = " isr=" + strings.Join(ids, ",")
	}
	num := func(o wire.Offset) string { return strconv.FormatInt(int64(o), 10) }
	return p.TP.String() + " " + role + " e" + strconv.Itoa(int(p.epoch)) +
		" [" + num(p.log.Start()) + "‥" + num(p.log.End()) + ") hw=" + num(p.hw) + isr
}
