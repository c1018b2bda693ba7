package wire

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// tenRecords is the load of every benchmark here: ten records with a key of 10 bytes and a value of 100 bytes.
func tenRecords() []Record {
	records := make([]Record, 10)
	for i := range records {
		records[i] = Record{Timestamp: Timestamp(1_700_000_000_000 + int64(i)), Key: bytes.Repeat([]byte{'k'}, 10), Value: bytes.Repeat([]byte{'v', byte(i)}, 50)}
	}
	return records
}

func BenchmarkBuild(b *testing.B) {
	for c := CodecNone; c <= CodecZstd; c++ {
		b.Run(c.String(), func(b *testing.B) {
			o, records := smallOptions(), tenRecords()
			o.Codec = c
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = AppendBatch(buf[:0], o, records)
			}
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	for c := CodecNone; c <= CodecZstd; c++ {
		b.Run(c.String(), func(b *testing.B) {
			o := smallOptions()
			o.Codec = c
			batch := built(b, o, tenRecords()...)
			b.ReportAllocs()
			for b.Loop() {
				for r, err := range batch.Records() {
					if err != nil || r.Key == nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkHeader(b *testing.B) {
	batch := built(b, smallOptions(), tenRecords()...)
	sum := Offset(0)
	b.ReportAllocs()
	for b.Loop() {
		one, _, _ := Next(batch)
		sum += one.NextOffset() + Offset(one.LeaderEpoch()) + Offset(one.Count()) + Offset(one.LastSequence())
	}
	_ = sum
}

func BenchmarkValidate(b *testing.B) {
	batch := built(b, smallOptions(), tenRecords()...)
	b.ReportAllocs()
	for b.Loop() {
		if err := batch.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidateRecords(b *testing.B) {
	batch := built(b, smallOptions(), tenRecords()...)
	b.ReportAllocs()
	for b.Loop() {
		if err := batch.ValidateRecords(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPatch(b *testing.B) {
	batch := built(b, smallOptions(), tenRecords()...)
	b.ReportAllocs()
	for b.Loop() {
		batch.Patch(123456, 7)
	}
}

// BenchmarkAppendAsLeader measures a leader's work for a client's batch, without storing it.
func BenchmarkAppendAsLeader(b *testing.B) {
	batch := built(b, smallOptions(), tenRecords()...)
	b.ReportAllocs()
	for b.Loop() {
		if batch.Validate() != nil || batch.ValidateRecords() != nil {
			b.Fatal("not sound")
		}
		batch.Patch(123456, 7)
	}
}

func BenchmarkProduceRoundTrip(b *testing.B) {
	req := &kmsg.ProduceRequest{Version: 9, Acks: -1, TimeoutMillis: 30000, Topics: []kmsg.ProduceRequestTopic{
		{Topic: "orders", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: built(b, smallOptions(), tenRecords()...)}}}}}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRequest(buf[:0], RequestHeader{Correlation: 1, ClientID: "producer"}, req)
		if _, _, err := ParseRequest(buf[4:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetchResponseRoundTrip(b *testing.B) {
	resp := &kmsg.FetchResponse{Version: 17, Topics: []kmsg.FetchResponseTopic{
		{Partitions: []kmsg.FetchResponseTopicPartition{kmsg.NewFetchResponseTopicPartition()}}}}
	resp.Topics[0].Partitions[0].RecordBatches = built(b, smallOptions(), tenRecords()...)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendResponse(buf[:0], 1, resp)
		if _, _, err := ParseResponse(buf[4:], 1, 17); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSize(b *testing.B) {
	req := &kmsg.ProduceRequest{Topics: []kmsg.ProduceRequestTopic{{Partitions: make([]kmsg.ProduceRequestTopicPartition, 1)}}}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n += Size(req)
	}
	_ = n
}
