package replication

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Asked is what a fetch says of one partition.
type Asked struct {
	Follower    wire.NodeID      // NoNode is a consumer
	BrokerEpoch wire.BrokerEpoch // of the follower's incarnation, -1 if it names none
	Next        wire.Offset      // where it wants to read on
	Start       wire.Offset      // a follower's log start
	Epoch       wire.Epoch       // the leader epoch it lives in, NoEpoch if it names none (KIP-320)
	LastEpoch   wire.Epoch       // of its last record, NoEpoch if it names none (KIP-595)
	Committed   bool             // a consumer wants committed transactions only
}

// Grant is what a leader makes of it.
type Grant struct {
	Err      *kerr.Error
	Diverges bool         // no records: the asker must cut its log
	Mark     storage.Mark // Diverges: where
	Bound    wire.Offset  // else it may read up to here
}

// CheckLeader is for the other requests that only a leader of the asker's epoch answers (ListOffsets,
// OffsetForLeaderEpoch): nil if that is us. An answer out of another epoch would be about another log (KIP-320).
func (p *Partition) CheckLeader(asked wire.Epoch) *kerr.Error {
	if err := admit(asked, p.epoch).err(); err != nil {
		return err
	}
	if p.lead == nil {
		return kerr.NotLeaderForPartition
	}
	return nil
}

// Grant judges one partition of a fetch (Partition.fetchRecords). It changes nothing; see Fetched.
func (p *Partition) Grant(a Asked) Grant {
	admission := p.rules.Admit(a.Epoch, p.epoch)
	follower := a.Follower != wire.NoNode
	switch err := admission.err(); {
	case err != nil:
		return Grant{Err: err}
	case p.lead == nil:
		return Grant{Err: kerr.NotLeaderForPartition}
	case follower && p.lead.remote(a.Follower) == nil && a.Epoch == wire.NoEpoch:
		return Grant{Err: kerr.NotLeaderForPartition}
	case follower && p.lead.remote(a.Follower) == nil:
		// Not a replica as far as we have heard, but it may have heard more: let it try again (KAFKA-13837).
		return Grant{Err: kerr.UnknownLeaderEpoch}
	}
	if a.LastEpoch != wire.NoEpoch && admission != Believed {
		mark, known := p.log.EndOffsetFor(a.LastEpoch)
		if !known || a.Next < p.log.Start() { // also when the logs diverge: what we had there is gone (KAFKA-12996)
			return Grant{Err: kerr.OffsetOutOfRange}
		}
		mark = p.rules.EpochEnd(a.LastEpoch, mark)
		if mark.Epoch < a.LastEpoch || mark.End < a.Next {
			return Grant{Diverges: true, Mark: mark}
		}
	}
	if a.Next < p.log.Start() || a.Next > p.log.End() && admission != Believed {
		return Grant{Err: kerr.OffsetOutOfRange}
	}
	return Grant{Bound: p.bound(a)}
}

// bound is up to where the asker may read: a follower everything, for only its copy makes it committed; a consumer what is
// committed, for anything above may be cut off by the next leader; and of transactions only what is decided (KIP-98).
func (p *Partition) bound(a Asked) wire.Offset {
	switch {
	case a.Follower != wire.NoNode:
		return p.log.End()
	case a.Committed:
		return p.Stable()
	}
	return p.hw
}

// Fetched takes in where a follower stands, once for each request, behind the read: a request that is looked at again when
// it has been parked says nothing new of its sender, who may have lost its log since. A late request of an earlier
// incarnation is refused: what it had, the one that is registered now may not have (KIP-903). It says whether the follower's
// position is news.
func (p *Partition) Fetched(a Asked, g Grant, now env.Instant) (news bool, err *kerr.Error) {
	r := p.lead.remote(a.Follower)
	if g.Err != nil || r == nil || !p.rules.Counts(g.Diverges) {
		return false, nil
	}
	if a.BrokerEpoch != -1 && p.registry.Registered(a.Follower) > a.BrokerEpoch {
		return false, kerr.NotLeaderForPartition
	}
	switch end := p.log.End(); {
	case a.Next >= end:
		r.caughtUp = max(r.caughtUp, now)
	case a.Next >= r.leaderEnd:
		// The follower has reached the log end of its previous fetch. Under load it never has the whole log, and would leave the
		// ISR for the records of one round trip (KAFKA-4485). The quorum's leader has the same rule, on the wall clock and for an
		// observer's LastCaughtUpTimestamp (controller/raft/serve.go).
		r.caughtUp = max(r.caughtUp, r.fetched)
	}
	news = r.end != a.Next || r.start != a.Start
	r.brokerEpoch, r.seen = a.BrokerEpoch, true
	r.start, r.end, r.fetched, r.leaderEnd = a.Start, a.Next, now, max(r.leaderEnd, p.log.End())
	return news, nil
}
