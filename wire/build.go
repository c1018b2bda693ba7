package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// BatchOptions has everything about a batch that is not in its records. The zero value does not describe a plain batch,
// because 0 is a valid producer id, epoch and sequence. Start from the options that PlainBatch returns.
type BatchOptions struct {
	Codec         Codec
	TimestampType TimestampType
	Transactional bool
	Control       bool // see AppendControl

	BaseOffset    Offset // 0 from a producer, which does not know the offset
	LeaderEpoch   Epoch  // NoEpoch from a producer
	ProducerID    ProducerID
	ProducerEpoch ProducerEpoch
	BaseSequence  int32 // sequence number of the record at BaseOffset

	// NextOffset is the first offset after the batch; 0 means the offset after the last record. When compaction removes
	// records from the end of a batch, it sets NextOffset, so that the batch still covers the offsets of the removed
	// records.
	NextOffset Offset

	// MaxTimestamp is used in two cases only. In a LogAppendTime batch it is the append time. In a batch that
	// compaction left without records it is the max timestamp, which no record determines.
	MaxTimestamp Timestamp

	// DeleteHorizon replaces the base timestamp if HasDeleteHorizon is set (KIP-534).
	HasDeleteHorizon bool
	DeleteHorizon    Timestamp
}

// PlainBatch returns the options of an uncompressed batch with create times and without a producer. A coordinator, a
// quorum leader and a producer that is not idempotent write such batches.
func PlainBatch(base Offset, epoch Epoch) BatchOptions {
	return BatchOptions{
		BaseOffset:    base,
		LeaderEpoch:   epoch,
		ProducerID:    NoProducerID,
		ProducerEpoch: NoProducerEpoch,
		BaseSequence:  NoSequence,
		MaxTimestamp:  NoTimestamp,
	}
}

// Options returns the options with which AppendBatch rebuilds b from its records, or from the part of the records that
// compaction keeps.
func (b Batch) Options() BatchOptions {
	return BatchOptions{
		Codec:            b.Codec(),
		TimestampType:    b.TimestampType(),
		Transactional:    b.IsTransactional(),
		Control:          b.IsControl(),
		BaseOffset:       b.BaseOffset(),
		LeaderEpoch:      b.LeaderEpoch(),
		ProducerID:       b.ProducerID(),
		ProducerEpoch:    b.ProducerEpoch(),
		BaseSequence:     b.BaseSequence(),
		NextOffset:       b.NextOffset(),
		MaxTimestamp:     b.MaxTimestamp(),
		HasDeleteHorizon: b.HasDeleteHorizon(),
		DeleteHorizon:    b.BaseTimestamp(),
	}
}

// AppendBatch appends one v2 batch to dst, byte for byte as Kafka's MemoryRecordsBuilder writes it.
//
// If every record has Offset 0, the records are numbered from o.BaseOffset without gaps. Otherwise their offsets are
// absolute, rise strictly, and start at o.BaseOffset or later. The two cases cannot be confused. An absolute offset of 0
// is legal only for the first record of a batch that starts at 0, and in both cases this record gets offset 0.
//
// A batch without records is legal if o.NextOffset gives the end of the offsets that it covers. If the codec is none
// and dst has enough room, AppendBatch allocates nothing. If it returns an error, dst is unchanged. Every error is the
// caller's mistake: a falling offset, a negative timestamp, a batch over 2 GiB.
func AppendBatch(dst []byte, o BatchOptions, records []Record) ([]byte, error) {
	// The batch covers [BaseOffset, next). next is computed first, because every record is checked against it.
	next := o.NextOffset
	assign := unnumbered(records)
	if next == 0 {
		next = o.BaseOffset + Offset(len(records))
		if n := len(records); n > 0 && !assign {
			next = records[n-1].Offset + 1
		}
	}
	if next <= o.BaseOffset {
		return dst, fmt.Errorf("build a batch of %d records at offset %d: it would end at %d", len(records), o.BaseOffset, next)
	}
	if o.BaseOffset < 0 || next-o.BaseOffset-1 > math.MaxInt32 {
		return dst, fmt.Errorf("build a batch [%d, %d): offsets must be from 0 on and span less than 2^31", o.BaseOffset, next)
	}

	// The base timestamp is that of the first record and not the smallest one, because Kafka's builder writes the first
	// record before it knows the others. Deltas may be negative. A delete horizon replaces the base timestamp.
	baseTS, maxTS := NoTimestamp, o.MaxTimestamp
	if len(records) > 0 {
		baseTS = records[0].Timestamp
	}
	if o.HasDeleteHorizon {
		baseTS = o.DeleteHorizon
	}
	if len(records) == 0 {
		o.Codec = CodecNone // there is nothing to compress (DefaultRecordBatch.writeEmptyHeader)
	}
	if len(records) > 0 && o.TimestampType == CreateTime {
		maxTS = NoTimestamp
	}

	// The records are written first, because the header needs their length, their largest timestamp and their CRC. They
	// are written after the end of dst, so dst is unchanged after an error.
	start := len(dst)
	out := append(dst, emptyHeader[:]...)
	low := o.BaseOffset
	for i := range records {
		r := &records[i]
		offset := r.Offset
		if assign {
			offset = o.BaseOffset + Offset(i)
		}
		if offset < low || offset >= next {
			return dst, fmt.Errorf("build a batch: record %d has offset %d outside [%d, %d)", i, offset, low, next)
		}
		if r.Timestamp < NoTimestamp {
			return dst, fmt.Errorf("build a batch: record %d has timestamp %d", i, r.Timestamp)
		}
		low = offset + 1
		if o.TimestampType == CreateTime {
			maxTS = max(maxTS, r.Timestamp)
		}
		out = appendRecord(out, r, int32(offset-o.BaseOffset), int64(r.Timestamp-baseTS))
	}
	out, err := o.Codec.compressTail(out, start+BatchHeaderSize)
	if err != nil {
		return dst, err
	}
	if len(out)-start > math.MaxInt32 {
		return dst, fmt.Errorf("build a batch: %d bytes do not fit its length field", len(out)-start)
	}

	// Nothing can fail below this line.
	b := Batch(out[start:])
	b.Patch(o.BaseOffset, o.LeaderEpoch)
	binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-sizePrefix))
	b[atMagic] = magicV2
	binary.BigEndian.PutUint16(b[atAttributes:], o.attributes())
	binary.BigEndian.PutUint32(b[atLastOffsetDelta:], uint32(next-o.BaseOffset-1))
	binary.BigEndian.PutUint64(b[atBaseTimestamp:], uint64(baseTS))
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(maxTS))
	binary.BigEndian.PutUint64(b[atProducerID:], uint64(o.ProducerID))
	binary.BigEndian.PutUint16(b[atProducerEpoch:], uint16(o.ProducerEpoch))
	binary.BigEndian.PutUint32(b[atBaseSequence:], uint32(o.BaseSequence))
	binary.BigEndian.PutUint32(b[atCount:], uint32(len(records)))
	b.sign()
	return out, nil
}

// emptyHeader is the space that AppendBatch reserves for the header and fills in after the records.
var emptyHeader [BatchHeaderSize]byte

// unnumbered reports whether every record has Offset 0. Callers of AppendBatch could state this with a flag instead,
// but a flag could contradict the records.
func unnumbered(records []Record) bool {
	for i := range records {
		if records[i].Offset != 0 {
			return false
		}
	}
	return true
}

// attributes returns the flag bits of a batch with these options.
func (o *BatchOptions) attributes() uint16 {
	a := uint16(o.Codec) & maskCodec
	if o.TimestampType == LogAppendTime {
		a |= maskLogAppendTime
	}
	if o.Transactional {
		a |= maskTransactional
	}
	if o.Control {
		a |= maskControl
	}
	if o.HasDeleteHorizon {
		a |= maskDeleteHorizon
	}
	return a
}
