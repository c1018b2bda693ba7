package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Record batches appear in the files with the fields of the batch header and one entry for each record:
//
//	[{baseOffset: 4, baseTimestamp: 1000, records: [{value: a}, {key: k, value: b}]}]
//
// In a request, a field that is not there has the value that fits the records. Any field may have another value, which makes
// a batch that a broker must refuse. A text instead of a list is the bytes themselves, in hexadecimal.

// encodeRecords makes the bytes of record batches.
func encodeRecords(v *value) ([]byte, error) {
	if v.isNull() {
		return nil, nil
	}
	if v.kind == scalar {
		return hex.DecodeString(v.text)
	}
	var all []byte
	for _, b := range v.list {
		one, err := encodeBatch(b)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// number returns a field of a struct as an integer, or def if the struct lacks it.
func (v *value) number(name string, def int64) int64 {
	f := v.get(name)
	if f == nil {
		return def
	}
	n, err := strconv.ParseInt(f.text, 0, 64)
	if err != nil {
		panic(fmt.Sprintf("%s is no number: %v", name, f))
	}
	return n
}

func (v *value) bytes(name string) []byte {
	f := v.get(name)
	if f == nil || f.isNull() {
		return nil
	}
	return []byte(f.text)
}

func encodeBatch(v *value) ([]byte, error) {
	at := v.number("baseTimestamp", 0)
	var records []byte
	count, last := int64(0), at
	if all := v.get("records"); all != nil {
		for i, r := range all.list {
			when := r.number("timestamp", at)
			last = max(last, when)
			body := binary.AppendVarint([]byte{0}, when-at)
			body = binary.AppendVarint(body, r.number("offsetDelta", int64(i)))
			for _, part := range [...][]byte{r.bytes("key"), r.bytes("value")} {
				if part == nil {
					body = binary.AppendVarint(body, -1)
					continue
				}
				body = append(binary.AppendVarint(body, int64(len(part))), part...)
			}
			body = append(body, 0) // no headers
			records = append(binary.AppendVarint(records, int64(len(body))), body...)
			count++
		}
	}
	attributes := v.number("attributes", 0)
	if attributes&7 == 1 {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(records); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		records = zipped.Bytes()
	}
	b := kmsg.RecordBatch{
		FirstOffset: v.number("baseOffset", 0), Length: int32(v.number("length", int64(49+len(records)))),
		PartitionLeaderEpoch: int32(v.number("partitionLeaderEpoch", -1)), Magic: int8(v.number("magic", 2)),
		Attributes: int16(attributes), LastOffsetDelta: int32(v.number("lastOffsetDelta", count-1)),
		FirstTimestamp: at, MaxTimestamp: v.number("maxTimestamp", last), ProducerID: v.number("producerId", -1),
		ProducerEpoch: int16(v.number("producerEpoch", -1)), FirstSequence: int32(v.number("baseSequence", -1)),
		NumRecords: int32(v.number("count", count)), Records: records,
	}
	raw := b.AppendTo(nil)
	b.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)) ^ uint32(v.number("crc", 0)))
	return b.AppendTo(nil), nil
}

// decodeRecords shows the batches in bytes. Bytes that are no whole batch are shown as their number.
func decodeRecords(raw []byte) *value {
	all := &value{kind: list}
	for len(raw) > 0 {
		var b kmsg.RecordBatch
		size := len(raw) + 1
		if len(raw) > 12 {
			size = 12 + int(binary.BigEndian.Uint32(raw[8:]))
		}
		if size > len(raw) || b.ReadFrom(raw[:size]) != nil {
			all.list = append(all.list, word(fmt.Sprintf("cut-after-%d-bytes", len(raw))))
			break
		}
		all.list = append(all.list, batchValue(&b))
		raw = raw[size:]
	}
	return all
}

// batchValue shows a batch. Fields with the value of a producer without idempotence are left out.
func batchValue(b *kmsg.RecordBatch) *value {
	v := &value{kind: structure}
	add := func(name string, n, usual int64) {
		if n != usual {
			v.fields = append(v.fields, field{name, word(strconv.FormatInt(n, 10))})
		}
	}
	add("baseOffset", b.FirstOffset, -1)
	add("partitionLeaderEpoch", int64(b.PartitionLeaderEpoch), -1)
	add("magic", int64(b.Magic), 2)
	add("attributes", int64(b.Attributes), 0)
	add("lastOffsetDelta", int64(b.LastOffsetDelta), int64(b.NumRecords-1))
	add("baseTimestamp", b.FirstTimestamp, -1)
	add("maxTimestamp", b.MaxTimestamp, b.FirstTimestamp)
	add("producerId", b.ProducerID, -1)
	add("producerEpoch", int64(b.ProducerEpoch), -1)
	add("baseSequence", int64(b.FirstSequence), -1)
	records := b.Records
	if b.Attributes&7 == 1 {
		r, err := gzip.NewReader(bytes.NewReader(records))
		if err == nil {
			records, err = io.ReadAll(r)
		}
		if err != nil {
			v.fields = append(v.fields, field{"records", words(err.Error())})
			return v
		}
	}
	all := &value{kind: list}
	for n := b.NumRecords; n > 0; n-- {
		var r kmsg.Record
		size, width := binary.Varint(records)
		if width <= 0 || size < 0 || int(size) > len(records)-width || r.ReadFrom(records[:width+int(size)]) != nil {
			all.list = append(all.list, word("malformed"))
			break
		}
		records = records[width+int(size):]
		one := &value{kind: structure}
		if r.TimestampDelta64 != 0 {
			one.fields = append(one.fields, field{"timestamp", word(strconv.FormatInt(b.FirstTimestamp+r.TimestampDelta64, 10))})
		}
		for _, part := range []struct {
			name string
			b    []byte
		}{{"key", r.Key}, {"value", r.Value}} {
			if part.b != nil {
				one.fields = append(one.fields, field{part.name, words(string(part.b))})
			}
		}
		all.list = append(all.list, one)
	}
	v.fields = append(v.fields, field{"records", all})
	return v
}
