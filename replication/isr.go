package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Proposal is an ISR change for the controller: compare-and-set on the epochs (KIP-497).
type Proposal struct {
	Epoch   wire.Epoch
	Version wire.PartitionEpoch
	ISR     []Member
}

// Member is a proposed ISR member with the incarnation that was seen to be in sync (KIP-903); -1 is the leader's own, or
// that of a member which this leader has not heard yet: if that one restarts, the partition epoch tells.
type Member struct {
	ID          wire.NodeID
	BrokerEpoch wire.BrokerEpoch
}

// eligible tells whether the controller would have a replica in the ISR, as far as this broker knows: it fetched here,
// is in service, and its registered incarnation is the one that fetched (KIP-841, KIP-903).
func (p *Partition) eligible(r *remote) bool {
	return r.seen && p.registry.InService(r.id) && p.rules.SameIncarnation(r.brokerEpoch, p.registry.Registered(r.id))
}

// Join proposes a replica that just fetched for the ISR, if it may join and no change is in flight: two at once would need
// a maximal ISR of every outcome, and the controller would refuse the second for its partition epoch anyway (KIP-497).
func (p *Partition) Join(id wire.NodeID) (Proposal, bool) {
	l := p.lead
	if l == nil || l.pending != nil || slices.Contains(l.isr, id) {
		return Proposal{}, false
	}
	r := l.remote(id)
	if r == nil || !p.eligible(r) || !p.rules.MayJoin(r.end, p.hw, l.start) {
		return Proposal{}, false
	}
	l.propose(append(slices.Clone(l.isr), id))
	return p.proposal(), true
}

// Shrink proposes to do without those who have lagged for longer than replica.lag.time.max.ms, if there are any and no
// change is in flight.
func (p *Partition) Shrink(now env.Instant) (Proposal, bool) {
	if p.lead == nil || p.lead.pending != nil {
		return Proposal{}, false
	}
	l, end := p.lead, p.log.End()
	isr := slices.DeleteFunc(slices.Clone(l.isr), func(id wire.NodeID) bool {
		r := l.remote(id)
		return r != nil && !l.inSync(r, end, now)
	})
	if len(isr) == len(l.isr) {
		return Proposal{}, false
	}
	l.propose(isr)
	p.Advance(now)
	return p.proposal(), true
}

// proposal is the change in flight as a request carries it.
func (p *Partition) proposal() Proposal {
	out := Proposal{Epoch: p.epoch, Version: p.version}
	for _, id := range p.lead.pending {
		m := Member{id, -1}
		if r := p.lead.remote(id); r != nil {
			m.BrokerEpoch = r.brokerEpoch
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

// Answer is what the controller makes of a proposal: an error, or the partition as it is now.
type Answer struct {
	Code    int16
	Epoch   wire.Epoch
	Version wire.PartitionEpoch
	ISR     []wire.NodeID
}

// Altered takes the controller's answer to a proposal in (Partition.handleAlterPartitionUpdate). It says whether to ask again.
//
// Some errors prove that nothing was applied: the controller knows the partition as we do, and would not (KIP-841). Back to
// the committed ISR. Some may hide an earlier success whose answer was lost: to go back would let the high watermark pass
// somebody who is in the ISR by now, so stay pending, the image will tell. Anything else, among it NOT_CONTROLLER from one
// that is behind us (KAFKA-14154), is worth another try. An answer of another leader epoch is the image's to tell.
func (p *Partition) Altered(asked Proposal, a Answer, now env.Instant) (again bool) {
	if p.lead == nil || p.lead.pending == nil || asked.Epoch != p.epoch || asked.Version != p.version {
		return false
	}
	switch a.Code {
	case 0:
		if a.Epoch == p.epoch && a.Version >= p.version { // an equal version: the ISR was this already
			p.version = a.Version
			p.lead.commit(a.ISR)
			p.Advance(now)
		}
		return false
	case kerr.IneligibleReplica.Code, kerr.OperationNotAttempted.Code:
		p.lead.propose(nil)
		return false
	case kerr.UnknownTopicOrPartition.Code, kerr.UnknownTopicID.Code, kerr.FencedLeaderEpoch.Code,
		kerr.InvalidUpdateVersion.Code, kerr.InvalidRequest.Code, kerr.NewLeaderElected.Code:
		return false
	}
	return true
}
