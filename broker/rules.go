package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions that Kafka once took otherwise, or is known to need: a broker's own, each asked at exactly one
// place, and those of the packages that it is made of. Today has Kafka's current answers; so has the zero value.
type Rules struct {
	Storage     storage.Rules
	Replication replication.Rules

	// Owner: whose is a log that an earlier incarnation left: the topic's whose id lies in it, or the topic's that has its
	// name now? That may be another one, made since, with other records (KIP-516, KAFKA-14616).
	Owner func(written, named wire.TopicID) wire.TopicID

	// MayLead: may a broker lead by an image that ends at next, given the broker epoch that it has been registered with, or
	// -1? Not by one from before that: it may still name us, and mean the incarnation before us, in an epoch that began
	// with a log which we may have lost the end of. Kafka takes the role at once, but keeps its port closed (KIP-631).
	MayLead func(registered wire.BrokerEpoch, next wire.Offset) bool

	// MayServe: are requests served, given whether the controller has let this incarnation in? Until then they wait in
	// front of a port that is not open yet (BrokerServer.startup).
	MayServe func(letIn bool) bool

	// Concerns: does the answer to a follower's fetch still concern its partition? Only if that follows, in the epoch in
	// which it asked, so also whom it asked, and stands where it stood (KAFKA-13207, KAFKA-18991).
	Concerns func(asked, now Standing, diverges bool) bool

	// EndWaits: is whoever waits for an acknowledgement told that it is open when the leader's epoch ends, and another leads?
	// A high watermark of another leader says nothing of their records: others may lie at their offsets.
	EndWaits bool

	// Outcome: what is told of a record that the high watermark has passed, given what the partition has against it: that it
	// does not lead any more, or that too few are in sync; nil is nothing?
	Outcome func(against *kerr.Error) *kerr.Error
}

// Standing is how a partition stands as a follower.
type Standing struct {
	Follows bool
	Epoch   wire.Epoch
	End     wire.Offset // of its log
}

// Today are the answers of the current Kafka.
func Today() Rules {
	return Rules{
		Storage: storage.Today(), Replication: replication.Today(),
		Owner: func(written, _ wire.TopicID) wire.TopicID { return written },
		MayLead: func(registered wire.BrokerEpoch, next wire.Offset) bool {
			return registered >= 0 && next > wire.Offset(registered)
		},
		MayServe: func(letIn bool) bool { return letIn },
		Concerns: func(asked, now Standing, _ bool) bool { return now == asked },
		EndWaits: true,
		Outcome:  func(against *kerr.Error) *kerr.Error { return against },
	}
}

// withDefaults is the rules with today's answers where nothing was said.
func (r Rules) withDefaults() Rules {
	today := Today()
	if r.Storage == (storage.Rules{}) {
		r.Storage = today.Storage
	}
	if r.Replication.Admit == nil {
		r.Replication = today.Replication
	}
	// EndWaits cannot tell "no" from "nothing said": its false counts where every function was given, as by who began with Today.
	if r.Owner == nil || r.MayLead == nil || r.MayServe == nil || r.Concerns == nil || r.Outcome == nil {
		r.EndWaits = today.EndWaits
	}
	if r.Owner == nil {
		r.Owner = today.Owner
	}
	if r.MayLead == nil {
		r.MayLead = today.MayLead
	}
	if r.MayServe == nil {
		r.MayServe = today.MayServe
	}
	if r.Concerns == nil {
		r.Concerns = today.Concerns
	}
	if r.Outcome == nil {
		r.Outcome = today.Outcome
	}
	return r
}
