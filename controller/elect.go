package controller

import (
	"slices"

	"samsa/controller/image"
	"samsa/wire"
)

// This file is one change of one partition: who is in sync after it, who is eligible, and so who leads. Whatever moves a
// leader or an ISR ends here: a broker that comes or goes, a leader's proposal, an operator, a clock.
//
//	target ISR ──eligible──▶ ELR ──elect──▶ leader ──record──▶ PartitionChangeRecord, or nothing to change
//	                                                  └─remember: the ELR and who led last

// election is how far one goes to find a leader.
type election uint8

const (
	online    election = iota // somebody who has everything; whoever leads, if that is still so
	preferred                 // the same, but rather the first replica
	unclean                   // anybody, if nobody has everything
)

// shift is one change of one partition in the making (PartitionChangeBuilder). Zero fields are filled by cluster.shift.
//
// With eligible leader replicas (KIP-966) the ISR may become empty:
//
//	ISR     in sync now
//	ELR     was in the ISR when that fell below min.insync.replicas: nothing was committed without it since then
//	last    who led last, once ISR and ELR are both empty
//
// Without them the last member of an ISR is never removed, so that the partition remembers who has everything. What that
// member loses in a power loss it is elected without: the ELR, and its unclean-shutdown detection, are there for this.
type shift struct {
	p        *image.Partition
	isr      []wire.NodeID            // target
	recovery wire.LeaderRecoveryState // target
	alive    func(wire.NodeID) bool   // may lead, as far as its registration goes
	election election
	tainted  wire.NodeID // a replica that may have lost what it had; NoNode if there is none
	bump     bool        // a shrink of the ISR begins a new leader epoch
	elr      bool
	minISR   int
	rules    *Rules
}

// shift is a change of a partition that changes nothing yet.
func (c cluster) shift(t *image.Topic, p *image.Partition) shift {
	s := shift{p: p, isr: p.ISR, recovery: p.Recovery, alive: c.active, tainted: wire.NoNode, elr: c.elr(), minISR: c.minISR(t), rules: c.rules}
	s.bump = c.Feature(metadataFeature) < withPlainShrink
	if c.unclean(t.Name) {
		s.election = unclean
	}
	return s
}

// record is the record of the change, or nil if there is nothing to change.
func (s shift) record() *wire.PartitionChangeRecord {
	p, r := s.p, wire.NewPartitionChange(s.p.Topic, s.p.Partition)
	elr := s.eligible()
	leader, dirty := s.elect(elr)
	isr := s.isr
	switch {
	case leader == p.Leader:
	case dirty:
		isr = []wire.NodeID{leader}
	case slices.Contains(elr, leader):
		isr, elr = []wire.NodeID{leader}, without(elr, leader)
	}
	if leader != p.Leader {
		r.Leader = leader
		if dirty { // it leads with what it has, and says so until its first own change of the ISR (KIP-704)
			elr, s.recovery = nil, wire.Recovering
		}
	}
	if !slices.Equal(isr, p.ISR) && (len(isr) > 0 || s.elr) {
		r.ISR = some(isr)
	}
	if s.bump && r.Leader == wire.LeaderUnchanged && r.ISR != nil && len(without(p.ISR, r.ISR...)) > 0 {
		// Brokers of that time kept a partition's state unless the leader epoch rose, and missed a shrink (KAFKA-15021).
		r.Leader = p.Leader
	}
	if s.recovery != p.Recovery {
		r.LeaderRecoveryState = s.recovery
	}
	s.remember(r, elr)
	if r.ISR == nil && r.Leader == wire.LeaderUnchanged && r.LeaderRecoveryState == wire.RecoveryUnchanged && r.ELR == nil && r.LastKnownELR == nil {
		return nil
	}
	return r
}

// eligible is the ELR that goes with the target ISR (KIP-966): empty while the ISR is large enough, else everybody who left
// since, and who still has what it had then. They have everything committed, because below min.insync.replicas the high
// watermark stands still; from the moment that it may move on they have not.
func (s shift) eligible() []wire.NodeID {
	if !s.elr {
		return s.p.ELR // from when the feature was on: one of them may lead, and any change forgets them
	}
	if len(s.isr) >= s.minISR {
		return nil
	}
	var elr []wire.NodeID
	for _, id := range s.p.Replicas { // in the order of the replicas
		if (slices.Contains(s.p.ELR, id) || s.p.InISR(id)) && !slices.Contains(s.isr, id) && id != s.tainted {
			elr = append(elr, id)
		}
	}
	return elr
}

// elect chooses the leader (PartitionChangeBuilder.electLeader): the current one if it is valid, else the first valid
// replica, where valid means alive, and in sync or, if nobody is in sync, eligible (KIP-966). Then, as a last resort that may
// lose records, the last known leader (KAFKA-19522: only if it lives), and if the topic allows it anybody who is alive. A
// valid leader stays also in an unclean election: every change of leader costs its clients a round of metadata.
func (s shift) elect(elr []wire.NodeID) (leader wire.NodeID, dirty bool) {
	valid := func(id wire.NodeID) bool {
		return (slices.Contains(s.isr, id) || len(s.isr) == 0 && slices.Contains(elr, id)) && s.alive(id)
	}
	if s.election == preferred && valid(s.p.Replicas[0]) {
		return s.p.Replicas[0], false
	}
	if s.p.Leader != wire.NoNode && valid(s.p.Leader) {
		return s.p.Leader, false
	}
	if i := slices.IndexFunc(s.p.Replicas, valid); i >= 0 {
		return s.p.Replicas[i], false
	}
	if last := s.p.LastKnown; s.elr && len(s.isr) == 0 && len(elr) == 0 && len(last) == 1 && s.rules.MayLeadLastKnown(s.alive(last[0])) {
		return last[0], true
	}
	if i := slices.IndexFunc(s.p.Replicas, s.alive); i >= 0 && s.election == unclean {
		return s.p.Replicas[i], true
	}
	return wire.NoNode, false
}

// remember puts the ELR and the last known leader into the record. An election that made an ISR of one forgets the ELR.
func (s shift) remember(r *wire.PartitionChangeRecord, elr []wire.NodeID) {
	p := s.p
	if !s.elr {
		elr = nil
	}
	if !slices.Equal(elr, p.ELR) {
		r.ELR = some(elr)
	}
	if s.elr {
		led := r.Leader >= 0 || p.Leader != wire.NoNode && r.Leader != wire.NoNode
		switch {
		case r.ISR != nil && len(r.ISR) == 0 && p.Leader != wire.NoNode && !slices.Equal(p.LastKnown, []wire.NodeID{p.Leader}):
			r.LastKnownELR = []wire.NodeID{p.Leader}
		case led && len(p.LastKnown) > 0:
			r.LastKnownELR = some(nil)
		}
	}
	if r.ELR != nil || r.LastKnownELR != nil {
		r.Version = 2
	}
}

// some is a list that says "empty" where nil would say "unchanged".
func some(ids []wire.NodeID) []wire.NodeID {
	if ids == nil {
		return []wire.NodeID{}
	}
	return ids
}

func without(ids []wire.NodeID, gone ...wire.NodeID) []wire.NodeID {
	return slices.DeleteFunc(slices.Clone(ids), func(id wire.NodeID) bool { return slices.Contains(gone, id) })
}
