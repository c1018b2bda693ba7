package storage

import (
	"math"

	"samsa/sim/env"
	"samsa/wire"
)

// Config is the part of a topic's and a broker's configuration that storage obeys. It can change while the log is open:
// see Log.Configure.
type Config struct {
	SegmentBytes       int32        // segment.bytes: a segment is rolled before it would grow beyond this
	SegmentMs          env.Duration // segment.ms: ... and when its first batch is older than the newest by this
	IndexIntervalBytes int32        // index.interval.bytes: log bytes from one index entry to the next
	IndexMaxBytes      int32        // segment.index.bytes: a segment is rolled when an index would grow beyond this

	RetentionMs    env.Duration // retention.ms, -1 is for ever
	RetentionBytes int64        // retention.bytes, -1 is no limit
	Delete         bool         // cleanup.policy contains delete: the two above apply
	Compact        bool         // cleanup.policy contains compact: clients must send keys

	MaxMessageBytes    int32 // max.message.bytes, of one batch
	TimestampType      wire.TimestampType
	TimestampBeforeMax env.Duration // message.timestamp.before.max.ms: how old a client's record may be
	TimestampAfterMax  env.Duration // message.timestamp.after.max.ms: how far ahead of the leader's clock

	FlushMessages   int64        // flush.messages: offsets that may be unflushed before an append flushes
	FlushMs         env.Duration // flush.ms: for the caller's timer; storage has none
	FileDeleteDelay env.Duration // file.delete.delay.ms: likewise, see PurgeDeleted

	ProducerIDExpiration env.Duration // producer.id.expiration.ms
	MaxTransactionTime   env.Duration // transaction.max.timeout.ms, see ProducerTable.Late
	VerifyTransactions   bool         // transaction.partition.verification.enable (KIP-890)

	Rules Rules
}

// DefaultConfig is Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		SegmentBytes:         1 << 30,
		SegmentMs:            7 * env.Day,
		IndexIntervalBytes:   4096,
		IndexMaxBytes:        10 << 20,
		RetentionMs:          7 * env.Day,
		RetentionBytes:       -1,
		Delete:               true,
		MaxMessageBytes:      1048588,
		TimestampType:        wire.CreateTime,
		TimestampBeforeMax:   math.MaxInt64,
		TimestampAfterMax:    env.Hour,
		FlushMessages:        math.MaxInt64,
		FlushMs:              math.MaxInt64,
		FileDeleteDelay:      60 * env.Second,
		ProducerIDExpiration: env.Day,
		MaxTransactionTime:   15 * env.Minute,
		VerifyTransactions:   true,
		Rules:                CurrentRules(),
	}
}
