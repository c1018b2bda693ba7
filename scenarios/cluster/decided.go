package cluster

import (
	"slices"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/wire"
)

// The answer of a rule depends only on its arguments. So each answer of an old rule can be compared with the answer of the
// current rule to the same arguments, without an effect on the run.

// compared returns rules that give the same answers as n, and report each answer that the current rule would not give. A
// rule without arguments reports its answer once.
func (n nodeRules) compared(report func(question string, always bool)) nodeRules {
	tell := func(question string) func() { return func() { report(question, false) } }
	differs := func(question string, old, current bool) {
		if old != current {
			report(question, true)
		}
	}
	b, today := &n.broker, broker.CurrentRules()
	b.Owner = two(b.Owner, today.Owner, tell("Owner"))
	b.MayLead = two(b.MayLead, today.MayLead, tell("MayLead"))
	b.MayServe = one(b.MayServe, today.MayServe, tell("MayServe"))
	b.IsCurrent = three(b.IsCurrent, today.IsCurrent, tell("IsCurrent"))
	b.Outcome = one(b.Outcome, today.Outcome, tell("Outcome"))
	differs("FailWaiting", b.FailWaiting, today.FailWaiting)

	r, now := &b.Replication, today.Replication
	r.TruncateOnFollow = two(r.TruncateOnFollow, now.TruncateOnFollow, tell("TruncateOnFollow"))
	r.EpochEnd = two(r.EpochEnd, now.EpochEnd, tell("EpochEnd"))
	r.Admit = two(r.Admit, now.Admit, tell("Admit"))
	r.MayJoin = three(r.MayJoin, now.MayJoin, tell("MayJoin"))
	r.PositionCounts = one(r.PositionCounts, now.PositionCounts, tell("PositionCounts"))
	r.MayAdvanceHW = two(r.MayAdvanceHW, now.MayAdvanceHW, tell("MayAdvanceHW"))
	r.SameIncarnation = two(r.SameIncarnation, now.SameIncarnation, tell("SameIncarnation"))
	maximal, differ := r.MaximalISR, tell("MaximalISR")
	r.MaximalISR = func(committed, proposed []wire.NodeID) []wire.NodeID {
		all := maximal(committed, proposed)
		if !slices.Equal(all, now.MaximalISR(committed, proposed)) {
			differ()
		}
		return all
	}

	s, stored := b.Storage, today.Storage
	differs("TakeMarkerFirst", s.TakeMarkerFirst, stored.TakeMarkerFirst)
	differs("TrimEpochsAtEnd", s.TrimEpochsAtEnd, stored.TrimEpochsAtEnd)
	differs("FailOnIndexError", s.FailOnIndexError, stored.FailOnIndexError)
	differs("StayOffline", s.StayOffline, stored.StayOffline)
	differs("SyncSnapshots", s.SyncSnapshots, stored.SyncSnapshots)
	differs("ReloadProducers", s.ReloadProducers, stored.ReloadProducers)
	differs("BoundFollowerEpoch", s.BoundFollowerEpoch, stored.BoundFollowerEpoch)
	differs("DurableNames", s.DurableNames, stored.DurableNames)

	n.compareControllers(tell, differs)
	return n
}

// compareControllers does the same as compared for the rules of controllers and their quorum.
func (n *nodeRules) compareControllers(tell func(string) func(), differs func(question string, old, current bool)) {
	k, today := &n.controller, controller.CurrentRules()
	k.MayJoinISR = one(k.MayJoinISR, today.MayJoinISR, tell("MayJoinISR"))
	k.SameIncarnation = two(k.SameIncarnation, today.SameIncarnation, tell("SameIncarnation"))
	k.Outdated = two(k.Outdated, today.Outdated, tell("Outdated"))
	k.CleanRestart = two(k.CleanRestart, today.CleanRestart, tell("CleanRestart"))
	k.MayLeadLastKnown = one(k.MayLeadLastKnown, today.MayLeadLastKnown, tell("MayLeadLastKnown"))
	differs("LeaveOnRestart", k.LeaveOnRestart, today.LeaveOnRestart)
	differs("RefuseDuplicate", k.RefuseDuplicate, today.RefuseDuplicate)
	differs("AnswerCommitted", k.AnswerCommitted, today.AnswerCommitted)

	q, now := &n.quorum, raft.CurrentRules()
	q.MayExpose = two(q.MayExpose, now.MayExpose, tell("MayExpose"))
	q.MayTruncateBelow = two(q.MayTruncateBelow, now.MayTruncateBelow, tell("MayTruncateBelow"))
	q.CheckQuorum = one(q.CheckQuorum, now.CheckQuorum, tell("CheckQuorum"))
	q.ElectionTimeout = two(q.ElectionTimeout, now.ElectionTimeout, tell("ElectionTimeout"))
	differs("ResumeLead", q.ResumeLead, now.ResumeLead)
	differs("FlushFirst", q.FlushFirst, now.FlushFirst)
	differs("PreVote", q.PreVote, now.PreVote)
	differs("SyncVote", q.SyncVote, now.SyncVote)
}

// one, two and three return a rule that calls differ for each answer that the current rule would not have given.

func one[A any, R comparable](rule, current func(A) R, differ func()) func(A) R {
	return func(a A) R {
		r := rule(a)
		if r != current(a) {
			differ()
		}
		return r
	}
}

func two[A, B any, R comparable](rule, current func(A, B) R, differ func()) func(A, B) R {
	return func(a A, b B) R {
		r := rule(a, b)
		if r != current(a, b) {
			differ()
		}
		return r
	}
}

func three[A, B, C any, R comparable](rule, current func(A, B, C) R, differ func()) func(A, B, C) R {
	return func(a A, b B, c C) R {
		r := rule(a, b, c)
		if r != current(a, b, c) {
			differ()
		}
		return r
	}
}
