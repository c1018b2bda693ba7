package check

import "samsa/wire"

// PreVote is a candidate's request for a pre-vote (KIP-996).
type PreVote struct {
	Candidate wire.NodeID
	Epoch     wire.Epoch
	LastEpoch wire.Epoch  // the epoch of the last record in the candidate's log
	End       wire.Offset // the end of the candidate's log
}

// Refused records a voter's refusal as it is sent.
func (q PreVote) Refused(v *View, by wire.NodeID) {
	v.notify(Change{Kind: PreVoteRefused, Node: by, Voter: v.Voter(by), PreVote: q})
}

// Released records that a voter gets EndQuorumEpoch: the leader of an epoch has resigned and names its successors.
func (w *Voter) Released(leader wire.NodeID, epoch wire.Epoch) {
	w.releasedFrom, w.releasedBy = epoch, leader
}

var electionsWinnable = &Check{
	Name: "elections-winnable", Numbers: "L4/votes", Liveness: true,
	Doc: "a voter refuses a pre-vote only if the candidate's log is behind its own, if it leads, or if it follows a leader that has not resigned",
	Of:  [2]string{"refused pre-vote, for a reason", "refused pre-votes, all for a reason"},
	On:  []ChangeKind{PreVoteRefused},
	See: func(d *Tally, v *View, c *Change) {
		q, w := c.PreVote, c.Voter
		if !w.observed {
			return
		}
		d.exercised()
		l := &v.quorum.log.Replica(w.Node).Log
		last := wire.NoEpoch
		if n := len(l.epochs); n > 0 {
			last = l.epochs[n-1].Epoch
		}
		clause := ""
		switch {
		case w.Leads, q.LastEpoch < last, q.LastEpoch == last && q.End < l.End():
			return
		case w.Leader == wire.NoNode:
		case w.releasedFrom != w.Epoch || w.releasedBy != w.Leader:
			return // its fetch timeout has not expired, so the candidate alone may be cut off from the leader
		default:
			clause = v.name(w.Leader) + " has resigned and named its successors, but a follower that has fetched from it refuses pre-votes until its own timeout expires: " +
				"Kafka does so too (KAFKA-20895), see preferred-successor-waits"
		}
		d.decide(v, metadataFact(ByVoter, -1, ""), clause, v.name(w.Node), " refused a pre-vote to ", v.name(q.Candidate), " in epoch ", itoa(q.Epoch), "; the candidate's log ends at ",
			itoa(q.End), " and the voter's at ", itoa(l.End()))
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1})
		s.VoterChanged(102, VoterState{Leader: 101, Epoch: 1})
		PreVote{Candidate: 103, Epoch: 1}.Refused(s.View, 102) // it has a leader
		s.VoterChanged(102, VoterState{Leader: wire.NoNode, Epoch: 2})
		s.Appended(s.Metadata(), s.Metadata().Replica(102), Batch{Base: 0, Next: 1, Epoch: 1})
		PreVote{Candidate: 103, Epoch: 2}.Refused(s.View, 102) // it has a longer log
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(102, VoterState{Leader: wire.NoNode, Epoch: 2})
		s.tick()
		PreVote{Candidate: 103, Epoch: 2}.Refused(s.View, 102)
		return s.done()
	},
}
