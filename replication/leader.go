package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/broker/storage"
	"samsa/sim/env"
	"samsa/wire"
)

// leading is what only a leader knows. One ISR change at a time:
//
//	committed(isr) ──Propose──▶ pending(isr, proposed) ──controller agrees──▶ committed(proposed)
//	       ▲                        │
//	       └─ surely not applied ───┘      an answer that may hide a success: stay pending and wait for the image
type leading struct {
	start   wire.Offset // end of the log when the epoch began
	isr     []wire.NodeID
	pending []wire.NodeID // the proposed ISR, nil if none is in flight
	minISR  int
	lagMax  env.Duration
	remotes []remote // every other replica, in assignment order
}

// remote is what a leader knows of another replica, from its fetches.
type remote struct {
	id          wire.NodeID
	brokerEpoch wire.BrokerEpoch // of the incarnation that fetched last, -1 before the first fetch
	end         wire.Offset      // its log's end, -1 before the first fetch
	fetched     env.Instant      // when it fetched last
	leaderEnd   wire.Offset      // our end at that fetch
	caughtUp    env.Instant      // when it last had all we had
}

// take takes over an assignment. Members of the ISR get a full lag time to show up.
func (l *leading) take(self wire.NodeID, a Assignment, now env.Instant) {
	l.minISR, l.lagMax = min(a.MinISR, len(a.Replicas)), a.LagMax
	var remotes []remote
	for _, id := range a.Replicas {
		if id == self {
			continue
		}
		r := remote{id: id, brokerEpoch: -1, end: -1, caughtUp: now - env.Instant(a.LagMax) - 1}
		if slices.Contains(a.ISR, id) {
			r.caughtUp = now
		}
		if i := slices.IndexFunc(l.remotes, func(r remote) bool { return r.id == id }); i >= 0 {
			r = l.remotes[i]
		}
		remotes = append(remotes, r)
	}
	l.remotes = remotes
}

// commit makes an ISR the committed one. It ends a change in flight: the image shows what became of it.
func (l *leading) commit(isr []wire.NodeID) { l.isr, l.pending = isr, nil }

// maximal is every replica that may be in the ISR, whatever becomes of the change in flight. The high watermark waits
// for all of them: the controller may elect any (KIP-497).
func (l *leading) maximal(id wire.NodeID) bool {
	return slices.Contains(l.isr, id) || slices.Contains(l.pending, id)
}

// inSync tells whether a replica has everything, or had it within the lag time.
func (l *leading) inSync(r *remote, end wire.Offset, now env.Instant) bool {
	return r.end == end || now.Sub(r.caughtUp) <= l.lagMax
}

// Append writes a client's batches. With acks=all it refuses while the ISR is too small to promise anything.
func (p *Partition) Append(d env.Disk, records []byte, acks int16, wall env.Time) (storage.Appended, error) {
	if p.lead == nil {
		return storage.Appended{}, kerr.NotLeaderForPartition
	}
	if acks == -1 && len(p.lead.isr) < p.lead.minISR {
		return storage.Appended{}, kerr.NotEnoughReplicas
	}
	return p.log.AppendAsLeader(d, records, p.epoch, storage.OriginClient, wall)
}

// EnoughReplicas tells whether a committed record may be acknowledged to acks=all.
func (p *Partition) EnoughReplicas() bool { return p.lead != nil && len(p.lead.isr) >= p.lead.minISR }

// Fetched takes in where a follower stands. A fetch that diverged must not come here: its offset is not one of ours
// (KAFKA-13141).
func (p *Partition) Fetched(from wire.NodeID, brokerEpoch wire.BrokerEpoch, next wire.Offset, now env.Instant) {
	for i := range p.lead.remotes {
		r := &p.lead.remotes[i]
		if r.id != from {
			continue
		}
		switch end := p.log.End(); {
		case next >= end:
			r.caughtUp = max(r.caughtUp, now)
		case next >= r.leaderEnd:
			r.caughtUp = max(r.caughtUp, r.fetched) // it had all when it fetched before
		}
		r.brokerEpoch, r.end, r.fetched, r.leaderEnd = brokerEpoch, next, now, p.log.End()
		p.advance(now)
		return
	}
}

// Advance moves the high watermark as far as it may go, and says whether it moved.
func (p *Partition) Advance(now env.Instant) bool { return p.lead != nil && p.advance(now) }

// advance sets the high watermark to the least end of the log over everyone who may be in the ISR, and over those who
// are about to join it. Below min.insync.replicas it stands still (KIP-966).
func (p *Partition) advance(now env.Instant) bool {
	l, end := p.lead, p.log.End()
	if len(l.isr) < l.minISR {
		return false
	}
	hw := end
	for i := range l.remotes {
		if r := &l.remotes[i]; r.end < hw && (l.maximal(r.id) || r.end >= 0 && l.inSync(r, end, now)) {
			hw = r.end
		}
	}
	if hw <= p.hw {
		return false
	}
	p.setHW(hw)
	return true
}

// Proposal is an ISR change for the controller: compare-and-set on the epochs.
type Proposal struct {
	Epoch   wire.Epoch
	Version wire.PartitionEpoch
	ISR     []Member
}

// Member is a proposed ISR member with the incarnation that was seen to be in sync (KIP-903); -1 is the leader's own.
type Member struct {
	ID          wire.NodeID
	BrokerEpoch wire.BrokerEpoch
}

// Propose starts an ISR change if one is due and none is in flight: out with who lags, else in with who caught up. A
// replica may join when it has everything up to the high watermark and to the start of this epoch (KAFKA-7128), and
// eligible says that the controller would have that incarnation.
func (p *Partition) Propose(now env.Instant, eligible func(wire.NodeID, wire.BrokerEpoch) bool) (Proposal, bool) {
	if p.lead == nil || p.lead.pending != nil {
		return Proposal{}, false
	}
	l := p.lead
	isr := p.withoutLaggards(now)
	if len(isr) == len(l.isr) {
		for i := range l.remotes {
			if r := &l.remotes[i]; !slices.Contains(isr, r.id) && r.end >= max(p.hw, l.start) && eligible(r.id, r.brokerEpoch) {
				isr = append(isr, r.id)
			}
		}
		if len(isr) == len(l.isr) {
			return Proposal{}, false
		}
	}
	l.pending = isr
	return p.proposal(), true
}

func (p *Partition) withoutLaggards(now env.Instant) []wire.NodeID {
	l, end := p.lead, p.log.End()
	isr := slices.Clone(l.isr)
	for i := range l.remotes {
		if r := &l.remotes[i]; !l.inSync(r, end, now) {
			isr = slices.DeleteFunc(isr, func(id wire.NodeID) bool { return id == r.id })
		}
	}
	return isr
}

// proposal is the change in flight as a request carries it.
func (p *Partition) proposal() Proposal {
	out := Proposal{Epoch: p.epoch, Version: p.version}
	for _, id := range p.lead.pending {
		m := Member{id, -1}
		if i := slices.IndexFunc(p.lead.remotes, func(r remote) bool { return r.id == id }); i >= 0 {
			m.BrokerEpoch = p.lead.remotes[i].brokerEpoch
		}
		out.ISR = append(out.ISR, m)
	}
	return out
}

// Pending is the change in flight, to be asked for again.
func (p *Partition) Pending() (Proposal, bool) {
	if p.lead == nil || p.lead.pending == nil {
		return Proposal{}, false
	}
	return p.proposal(), true
}

// Altered takes the controller's answer to a proposal in. It says whether to ask again.
//
// Some errors prove that nothing was applied: back to the committed ISR. Some may hide an earlier success: stay pending,
// the image will tell. Anything else is worth another try.
func (p *Partition) Altered(asked Proposal, code int16, isr []wire.NodeID, version wire.PartitionEpoch, now env.Instant) (again bool) {
	if p.lead == nil || p.lead.pending == nil || asked.Epoch != p.epoch || asked.Version != p.version {
		return false
	}
	switch code {
	case 0:
		p.version = version
		p.lead.commit(isr)
		p.advance(now)
		return false
	case kerr.IneligibleReplica.Code, kerr.OperationNotAttempted.Code:
		p.lead.pending = nil
		return false
	case kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.FencedLeaderEpoch.Code,
		kerr.InvalidUpdateVersion.Code, kerr.InvalidRequest.Code, kerr.NewLeaderElected.Code:
		return false
	}
	return true
}
