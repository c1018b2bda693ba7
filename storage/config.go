package storage

import (
	"math"

	"samsa/sim/env"
	"samsa/wire"
)

// Config has the configs of a topic and of its broker that this package uses. It can change while the log is open: see
// Log.Configure.
type Config struct {
	SegmentBytes       int32        // segment.bytes: the log rolls before a segment would exceed this size
	SegmentMs          env.Duration // segment.ms: the log also rolls before a segment would span more time than this
	IndexIntervalBytes int32        // index.interval.bytes: log bytes between index entries
	IndexMaxBytes      int32        // segment.index.bytes: the log rolls before an index would exceed this size

	RetentionMs    env.Duration // retention.ms, -1 means forever
	RetentionBytes int64        // retention.bytes, -1 means no limit
	Delete         bool         // cleanup.policy contains delete, so the two limits above apply
	Compact        bool         // cleanup.policy contains compact, so clients must send keys

	MaxMessageBytes    int32 // max.message.bytes: the largest size of a batch
	TimestampType      wire.TimestampType
	TimestampBeforeMax env.Duration // message.timestamp.before.max.ms: how old a client's record may be
	TimestampAfterMax  env.Duration // message.timestamp.after.max.ms: how far a record may be ahead of the leader's clock

	FlushMessages   int64        // flush.messages: the number of unflushed offsets at which an append flushes
	FlushMs         env.Duration // flush.ms: the caller has the timer
	FileDeleteDelay env.Duration // file.delete.delay.ms: the caller has the timer, see PurgeDeleted

	ProducerIDExpiration env.Duration // producer.id.expiration.ms
	MaxTransactionTime   env.Duration // transaction.max.timeout.ms, see ProducerTable.HasLateTransaction
	VerifyTransactions   bool         // transaction.partition.verification.enable (KIP-890)

	Rules Rules
}

// DefaultConfig returns Kafka's defaults.
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
