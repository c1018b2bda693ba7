package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"
)

// built builds a batch and fails the test if that is an error.
func built(t testing.TB, o BatchOptions, records ...Record) Batch {
	t.Helper()
	b, err := AppendBatch(nil, o, records)
	require.NoError(t, err)
	return b
}

// resigned returns b after a change, with a correct CRC: the author of the batch made the error, not the transport.
func resigned(b Batch, change func(Batch)) Batch {
	b = bytes.Clone(b)
	change(b)
	b.sign()
	return b
}

func put32(at int, v int32) func(Batch) {
	return func(b Batch) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}

// TestEveryBitFlipUnderTheCRCIsFound also checks that no bit flip outside of the CRC changes the checksum.
func TestEveryBitFlipUnderTheCRCIsFound(t *testing.T) {
	b := built(t, smallOptions(), smallRecords()...)
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			err := b.Validate()
			switch {
			case i >= atCRC, i >= atLength && i < atLeaderEpoch, i == atMagic:
				require.Error(t, err, "byte %d bit %d", i, bit)
				if i >= atCRC {
					require.ErrorIs(t, err, kerr.CorruptMessage)
				}
			case i == 0 && bit >= 6: // an offset below zero, or so large that the last one would overflow
			default:
				require.NoError(t, err, "byte %d bit %d is the leader's", i, bit)
			}
			b[i] ^= 1 << bit
		}
	}
	require.NoError(t, b.Validate())
}

func TestValidateRefuses(t *testing.T) {
	sound := built(t, smallOptions(), smallRecords()...)
	for name, test := range map[string]struct {
		batch Batch
		code  error
	}{
		"no bytes":                 {nil, kerr.CorruptMessage},
		"less than a header":       {sound[:60], kerr.CorruptMessage},
		"a byte missing":           {sound[:len(sound)-1], kerr.CorruptMessage},
		"a byte too many":          {append(bytes.Clone(sound), 0), kerr.CorruptMessage},
		"magic 1":                  {resigned(sound, func(b Batch) { b[atMagic] = 1 }), kerr.InvalidRecord},
		"magic 3":                  {resigned(sound, func(b Batch) { b[atMagic] = 3 }), kerr.CorruptMessage},
		"codec 5":                  {resigned(sound, func(b Batch) { b[atAttributes+1] |= 5 }), kerr.UnknownServerError},
		"last offset before first": {resigned(sound, put32(atLastOffsetDelta, -1)), kerr.InvalidRecord},
		"more records than room":   {resigned(sound, put32(atCount, 6)), kerr.InvalidRecord},
		"less than no record":      {resigned(sound, put32(atCount, -1)), kerr.InvalidRecord},
		"negative offset":          {resigned(sound, func(b Batch) { b.Patch(-1, 0) }), kerr.InvalidRecord},
	} {
		require.ErrorIs(t, test.batch.Validate(), test.code, name)
	}
	// The cleaner leaves fewer records than offsets, and a later Kafka may set unused attribute bits.
	require.NoError(t, resigned(sound, put32(atCount, 2)).Validate())
	require.NoError(t, resigned(sound, func(b Batch) { b[atAttributes] = 0x80 }).Validate())
}

// TestClientsMayNotAppend has valid batches that a leader must refuse.
func TestClientsMayNotAppend(t *testing.T) {
	sound := built(t, smallOptions(), smallRecords()...)
	require.NoError(t, sound.ValidateRecords())
	end := len(sound)
	fromOne := []Record{{Offset: 1, Value: []byte("first is 1")}, {Offset: 2}}
	for name, b := range map[string]Batch{
		"a gap at the end":             resigned(sound, put32(atLastOffsetDelta, 5)),
		"no records":                   built(t, BatchOptions{ProducerID: NoProducerID, NextOffset: 1}),
		"control":                      resigned(sound, func(b Batch) { b[atAttributes+1] |= maskControl }),
		"a producer without sequence":  resigned(sound, put32(atBaseSequence, -1)),
		"a gap inside":                 resigned(built(t, gzipped(), fromOne...), put32(atLastOffsetDelta, 1)),
		"gzip that ends early":         cutShort(built(t, gzipped(), smallRecords()...)),
		"a record short":               resigned(sound, func(b Batch) { put32(atCount, 6)(b); put32(atLastOffsetDelta, 5)(b) }),
		"a record too many":            resigned(sound, func(b Batch) { put32(atCount, 4)(b); put32(atLastOffsetDelta, 3)(b) }),
		"the last record longer":       resigned(sound, func(b Batch) { b[end-8] += 2 }),
		"the last record shorter":      resigned(sound, func(b Batch) { b[end-8] -= 2 }),
		"a header count below zero":    resigned(sound, func(b Batch) { b[end-1] = 1 }),
		"more headers than bytes":      resigned(sound, func(b Batch) { b[end-1] = 2 }),
		"a key longer than the record": resigned(sound, func(b Batch) { b[BatchHeaderSize+4] = 100 }),
	} {
		require.ErrorIs(t, b.ValidateRecords(), kerr.InvalidRecord, name)
	}
	// Kafka has no error for a failed decompression.
	for codec := CodecGzip; codec <= CodecZstd; codec++ {
		b := resigned(sound, func(b Batch) { b[atAttributes+1] |= byte(codec) })
		require.ErrorIs(t, b.ValidateRecords(), kerr.UnknownServerError, codec.String())
	}
	odd := resigned(built(t, PlainBatch(0, 0), fromOne...), put32(atLastOffsetDelta, 1))
	require.NoError(t, odd.ValidateRecords(), "the offset deltas of uncompressed records are not checked")
}

func gzipped() BatchOptions {
	o := PlainBatch(0, 0)
	o.Codec = CodecGzip
	return o
}

// cutShort removes the last bytes of a batch and recomputes its CRC.
func cutShort(b Batch) Batch {
	b = append(Batch(nil), b[:len(b)-12]...)
	put32(atLength, int32(len(b)-sizePrefix))(b)
	return resigned(b, func(Batch) {})
}

func TestClientRules(t *testing.T) {
	rules := ClientRules{Now: 1_000_000, Before: 10_000, After: 500}
	check := func(rules ClientRules, b Batch) (ts Timestamp, wrong []int32, code error) {
		max, errs := rules.Check(b)
		for _, e := range errs {
			wrong = append(wrong, e.Record)
		}
		if len(errs) > 0 {
			code = errs[0].Code
		}
		return max, wrong, code
	}
	at := func(ts ...Timestamp) (records []Record) {
		for _, x := range ts {
			records = append(records, Record{Timestamp: x, Key: []byte{}})
		}
		return records
	}
	plain := PlainBatch(0, NoEpoch)

	max, wrong, _ := check(rules, built(t, plain, at(990_000, 1_000_500, -1)...))
	require.Empty(t, wrong)
	require.Equal(t, Timestamp(1_000_500), max)

	_, wrong, code := check(rules, built(t, plain, at(989_999, 1_000_000, 1_000_501)...))
	require.Equal(t, []int32{0, 2}, wrong, "each bad record is named")
	require.Equal(t, kerr.InvalidTimestamp, code)

	compacted := rules
	compacted.Compacted = true
	_, wrong, code = check(compacted, built(t, plain, Record{Timestamp: 1_000_000, Key: []byte("k")}, Record{Timestamp: 0}))
	require.Equal(t, []int32{1}, wrong)
	require.Equal(t, kerr.InvalidRecord, code, "the missing key is seen before the old timestamp")

	stamped := plain
	stamped.TimestampType, stamped.MaxTimestamp = LogAppendTime, 1_000_000
	broker := rules
	broker.TimestampType = LogAppendTime
	_, wrong, code = check(broker, built(t, stamped, at(0)...))
	require.Equal(t, []int32{0}, wrong, "a producer must not stamp for the broker")
	require.Equal(t, kerr.InvalidTimestamp, code)

	_, wrong, _ = check(rules, resigned(built(t, plain, at(1)...), put32(atCount, 2)))
	require.Equal(t, []int32{-1}, wrong, "an error of the batch names no record")
}

func TestSetLogAppendTime(t *testing.T) {
	b := built(t, smallOptions(), smallRecords()...)
	before := bytes.Clone(b)
	b.SetLogAppendTime(777)
	require.NoError(t, b.Validate())
	require.Equal(t, LogAppendTime, b.TimestampType())
	for r, err := range b.Records() {
		require.NoError(t, err)
		require.Equal(t, Timestamp(777), r.Timestamp)
	}
	b.SetMaxTimestamp(1005)
	require.Equal(t, before, []byte(b), "the records kept their own timestamps")
	b[atCRC] ^= 1
	b.SetMaxTimestamp(1005)
	require.Error(t, b.Validate(), "where nothing changes, nothing is signed, as in Kafka")
}

// drawBatch draws matching options and records.
func drawBatch(t *rapid.T) (BatchOptions, []Record) {
	bytesOrNil := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 40))
	o := BatchOptions{
		Codec:         Codec(rapid.IntRange(0, 4).Draw(t, "codec")),
		Transactional: rapid.Bool().Draw(t, "transactional"),
		BaseOffset:    Offset(rapid.Int64Range(0, 1<<50).Draw(t, "base")),
		LeaderEpoch:   Epoch(rapid.Int32Min(-1).Draw(t, "epoch")),
		ProducerID:    ProducerID(rapid.Int64Min(-1).Draw(t, "producer")),
		ProducerEpoch: ProducerEpoch(rapid.Int16Min(-1).Draw(t, "producer epoch")),
		BaseSequence:  rapid.Int32Min(-1).Draw(t, "sequence"),
	}
	if rapid.Bool().Draw(t, "broker's time") {
		o.TimestampType, o.MaxTimestamp = LogAppendTime, Timestamp(rapid.Int64Min(-1).Draw(t, "append time"))
	}
	if rapid.Bool().Draw(t, "has horizon") {
		o.HasDeleteHorizon, o.DeleteHorizon = true, Timestamp(rapid.Int64Range(0, 1<<45).Draw(t, "horizon"))
	}
	offset := o.BaseOffset
	records := make([]Record, rapid.IntRange(1, 20).Draw(t, "count"))
	for i := range records {
		r := &records[i]
		offset += Offset(rapid.Int64Range(0, 3).Draw(t, "gap"))
		r.Offset = offset
		offset++
		r.Timestamp = Timestamp(rapid.Int64Min(-1).Draw(t, "timestamp"))
		r.Key, r.Value = bytesOrNil.Draw(t, "key"), bytesOrNil.Draw(t, "value")
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, Header{rapid.String().Draw(t, "header"), bytesOrNil.Draw(t, "header value")})
		}
	}
	o.NextOffset = offset + Offset(rapid.Int64Range(0, 3).Draw(t, "gap at the end"))
	return o, records
}

// TestAnyBatchComesBack checks that any batch is read as it was built, is valid after the leader has set its offset,
// and can be found among others.
func TestAnyBatchComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, records := drawBatch(t)
		lead := rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "bytes before")
		out, err := AppendBatch(bytes.Clone(lead), o, records)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(out, lead))
		b := Batch(out[len(lead):])
		require.NoError(t, b.Validate())
		want := records
		if o.TimestampType == LogAppendTime {
			want = placed(o, records)
		}
		got, err := b.AppendRecords(nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, o.NextOffset, b.NextOffset())

		// A batch rebuilt from itself is the same, except for the deltas, which a broker's time makes unreadable.
		if o.TimestampType == CreateTime {
			again, err := AppendBatch(nil, b.Options(), got)
			require.NoError(t, err)
			require.Equal(t, []byte(b), again)
		}

		crc := b.CRC()
		by := Offset(rapid.Int64Range(0, 1<<40).Draw(t, "moved by"))
		b.Patch(o.BaseOffset+by, o.LeaderEpoch/2)
		require.NoError(t, b.Validate())
		require.Equal(t, crc, b.CRC())
		i := 0
		for r, err := range b.Records() {
			require.NoError(t, err)
			require.Equal(t, records[i].Offset+by, r.Offset)
			i++
		}

		// The bytes have two batches and half of a third one.
		log := append(append(bytes.Clone(b), b...), b[:len(b)/2]...)
		found := 0
		for one, err := range Batches(log) {
			if found == 2 {
				require.ErrorIs(t, err, ErrShortBatch)
				break
			}
			require.NoError(t, err)
			require.Equal(t, b, one)
			found++
		}
		require.Equal(t, 2, found)
	})
}

func TestBuildRefuses(t *testing.T) {
	dst := []byte("as it was")
	for name, test := range map[string]struct {
		change  func(*BatchOptions)
		records []Record
	}{
		"no records and no range": {func(o *BatchOptions) {}, nil},
		"a falling offset":        {func(o *BatchOptions) {}, []Record{{Offset: 12}, {Offset: 11}}},
		"the same offset twice":   {func(o *BatchOptions) {}, []Record{{Offset: 12}, {Offset: 12}}},
		"an offset before":        {func(o *BatchOptions) {}, []Record{{Offset: 9}}},
		"an offset behind":        {func(o *BatchOptions) { o.NextOffset = 12 }, []Record{{Offset: 12}}},
		"a zero among others":     {func(o *BatchOptions) {}, []Record{{Offset: 10}, {}}},
		"too wide":                {func(o *BatchOptions) { o.NextOffset = 10 + 1<<31 + 1 }, []Record{{Offset: 10}}},
		"a negative timestamp":    {func(o *BatchOptions) {}, []Record{{Timestamp: -2}}},
		"a negative base":         {func(o *BatchOptions) { o.BaseOffset = -1 }, []Record{{}}},
		"codec 5":                 {func(o *BatchOptions) { o.Codec = 5 }, []Record{{}}},
	} {
		o := PlainBatch(10, 0)
		test.change(&o)
		got, err := AppendBatch(dst, o, test.records)
		require.Error(t, err, name)
		require.Equal(t, "as it was", string(got), name)
	}
}

// TestWhatTheCleanerKeeps builds the remainder of a golden batch after Kafka's cleaner.
func TestWhatTheCleanerKeeps(t *testing.T) {
	b := built(t, smallOptions(), smallRecords()...)
	records, err := b.AppendRecords(nil)
	require.NoError(t, err)
	o := b.Options()
	o.Transactional = false // the golden one is not
	kept := o
	kept.HasDeleteHorizon, kept.DeleteHorizon = true, 877
	require.Equal(t, kafkaBatch(t, "cleaned"), built(t, kept, records[1:3]...))
	o.Codec = CodecZstd // an empty batch is never compressed
	require.Equal(t, kafkaBatch(t, "cleaned-empty"), built(t, o))
}

// TestNumbering checks that records without offsets are numbered, even if the batch begins at 0 or has one record.
func TestNumbering(t *testing.T) {
	for _, base := range []Offset{0, 5} {
		for n := 1; n <= 3; n++ {
			b := built(t, PlainBatch(base, 0), make([]Record, n)...)
			require.Equal(t, base+Offset(n), b.NextOffset())
			i := base
			for r, err := range b.Records() {
				require.NoError(t, err)
				require.Equal(t, i, r.Offset)
				i++
			}
		}
	}
}

func TestNextTellsShortFromCorrupt(t *testing.T) {
	b := built(t, smallOptions(), smallRecords()...)
	for n := range b {
		_, rest, err := Next(b[:n])
		require.ErrorIs(t, err, ErrShortBatch, "first %d bytes", n)
		require.Len(t, rest, n)
	}
	var ce *CorruptError
	for name, change := range map[string]func(Batch){
		"length 48":       put32(atLength, 48),
		"length negative": put32(atLength, -1),
		"magic 0":         func(b Batch) { b[atMagic] = 0 },
	} {
		c := bytes.Clone(b)
		change(c)
		_, _, err := Next(c)
		require.ErrorAs(t, err, &ce, name)
	}
}

// TestNothingIsAllocated checks the functions that are documented to allocate nothing.
func TestNothingIsAllocated(t *testing.T) {
	records := smallRecords()
	o := smallOptions()
	buf := make([]byte, 0, 4096)
	b := Batch(bytes.Clone(built(t, o, records...)))
	for name, f := range map[string]func(){
		"build":            func() { _, _ = AppendBatch(buf, o, records) },
		"find":             func() { _, _, _ = Next(b) },
		"header":           func() { _ = b.LastSequence() + int32(b.NextOffset()) + int32(b.ProducerEpoch()) },
		"validate":         func() { _ = b.Validate() },
		"validate records": func() { _ = b.ValidateRecords() },
		"patch":            func() { b.Patch(77, 1) },
		"stamp":            func() { b.SetLogAppendTime(b.MaxTimestamp() + 1) },
	} {
		require.Zero(t, testing.AllocsPerRun(20, f), name)
	}
}
