package client

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// beforeAppend lists errors of a partition in a ProduceResponse. A broker returns these errors only before it appends the
// records. Other errors may come later: a write that failed, a timeout, or a broker that is no longer the leader while a
// batch waits for replication. Kafka's producer does not make this distinction; it raises the error.
var beforeAppend = []*kerr.Error{
	kerr.CorruptMessage, kerr.InvalidTopicException, kerr.UnknownTopicID, kerr.InvalidRequiredAcks, kerr.InvalidRequest,
	kerr.UnsupportedVersion, kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType,
	kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidTimestamp, kerr.InvalidRecord, kerr.NotEnoughReplicas,
	kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.ProducerFenced,
	kerr.InvalidProducerIDMapping, kerr.InvalidTxnState, kerr.ConcurrentTransactions, kerr.TransactionAbortable,
	kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
}

// withoutReplica lists errors that a broker may return before or after it appends the records. After the append, the batch
// waits for replication, and meanwhile the broker may stop leading or hosting the partition.
var withoutReplica = []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition}

// provesNotAppended reports whether an error in a ProduceResponse proves that the attempt appended nothing. A broker that
// appended the records gives their base offset even with an error (DelayedProduce changes the error only); otherwise the base
// offset is -1.
func provesNotAppended(a *kmsg.ProduceResponseTopicPartition) bool {
	has := func(all []*kerr.Error) bool {
		return slices.ContainsFunc(all, func(err *kerr.Error) bool { return err.Code == a.ErrorCode })
	}
	return has(beforeAppend) || has(withoutReplica) && a.BaseOffset < 0
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
