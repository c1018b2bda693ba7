package sim

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Messages travel in one of three modes. The size for the bandwidth model is computed from the struct, so it is the
// same in all modes.
//
//	pointer   struct ────────────────────────────────────▶ the same struct
//	wire      struct ──encode──▶ bytes ──────────decode──▶ another struct
//	guard     struct ──encode, hash──────────────────────▶ the same struct, ... encode again, hash, compare

// pack prepares a message for sending. The receiver is nil if no machine has the address.
func (w *World) pack(p *packet, from, receiver *machine) {
	if p.req != nil {
		p.size = int32(wire.Size(p.req))
	} else {
		p.size = int32(wire.Size(p.resp))
	}
	// Wire and guard mode encode the message when it is sent, because the receiver must see it as it was then.
	switch w.config.Mode {
	case Wire:
		if p.req != nil {
			p.bytes = wire.AppendRequest(nil, wire.RequestHeader{Correlation: p.correlation}, p.req)
		} else {
			p.bytes = wire.AppendResponse(nil, p.correlation, p.resp)
		}
	case Guard:
		if receiver != nil {
			w.guard.watch(p, from.addr, receiver.addr, w.cause)
		}
	}
}

// unpack decodes a message that arrived from a machine.
func (w *World) unpack(p *packet, from env.Addr) {
	// In pointer and guard mode there are no bytes, and the receiver gets the struct.
	if p.bytes == nil {
		return
	}
	frame, _, err := wire.NextFrame(p.bytes)
	if err == nil && p.kind == packetRequest {
		_, p.req, err = wire.ParseRequest(frame)
	} else if err == nil {
		_, p.resp, err = wire.ParseResponse(frame, p.key, p.version)
	}
	p.bytes = nil
	if err != nil {
		panic(&Misuse{Machine: from, What: fmt.Sprintf("sent a message that does not survive the wire: %v", err)})
	}
}

// requestGist and responseGist compute a digest of a message for the hash of the run. For each partition, the digest
// covers the number, the offset, the error, the length of the records and the checksum of the first batch. It does not
// cover all bytes; a change that it misses shows in the receiver's writes. It covers only fields that every version
// has, because wire mode loses the others.

func requestGist(m env.Request) (h uint64) {
	switch m := m.(type) {
	case *kmsg.ProduceRequest:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				p := &m.Topics[i].Partitions[j]
				h = h*golden + weave(uint64(uint32(p.Partition)), recordsGist(p.Records), 0, 0)
			}
		}
	case *kmsg.FetchRequest:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				p := &m.Topics[i].Partitions[j]
				h = h*golden + weave(uint64(uint32(p.Partition)), uint64(p.FetchOffset), 0, 0)
			}
		}
	}
	return h
}

func responseGist(m env.Response) (h uint64) {
	switch m := m.(type) {
	case *kmsg.ProduceResponse:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				p := &m.Topics[i].Partitions[j]
				h = h*golden + weave(uint64(uint32(p.Partition))|uint64(uint16(p.ErrorCode))<<32, uint64(p.BaseOffset), 0, 0)
			}
		}
	case *kmsg.FetchResponse:
		for i := range m.Topics {
			for j := range m.Topics[i].Partitions {
				p := &m.Topics[i].Partitions[j]
				h = h*golden + weave(uint64(uint32(p.Partition))|uint64(uint16(p.ErrorCode))<<32, recordsGist(p.RecordBatches), uint64(p.HighWatermark), 0)
			}
		}
	}
	return h
}

// recordsGist combines the length of some batches with the checksum in the header of the first.
func recordsGist(records []byte) uint64 {
	const crc = 17
	h := uint64(len(records)) << 32
	if len(records) >= crc+4 {
		h |= uint64(binary.BigEndian.Uint32(records[crc:]))
	}
	return h
}

// stamp gives a response the version of its request. If the request is ApiVersions in an unsupported version, the
// response has version 0, because the client does not know yet which versions the broker supports.
func stamp(resp env.Response, version int16) {
	const unsupportedVersion = 35
	if r, ok := resp.(*kmsg.ApiVersionsResponse); ok && r.ErrorCode == unsupportedVersion {
		version = 0
	}
	resp.SetVersion(version)
}

// guardDelay is the number of messages after which guard mode checks a message again.
// By then the receiver has usually handled the message, but a violation is still found close to its cause. At the end of a
// run guard mode checks all remaining messages.
const guardDelay = 400

// guard keeps hashes of the last messages as they were sent.
type guard struct {
	watched   [guardDelay]guarded
	next      int
	scratch   []byte // one buffer for all encodings
	violation *GuardViolation
}

// guarded is one message that must not change after it was sent.
type guarded struct {
	req      env.Request
	resp     env.Response
	hash     uint64
	from, to env.Addr
	cause    uint64
}

// GuardViolation reports that a message was changed after it was sent, so two nodes share memory.
type GuardViolation struct {
	Key, Version int16
	Response     bool
	From, To     env.Addr
	Event        uint64 // the event that sent the message
}

// Error describes the violation.
func (v *GuardViolation) Error() string {
	what := "request"
	if v.Response {
		what = "response"
	}
	return fmt.Sprintf("%s %s version %d from %s to %s, sent by e%d, was changed after it was sent",
		kmsg.NameForKey(v.Key), what, v.Version, v.From, v.To, v.Event)
}

func (g *guard) watch(p *packet, from, to env.Addr, cause uint64) {
	g.look(g.next)
	m := guarded{req: p.req, resp: p.resp, from: from, to: to, cause: cause}
	m.hash = g.encode(&m)
	g.watched[g.next] = m
	g.next = (g.next + 1) % guardDelay
}

// look checks that a message still has the hash that it had when it was sent.
func (g *guard) look(i int) {
	m := &g.watched[i]
	if m.req == nil && m.resp == nil || g.encode(m) == m.hash {
		return
	}
	// Only the first violation is kept, because it may have caused later ones.
	if g.violation == nil {
		v := GuardViolation{From: m.from, To: m.to, Event: m.cause, Response: m.req == nil}
		if m.req != nil {
			v.Key, v.Version = m.req.Key(), m.req.GetVersion()
		} else {
			v.Key, v.Version = m.resp.Key(), m.resp.GetVersion()
		}
		g.violation = &v
	}
	m.hash = g.encode(m)
}

// encode hashes a message's version and bytes. The version is included to detect a shared response that is stamped again.
func (g *guard) encode(m *guarded) uint64 {
	b := g.scratch[:0]
	if m.req != nil {
		v := m.req.GetVersion()
		b = m.req.AppendTo(append(b, byte(v>>8), byte(v)))
	} else {
		v := m.resp.GetVersion()
		b = m.resp.AppendTo(append(b, byte(v>>8), byte(v)))
	}
	g.scratch = b
	return xxhash.Sum64(b)
}

// GuardViolation checks all messages that guard mode still has, and returns the first violation of the run, or nil. In
// other modes it returns nil. Call it at the end of a run.
func (w *World) GuardViolation() *GuardViolation {
	if w.guard == nil {
		return nil
	}
	for i := range w.guard.watched {
		w.guard.look(i)
	}
	return w.guard.violation
}
