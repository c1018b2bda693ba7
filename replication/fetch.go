package replication

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// FetchState is one partition of a Fetch request.
type FetchState struct {
	Follower           wire.NodeID      // the follower's id; NoNode for a consumer
	BrokerEpoch        wire.BrokerEpoch // the follower's broker epoch; -1 if the request has none
	FetchOffset        wire.Offset
	LogStartOffset     wire.Offset // the start of the follower's log
	CurrentLeaderEpoch wire.Epoch  // the leader epoch that the sender knows; NoEpoch if the request has none (KIP-320)
	LastFetchedEpoch   wire.Epoch  // the epoch of the follower's last record; NoEpoch if the request has none (KIP-595)
	ReadCommitted      bool        // the consumer has isolation.level=read_committed
}

// FetchDecision is the leader's decision on a FetchState.
type FetchDecision struct {
	Err            *kerr.Error
	Diverges       bool                   // the follower gets no records and must truncate its log
	DivergingEpoch storage.EpochEndOffset // where to truncate, if Diverges
	MaxOffset      wire.Offset            // otherwise, only records below this offset may be read
}

// CheckLeader returns nil on the leader of the requested epoch, otherwise an error. ListOffsets and OffsetForLeaderEpoch use
// it, because a response from another epoch would be about another log (KIP-320).
func (p *Partition) CheckLeader(asked wire.Epoch) *kerr.Error {
	if err := admit(asked, p.leaderEpoch).err(); err != nil {
		return err
	}
	if p.lead == nil {
		return kerr.NotLeaderForPartition
	}
	return nil
}

// DecideFetch decides on one partition of a fetch (Partition.fetchRecords). It does not change the partition.
// UpdateFollowerFetchState then applies the follower's position.
func (p *Partition) DecideFetch(a FetchState) FetchDecision {
	admission := p.rules.Admit(a.CurrentLeaderEpoch, p.leaderEpoch)
	follower := a.Follower != wire.NoNode
	switch err := admission.err(); {
	case err != nil:
		return FetchDecision{Err: err}
	case p.lead == nil:
		return FetchDecision{Err: kerr.NotLeaderForPartition}
	case follower && p.lead.follower(a.Follower) == nil && a.CurrentLeaderEpoch == wire.NoEpoch:
		return FetchDecision{Err: kerr.NotLeaderForPartition}
	case follower && p.lead.follower(a.Follower) == nil:
		// In this leader's metadata the follower is not a replica, but the follower's metadata may be newer. So the error
		// is retriable (KAFKA-13837).
		return FetchDecision{Err: kerr.UnknownLeaderEpoch}
	}
	if a.LastFetchedEpoch != wire.NoEpoch && admission != Trusted {
		mark, known := p.log.EndOffsetFor(a.LastFetchedEpoch)
		if !known || a.FetchOffset < p.log.Start() { // even if the logs diverge (KAFKA-12996)
			return FetchDecision{Err: kerr.OffsetOutOfRange}
		}
		mark = p.rules.EpochEnd(a.LastFetchedEpoch, mark)
		if mark.Epoch < a.LastFetchedEpoch || mark.End < a.FetchOffset {
			return FetchDecision{Diverges: true, DivergingEpoch: mark}
		}
	}
	if a.FetchOffset < p.log.Start() || a.FetchOffset > p.log.End() && admission != Trusted {
		return FetchDecision{Err: kerr.OffsetOutOfRange}
	}
	return FetchDecision{MaxOffset: p.maxOffset(a)}
}

// maxOffset returns the offset below which a fetch may read. For a follower it is the log end, because the follower's copy
// commits the records. For a consumer it is the high watermark, because the next leader may truncate records above it. For
// a read_committed consumer it is the last stable offset (KIP-98).
func (p *Partition) maxOffset(a FetchState) wire.Offset {
	switch {
	case a.Follower != wire.NoNode:
		return p.log.End()
	case a.ReadCommitted:
		return p.LastStableOffset()
	}
	return p.hw
}

// UpdateFollowerFetchState applies a follower's position, and reports whether the position has changed. It is called only
// when the request arrives. If it were called when a parked request is completed, the follower might have lost the end of
// its log meanwhile. A late request of an earlier incarnation is refused, because the registered incarnation may not have
// that log any more (KIP-903).
func (p *Partition) UpdateFollowerFetchState(a FetchState, g FetchDecision, now env.Instant) (news bool, err *kerr.Error) {
	r := p.lead.follower(a.Follower)
	if g.Err != nil || r == nil || !p.rules.PositionCounts(g.Diverges) {
		return false, nil
	}
	if a.BrokerEpoch != -1 && p.registry.Registered(a.Follower) > a.BrokerEpoch {
		return false, kerr.NotLeaderForPartition
	}
	switch end := p.log.End(); {
	case a.FetchOffset >= end:
		r.lastCaughtUp = max(r.lastCaughtUp, now)
	case a.FetchOffset >= r.lastFetchLeaderEnd:
		// The follower has all records that the leader had at the time of the follower's previous fetch, and counts as
		// caught up at that time. Under load it always lacks the records of one round trip, and without this rule it
		// would leave the ISR (KAFKA-4485). The quorum's leader has the same rule with the wall clock, for
		// LastCaughtUpTimestamp (controller/raft/serve.go).
		r.lastCaughtUp = max(r.lastCaughtUp, r.lastFetch)
	}
	news = r.logEnd != a.FetchOffset || r.logStart != a.LogStartOffset
	r.brokerEpoch, r.hasFetched = a.BrokerEpoch, true
	r.logStart, r.logEnd, r.lastFetch, r.lastFetchLeaderEnd = a.LogStartOffset, a.FetchOffset, now, max(r.lastFetchLeaderEnd, p.log.End())
	return news, nil
}
