package wire

import (
	"encoding/binary"
	"iter"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Record is one record with its position in the log. A nil Key or Value is null; a null Value is a tombstone on a
// compacted topic. A Key or Value that is empty but not nil is written as an empty one and not as null. Decoded keys
// and values alias the batch, or the buffer into which the batch was decompressed.
type Record struct {
	Offset    Offset    // absolute
	Timestamp Timestamp // absolute, or NoTimestamp
	Key       []byte
	Value     []byte
	Headers   []Header // keys may repeat; the order is kept
}

// Header is one header of a record. A nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// appendRecord writes r as DefaultRecord does: every number is a zigzag varint, and the first number is the length of
// the rest of the record.
func appendRecord(dst []byte, r *Record, offsetDelta int32, timestampDelta int64) []byte {
	dst = binary.AppendVarint(dst, int64(recordSize(r, offsetDelta, timestampDelta)))
	dst = append(dst, 0) // the attributes, which are all unused
	dst = binary.AppendVarint(dst, timestampDelta)
	dst = binary.AppendVarint(dst, int64(offsetDelta))
	dst = appendNullable(dst, r.Key)
	dst = appendNullable(dst, r.Value)
	dst = binary.AppendVarint(dst, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendNullable(dst, h.Value)
	}
	return dst
}

// recordSize returns the length of a record without its length field. It must be known before the first byte is
// written, because the size of the length field, a varint, depends on it. Computing the size is cheaper than writing
// the record twice.
func recordSize(r *Record, offsetDelta int32, timestampDelta int64) int {
	n := 1 + varintSize(timestampDelta) + varintSize(int64(offsetDelta))
	n += nullableSize(r.Key) + nullableSize(r.Value) + varintSize(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += varintSize(int64(len(h.Key))) + len(h.Key) + nullableSize(h.Value)
	}
	return n
}

// appendNullable writes a length and the bytes. It writes null as the length -1, which is one byte as a zigzag varint.
func appendNullable(dst, p []byte) []byte {
	if p == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(p))), p...)
}

// nullableSize returns the number of bytes that appendNullable writes.
func nullableSize(p []byte) int {
	if p == nil {
		return 1
	}
	return varintSize(int64(len(p))) + len(p)
}

// varintSize returns the length of n as a zigzag varint.
func varintSize(n int64) int {
	size := 1
	for u := uint64(n<<1) ^ uint64(n>>63); u >= 0x80; u >>= 7 {
		size++
	}
	return size
}

// Records iterates over the decoded records. It decompresses them first if the batch is compressed. The records alias
// the batch or the decompressed bytes and are valid only while these bytes do not change; only header keys are copied.
// The iteration ends after an error, which is a *CorruptError; the records before the error are valid. The allocated
// memory depends on the bytes that are really there, never on a length that they claim, and the decompressed records
// have at most MaxRecordsSize bytes. The iteration includes control records; see Controls.
//
// The batch must have a whole header, which Next ensures. Records does not check the CRC.
func (b Batch) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		count := b.Count()
		if count == 0 {
			return // like Kafka, do not read the bytes of a batch that compaction emptied
		}
		if count < 0 {
			yield(Record{}, invalid("record count", int64(count), 0))
			return
		}
		body, err := b.body()
		if err != nil {
			yield(Record{}, err)
			return
		}
		// The batch must have exactly as many records as the count in the header, and nothing after them
		// (DefaultRecordBatch.RecordIterator).
		d := recordReader{rest: body}
		for i := range count {
			d.index = i
			r := d.next(b)
			if d.err != nil {
				yield(Record{}, d.err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if len(d.rest) > 0 {
			yield(Record{}, invalid("bytes behind the last record", int64(len(d.rest)), 0))
		}
	}
}

// AppendRecords appends the decoded records to dst. After an error dst has the records before it.
func (b Batch) AppendRecords(dst []Record) ([]Record, error) {
	for r, err := range b.Records() {
		if err != nil {
			return dst, err
		}
		dst = append(dst, r)
	}
	return dst, nil
}

// body returns the batch's decompressed records. If the codec is none, the result is a part of the batch; otherwise it
// is a new buffer.
func (b Batch) body() ([]byte, error) {
	return b.Codec().decompress(b[BatchHeaderSize:])
}

// recordReader reads records from the front of a batch's body. It keeps the first error. After an error every method
// returns zeros, so a caller needs to check err only once per record.
type recordReader struct {
	rest        []byte
	index       int32 // index of the record being read, for the error
	skipHeaders bool  // check the headers, but do not build them
	err         error
}

// next decodes one record. The length field of the record must equal the size of the record's content
// (DefaultRecord.readFrom).
func (d *recordReader) next(b Batch) (r Record) {
	size := d.varint32("length")
	if d.err == nil && (size < 0 || int64(size) > int64(len(d.rest))) {
		d.fail("length", int64(size), int64(len(d.rest)))
	}
	if d.err != nil {
		return Record{}
	}
	// The record is read from its own slice, so that no field can extend into the next record.
	behind := d.rest[size:]
	d.rest = d.rest[:size]

	d.byte("attributes") // Kafka neither uses nor checks them
	timestampDelta := d.varint64("timestamp delta")
	offsetDelta := d.varint32("offset delta")
	r.Offset = b.BaseOffset() + Offset(offsetDelta)
	r.Timestamp = b.BaseTimestamp() + Timestamp(timestampDelta)
	if b.TimestampType() == LogAppendTime {
		r.Timestamp = b.MaxTimestamp()
	}
	r.Key = d.nullable("key")
	r.Value = d.nullable("value")
	r.Headers = d.headers()
	if d.err == nil && len(d.rest) > 0 {
		d.fail("bytes left in it", int64(len(d.rest)), 0)
	}
	d.rest = behind
	return r
}

// headers decodes a record's headers. Each header has at least two bytes, so the number of headers can be checked
// against the unread bytes before memory is allocated.
func (d *recordReader) headers() []Header {
	n := d.varint32("header count")
	if d.err == nil && (n < 0 || int(n) > len(d.rest)/2) {
		d.fail("header count", int64(n), int64(len(d.rest)/2))
	}
	if d.err != nil || n == 0 {
		return nil
	}
	var headers []Header
	if !d.skipHeaders {
		headers = make([]Header, 0, n)
	}
	for range n {
		key := d.nullable("header key")
		if d.err == nil && key == nil {
			d.fail("header key length", -1, 0)
		}
		value := d.nullable("header value")
		if d.err != nil {
			return nil
		}
		if !d.skipHeaders {
			headers = append(headers, Header{Key: string(key), Value: value})
		}
	}
	return headers
}

// nullable reads a length and that many bytes. Any negative length is null, as in Kafka (Utils.readBytes).
func (d *recordReader) nullable(what string) []byte {
	n := d.varint32(what)
	if d.err != nil || n < 0 {
		return nil
	}
	if int64(n) > int64(len(d.rest)) {
		d.fail(what, int64(n), int64(len(d.rest)))
		return nil
	}
	p := d.rest[:n:n]
	d.rest = d.rest[n:]
	return p
}

// byte skips one byte.
func (d *recordReader) byte(what string) {
	if d.err != nil {
		return
	}
	if len(d.rest) == 0 {
		d.fail(what, 0, 1)
		return
	}
	d.rest = d.rest[1:]
}

// varint32 reads a zigzag varint and requires that the value fits in 32 bits (ByteUtils.readVarint).
func (d *recordReader) varint32(what string) int32 {
	n := d.varint64(what)
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.fail(what, n, math.MaxInt32)
		return 0
	}
	return int32(n)
}

// varint64 reads a zigzag varint of at most 10 bytes (ByteUtils.readVarlong).
func (d *recordReader) varint64(what string) int64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail(what, int64(n), 1)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// fail keeps only the first error, because the reader's position is wrong after it.
func (d *recordReader) fail(what string, got, want int64) {
	if d.err == nil {
		d.err = &CorruptError{What: what, Got: got, Want: want, Record: d.index, Code: kerr.InvalidRecord}
	}
}
