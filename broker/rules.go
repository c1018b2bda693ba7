package broker

import (
	"samsa/broker/storage"
	"samsa/replication"
)

// Rules are the decisions that Kafka once took otherwise, of the packages that a broker is made of; it has none of its
// own. The zero value is today's Kafka.
type Rules struct {
	Storage     storage.Rules
	Replication replication.Rules
}

// Today are the answers of the current Kafka.
func Today() Rules { return Rules{Storage: storage.Today(), Replication: replication.Today()} }

// settled is the rules with today's answers where nothing was said.
func (r Rules) settled() Rules {
	if r.Storage == (storage.Rules{}) {
		r.Storage = storage.Today()
	}
	if r.Replication.Admit == nil {
		r.Replication = replication.Today()
	}
	return r
}
