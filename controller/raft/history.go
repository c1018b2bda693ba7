package raft

import (
	"samsa/exhibit"
	"samsa/sim/env"
	"samsa/wire"
)

// OldRules returns the exhibits of this package by id. The package compiles without this file.
func OldRules() []exhibit.Of[Rules] {
	return []exhibit.Of[Rules]{
		{
			ID: "K1", Source: "KAFKA-10527", Versions: "KIP-595 as first merged, before 2.7",
			Symptom: "A leader that lost the tail of its log in a power loss goes on in its epoch and writes other records at the same offsets and epoch: two logs that no comparison of epochs can tell apart.",
			Check:   "metadata-logs-match",
			// With the current flush no served record can be lost, which would hide this rule. So this exhibit needs the
			// old answer of K2, FlushFirst, too.
			Replace: func(r *Rules) { r.ResumeLead, r.FlushFirst = true, false },
		},
		{
			ID: "K2", Source: "KAFKA-10533", Versions: "KIP-595 as first merged, before 2.7",
			Symptom: "A majority that loses power together loses what was committed.",
			Check:   "metadata-complete", Replace: func(r *Rules) { r.FlushFirst = false },
		},
		{
			ID: "K3", Source: "KAFKA-12619", Versions: "2.7.0",
			Symptom: "A record of an earlier epoch is committed because a majority has it, and is then overwritten by a leader with a later epoch's.",
			Check:   "metadata-complete", Replace: func(r *Rules) { r.MayExpose = func(wire.Offset, wire.Offset) bool { return true } },
		},
		{
			ID: "K4", Source: "KAFKA-12460", Versions: "2.7.0",
			Symptom: "A follower cuts off what was committed and goes on, as if nothing had happened.",
			Check:   "metadata-never-cut", Replace: func(r *Rules) { r.MayTruncateBelow = func(wire.Offset, wire.Offset) bool { return true } },
		},
		{
			ID: "K5", Source: "KAFKA-15489", Versions: "2.7 - 3.6",
			Symptom: "A leader that hears no voter any more stays leader; clients that reach only this leader wait for ever.",
			Check:   "quorum-settles", Replace: func(r *Rules) { r.CheckQuorum = func(env.Duration) env.Duration { return 0 } },
		},
		{
			ID: "K6", Source: "KIP-996", Versions: "2.7 - 3.9",
			Symptom: "A node that comes back from isolation with a higher epoch deposes a healthy leader, again and again.",
			Check:   "quorum-settles", Replace: func(r *Rules) { r.PreVote = false },
		},
		{
			ID: "K7", Source: "KAFKA-18345", Versions: "2.7 - 4.0",
			Symptom: "Voters that campaign in step split the vote every time: no leader, for ever.",
			Check:   "quorum-settles", Replace: func(r *Rules) {
				r.ElectionTimeout = func(least, _ env.Duration) env.Duration { return least }
			},
		},
		{
			ID: "K13", Source: "Raft: the vote is durable before it is answered", Versions: "never",
			Symptom: "A voter forgets its vote in a power loss and votes again in the same epoch: two leaders.",
			Check:   "vote-once", Replace: func(r *Rules) { r.SyncVote = false },
		},
	}
}
