package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// Outcome is what a client knows about its own request.
type Outcome uint8

const (
	OK      Outcome = iota // acknowledged
	Failed                 // certainly not applied
	Unknown                // may or may not be applied
)

// String is the outcome as stories tell it.
func (o Outcome) String() string { return [...]string{"ok", "failed", "unknown"}[o] }

// refused are the errors that prove that this attempt changed nothing: the broker gives them before it appends.
// NOT_LEADER_OR_FOLLOWER is not among them: a leader that loses its place while a batch waits for replication answers
// so too, and the batch may survive.
var refused = []*kerr.Error{
	kerr.CorruptMessage, kerr.UnknownTopicOrPartition, kerr.MessageTooLarge, kerr.InvalidTopicException,
	kerr.NotEnoughReplicas, kerr.InvalidRequiredAcks, kerr.InvalidRequest, kerr.OutOfOrderSequenceNumber,
	kerr.InvalidProducerEpoch, kerr.InvalidRecord, kerr.ProducerFenced, kerr.TopicAuthorizationFailed,
	kerr.UnsupportedVersion, kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType,
}

// provesNothingApplied tells whether an answer with this error code means that the attempt changed nothing.
func provesNothingApplied(code int16) bool {
	for _, e := range refused {
		if e.Code == code {
			return true
		}
	}
	return false
}

// retriable tells whether Kafka's clients try again after this error code.
func retriable(code int16) bool { return kerr.IsRetriable(kerr.ErrorForCode(code)) }
