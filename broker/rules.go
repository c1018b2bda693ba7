package broker

import (
	"samsa/broker/storage"
	"samsa/replication"
	"samsa/wire"
)

// Rules are the decisions that Kafka once took otherwise: those of this package, and those of the packages that a
// broker is made of. The zero value is today's Kafka.
type Rules struct {
	Storage     storage.Rules
	Replication replication.Rules

	// Answers: does a leader's answer still concern a partition that asked in one epoch and lives in another now? No: it
	// may be of a leader that has been deposed since (KAFKA-18991).
	Answers func(asked, now wire.Epoch) bool

	// FailOnNewEpoch: is everybody who waits for an acknowledgement told off when the leader epoch ends? The high
	// watermark of the next epoch may pass an offset that holds another record by then.
	FailOnNewEpoch func() bool
}

// Today are the answers of the current Kafka.
func Today() Rules {
	return Rules{
		Storage:        storage.Today(),
		Replication:    replication.Today(),
		Answers:        func(asked, now wire.Epoch) bool { return asked == now },
		FailOnNewEpoch: func() bool { return true },
	}
}

// settled is the rules with today's answers where nothing was said.
func (r Rules) settled() Rules {
	today := Today()
	if r.Storage == (storage.Rules{}) {
		r.Storage = today.Storage
	}
	if r.Replication.Admit == nil {
		r.Replication = today.Replication
	}
	if r.Answers == nil {
		r.Answers = today.Answers
	}
	if r.FailOnNewEpoch == nil {
		r.FailOnNewEpoch = today.FailOnNewEpoch
	}
	return r
}
