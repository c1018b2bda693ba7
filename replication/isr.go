package replication

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Proposal is an ISR change for the controller (AlterPartition). The controller applies it only if both epochs are current
// (KIP-497).
type Proposal struct {
	LeaderEpoch    wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	ISR            []Member
}

// Member is a proposed member of the ISR with the broker epoch of its last fetch (KIP-903). The epoch is -1 for the
// leader itself, and for a member that has not fetched from this leader. If such a member restarts meanwhile, the
// controller removes it from the ISR, so the partition epoch of the proposal is stale.
type Member struct {
	ID          wire.NodeID
	BrokerEpoch wire.BrokerEpoch
}

// eligible reports whether the controller would accept a follower into the ISR, as far as this broker knows. The
// follower must have fetched, it must be neither fenced nor shutting down, and its registered incarnation must be the
// one that fetched (KIP-841, KIP-903).
func (p *Partition) eligible(r *followerState) bool {
	return r.hasFetched && p.registry.InService(r.id) && p.rules.SameIncarnation(r.brokerEpoch, p.registry.Registered(r.id))
}

// ProposeExpand proposes an ISR with one more follower, which has just fetched, if the follower may join and no change is
// in flight. Two changes in flight would need a maximal ISR for every outcome, and the controller would refuse the second
// one because of its old partition epoch (KIP-497).
func (p *Partition) ProposeExpand(id wire.NodeID) (Proposal, bool) {
	l := p.lead
	if l == nil || l.pending != nil || slices.Contains(l.isr, id) {
		return Proposal{}, false
	}
	r := l.follower(id)
	if r == nil || !p.eligible(r) || !p.rules.MayJoin(r.logEnd, p.hw, l.epochStart) {
		return Proposal{}, false
	}
	l.propose(append(slices.Clone(l.isr), id))
	return p.proposal(), true
}

// ProposeShrink proposes an ISR without the followers that have lagged for longer than replica.lag.time.max.ms, if there
// are any and no change is in flight.
func (p *Partition) ProposeShrink(now env.Instant) (Proposal, bool) {
	if p.lead == nil || p.lead.pending != nil {
		return Proposal{}, false
	}
	l, end := p.lead, p.log.End()
	isr := slices.DeleteFunc(slices.Clone(l.isr), func(id wire.NodeID) bool {
		r := l.follower(id)
		return r != nil && !l.inSync(r, end, now)
	})
	if len(isr) == len(l.isr) {
		return Proposal{}, false
	}
	l.propose(isr)
	p.Advance(now)
	return p.proposal(), true
}

// proposal returns the change in flight in the form of an AlterPartition request.
func (p *Partition) proposal() Proposal {
	out := Proposal{LeaderEpoch: p.leaderEpoch, PartitionEpoch: p.partitionEpoch}
	for _, id := range p.lead.pending {
		m := Member{id, -1}
		if r := p.lead.follower(id); r != nil {
			m.BrokerEpoch = r.brokerEpoch
		}
		out.ISR = append(out.ISR, m)
	}
	return out
}

// Pending returns the change in flight, to send or retry the request.
func (p *Partition) Pending() (Proposal, bool) {
	if p.lead == nil || p.lead.pending == nil {
		return Proposal{}, false
	}
	return p.proposal(), true
}

// AlterPartitionResult is the controller's response to a proposal: an error, or the partition's new state.
type AlterPartitionResult struct {
	ErrorCode      int16
	LeaderEpoch    wire.Epoch
	PartitionEpoch wire.PartitionEpoch
	ISR            []wire.NodeID
}

// HandleAlterPartitionResult applies the controller's response to a proposal (Partition.handleAlterPartitionUpdate), and
// reports whether to send the request again.
//
// Some errors prove that nothing was applied, because the controller has the same partition epoch and refused (KIP-841).
// The leader then goes back to the committed ISR. Other errors may hide an earlier success, of which the response was
// lost. If the leader went back to the committed ISR, the high watermark could pass a replica that is in the ISR by now,
// so the change stays pending until the image shows it. All remaining errors are retried, among them NOT_CONTROLLER from
// a controller that lags (KAFKA-14154). A response with another leader epoch changes nothing, because the image will
// bring that epoch.
func (p *Partition) HandleAlterPartitionResult(asked Proposal, a AlterPartitionResult, now env.Instant) (again bool) {
	if p.lead == nil || p.lead.pending == nil || asked.LeaderEpoch != p.leaderEpoch || asked.PartitionEpoch != p.partitionEpoch {
		return false
	}
	switch a.ErrorCode {
	case 0:
		if a.LeaderEpoch == p.leaderEpoch && a.PartitionEpoch >= p.partitionEpoch { // equal if the ISR did not change
			p.partitionEpoch = a.PartitionEpoch
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
