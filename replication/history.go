package replication

import (
	"samsa/exhibit"
	"samsa/storage"
	"samsa/wire"
)

// OldRules returns the exhibits of this package, by id. The package compiles without this file.
func OldRules() []exhibit.Of[Rules] {
	return []exhibit.Of[Rules]{
		{
			ID: "M1", Source: "KIP-101, KAFKA-1211", Versions: "0.8 to 0.10", Check: "acked-durable",
			Symptom: "a follower cuts its log to its own high watermark whenever the leader changes; it trails the leader's, so " +
				"acknowledged records go, and if that follower leads before it has fetched them again they are gone for good",
			Replace: func(r *Rules) {
				r.TruncateOnFollow = func(hw, _ wire.Offset) wire.Offset { return hw }
			},
		},
		{
			ID: "M2", Source: "KIP-279, KAFKA-6361", Versions: "0.11 to 1.1", Check: "logs-match",
			Symptom: "a leader that does not know the follower's last epoch says where the next one begins, as if it were the " +
				"answer; the follower keeps records that no leader has, and two replicas differ below the high watermark",
			Replace: func(r *Rules) {
				r.EpochEnd = func(asked wire.Epoch, found storage.EpochEndOffset) storage.EpochEndOffset {
					return storage.EpochEndOffset{Epoch: asked, End: found.End}
				}
			},
		},
		{
			ID: "M3", Source: "KIP-320, KAFKA-7395", Versions: "before 2.1", Check: "acked-durable",
			Symptom: "a follower that missed two changes of leadership fetches on, from the old epoch; the leader takes its position " +
				"for one in the new history and acknowledges records that this follower has others in place of",
			Replace: func(r *Rules) {
				r.Admit = func(asked, mine wire.Epoch) Admission {
					if asked == wire.NoEpoch || asked == mine {
						return Admitted
					}
					return Trusted
				}
			},
		},
		{
			ID: "M6", Source: "KAFKA-7128", Versions: "before 2.0.1", Check: "acked-durable",
			Symptom: "a replica joins the ISR as soon as it is at the new leader's high watermark, which trails; if it is elected " +
				"next, everything between there and the real high watermark is lost",
			Replace: func(r *Rules) {
				r.MayJoin = func(end, hw, _ wire.Offset) bool { return end >= hw }
			},
		},
		{
			ID: "M9", Source: "KAFKA-13141", Versions: "2.7 to 2.8.0", Check: "acked-durable",
			Symptom: "the offset of a fetch that turned out to diverge counts as progress; an old leader with a longer log of its " +
				"own joins the ISR, or lets the high watermark jump, with records that no other replica has",
			Replace: func(r *Rules) {
				r.PositionCounts = func(bool) bool { return true }
			},
		},
		{
			ID: "M20", Source: "KIP-497", Versions: "never released; what AlterPartition would be without the maximal ISR", Check: "acked-durable",
			Symptom: "while the response to an ISR expansion is on its way the high watermark passes the new member, which the controller " +
				"may already elect",
			Replace: func(r *Rules) {
				r.MaximalISR = func(committed, _ []wire.NodeID) []wire.NodeID { return committed }
			},
		},
		{
			ID: "M22", Source: "a shrink counted before the controller agrees", Versions: "never released; see KIP-497", Check: "acked-durable",
			Symptom: "an isolated leader removes all followers from its ISR and acknowledges alone, while the controller elects another",
			Replace: func(r *Rules) {
				r.MaximalISR = func(committed, proposed []wire.NodeID) []wire.NodeID {
					if proposed == nil {
						return committed
					}
					return proposed
				}
			},
		},
		{
			ID: "M24", Source: "KIP-903, KAFKA-14617", Versions: "before 3.5", Check: "acked-durable",
			Symptom: "no broker tells one incarnation of a replica from the next; it loses power while a proposal to add it is on its " +
				"way and comes back with a shorter log, and the late proposal adds it to the ISR",
			Replace: func(r *Rules) {
				r.SameIncarnation = func(_, _ wire.BrokerEpoch) bool { return true } // the controller has its own exhibit
			},
		},
		{
			ID: "M29", Source: "KIP-966", Versions: "before 4.0", Check: "reads-stable",
			Symptom: "the high watermark moves while fewer replicas than min.insync.replicas are in sync; readers see records that " +
				"another eligible leader does not have",
			Replace: func(r *Rules) {
				r.MayAdvanceHW = func(int, int) bool { return true }
			},
		},
	}
}
