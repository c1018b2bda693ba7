package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// leading is what only a leader knows. One ISR change at a time:
//
//	committed(isr) ──Join, Shrink──▶ pending(isr, proposed) ──controller agrees──▶ committed(proposed)
//	       ▲                              │
//	       └──── surely not applied ──────┘      an answer that may hide a success: stay pending and wait for the image
type leading struct {
	self    wire.NodeID
	start   wire.Offset // end of the log when the epoch began
	isr     []wire.NodeID
	pending []wire.NodeID // the proposed ISR, nil if none is in flight
	waitFor []wire.NodeID // the maximal ISR: a function of the two above
	minISR  int           // effective: never more than there are replicas, or a topic of one could never commit (KIP-966)
	lagMax  env.Duration
	remotes []remote // every other replica, in assignment order

	maximal func(committed, proposed []wire.NodeID) []wire.NodeID
}

// remote is what a leader knows of another replica, from its fetches.
type remote struct {
	id          wire.NodeID
	brokerEpoch wire.BrokerEpoch // of the incarnation that fetched last; -1 if it named none
	seen        bool             // it fetched under this leader
	start       wire.Offset      // its log's start, -1 before the first fetch
	end         wire.Offset      // its log's end, -1 before the first fetch
	fetched     env.Instant      // when it fetched last
	leaderEnd   wire.Offset      // our end at that fetch
	caughtUp    env.Instant      // when it last had all we had
}

// take takes over an assignment. In a new epoch members of the ISR get a full lag time to show up, and the others must
// fetch before they count as caught up (Replica.resetReplicaState): times of another epoch were measured against another
// log. Positions of another leader's epochs are forgotten altogether, for its followers may be cut since.
func (l *leading) take(a Assignment, newEpoch bool, now env.Instant) {
	l.minISR, l.lagMax = min(a.MinISR, len(a.Replicas)), a.LagMax
	longAgo := now - env.Instant(a.LagMax) - 1
	var remotes []remote
	for _, id := range a.Replicas {
		if id == l.self {
			continue
		}
		r := remote{id: id, brokerEpoch: -1, start: -1, end: -1, caughtUp: longAgo}
		if known := l.remote(id); known != nil {
			r = *known
			if newEpoch {
				r.leaderEnd, r.fetched, r.caughtUp = l.start, longAgo, longAgo
			}
		}
		if newEpoch && slices.Contains(a.ISR, id) {
			r.fetched, r.caughtUp = now, now
		}
		remotes = append(remotes, r)
	}
	l.remotes = remotes
}

// remote is another replica by id, or nil.
func (l *leading) remote(id wire.NodeID) *remote {
	for i := range l.remotes {
		if l.remotes[i].id == id {
			return &l.remotes[i]
		}
	}
	return nil
}

// commit makes an ISR the committed one. It ends a change in flight: the image, or the answer, shows what became of it.
func (l *leading) commit(isr []wire.NodeID) { l.isr = isr; l.propose(nil) }

// propose puts a change in flight, or with nil takes it back.
func (l *leading) propose(isr []wire.NodeID) {
	l.pending = isr
	l.waitFor = l.maximal(l.isr, isr)
}

// inSync tells whether a replica has everything, or had it within the lag time. It is a time and no number of records: any
// number is too small for a burst and too large for a partition that is hardly written to (KIP-16, KAFKA-1546).
func (l *leading) inSync(r *remote, end wire.Offset, now env.Instant) bool {
	return r.end == end || now.Sub(r.caughtUp) <= l.lagMax
}

// UnderMinISR tells whether fewer replicas are in sync than min.insync.replicas asks for.
func (p *Partition) UnderMinISR() bool { return p.lead != nil && len(p.lead.isr) < p.lead.minISR }

// AtMinISR tells whether exactly min.insync.replicas are in sync: one less, and acks=all is refused.
func (p *Partition) AtMinISR() bool { return p.lead != nil && len(p.lead.isr) == p.lead.minISR }

// UnderReplicated tells whether a replica is missing from the ISR.
func (p *Partition) UnderReplicated() bool {
	return p.lead != nil && len(p.lead.isr) < len(p.lead.remotes)+1
}

// Acknowledge judges a record that the high watermark has passed, for acks=all: nil, or NOT_ENOUGH_REPLICAS_AFTER_APPEND
// if the ISR shrank below the minimum after the append (KAFKA-1555). It may survive, and more than the minimum may have it
// by now, so for the client the outcome is open. Here everybody counts whom the high watermark waited for: they all have it.
func (p *Partition) Acknowledge() *kerr.Error {
	switch {
	case p.lead == nil:
		return kerr.NotLeaderForPartition
	case len(p.lead.waitFor) < p.lead.minISR:
		return kerr.NotEnoughReplicasAfterAppend
	}
	return nil
}

// DeleteBefore is DeleteRecords on the leader: it moves the log's start up to an offset, or with -1 to the high
// watermark. It answers the offset meant; followers hear of it with their fetches.
func (p *Partition) DeleteBefore(d env.Disk, to wire.Offset) (wire.Offset, error) {
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

// LowWatermark is the least log start of all replicas whose brokers are up: what lies below is deleted everywhere.
func (p *Partition) LowWatermark() wire.Offset {
	low := p.log.Start()
	if p.lead != nil {
		for i := range p.lead.remotes {
			if r := &p.lead.remotes[i]; r.start < low && p.registry.Registered(r.id) >= 0 {
				low = r.start
			}
		}
	}
	return low
}

// Advance sets the high watermark to the least end of the log over everyone who may be in the ISR, and over those who
// are about to join it: were they not waited for, they would never reach it (KIP-497, KAFKA-13916). Below min.insync.replicas
// it stands still: what one replica of two has must not be shown, nor forgotten with it (KIP-966). It never falls within an
// epoch: what was shown stays shown. It reports whether the high watermark moved.
func (p *Partition) Advance(now env.Instant) bool {
	if p.lead == nil {
		return false
	}
	l, end := p.lead, p.log.End()
	if !p.rules.MayCommit(len(l.isr), l.minISR) {
		return false
	}
	hw := end
	for i := range l.remotes {
		r := &l.remotes[i]
		if r.end < hw && (slices.Contains(l.waitFor, r.id) || l.inSync(r, end, now) && p.eligible(r)) {
			hw = r.end
		}
	}
	if hw <= p.hw {
		return false
	}
	p.setHW(hw)
	return true
}
