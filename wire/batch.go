package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"

	"github.com/twmb/franz-go/pkg/kerr"
)

// BatchHeaderSize is the length of a v2 batch without its records.
const BatchHeaderSize = 61

// These are Kafka's values for "none". They are -1 and not the zero values of their Go types, so a caller has to set
// them. PlainBatch returns options in which they are set.
const (
	NoProducerID    ProducerID    = -1
	NoProducerEpoch ProducerEpoch = -1
	NoSequence      int32         = -1
	NoTimestamp     Timestamp     = -1
)

// magicV2 is the only format that Kafka 4 writes or accepts from a client (KIP-98, KIP-724).
const magicV2 = 2

// These are the positions of the fields of a batch header. The CRC covers everything from the attributes to the end of
// the batch. The base offset and the leader epoch, which only the leader knows, precede the attributes, so the leader
// sets them without recomputing the CRC.
const (
	atBaseOffset      = 0
	atLength          = 8 // the length of the bytes after this field
	atLeaderEpoch     = 12
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atCount           = 57

	sizePrefix = atLeaderEpoch // base offset and length, which suffice to find the next batch
)

// These are the bits of the attributes. Bits 7 to 15 are unused. Writers set the unused bits to zero and readers ignore
// them.
const (
	maskCodec         = 0x07
	maskLogAppendTime = 0x08
	maskTransactional = 0x10
	maskControl       = 0x20
	maskDeleteHorizon = 0x40
)

// castagnoli is the polynomial of CRC-32C, which amd64 and arm64 compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// TimestampType is the source of a batch's timestamps.
type TimestampType uint8

const (
	CreateTime    TimestampType = iota // the producer sets the timestamp of each record
	LogAppendTime                      // the broker sets one timestamp: the batch's max timestamp applies to every record
)

// String returns Kafka's name of the type.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// Batch is exactly one whole v2 batch, header and records, in the format of logs and requests. If Next returned the
// Batch, the header is complete and states the length of the Batch. Validate checks everything else. The methods that
// read the header panic if b is shorter than a header.
//
// A Batch aliases the bytes in which it was found. Bytes that came in a request or from a disk are read-only; copy such
// bytes before calling Patch, SetLogAppendTime or SetMaxTimestamp.
type Batch []byte

// BaseOffset returns the offset that the record deltas are relative to. It is the offset of the first record unless
// compaction removed that record.
func (b Batch) BaseOffset() Offset { return Offset(b.int64(atBaseOffset)) }

// LastOffset returns the last offset that the batch occupies, inclusive. It stays the same when compaction removes the
// last record.
func (b Batch) LastOffset() Offset { return b.BaseOffset() + Offset(b.LastOffsetDelta()) }

// NextOffset returns the first offset after the batch.
func (b Batch) NextOffset() Offset { return b.LastOffset() + 1 }

// LastOffsetDelta returns LastOffset minus BaseOffset.
func (b Batch) LastOffsetDelta() int32 { return b.int32(atLastOffsetDelta) }

// LeaderEpoch returns the epoch of the leader that appended the batch, or NoEpoch before the append.
func (b Batch) LeaderEpoch() Epoch { return Epoch(b.int32(atLeaderEpoch)) }

// Magic returns the format's version, 2.
func (b Batch) Magic() int8 { return int8(b[atMagic]) }

// CRC returns the stored CRC-32C.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[atCRC:]) }

// Attributes returns the batch's flag bits.
func (b Batch) Attributes() int16 { return int16(binary.BigEndian.Uint16(b[atAttributes:])) }

// Codec returns the compression of the records.
func (b Batch) Codec() Codec { return Codec(b.Attributes() & maskCodec) }

// TimestampType returns the source of the timestamps.
func (b Batch) TimestampType() TimestampType {
	if b.Attributes()&maskLogAppendTime != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// IsTransactional reports whether the records, or the marker, belong to a transaction.
func (b Batch) IsTransactional() bool { return b.Attributes()&maskTransactional != 0 }

// IsControl reports whether the records are control records, which Kafka writes for itself and no application sees.
// They occupy offsets too.
func (b Batch) IsControl() bool { return b.Attributes()&maskControl != 0 }

// HasDeleteHorizon reports whether BaseTimestamp is the time at which the cleaner may drop the batch's tombstones and
// transaction markers (KIP-534).
func (b Batch) HasDeleteHorizon() bool { return b.Attributes()&maskDeleteHorizon != 0 }

// BaseTimestamp returns the timestamp that the timestamp deltas of the records are relative to.
func (b Batch) BaseTimestamp() Timestamp { return Timestamp(b.int64(atBaseTimestamp)) }

// MaxTimestamp returns the largest timestamp of a record. With LogAppendTime it is the timestamp of every record.
func (b Batch) MaxTimestamp() Timestamp { return Timestamp(b.int64(atMaxTimestamp)) }

// ProducerID returns the idempotent producer that wrote the batch, or NoProducerID.
func (b Batch) ProducerID() ProducerID { return ProducerID(b.int64(atProducerID)) }

// ProducerEpoch returns the epoch of ProducerID, or NoProducerEpoch.
func (b Batch) ProducerEpoch() ProducerEpoch {
	return ProducerEpoch(binary.BigEndian.Uint16(b[atProducerEpoch:]))
}

// BaseSequence returns the producer's sequence number of the record at BaseOffset, or NoSequence.
func (b Batch) BaseSequence() int32 { return b.int32(atBaseSequence) }

// LastSequence returns the sequence number of the record at LastOffset, or NoSequence.
func (b Batch) LastSequence() int32 {
	if b.BaseSequence() == NoSequence {
		return NoSequence
	}
	return AddSequence(b.BaseSequence(), b.LastOffsetDelta())
}

// Count returns the number of records. It may be 0 after compaction.
func (b Batch) Count() int32 { return b.int32(atCount) }

// AddSequence adds n >= 0 to a sequence number. The number after MaxInt32 is 0 (DefaultRecordBatch.incrementSequence).
func AddSequence(seq, n int32) int32 {
	return int32((int64(seq) + int64(n)) & 0x7fffffff)
}

// Patch sets the batch's base offset and leader epoch in place. The CRC does not cover them.
func (b Batch) Patch(base Offset, epoch Epoch) {
	binary.BigEndian.PutUint64(b[atBaseOffset:], uint64(base))
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

// SetLogAppendTime sets the broker's time in place and recomputes the CRC. The records keep their timestamp deltas,
// because readers of such a batch ignore the deltas and use the max timestamp.
func (b Batch) SetLogAppendTime(ts Timestamp) { b.setMaxTimestamp(LogAppendTime, ts) }

// SetMaxTimestamp replaces a CreateTime batch's max timestamp in place and recomputes the CRC. A leader calls it when
// the max timestamp in the header of a client's batch is not that of the records (LogValidator).
func (b Batch) SetMaxTimestamp(ts Timestamp) { b.setMaxTimestamp(CreateTime, ts) }

// setMaxTimestamp does the same as DefaultRecordBatch.setMaxTimestamp. If neither the type nor the timestamp changes,
// it does not recompute the CRC.
func (b Batch) setMaxTimestamp(t TimestampType, ts Timestamp) {
	if b.TimestampType() == t && b.MaxTimestamp() == ts {
		return
	}
	a := uint16(b.Attributes()) &^ maskLogAppendTime
	if t == LogAppendTime {
		a |= maskLogAppendTime
	}
	binary.BigEndian.PutUint16(b[atAttributes:], a)
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(ts))
	b.sign()
}

// sign computes and stores the CRC.
func (b Batch) sign() { binary.BigEndian.PutUint32(b[atCRC:], b.checksum()) }

// checksum computes the CRC over the attributes and all bytes after them.
func (b Batch) checksum() uint32 { return crc32.Checksum(b[atAttributes:], castagnoli) }

func (b Batch) int64(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
func (b Batch) int32(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }

// String returns a readable line: offsets, epoch, producer, flags, size.
func (b Batch) String() string {
	if len(b) < BatchHeaderSize {
		return fmt.Sprintf("batch of %d bytes, shorter than a header", len(b))
	}
	s := fmt.Sprintf("[%d, %d) epoch %d count %d", b.BaseOffset(), b.NextOffset(), b.LeaderEpoch(), b.Count())
	if b.ProducerID() != NoProducerID {
		s += fmt.Sprintf(" producer %d/%d sequence %d..%d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence(), b.LastSequence())
	}
	if b.IsTransactional() {
		s += " transactional"
	}
	if b.IsControl() {
		s += " control"
	}
	if b.Codec() != CodecNone {
		s += " " + b.Codec().String()
	}
	return s + fmt.Sprintf(" %d bytes", len(b))
}

// ErrShortBatch means that the bytes end inside a batch. That is normal in two cases. A fetch response may end inside a
// batch, which must then be fetched again. After a power loss a log may end inside a batch, which must then be truncated.
var ErrShortBatch = errors.New("bytes end inside a record batch")

// CorruptError reports the defect of a batch and the error that a broker returns for it.
type CorruptError struct {
	What      string      // the invalid field or broken rule, as a noun
	Got, Want int64       // the value found, and the value or bound it should have
	Record    int32       // index of the record inside the batch, or -1 for the batch itself
	Code      *kerr.Error // CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP or UNKNOWN_SERVER_ERROR
	Cause     error       // the codec's own error, or nil
}

// Error describes the defect, with the numbers Got and Want.
func (e *CorruptError) Error() string {
	s := "record batch"
	if e.Record >= 0 {
		s = fmt.Sprintf("record %d of the batch", e.Record)
	}
	s = fmt.Sprintf("%s: %s is %d, want %d", s, e.What, e.Got, e.Want)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s + " (" + e.Code.Message + ")"
}

// Unwrap returns Kafka's error, so that errors.Is(err, kerr.CorruptMessage) works.
func (e *CorruptError) Unwrap() error { return e.Code }

func corrupt(what string, got, want int64) error {
	return &CorruptError{What: what, Got: got, Want: want, Record: -1, Code: kerr.CorruptMessage}
}

func invalid(what string, got, want int64) error {
	return &CorruptError{What: what, Got: got, Want: want, Record: -1, Code: kerr.InvalidRecord}
}

// Next splits the first batch off b. The batch and the rest alias b. If b ends inside the batch or is empty, the error
// is ErrShortBatch. If no batch can start at the start of b, the error is a *CorruptError, and no later batch of b can
// be found either. Next does not check the CRC; see Validate.
func Next(b []byte) (batch Batch, rest []byte, err error) {
	if len(b) < sizePrefix {
		return nil, b, ErrShortBatch
	}
	// Refuse an impossible length before reporting ErrShortBatch: a log that ends in garbage is corrupt and not short.
	size := int64(int32(binary.BigEndian.Uint32(b[atLength:])))
	if size < BatchHeaderSize-sizePrefix {
		return nil, b, corrupt("length", size, BatchHeaderSize-sizePrefix)
	}
	if len(b) <= atMagic {
		return nil, b, ErrShortBatch
	}
	if m := int8(b[atMagic]); m != magicV2 {
		return nil, b, badMagic(m)
	}
	end := size + sizePrefix
	if int64(len(b)) < end {
		return nil, b, ErrShortBatch
	}
	return Batch(b[:end:end]), b[end:], nil
}

// badMagic returns the error for a magic other than 2. A magic of an older format, which a broker refuses
// (ProduceRequest.validateRecords), has a different error from garbage.
func badMagic(m int8) error {
	if m == 0 || m == 1 {
		return invalid("magic", int64(m), magicV2)
	}
	return corrupt("magic", int64(m), magicV2)
}

// Batches iterates over the batches of b. The iteration ends after the last whole batch or after an error. The error is
// ErrShortBatch if b ends inside a batch, and a *CorruptError if b has garbage.
func Batches(b []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for len(b) > 0 {
			batch, rest, err := Next(b)
			if !yield(batch, err) || err != nil {
				return
			}
			b = rest
		}
	}
}
