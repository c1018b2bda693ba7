package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// leading is the state that only a leader has. At most one ISR change is in flight:
//
//	committed(isr) ──expand, shrink──▶ pending(isr, proposed) ──controller agrees──▶ committed(proposed)
//	       ▲                              │
//	       └──── proven not applied ──────┘      an error that may hide a success: stay pending, the image will show it
type leading struct {
	self       wire.NodeID
	epochStart wire.Offset // the end of the log when the epoch began
	isr        []wire.NodeID
	pending    []wire.NodeID // the proposed ISR, nil if none is in flight
	maximalISR []wire.NodeID // computed from isr and pending; the high watermark waits for these replicas (KIP-497)
	minISR     int           // min.insync.replicas, but at most the number of replicas (KIP-966)
	lagMax     env.Duration
	followers  []followerState // all other replicas, in assignment order

	maximal func(committed, proposed []wire.NodeID) []wire.NodeID
}

// followerState is a leader's knowledge of another replica, taken from that replica's fetches (Replica).
type followerState struct {
	id                 wire.NodeID
	brokerEpoch        wire.BrokerEpoch // in its last fetch; -1 if the request had none
	hasFetched         bool             // it has fetched from this leader
	logStart           wire.Offset      // its log's start, -1 before the first fetch
	logEnd             wire.Offset      // its log's end, -1 before the first fetch
	lastFetch          env.Instant      // the time of its last fetch
	lastFetchLeaderEnd wire.Offset      // the leader's log end at that time
	lastCaughtUp       env.Instant      // the last time at which it had the leader's whole log
}

// applyAssignment takes the replicas and limits of an assignment. In a new epoch the members of the ISR have
// replica.lag.time.max.ms to fetch, and the others must fetch before they count as caught up (Replica.resetReplicaState).
// Times of an earlier epoch do not count, because they were measured against another log. A leader that did not lead in
// the previous epoch does not know the followers' positions, because the followers may have truncated their logs since.
func (l *leading) applyAssignment(a Assignment, newEpoch bool, now env.Instant) {
	l.minISR, l.lagMax = min(a.MinISR, len(a.Replicas)), a.LagMax
	longAgo := now - env.Instant(a.LagMax) - 1
	var remotes []followerState
	for _, id := range a.Replicas {
		if id == l.self {
			continue
		}
		r := followerState{id: id, brokerEpoch: -1, logStart: -1, logEnd: -1, lastCaughtUp: longAgo}
		if known := l.follower(id); known != nil {
			r = *known
			if newEpoch {
				r.lastFetchLeaderEnd, r.lastFetch, r.lastCaughtUp = l.epochStart, longAgo, longAgo
			}
		}
		if newEpoch && slices.Contains(a.ISR, id) {
			r.lastFetch, r.lastCaughtUp = now, now
		}
		remotes = append(remotes, r)
	}
	l.followers = remotes
}

// follower returns the state of another replica by its id, or nil.
func (l *leading) follower(id wire.NodeID) *followerState {
	for i := range l.followers {
		if l.followers[i].id == id {
			return &l.followers[i]
		}
	}
	return nil
}

// commit makes an ISR the committed one and ends the change in flight. It is called when the image or the controller's
// response has the result of that change.
func (l *leading) commit(isr []wire.NodeID) { l.isr = isr; l.propose(nil) }

// propose puts an ISR change in flight. If isr is nil, no change is in flight any more.
func (l *leading) propose(isr []wire.NodeID) {
	l.pending = isr
	l.maximalISR = l.maximal(l.isr, isr)
}

// inSync reports whether a follower has the whole log, or had it at some time in the last replica.lag.time.max.ms. The
// limit is a time and not a number of records, because any number is too small for a burst and too large for a partition
// with few writes (KIP-16, KAFKA-1546).
func (l *leading) inSync(r *followerState, end wire.Offset, now env.Instant) bool {
	return r.logEnd == end || now.Sub(r.lastCaughtUp) <= l.lagMax
}

// UnderMinISR reports whether the ISR is smaller than min.insync.replicas.
func (p *Partition) UnderMinISR() bool { return p.lead != nil && len(p.lead.isr) < p.lead.minISR }

// AtMinISR reports whether the ISR has exactly min.insync.replicas members, so that appends with acks=all are refused
// when one more member leaves.
func (p *Partition) AtMinISR() bool { return p.lead != nil && len(p.lead.isr) == p.lead.minISR }

// UnderReplicated reports whether a replica is missing from the ISR.
func (p *Partition) UnderReplicated() bool {
	return p.lead != nil && len(p.lead.isr) < len(p.lead.followers)+1
}

// Acknowledge returns the result of a produce request with acks=all. It is called after the high watermark has passed the
// records of the request. The result is NOT_LEADER_OR_FOLLOWER if this replica is not the leader any more, and
// NOT_ENOUGH_REPLICAS_AFTER_APPEND if the ISR shrank below the minimum after the append (KAFKA-1555). In the latter case
// the records may survive, so for the client the outcome is unknown. Acknowledge uses the maximal ISR, because the high
// watermark waited for all its members, so each of them has the records.
func (p *Partition) Acknowledge() *kerr.Error {
	switch {
	case p.lead == nil:
		return kerr.NotLeaderForPartition
	case len(p.lead.maximalISR) < p.lead.minISR:
		return kerr.NotEnoughReplicasAfterAppend
	}
	return nil
}

// DeleteRecords moves the leader's log start up to an offset, and returns that offset (Partition.deleteRecordsOnLeader).
// An offset of -1 stands for the high watermark. Followers get the new log start with their next fetch response.
func (p *Partition) DeleteRecords(d env.Disk, to wire.Offset) (wire.Offset, error) {
	switch {
	case p.lead == nil:
		return 0, kerr.NotLeaderForPartition
	case !p.log.Config().Delete:
		return 0, kerr.PolicyViolation
	case to == -1:
		to = p.hw
	}
	if to < 0 || to > p.hw {
		return 0, kerr.OffsetOutOfRange
	}
	_, err := p.log.AdvanceStart(d, to, p.hw)
	return to, err
}

// LowWatermark returns the lowest log start of all replicas on registered, unfenced brokers. Records below it are deleted on
// each of these replicas.
func (p *Partition) LowWatermark() wire.Offset {
	low := p.log.Start()
	if p.lead != nil {
		for i := range p.lead.followers {
			if r := &p.lead.followers[i]; r.logStart < low && p.registry.Registered(r.id) >= 0 {
				low = r.logStart
			}
		}
	}
	return low
}

// Advance moves the high watermark, and reports whether it moved. The high watermark is the lowest log end of the maximal
// ISR and of the followers that have caught up and are about to join. If it did not wait for these followers, they would
// never reach it (KIP-497, KAFKA-13916). The high watermark does not move while the ISR is smaller than
// min.insync.replicas. A record on too few replicas may be lost together with those replicas, so it must not become
// visible to consumers (KIP-966). The high watermark never decreases within an epoch, so a visible record stays visible.
func (p *Partition) Advance(now env.Instant) bool {
	if p.lead == nil {
		return false
	}
	l, end := p.lead, p.log.End()
	if !p.rules.MayAdvanceHW(len(l.isr), l.minISR) {
		return false
	}
	hw := end
	for i := range l.followers {
		r := &l.followers[i]
		if r.logEnd < hw && (slices.Contains(l.maximalISR, r.id) || l.inSync(r, end, now) && p.eligible(r)) {
			hw = r.logEnd
		}
	}
	if hw <= p.hw {
		return false
	}
	p.setHW(hw)
	return true
}
