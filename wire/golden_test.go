package wire

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kafkaBatches has batches that the Java client of Apache Kafka 4.1.0 wrote (kafka-clients, with its own lz4-java
// 1.8.0, snappy-java 1.1.10.7 and zstd-jni 1.5.6-10). The program called MemoryRecords.builder, MemoryRecords.filterTo
// and the MemoryRecords.with... functions with the arguments in the tests below. Each line has the name of a batch and
// its bytes in hex.
//
//go:embed testdata/kafka-4.1-batches.txt.gz
var kafkaBatches []byte

// kafkaBatch returns one of these batches by name.
func kafkaBatch(t testing.TB, name string) Batch {
	t.Helper()
	for _, line := range unzipLines(t, kafkaBatches) {
		if n, text, _ := strings.Cut(line, " "); n == name {
			b, err := hex.DecodeString(text)
			require.NoError(t, err)
			return b
		}
	}
	t.Fatalf("no golden batch %q", name)
	return nil
}

func unzipLines(t testing.TB, zipped []byte) (lines []string) {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	require.NoError(t, err)
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	require.NoError(t, s.Err())
	return lines
}

// smallRecords are the five records of most golden batches: null and empty keys, values and headers, a falling and an
// absent timestamp.
func smallRecords() []Record {
	return []Record{
		{Timestamp: 1000, Key: []byte("key"), Value: []byte("value")},
		{Timestamp: 999, Value: []byte("no key"), Headers: []Header{{"a", []byte("b")}, {"a", nil}, {"", []byte{}}}},
		{Timestamp: 1005, Key: []byte("tombstone")},
		{Timestamp: 1005, Key: []byte{}, Value: []byte{}},
		{Timestamp: -1},
	}
}

// largeRecords has 75 kB, more than a block of any codec but gzip.
func largeRecords() []Record {
	records := make([]Record, 1500)
	for i := range records {
		records[i] = Record{
			Timestamp: 1700000000000 + Timestamp(i),
			Key:       fmt.Appendf(nil, "key-%d", i%7),
			Value:     fmt.Appendf(nil, "the value of record number %d", i),
		}
	}
	return records
}

// smallOptions has the options of the golden batches small-CODEC.
func smallOptions() BatchOptions {
	return BatchOptions{Transactional: true, BaseOffset: 42, LeaderEpoch: 5, ProducerID: 7, ProducerEpoch: 3, BaseSequence: 11}
}

// placed returns records with the offsets and timestamps that a reader of the batch sees.
func placed(o BatchOptions, records []Record) []Record {
	records = append([]Record(nil), records...)
	for i := range records {
		if records[i].Offset == 0 {
			records[i].Offset = o.BaseOffset + Offset(i)
		}
		if o.TimestampType == LogAppendTime {
			records[i].Timestamp = o.MaxTimestamp
		}
	}
	return records
}

// TestUncompressedBatchesAreKafkasByteForByte builds what the Java client built.
func TestUncompressedBatchesAreKafkasByteForByte(t *testing.T) {
	plain := func(base Offset, epoch Epoch, change func(*BatchOptions)) BatchOptions {
		o := PlainBatch(base, epoch)
		change(&o)
		return o
	}
	cleaned := smallRecords()[1:3]
	cleaned[0].Offset, cleaned[1].Offset = 43, 44
	for _, test := range []struct {
		name    string
		options BatchOptions
		records []Record
	}{
		{"small-none", smallOptions(), smallRecords()},
		{"log-append-time", plain(9, 2, func(o *BatchOptions) { o.TimestampType, o.MaxTimestamp = LogAppendTime, 5000 }), smallRecords()},
		{"sequence-wraps", BatchOptions{ProducerID: 1 << 40, ProducerEpoch: math.MaxInt16, BaseSequence: math.MaxInt32 - 1}, smallRecords()},
		// The cleaner kept offsets 43 and 44 of [42, 47) and may drop the tombstone at time 877 or later.
		{"cleaned", BatchOptions{BaseOffset: 42, NextOffset: 47, LeaderEpoch: 5, ProducerID: 7, ProducerEpoch: 3, BaseSequence: 11, HasDeleteHorizon: true, DeleteHorizon: 877}, cleaned},
		// The cleaner kept no record, but it kept the batch, which has the producer's last sequence number.
		{"cleaned-empty", BatchOptions{BaseOffset: 42, NextOffset: 47, LeaderEpoch: 5, ProducerID: 7, ProducerEpoch: 3, BaseSequence: 11, MaxTimestamp: 1005}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := kafkaBatch(t, test.name)
			got, err := AppendBatch([]byte("before"), test.options, test.records)
			require.NoError(t, err)
			require.Equal(t, "before", string(got[:6]))
			require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(got[6:]), "%v\n%v", want, Batch(got[6:]))
			requireReads(t, want, test.options, test.records)
		})
	}
}

// TestKafkasCompressedBatchesRead decodes batches that the Java client compressed, and our own of the same records.
func TestKafkasCompressedBatchesRead(t *testing.T) {
	for c := CodecGzip; c <= CodecZstd; c++ {
		for _, test := range []struct {
			name    string
			options BatchOptions
			records []Record
		}{
			{"small-" + c.String(), smallOptions(), smallRecords()},
			{"large-" + c.String(), PlainBatch(0, NoEpoch), largeRecords()},
		} {
			t.Run(test.name, func(t *testing.T) {
				test.options.Codec = c
				theirs := kafkaBatch(t, test.name)
				requireReads(t, theirs, test.options, test.records)
				ours, err := AppendBatch(nil, test.options, test.records)
				require.NoError(t, err)
				requireReads(t, ours, test.options, test.records)
				t.Logf("%d bytes, Kafka's %d", len(ours), len(theirs))

				// Everything except the compressed bytes, the length and the CRC must be the same.
				require.Equal(t, theirs[atAttributes:BatchHeaderSize], Batch(ours)[atAttributes:BatchHeaderSize])
			})
		}
	}
}

// requireReads checks every header field and record of a batch.
func requireReads(t *testing.T, b Batch, o BatchOptions, records []Record) {
	t.Helper()
	next, rest, err := Next(append(b[:len(b):len(b)], 1, 2, 3))
	require.NoError(t, err)
	require.Equal(t, b, next)
	require.Equal(t, []byte{1, 2, 3}, rest)
	require.NoError(t, b.Validate())

	require.Equal(t, o.BaseOffset, b.BaseOffset())
	require.Equal(t, o.LeaderEpoch, b.LeaderEpoch())
	require.Equal(t, int8(2), b.Magic())
	require.Equal(t, o.Codec, b.Codec())
	require.Equal(t, o.TimestampType, b.TimestampType())
	require.Equal(t, o.Transactional, b.IsTransactional())
	require.False(t, b.IsControl())
	require.Equal(t, o.HasDeleteHorizon, b.HasDeleteHorizon())
	require.Equal(t, o.ProducerID, b.ProducerID())
	require.Equal(t, o.ProducerEpoch, b.ProducerEpoch())
	require.Equal(t, o.BaseSequence, b.BaseSequence())
	require.Equal(t, int32(len(records)), b.Count())
	if o.NextOffset != 0 {
		require.Equal(t, o.NextOffset, b.NextOffset())
	}
	got, err := b.AppendRecords(nil)
	require.NoError(t, err)
	if len(records) > 0 {
		require.Equal(t, placed(o, records), got)
	} else {
		require.Empty(t, got)
	}
}

func TestLastSequenceWraps(t *testing.T) {
	require.Equal(t, int32(2), kafkaBatch(t, "sequence-wraps").LastSequence())
	require.Equal(t, int32(15), kafkaBatch(t, "small-none").LastSequence())
	require.Equal(t, NoSequence, kafkaBatch(t, "log-append-time").LastSequence())
	require.Equal(t, int32(0), AddSequence(math.MaxInt32, 1))
	require.Equal(t, int32(math.MaxInt32-1), AddSequence(math.MaxInt32, math.MaxInt32))
}

// TestControlBatchesAreKafkasByteForByte builds the control batches that Kafka's own helpers build.
func TestControlBatchesAreKafkasByteForByte(t *testing.T) {
	dir := func(id byte) UUID { return UUID{7: id, 15: 10 + id} } // new Uuid(id, 10 + id)
	voters := func(ids ...NodeID) (v []LeaderChangeVoter) {
		for _, id := range ids {
			v = append(v, LeaderChangeVoter{VoterID: id})
		}
		return v
	}
	voter := func(id byte) KRaftVoter {
		ends := []KRaftEndpoint{{"CONTROLLER", fmt.Sprint("host", id), 9093}, {"OTHER", "h", 65535}}
		return KRaftVoter{ID: NodeID(id), DirectoryID: dir(id), Endpoints: ends, MinVersion: 0, MaxVersion: 1}
	}
	marker := BatchOptions{Transactional: true, LeaderEpoch: 8, ProducerID: 7, ProducerEpoch: 3}
	for _, test := range []struct {
		name  string
		base  Offset
		ts    Timestamp
		value ControlValue
	}{
		{"commit", 17, 4321, EndTxnMarker{Commit: true, CoordinatorEpoch: 6}},
		{"abort", 18, 4321, EndTxnMarker{CoordinatorEpoch: 0}},
		{"leader-change-0", 30, 99, LeaderChange{LeaderID: 2, Voters: voters(1, 2, 3), GrantingVoters: voters(2, 3)}},
		{"snapshot-header", 0, 99, SnapshotHeader{LastContainedLogTimestamp: 1234}},
		{"snapshot-footer", 7, 99, SnapshotFooter{}},
		{"kraft-version", 1, 99, KRaftVersion{Version: 1}},
		{"voters", 2, 99, KRaftVoters{[]KRaftVoter{voter(1), voter(2)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := kafkaBatch(t, test.name)
			o := PlainBatch(test.base, 4)
			if _, is := test.value.(EndTxnMarker); is {
				o = marker
				o.BaseOffset = test.base
			}
			got, err := AppendControl(nil, o, test.ts, test.value)
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(got))
			require.NoError(t, want.Validate())
			require.True(t, want.IsControl())

			c, err := want.Control()
			require.NoError(t, err)
			require.Equal(t, test.value.ControlType(), c.Type)
			require.Equal(t, test.base, c.Offset)
			require.Equal(t, test.ts, c.Timestamp)
			v, err := c.Decode()
			require.NoError(t, err)
			require.Equal(t, test.value, v)
		})
	}
}
