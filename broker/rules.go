package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions that Kafka once took otherwise, or is known to need: a broker's own, each asked at exactly one
// place, and those of the packages that it is made of. A broker is given all of them, beginning with CurrentRules.
type Rules struct {
	Storage     storage.Rules
	Replication replication.Rules

	// Owner: which topic does a log belong to that an earlier incarnation left: the one whose id lies in its directory, or the
	// one that has its name now? That may be another topic, created since, with other records (KIP-516, KAFKA-14616).
	Owner func(written, named wire.TopicID) wire.TopicID

	// MayLead: may a broker lead by an image that ends at next, given the broker epoch that it is registered with, or -1? Not
	// by an image from before the registration: it may still name this broker as leader and mean the incarnation before, in
	// an epoch that began with a log which this incarnation may have lost the end of. Kafka takes the role at once, but keeps
	// its port closed (KIP-631).
	MayLead func(registered wire.BrokerEpoch, next wire.Offset) bool

	// MayServe: are requests served, given whether the controller has unfenced this incarnation? Until then they wait in
	// front of a port that is not open yet (BrokerServer.startup).
	MayServe func(unfenced bool) bool

	// IsCurrent: is the answer to a follower's fetch still for the partition as it is now? Only if it follows, in the leader
	// epoch of the request, and so the same leader, and its log ends where the request said (KAFKA-13207, KAFKA-18991).
	IsCurrent func(asked, now FollowerState, diverges bool) bool

	// FailWaiting: does a produce that waits for its acknowledgement fail when the leader's epoch ends and another broker
	// leads? The high watermark of another leader says nothing about its records: others may lie at their offsets.
	FailWaiting bool

	// Outcome: what is answered for a record that the high watermark has passed, given the error of the partition: it no
	// longer leads, or has too few replicas in sync; nil is none?
	Outcome func(err *kerr.Error) *kerr.Error
}

// FollowerState is what an answer to a fetch depends on.
type FollowerState struct {
	Follows bool
	Epoch   wire.Epoch
	End     wire.Offset // of its log
}

// CurrentRules are the answers of the current Kafka.
func CurrentRules() Rules {
	return Rules{
		Storage: storage.CurrentRules(), Replication: replication.CurrentRules(),
		Owner: func(written, _ wire.TopicID) wire.TopicID { return written },
		MayLead: func(registered wire.BrokerEpoch, next wire.Offset) bool {
			return registered >= 0 && next > wire.Offset(registered)
		},
		MayServe:    func(unfenced bool) bool { return unfenced },
		IsCurrent:   func(asked, now FollowerState, _ bool) bool { return now == asked },
		FailWaiting: true,
		Outcome:     func(err *kerr.Error) *kerr.Error { return err },
	}
}

// mustBeWhole panics if a question has no answer. No answer is guessed: an old rule could not be told from a missing one.
func (r *Rules) mustBeWhole() {
	if r.Storage == (storage.Rules{}) || r.Owner == nil || r.MayLead == nil || r.MayServe == nil ||
		r.IsCurrent == nil || r.Outcome == nil {
		panic("broker: Rules has a question without an answer: begin with CurrentRules")
	}
}
