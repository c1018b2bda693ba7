package wire

import (
	"encoding/binary"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Validate makes the checks that every broker makes on every batch that it appends or recovers: the length, the magic,
// the CRC, and a valid header. It reads no record and allocates nothing for a valid batch. b may be any bytes. The
// error is a *CorruptError.
func (b Batch) Validate() error {
	if len(b) < BatchHeaderSize {
		return corrupt("size", int64(len(b)), BatchHeaderSize)
	}
	if size := int64(int32(binary.BigEndian.Uint32(b[atLength:]))); size != int64(len(b))-sizePrefix {
		return corrupt("length", size, int64(len(b))-sizePrefix)
	}
	if b.Magic() != magicV2 {
		return badMagic(b.Magic())
	}
	if got, want := b.CRC(), b.checksum(); got != want {
		return corrupt("CRC", int64(got), int64(want))
	}
	// The CRC is correct, so the author of the batch caused any error found below.
	if b.Codec() > CodecZstd {
		return b.Codec().unsupported()
	}
	if d := b.LastOffsetDelta(); d < 0 {
		return invalid("last offset delta", int64(d), 0)
	}
	if n := b.Count(); n < 0 || int64(n) > int64(b.LastOffsetDelta())+1 {
		return invalid("record count", int64(n), int64(b.LastOffsetDelta())+1)
	}
	// All offsets of the batch must be valid. If the last offset overflowed, it would sort before the first.
	if base := b.BaseOffset(); base < 0 || base > math.MaxInt64-math.MaxInt32-1 {
		return invalid("base offset", int64(base), 0)
	}
	return nil
}

// ValidateRecords makes the further checks that a leader makes on a client's batch after Validate (LogValidator). The
// offsets must have no gaps, there must be no control records, a producer must have a sequence, and every record must
// be decodable. The error is a *CorruptError, nearly always INVALID_RECORD. If the codec is none, nothing is allocated.
// ClientRules has the rules that depend on the topic.
//
// As in Kafka, the offset deltas of an uncompressed batch are not checked. The bytes of such a batch are appended
// unchanged, so readers may see offsets that the log does not have. Kafka checks the deltas of a compressed batch, and
// if they are not 0, 1, 2, ... it rebuilds the batch with these deltas; here such a batch is refused.
func (b Batch) ValidateRecords() error {
	if err := b.validateClientHeader(); err != nil {
		return err
	}
	return b.walk(func(int32, Record) {})
}

// validateClientHeader makes the checks of LogValidator.validateBatch for the origin CLIENT.
func (b Batch) validateClientHeader() error {
	if b.LastOffsetDelta() < 0 {
		return invalid("last offset delta", int64(b.LastOffsetDelta()), 0)
	}
	if n, want := int64(b.Count()), int64(b.LastOffsetDelta())+1; n != want {
		return invalid("record count", n, want)
	}
	if b.IsControl() {
		return invalid("control flag", 1, 0)
	}
	if b.ProducerID() != NoProducerID && b.BaseSequence() < 0 {
		return invalid("base sequence", int64(b.BaseSequence()), 0)
	}
	return nil
}

// walk decodes every record except its headers and calls visit with it. In compressed batches it requires deltas
// without gaps.
func (b Batch) walk(visit func(i int32, r Record)) error {
	// walk does not use Records, because Records would allocate memory for the headers of each record, which walk does
	// not need.
	body, err := b.body()
	if err != nil {
		return err
	}
	d := recordReader{rest: body, skipHeaders: true}
	for i := range b.Count() {
		d.index = i
		r := d.next(b)
		if want := b.BaseOffset() + Offset(i); d.err == nil && r.Offset != want && b.Codec() != CodecNone {
			d.fail("offset", int64(r.Offset), int64(want))
		}
		if d.err != nil {
			return d.err
		}
		visit(i, r)
	}
	if len(d.rest) > 0 {
		return invalid("bytes behind the last record", int64(len(d.rest)), 0)
	}
	return nil
}

// ClientRules are a topic's rules for the batches of clients.
type ClientRules struct {
	Compacted     bool          // if set, every record needs a key
	TimestampType TimestampType // message.timestamp.type
	Now           Timestamp     // the leader's wall clock
	Before, After Timestamp     // how far from Now a create time may be (message.timestamp.before.max.ms, .after.max.ms)
}

// Check makes the checks of ValidateRecords and applies the topic's rules in one pass. It returns the largest timestamp
// of a record (NoTimestamp if none has one), which the leader writes into the header of a CreateTime batch. It also
// returns the errors: one for the batch, or one for each invalid record. In the response, the first error determines
// the partition's error code, and the errors of the records are its record errors.
func (c ClientRules) Check(b Batch) (maxTimestamp Timestamp, wrong []*CorruptError) {
	err := b.validateClientHeader()
	if err == nil {
		maxTimestamp = NoTimestamp
		err = b.walk(func(i int32, r Record) {
			maxTimestamp = max(maxTimestamp, r.Timestamp)
			if e := c.checkRecord(b, i, &r); e != nil {
				wrong = append(wrong, e)
			}
		})
	}
	if err != nil {
		// A batch that cannot be decoded has no record errors, because the positions of its records are unknown.
		return NoTimestamp, []*CorruptError{err.(*CorruptError)}
	}
	return maxTimestamp, wrong
}

// checkRecord makes the checks of LogValidator.validateRecord: first the key, then the timestamp.
func (c ClientRules) checkRecord(b Batch, i int32, r *Record) *CorruptError {
	if c.Compacted && r.Key == nil {
		return &CorruptError{What: "key length on a compacted topic", Got: -1, Record: i, Code: kerr.InvalidRecord}
	}
	// A record without a timestamp is never too old. The differences wrap if they overflow an int64, as in Java.
	if c.TimestampType == CreateTime && r.Timestamp != NoTimestamp {
		age := c.Now - r.Timestamp
		if age > c.Before {
			return &CorruptError{What: "timestamp", Got: int64(r.Timestamp), Want: int64(c.Now - c.Before), Record: i, Code: kerr.InvalidTimestamp}
		}
		if -age > c.After {
			return &CorruptError{What: "timestamp", Got: int64(r.Timestamp), Want: int64(c.Now + c.After), Record: i, Code: kerr.InvalidTimestamp}
		}
	} else if b.TimestampType() == LogAppendTime {
		return &CorruptError{What: "timestamp type", Got: int64(LogAppendTime), Record: i, Code: kerr.InvalidTimestamp}
	}
	return nil
}
