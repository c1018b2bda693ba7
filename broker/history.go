package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/exhibit"
	"samsa/wire"
)

// OldRules are the exhibits of this package, by id. Deleting this file leaves the package compiling.
func OldRules() []exhibit.Of[Rules] {
	return []exhibit.Of[Rules]{
		{
			ID: "M10", Source: "KAFKA-13207", Versions: "2.7 to 2.8", Check: "acked-durable",
			Symptom: "a follower fetches, and is elected leader before the answer comes, which says where its log diverges; it " +
				"truncates all the same, and loses what it has acknowledged since",
			Replace: func(r *Rules) {
				today := r.IsCurrent
				r.IsCurrent = func(asked, now FollowerState, diverges bool) bool { return diverges || today(asked, now, diverges) }
			},
		},
		{
			ID: "M37", Source: "KIP-516, KAFKA-14616", Versions: "before 2.8", Check: "acked-electable",
			Symptom: "a topic is deleted and created again while a broker is down; when it comes back it uses the old topic's log for the " +
				"new topic, has old records where the other replicas have new ones, and may lead with them",
			Replace: func(r *Rules) {
				r.Owner = func(_, named wire.TopicID) wire.TopicID { return named }
			},
		},
		{
			ID: "M42", Source: "what DelayedProduce would be if it did not check the leader", Versions: "never released", Check: "lost-write",
			Symptom: "a producer waits for its record at a leader that is deposed and truncates it; when the high watermark passes the " +
				"offset, where another record lies now, the leader acknowledges the truncated one",
			// If only FailWaiting or only Outcome were replaced, the other rule would still give the producer an error.
			Replace: func(r *Rules) {
				r.FailWaiting = false
				r.Outcome = func(*kerr.Error) *kerr.Error { return nil }
			},
		},
		{
			ID: "M43", Source: "KIP-631: no open port before the broker is unfenced", Versions: "never released", Check: "acked-durable",
			Symptom: "a leader loses power and is back before its session expires; it finds itself leader in the metadata, serves with " +
				"what is left on its disk, and its followers truncate their logs to its own",
			// If only MayLead were replaced, no client would reach the leader. If only MayServe were replaced, the
			// broker would lead no partition. Both are harmless.
			Replace: func(r *Rules) {
				r.MayLead = func(wire.BrokerEpoch, wire.Offset) bool { return true }
				r.MayServe = func(bool) bool { return true }
			},
		},
	}
}
