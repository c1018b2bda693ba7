// Package replication implements one partition on one broker, with its leader, its in-sync replicas and its high watermark.
//
//	                 ┌── Lead ────────────────┐
//	image ──Become──▶│ isr, followers, pending│──▶ high watermark ──▶ acks=all, consumers
//	                 ├── Follow ──────────────┤
//	                 │ append, or truncate    │◀── the leader's fetch response
//	                 └────────────────────────┘
//	                          storage.Log
//
// It has no requests, connections or other partitions. Package broker has these and calls it. In this file a replica
// becomes leader or follower. append.go has the appends of each origin to a leader's log, leader.go has the states of the
// ISR and the high watermark, isr.go has the changes of the ISR, fetch.go has the leader's side of a fetch, and follower.go
// has truncation and replication. rules.go lists the decisions for which Kafka once had another answer.
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
// Invariants: start ≤ hw ≤ end; the epochs never decrease; after the first Become exactly one of lead and follow is set.
type Partition struct {
	TP   wire.TopicPartition
	ID   wire.TopicID
	self wire.NodeID
	log  *storage.Log

	rules    Rules
	registry Registry

	leaderEpoch    wire.Epoch          // the leader epoch of the last assignment
	partitionEpoch wire.PartitionEpoch // of the last assignment, or of an accepted ISR change that is not in the image yet
	hw             wire.Offset         // exclusive; on a leader it never decreases within an epoch

	lead   *leading // nil unless this broker leads
	follow *following
}

// Assignment has the part of the metadata image that a replica needs: the state of its partition, and two configs.
type Assignment struct {
	Leader         wire.NodeID
	LeaderEpoch    wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	Replicas       []wire.NodeID
	ISR            []wire.NodeID
	MinISR         int          // min.insync.replicas of the topic
	LagMax         env.Duration // replica.lag.time.max.ms
}

// Registry looks up other brokers in this broker's metadata image. Its results change with the image, so callers must not
// keep them.
type Registry interface {
	// Registered returns the broker epoch of a registered broker, or -1 if the broker is not registered or is fenced.
	Registered(wire.NodeID) wire.BrokerEpoch
	// InService reports whether a broker is neither fenced nor in controlled shutdown.
	InService(wire.NodeID) bool
}

// Replica identifies the replica that New makes.
type Replica struct {
	TP       wire.TopicPartition
	ID       wire.TopicID
	Self     wire.NodeID
	Rules    Rules
	Registry Registry
}

// New makes a replica with an open log and the high watermark of the checkpoint. The replica has no role before Become.
func New(r Replica, log *storage.Log, hw wire.Offset) *Partition {
	r.Rules.mustBeComplete()
	return &Partition{
		TP: r.TP, ID: r.ID, self: r.Self, rules: r.Rules, registry: r.Registry,
		log: log, leaderEpoch: wire.NoEpoch, partitionEpoch: -1, hw: min(max(hw, log.Start()), log.End()),
	}
}

// Become gives the replica the role of an assignment, and reports whether the leader epoch is new. If it is, requests
// that wait for this replica in its old role must be answered. Become ignores an assignment that is older than the
// replica's state. The response to the replica's own ISR change may have arrived before the image with that change
// (KIP-497), and an older image would bring the old ISR back.
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

// becomeLeader starts a new epoch at the end of the log, and at once adds it to the epoch cache (KAFKA-7415). It resets
// the state of the followers: a leader that also led in the previous epoch keeps their positions, but not the times at
// which they were in sync. If the epoch is not new, becomeLeader takes only the replicas, the limits and the committed
// ISR from the assignment.
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
	if newEpoch || a.PartitionEpoch > p.partitionEpoch { // otherwise the controller may still accept the change in flight
		p.lead.commit(a.ISR)
	}
	p.leaderEpoch = a.LeaderEpoch
	p.Advance(now)
	return nil
}

// becomeFollower ends the leadership. The first fetch finds out where to truncate the log (KIP-595).
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

// setHW moves the high watermark, here and in the log's producer table. The table needs it, because an ended transaction
// limits the last stable offset until its marker is below the high watermark.
func (p *Partition) setHW(hw wire.Offset) {
	p.hw = hw
	p.log.Producers().OnHighWatermarkUpdated(hw)
}

// Log returns the replica's log.
func (p *Partition) Log() *storage.Log { return p.log }

// LeaderEpoch returns the leader epoch of the last assignment, or -1 before the first.
func (p *Partition) LeaderEpoch() wire.Epoch { return p.leaderEpoch }

// PartitionEpoch returns the highest partition epoch that this replica knows.
func (p *Partition) PartitionEpoch() wire.PartitionEpoch { return p.partitionEpoch }

// HW returns the high watermark. All records below it are committed. On a follower it may lag.
func (p *Partition) HW() wire.Offset { return p.hw }

// HWReachedEpochStart reports whether a leader's high watermark has reached the start of its epoch. Before that the high
// watermark may be below the high watermark of an earlier leader (KIP-207).
func (p *Partition) HWReachedEpochStart() bool { return p.lead != nil && p.hw >= p.lead.epochStart }

// LastStableOffset returns the offset below which all records are committed and no transaction is open.
func (p *Partition) LastStableOffset() wire.Offset {
	if at, ok := p.log.Producers().FirstUnstableOffset(); ok {
		return min(at, p.hw)
	}
	return p.hw
}

// Leads reports whether this replica is the leader, as far as it knows.
func (p *Partition) Leads() bool { return p.lead != nil }

// Leader returns the leader of the last assignment, or NoNode.
func (p *Partition) Leader() wire.NodeID {
	switch {
	case p.lead != nil:
		return p.self
	case p.follow != nil:
		return p.follow.leader
	}
	return wire.NoNode
}

// ISR returns the committed ISR, or nil on a follower.
func (p *Partition) ISR() []wire.NodeID {
	if p.lead == nil {
		return nil
	}
	return slices.Clone(p.lead.isr)
}

// String formats the replica in one line, for example: orders-0 L1 e3 [0‥42) hw=40 isr=1,2
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
