package client

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
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

// refused are the errors that prove that this attempt changed nothing: the broker gives them before it appends. Every
// other one leaves it open. NOT_LEADER_OR_FOLLOWER is not among them: a leader that loses its place while a batch waits
// for replication answers so too, and the batch may survive.
var refused = []*kerr.Error{
	kerr.CorruptMessage, kerr.UnknownTopicOrPartition, kerr.MessageTooLarge, kerr.InvalidTopicException,
	kerr.NotEnoughReplicas, kerr.InvalidSessionTimeout, kerr.InvalidRequest, kerr.OutOfOrderSequenceNumber,
	kerr.InvalidProducerEpoch, kerr.NonEmptyGroup, kerr.InvalidRecord, kerr.ProducerFenced,
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

// transport is the error of a call that got no answer. Whether it was read is open, unless nobody listened.
func transport(err error) *kerr.Error {
	if err == nil {
		return nil
	}
	if err == env.ErrTimeout {
		return kerr.RequestTimedOut
	}
	return kerr.NetworkException
}
