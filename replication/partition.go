// Package replication is one partition on one broker: its leader, its in-sync replicas, its high watermark.
//
//	                 ┌── Lead ────────────────┐
//	image ──Become──▶│ isr, followers, pending│──▶ high watermark ──▶ acks=all, consumers
//	                 ├── Follow ──────────────┤
//	                 │ append, or truncate    │◀── the leader's fetch response
//	                 └────────────────────────┘
//	                          storage.Log
//
// It knows no requests, connections or other partitions: broker has these, and calls it. This file has the two transitions;
// append.go what each origin may append to a leader, leader.go the ISR's states and the high watermark, isr.go the changes of
// the ISR, fetch.go what a leader lets a fetch read, follower.go truncation and replication. rules.go lists the decisions for
// which Kafka once had another answer.
//
// Not here: elections (controller), reassignment, several log directories, remote storage.
package replication

import (
	"slices"
	"strconv"
	"strings"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Partition is one replica. It lives from its assignment to this broker until it is deleted.
//
// Invariants: start ≤ hw ≤ end; the two epochs never fall; after the first Become exactly one of lead and follow is set.
type Partition struct {
	TP   wire.TopicPartition
	ID   wire.TopicID
	self wire.NodeID
	log  *storage.Log

	rules    Rules
	registry Registry

	leaderEpoch    wire.Epoch          // of the last assignment
	partitionEpoch wire.PartitionEpoch // of the last assignment, or of an accepted ISR change that the image does not show yet
	hw             wire.Offset         // exclusive; on a leader it only rises within an epoch

	lead   *leading // nil unless this broker leads
	follow *following
}

// Assignment is what a replica needs of its partition's state in the metadata image.
type Assignment struct {
	Leader         wire.NodeID
	LeaderEpoch    wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	Replicas       []wire.NodeID
	ISR            []wire.NodeID
	MinISR         int          // min.insync.replicas of the topic
	LagMax         env.Duration // replica.lag.time.max.ms
}

// Registry has the other brokers of this broker's metadata image. Its answers change with the image, so none is kept.
type Registry interface {
	// Registered is the broker epoch of a registered broker, -1 if there is none or it is fenced.
	Registered(wire.NodeID) wire.BrokerEpoch
	// InService reports whether a broker is neither fenced nor in controlled shutdown.
	InService(wire.NodeID) bool
}

// Replica names the replica that New makes.
type Replica struct {
	TP       wire.TopicPartition
	ID       wire.TopicID
	Self     wire.NodeID
	Rules    Rules
	Registry Registry
}

// New makes a replica on an open log, with the high watermark of the checkpoint. It has no role before Become.
func New(r Replica, log *storage.Log, hw wire.Offset) *Partition {
	r.Rules.mustBeComplete()
	return &Partition{
		TP: r.TP, ID: r.ID, self: r.Self, rules: r.Rules, registry: r.Registry,
		log: log, leaderEpoch: wire.NoEpoch, partitionEpoch: -1, hw: min(max(hw, log.Start()), log.End()),
	}
}

// Become gives the replica the role of an assignment. An assignment older than what the replica knows is skipped: the response
// to its own ISR change may have arrived before the image with that change (KIP-497), and the image would bring the old ISR
// back. It reports whether the leader epoch is new: requests that wait for this replica in its old role must then be answered.
func (p *Partition) Become(d env.Disk, a Assignment, now env.Instant) (newEpoch bool, err error) {
	if a.PartitionEpoch < p.partitionEpoch || a.LeaderEpoch < p.leaderEpoch {
		return false, nil
	}
	newEpoch = a.LeaderEpoch > p.leaderEpoch
	if a.Leader == p.self {
		err = p.becomeLeader(d, a, newEpoch, now)
	} else {
		err = p.becomeFollower(d, a, newEpoch)
	}
	p.leaderEpoch, p.partitionEpoch = a.LeaderEpoch, a.PartitionEpoch
	return newEpoch, err
}

// becomeLeader starts the epoch at the end of the log, in the epoch cache too and at once (KAFKA-7415), and resets the state
// of the followers: a leader that led the epoch before keeps their positions, but not the times at which they were in sync.
// In the same epoch it takes the committed ISR and no more.
//
// A leader that was elected uncleanly is RECOVERING in the image. As in Kafka it recovers nothing, and its next ISR change
// says RECOVERED.
func (p *Partition) becomeLeader(d env.Disk, a Assignment, newEpoch bool, now env.Instant) error {
	p.follow = nil
	if p.lead == nil {
		p.lead = &leading{self: p.self, maximal: p.rules.MaximalISR}
		newEpoch = true
	}
	if newEpoch {
		if err := p.log.AssignEpoch(d, a.LeaderEpoch, p.log.End()); err != nil {
			return err
		}
		p.lead.epochStart = p.log.End()
	}
	p.lead.applyAssignment(a, newEpoch, now)
	if newEpoch || a.PartitionEpoch > p.partitionEpoch { // else the change in flight stays: the controller may still accept it
		p.lead.commit(a.ISR)
	}
	p.leaderEpoch = a.LeaderEpoch
	p.Advance(now)
	return nil
}

// becomeFollower ends leadership. The first fetch finds out where to truncate the log (KIP-595).
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
	if cut := p.rules.TruncateOnFollow(p.hw, p.log.End()); cut < p.log.End() {
		return p.Truncate(d, cut)
	}
	return nil
}

// setHW moves the high watermark, also for the log: a transaction is complete when its marker is below it.
func (p *Partition) setHW(hw wire.Offset) {
	p.hw = hw
	p.log.Producers().OnHighWatermarkUpdated(hw)
}

// Log is the replica's log.
func (p *Partition) Log() *storage.Log { return p.log }

// LeaderEpoch is the leader epoch of the last assignment, -1 before the first.
func (p *Partition) LeaderEpoch() wire.Epoch { return p.leaderEpoch }

// PartitionEpoch is the greatest partition epoch that this replica knows.
func (p *Partition) PartitionEpoch() wire.PartitionEpoch { return p.partitionEpoch }

// HW is the high watermark: all records below it are committed. On a follower it may lag.
func (p *Partition) HW() wire.Offset { return p.hw }

// HWReachedEpochStart reports whether a leader's high watermark has reached the start of its epoch: before that it may be
// below the high watermark of an earlier leader (KIP-207).
func (p *Partition) HWReachedEpochStart() bool { return p.lead != nil && p.hw >= p.lead.epochStart }

// LastStableOffset is the end of the committed records without an open transaction among them.
func (p *Partition) LastStableOffset() wire.Offset {
	if at, ok := p.log.Producers().FirstUnstableOffset(); ok {
		return min(at, p.hw)
	}
	return p.hw
}

// Leads reports whether this replica is the leader, as far as it knows.
func (p *Partition) Leads() bool { return p.lead != nil }

// Leader is the leader of the last assignment, or NoNode.
func (p *Partition) Leader() wire.NodeID {
	switch {
	case p.lead != nil:
		return p.self
	case p.follow != nil:
		return p.follow.leader
	}
	return wire.NoNode
}

// ISR is the committed ISR; nil on a follower.
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
	return p.TP.String() + " " + role + " e" + strconv.Itoa(int(p.leaderEpoch)) +
		" [" + num(p.log.Start()) + "‥" + num(p.log.End()) + ") hw=" + num(p.hw) + isr
}
