package wire

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzBatch checks that no bytes make the reader of batches panic, that the accessors work on a valid batch, and that a
// batch that a client may append can be rebuilt with the same content.
func FuzzBatch(f *testing.F) {
	for c := CodecNone; c <= CodecZstd; c++ {
		f.Add([]byte(kafkaBatch(f, "small-"+c.String())), true)
	}
	for _, name := range []string{"cleaned", "cleaned-empty", "commit", "leader-change-0", "snapshot-header", "voters", "log-append-time"} {
		f.Add([]byte(kafkaBatch(f, name)), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, sign bool) {
		if len(in) > 1<<16 {
			return
		}
		in = bytes.Clone(in)
		for b, err := range Batches(in) {
			if err != nil {
				break
			}
			if sign {
				b.sign() // so that the fuzzer gets past the CRC
			}
			fuzzBatch(t, b)
		}
		_ = Batch(in).Validate() // any bytes may be asked
	})
}

func fuzzBatch(t *testing.T, b Batch) {
	_ = b.String()
	_ = b.LastSequence()
	for c, err := range b.Controls() {
		if err == nil {
			_, _ = c.Decode()
		}
	}
	records, err := b.AppendRecords(nil)
	sound := b.Validate() == nil && b.ValidateRecords() == nil
	if sound && err != nil {
		t.Fatalf("a batch that a client may append does not read: %v", err)
	}
	_, wrong := ClientRules{TimestampType: LogAppendTime}.Check(b)
	_ = wrong
	if !sound || b.TimestampType() == LogAppendTime {
		return
	}
	o := PlainBatch(b.BaseOffset(), b.LeaderEpoch())
	o.Codec = b.Codec()
	for i := range records {
		if records[i].Timestamp < NoTimestamp {
			return // Kafka's reader accepts it, no builder does
		}
		if records[i].Offset != b.BaseOffset()+Offset(i) {
			return // Kafka appends an uncompressed batch with such offsets unchanged, and no builder makes one
		}
	}
	again, err := AppendBatch(nil, o, records)
	if err != nil {
		t.Fatalf("records do not build: %v", err)
	}
	back, err := Batch(again).AppendRecords(nil)
	if err != nil || len(back) != len(records) {
		t.Fatalf("%d records came back as %d: %v", len(records), len(back), err)
	}
	for i := range back {
		if back[i].Offset != records[i].Offset || back[i].Timestamp != records[i].Timestamp ||
			!bytes.Equal(back[i].Key, records[i].Key) || !bytes.Equal(back[i].Value, records[i].Value) {
			t.Fatalf("record %d came back as %v, was %v", i, back[i], records[i])
		}
	}
}

// mayStall reports whether a frame may have a number of tagged fields that keeps kmsg busy for seconds (see
// ParseRequest): a varint of 2^21 or more. Otherwise the fuzzer would find little else.
func mayStall(frame []byte) bool {
	run := 0
	for _, b := range frame {
		if run++; b < 0x80 {
			run = 0
		}
		if run == 3 {
			return true
		}
	}
	return false
}

// FuzzRequest checks that no frame makes the parser panic, and that a parsed request can be written and parsed again.
func FuzzRequest(f *testing.F) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if req := kmsg.RequestForKey(key); req != nil {
			for _, version := range []int16{0, req.MaxVersion()} {
				req.SetVersion(version)
				f.Add(AppendRequest(nil, RequestHeader{ClientID: "c"}, req)[4:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) > 1<<12 || mayStall(frame) {
			return
		}
		h, req, err := ParseRequest(frame)
		if err != nil {
			_ = err.Error()
			return
		}
		_ = Size(req)
		once := AppendRequest(nil, h, req)
		inner, _, err := NextFrame(once)
		if err != nil {
			t.Fatal(err)
		}
		h2, req2, err := ParseRequest(inner)
		if err != nil || h2 != h {
			t.Fatalf("header %v came back as %v: %v", h, h2, err)
		}
		if twice := AppendRequest(nil, h2, req2); !bytes.Equal(once, twice) {
			t.Fatalf("what was written reads differently:\n%x\n%x", once, twice)
		}
	})
}

// FuzzResponse makes the same checks as FuzzRequest for responses of any key and version.
func FuzzResponse(f *testing.F) {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if resp := kmsg.ResponseForKey(key); resp != nil {
			for _, version := range []int16{0, resp.MaxVersion()} {
				resp.SetVersion(version)
				f.Add(AppendResponse(nil, 1, resp)[4:], key, version)
			}
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, key, version int16) {
		if len(frame) > 1<<12 || mayStall(frame) {
			return
		}
		correlation, resp, err := ParseResponse(frame, key, version)
		if err != nil {
			_ = err.Error()
			return
		}
		_ = Size(resp)
		once := AppendResponse(nil, correlation, resp)
		correlation2, resp2, err := ParseResponse(once[4:], key, resp.GetVersion())
		if err != nil || correlation2 != correlation {
			t.Fatalf("correlation %d came back as %d: %v", correlation, correlation2, err)
		}
		if twice := AppendResponse(nil, correlation2, resp2); !bytes.Equal(once, twice) {
			t.Fatalf("what was written reads differently:\n%x\n%x", once, twice)
		}
	})
}
