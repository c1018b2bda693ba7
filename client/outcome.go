package client

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
)

// Outcome is the client's knowledge of the result of a request.
type Outcome uint8

const (
	OK      Outcome = iota // acknowledged
	Failed                 // certainly not applied
	Unknown                // may or may not be applied
)

// String returns the outcome as it appears in stories.
func (o Outcome) String() string { return [...]string{"ok", "failed", "unknown"}[o] }

// harmless lists the errors that prove that the attempt changed nothing, because the broker returns them before it appends.
// After any other error the outcome is unknown. NOT_LEADER_OR_FOLLOWER is not in the list. A leader that is replaced while a
// batch waits for replication also returns this error, and the batch may survive.
var harmless = []*kerr.Error{
	kerr.CorruptMessage, kerr.UnknownTopicOrPartition, kerr.MessageTooLarge, kerr.InvalidTopicException,
	kerr.NotEnoughReplicas, kerr.InvalidSessionTimeout, kerr.InvalidRequest, kerr.OutOfOrderSequenceNumber,
	kerr.InvalidProducerEpoch, kerr.NonEmptyGroup, kerr.InvalidRecord, kerr.ProducerFenced,
}

// provesNothingApplied reports whether a response with this error code proves that the attempt changed nothing.
func provesNothingApplied(code int16) bool {
	for _, e := range harmless {
		if e.Code == code {
			return true
		}
	}
	return false
}

// retriable reports whether Kafka's clients retry after this error code.
func retriable(code int16) bool { return kerr.IsRetriable(kerr.ErrorForCode(code)) }

// transport returns Kafka's error for a call without a response. The server may have read the request, unless it refused the
// connection.
func transport(err error) *kerr.Error {
	if err == nil {
		return nil
	}
	if err == env.ErrTimeout {
		return kerr.RequestTimedOut
	}
	return kerr.NetworkException
}
