package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/replication"
	"samsa/storage"
	"samsa/wire"
)

// Rules are the decisions for which Kafka once had another answer, or is known to need another. They are the broker's own
// rules, each called at exactly one place, and the rules of packages storage and replication. Callers start from
// CurrentRules and set all of them.
type Rules struct {
	Storage     storage.Rules
	Replication replication.Rules

	// Owner: does the log of an earlier incarnation belong to the topic with the id that is written in its directory, or to
	// the topic that has its name now? The latter may be a newer topic with other records (KIP-516, KAFKA-14616).
	Owner func(written, named wire.TopicID) wire.TopicID

	// MayLead: may a broker become leader according to an image that ends at offset next? registered is its broker epoch,
	// or -1 if it is not registered. It must not if the image is from before the registration. The leader in that image may
	// be this broker's previous incarnation, and this incarnation may have lost the end of the log with which that leader's
	// epoch began. Kafka's broker becomes leader at once, but keeps its port closed (KIP-631).
	MayLead func(registered wire.BrokerEpoch, next wire.Offset) bool

	// MayServe: are requests served before the controller has unfenced this incarnation? No. Until then they wait, because
	// Kafka does not open the port before that (BrokerServer.startup).
	MayServe func(unfenced bool) bool

	// IsCurrent: does the response to a follower's fetch still apply to the partition? Only if the replica is still a
	// follower in the leader epoch of the request (and so of the same leader), and its log end is still the fetch offset
	// (KAFKA-13207, KAFKA-18991).
	IsCurrent func(asked, now FollowerState, diverges bool) bool

	// FailWaiting: does a parked produce fail when the leader's epoch ends and another broker leads? Yes, because the high
	// watermark of another leader says nothing about these records. That leader may have other records at their offsets.
	FailWaiting bool

	// Outcome: the high watermark has passed a record, but the partition has error err, because the replica no longer leads
	// or too few replicas are in sync. Which error does the response have? The current rule returns err; nil means none.
	Outcome func(err *kerr.Error) *kerr.Error
}

// FollowerState is the state of a follower that IsCurrent compares.
type FollowerState struct {
	Follows bool
	Epoch   wire.Epoch
	End     wire.Offset // end of the follower's log
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

// mustBeComplete panics if a rule is missing. Rules have no defaults, because an old rule can be a zero value, which could
// not be distinguished from a missing rule.
func (r *Rules) mustBeComplete() {
	if r.Storage == (storage.Rules{}) || r.Owner == nil || r.MayLead == nil || r.MayServe == nil ||
		r.IsCurrent == nil || r.Outcome == nil {
		panic("broker: Rules has a question without an answer: begin with CurrentRules")
	}
}
