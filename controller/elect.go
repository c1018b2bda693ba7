package controller

import (
	"slices"

	"samsa/controller/image"
	"samsa/wire"
)

// This file builds the change of one partition: its ISR, its ELR and its leader. Every change of a leader or an ISR is
// built here, whether a broker is fenced or unfenced, a leader proposes it, an operator requests it, or a timer fires.
//
//	target ISR ──targetELR──▶ ELR ──electLeader──▶ leader ──build──▶ PartitionChangeRecord, or nothing to change
//	                                                         └─recordELR: the ELR and the last known leader

// election says which replicas may be elected, and in which order (PartitionChangeBuilder.Election).
type election uint8

const (
	online    election = iota // a replica in the ISR or ELR; the current leader comes first
	preferred                 // a replica in the ISR or ELR; the preferred replica comes first
	unclean                   // like online, but any active replica if none of those is active
)

// changeBuilder builds one change of one partition (PartitionChangeBuilder). decisionState.newChange makes the builder.
//
// With eligible leader replicas (KIP-966) the ISR may become empty:
//
//	ISR                 the replicas that are in sync now
//	ELR                 the replicas that left the ISR when it fell below min.insync.replicas, or later; since then no
//	                    record has been committed, so these replicas have every committed record
//	last known leader   the last leader, while ISR and ELR are both empty
//
// Without eligible leader replicas, the last member of an ISR is never removed, so that the partition keeps a replica
// with all committed records. But that replica is elected even if it has lost records in a power loss. The ELR and the
// detection of unclean shutdowns prevent that.
type changeBuilder struct {
	p               *image.Partition
	isr             []wire.NodeID            // target
	recovery        wire.LeaderRecoveryState // target
	mayLead         func(wire.NodeID) bool   // whether a broker may lead, by its registration (isAcceptableLeader)
	election        election
	uncleanShutdown wire.NodeID // a broker that had an unclean shutdown and may have lost records; or NoNode
	bump            bool        // a smaller ISR raises the leader epoch
	elr             bool        // eligible leader replicas are enabled
	minISR          int
	rules           *Rules
}

// newChange returns a builder with the current state of the partition as its target.
func (s decisionState) newChange(t *image.Topic, p *image.Partition) changeBuilder {
	b := changeBuilder{p: p, isr: p.ISR, recovery: p.Recovery, mayLead: s.active, uncleanShutdown: wire.NoNode, elr: s.elr(), minISR: s.minISR(t), rules: s.rules}
	b.bump = s.Feature(metadataFeature) < withPlainShrink
	if s.unclean(t.Name) {
		b.election = unclean
	}
	return b
}

// build returns the record of the change, or nil if nothing changes.
func (b changeBuilder) build() *wire.PartitionChangeRecord {
	p, r := b.p, wire.NewPartitionChange(b.p.Topic, b.p.Partition)
	elr := b.targetELR()
	leader, dirty := b.electLeader(elr)
	isr := b.isr
	switch {
	case leader == p.Leader:
	case dirty:
		isr = []wire.NodeID{leader}
	case slices.Contains(elr, leader):
		isr, elr = []wire.NodeID{leader}, without(elr, leader)
	}
	if leader != p.Leader {
		r.Leader = leader
		if dirty { // the new leader is RECOVERING until it first changes the ISR itself (KIP-704)
			elr, b.recovery = nil, wire.Recovering
		}
	}
	if !slices.Equal(isr, p.ISR) && (len(isr) > 0 || b.elr) {
		r.ISR = nonNil(isr)
	}
	if b.bump && r.Leader == wire.LeaderUnchanged && r.ISR != nil && len(without(p.ISR, r.ISR...)) > 0 {
		// Brokers before 3.6 ignored a change that did not raise the leader epoch, and missed the shrink (KAFKA-15021).
		r.Leader = p.Leader
	}
	if b.recovery != p.Recovery {
		r.LeaderRecoveryState = b.recovery
	}
	b.recordELR(r, elr)
	if r.ISR == nil && r.Leader == wire.LeaderUnchanged && r.LeaderRecoveryState == wire.RecoveryUnchanged && r.ELR == nil && r.LastKnownELR == nil {
		return nil
	}
	return r
}

// targetELR returns the ELR for the target ISR (KIP-966). While the ISR has at least min.insync.replicas members, the
// ELR is empty. Otherwise it has the replicas that have left the ISR since it fell below that number, except those that
// had an unclean shutdown. The replicas in the ELR have every committed record, because the high watermark does not
// advance while the ISR is below min.insync.replicas.
func (b changeBuilder) targetELR() []wire.NodeID {
	if !b.elr {
		return b.p.ELR // this ELR is from a time when the feature was on; its members may lead, and recordELR clears it
	}
	if len(b.isr) >= b.minISR {
		return nil
	}
	var elr []wire.NodeID
	for _, id := range b.p.Replicas { // in the order of Replicas
		if (slices.Contains(b.p.ELR, id) || b.p.InISR(id)) && !slices.Contains(b.isr, id) && id != b.uncleanShutdown {
			elr = append(elr, id)
		}
	}
	return elr
}

// electLeader elects the leader (PartitionChangeBuilder.electLeader). A replica is valid if it is active and in the ISR,
// or in the ELR if the ISR is empty (KIP-966). A preferred election elects the preferred replica if it is valid.
// Otherwise the current leader is kept if it is valid, even in an unclean election, because every new leader costs the
// clients a metadata update. Otherwise the first valid replica is elected. If no replica is valid, the last known leader
// is elected if it is active (KAFKA-19522). Otherwise an unclean election elects the first active replica, and records
// may be lost.
func (b changeBuilder) electLeader(elr []wire.NodeID) (leader wire.NodeID, dirty bool) {
	valid := func(id wire.NodeID) bool {
		return (slices.Contains(b.isr, id) || len(b.isr) == 0 && slices.Contains(elr, id)) && b.mayLead(id)
	}
	if b.election == preferred && valid(b.p.Replicas[0]) {
		return b.p.Replicas[0], false
	}
	if b.p.Leader != wire.NoNode && valid(b.p.Leader) {
		return b.p.Leader, false
	}
	if i := slices.IndexFunc(b.p.Replicas, valid); i >= 0 {
		return b.p.Replicas[i], false
	}
	if last := b.p.LastKnown; b.elr && len(b.isr) == 0 && len(elr) == 0 && len(last) == 1 && b.rules.MayLeadLastKnown(b.mayLead(last[0])) {
		return last[0], true
	}
	if i := slices.IndexFunc(b.p.Replicas, b.mayLead); i >= 0 && b.election == unclean {
		return b.p.Replicas[i], true
	}
	return wire.NoNode, false
}

// CanBeLed reports whether a leader could be elected for a partition. The function active reports whether a broker is
// active. The argument elr enables eligible leader replicas, and uncleanly allows unclean elections.
func CanBeLed(rules *Rules, p *image.Partition, elr, uncleanly bool, active func(wire.NodeID) bool) bool {
	b := changeBuilder{p: p, isr: p.ISR, mayLead: active, uncleanShutdown: wire.NoNode, elr: elr, rules: rules}
	if uncleanly {
		b.election = unclean
	}
	leader, _ := b.electLeader(p.ELR)
	return leader != wire.NoNode
}

// recordELR puts the ELR and the last known leader into the record.
func (b changeBuilder) recordELR(r *wire.PartitionChangeRecord, elr []wire.NodeID) {
	p := b.p
	if !b.elr {
		elr = nil
	}
	if !slices.Equal(elr, p.ELR) {
		r.ELR = nonNil(elr)
	}
	if b.elr {
		led := r.Leader >= 0 || p.Leader != wire.NoNode && r.Leader != wire.NoNode
		switch {
		case r.ISR != nil && len(r.ISR) == 0 && p.Leader != wire.NoNode && !slices.Equal(p.LastKnown, []wire.NodeID{p.Leader}):
			r.LastKnownELR = []wire.NodeID{p.Leader}
		case led && len(p.LastKnown) > 0:
			r.LastKnownELR = nonNil(nil)
		}
	}
	if r.ELR != nil || r.LastKnownELR != nil {
		r.Version = 2
	}
}

// nonNil returns an empty list instead of nil, because nil in a record means "unchanged".
func nonNil(ids []wire.NodeID) []wire.NodeID {
	if ids == nil {
		return []wire.NodeID{}
	}
	return ids
}

func without(ids []wire.NodeID, gone ...wire.NodeID) []wire.NodeID {
	return slices.DeleteFunc(slices.Clone(ids), func(id wire.NodeID) bool { return slices.Contains(gone, id) })
}
