package wire

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ControlType is the type in a control record's key.
type ControlType int16

const (
	ControlAbort          ControlType = iota // a transaction's records up to here do not count
	ControlCommit                            // they do
	ControlLeaderChange                      // KRaft: the first record of a leader's epoch
	ControlSnapshotHeader                    // KRaft: the first record of a snapshot
	ControlSnapshotFooter                    // KRaft: the last; a snapshot without it is torn
	ControlKRaftVersion                      // KRaft: the version of the quorum protocol (KIP-853)
	ControlKRaftVoters                       // KRaft: the voter set (KIP-853)
)

// String is Kafka's name of the type. A reader skips types it does not know.
func (t ControlType) String() string {
	if t >= 0 && t <= ControlKRaftVoters {
		return [...]string{"ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"}[t]
	}
	return "UNKNOWN"
}

// ControlValue is what a control record says: one of the types below, and no other. Those of KRaft carry a version in
// front, of which Kafka has only 0 so far; LeaderChange has it as a field because it has a version 1 as well.
type ControlValue interface {
	// ControlType is the type that goes into the record's key.
	ControlType() ControlType
	// appendTo writes the record's value in Kafka's format.
	appendTo(dst []byte) []byte
}

// EndTxnMarker ends the transaction of the batch's producer in this partition.
type EndTxnMarker struct {
	Commit bool
	// CoordinatorEpoch is the leader epoch of the coordinator's log. It fences markers of an older coordinator.
	CoordinatorEpoch Epoch
}

// LeaderChange announces a quorum leader and who voted for it. Version 1 of it has directory ids of voters, but Kafka
// writes version 0 even where they have some (ControlRecordUtils.LEADER_CHANGE_CURRENT_VERSION).
type LeaderChange struct{ kmsg.LeaderChangeMessage }

// SnapshotHeader begins a snapshot.
type SnapshotHeader struct {
	// LastContainedLogTimestamp is the append time of the last record that the snapshot stands for.
	LastContainedLogTimestamp Timestamp
}

// SnapshotFooter ends a snapshot.
type SnapshotFooter struct{}

// KRaftVersion is the finalized version of the quorum protocol: 1 has dynamic voters.
type KRaftVersion struct{ Version int16 }

// KRaftVoters is the whole voter set; it holds as soon as it is in a log, committed or not (KIP-853).
type KRaftVoters struct{ Voters []KRaftVoter }

// KRaftVoter is one member of the quorum.
type KRaftVoter struct {
	ID          NodeID
	DirectoryID UUID
	Endpoints   []KRaftEndpoint
	// MinVersion and MaxVersion are the kraft.version values that the voter's software supports.
	MinVersion, MaxVersion int16
}

// KRaftEndpoint is where a voter listens.
type KRaftEndpoint struct {
	Listener string
	Host     string
	Port     uint16
}

// ControlType is ABORT or COMMIT.
func (m EndTxnMarker) ControlType() ControlType {
	if m.Commit {
		return ControlCommit
	}
	return ControlAbort
}

// ControlType is LEADER_CHANGE.
func (LeaderChange) ControlType() ControlType { return ControlLeaderChange }

// ControlType is SNAPSHOT_HEADER.
func (SnapshotHeader) ControlType() ControlType { return ControlSnapshotHeader }

// ControlType is SNAPSHOT_FOOTER.
func (SnapshotFooter) ControlType() ControlType { return ControlSnapshotFooter }

// ControlType is KRAFT_VERSION.
func (KRaftVersion) ControlType() ControlType { return ControlKRaftVersion }

// ControlType is KRAFT_VOTERS.
func (KRaftVoters) ControlType() ControlType { return ControlKRaftVoters }

// Every value but LeaderChange starts with its schema's version, of which there is only 0. The KRaft ones are flexible
// messages: compact lengths, and an empty tag section behind each struct.

func (m EndTxnMarker) appendTo(dst []byte) []byte {
	dst = append(dst, 0, 0)
	return binary.BigEndian.AppendUint32(dst, uint32(m.CoordinatorEpoch))
}

func (m LeaderChange) appendTo(dst []byte) []byte { return m.LeaderChangeMessage.AppendTo(dst) }

func (m SnapshotHeader) appendTo(dst []byte) []byte {
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.LastContainedLogTimestamp))
	return append(dst, 0)
}

func (SnapshotFooter) appendTo(dst []byte) []byte { return append(dst, 0, 0, 0) }

func (m KRaftVersion) appendTo(dst []byte) []byte {
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.Version))
	return append(dst, 0)
}

func (m KRaftVoters) appendTo(dst []byte) []byte {
	dst = append(dst, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(len(m.Voters))+1)
	for _, v := range m.Voters {
		dst = binary.BigEndian.AppendUint32(dst, uint32(v.ID))
		dst = append(dst, v.DirectoryID[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(v.Endpoints))+1)
		for _, e := range v.Endpoints {
			dst = appendCompactString(dst, e.Listener)
			dst = appendCompactString(dst, e.Host)
			dst = binary.BigEndian.AppendUint16(dst, e.Port)
			dst = append(dst, 0)
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(v.MinVersion))
		dst = binary.BigEndian.AppendUint16(dst, uint16(v.MaxVersion))
		dst = append(dst, 0) // the tags of the version range, a struct of its own
		dst = append(dst, 0)
	}
	return append(dst, 0)
}

// appendCompactString writes a string with its length plus one, which leaves 0 for null.
func appendCompactString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))+1), s...)
}

// AppendControl appends one control batch with one record per value, all stamped ts. A transaction marker stands alone
// and is transactional; its options carry the producer that it ends. KRaft writes several values in one batch.
// Control batches have no sequence and are never compressed, whatever o says.
func AppendControl(dst []byte, o BatchOptions, ts Timestamp, values ...ControlValue) ([]byte, error) {
	// A marker has a producer and yet no sequence: it must not move what the producer's state expects next.
	o.Control, o.Codec, o.BaseSequence = true, CodecNone, NoSequence
	records := make([]Record, len(values))
	for i, v := range values {
		if _, marker := v.(EndTxnMarker); marker {
			if len(values) > 1 {
				return dst, fmt.Errorf("build a control batch: a transaction marker stands alone, not among %d values", len(values))
			}
			o.Transactional = true
		}
		records[i] = Record{
			Timestamp: ts,
			Key:       []byte{0, 0, 0, byte(v.ControlType())}, // version 0, type
			Value:     v.appendTo(nil),
		}
	}
	return AppendBatch(dst, o, records)
}

// ControlRecord is one record of a control batch, its key understood and its value not yet.
type ControlRecord struct {
	Type      ControlType // may be one we do not know: skip it
	Offset    Offset
	Timestamp Timestamp
	Value     []byte // aliases the batch
}

// Control is the batch's first control record: the only one of a transaction marker. The error is a *CorruptError, also
// when the batch is not a control batch or compaction left no record in it.
func (b Batch) Control() (ControlRecord, error) {
	for c, err := range b.Controls() {
		return c, err
	}
	return ControlRecord{}, invalid("control record count", 0, 1)
}

// Controls walks over the records of a control batch. An error is the last thing it yields.
func (b Batch) Controls() iter.Seq2[ControlRecord, error] {
	return func(yield func(ControlRecord, error) bool) {
		if !b.IsControl() {
			yield(ControlRecord{}, invalid("control flag", 0, 1))
			return
		}
		for r, err := range b.Records() {
			var c ControlRecord
			if err == nil {
				c, err = parseControl(r)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// parseControl reads a control record's key. A later version of it may only add fields (ControlRecordType).
func parseControl(r Record) (ControlRecord, error) {
	if len(r.Key) < 4 {
		return ControlRecord{}, invalid("control key length", int64(len(r.Key)), 4)
	}
	if v := int16(binary.BigEndian.Uint16(r.Key)); v < 0 {
		return ControlRecord{}, invalid("control key version", int64(v), 0)
	}
	t := ControlType(binary.BigEndian.Uint16(r.Key[2:]))
	return ControlRecord{Type: t, Offset: r.Offset, Timestamp: r.Timestamp, Value: r.Value}, nil
}

// Decode is the record's value as one of the ControlValue types. The error is a *CorruptError; a type we do not know is
// INVALID_RECORD too, so look at Type first if others may have written the log.
func (c ControlRecord) Decode() (ControlValue, error) {
	d := controlReader{rest: c.Value}
	var v ControlValue
	switch c.Type {
	case ControlAbort, ControlCommit:
		d.version()
		v = EndTxnMarker{Commit: c.Type == ControlCommit, CoordinatorEpoch: Epoch(d.uint(4))}
	case ControlLeaderChange:
		var m kmsg.LeaderChangeMessage
		if err := m.ReadFrom(c.Value); err != nil {
			return nil, &CorruptError{What: "leader change length", Got: int64(len(c.Value)), Record: -1, Code: kerr.InvalidRecord, Cause: err}
		}
		v = LeaderChange{m}
	case ControlSnapshotHeader:
		d.version()
		v = SnapshotHeader{LastContainedLogTimestamp: Timestamp(d.uint(8))}
		d.tags()
	case ControlSnapshotFooter:
		d.version()
		v = SnapshotFooter{}
		d.tags()
	case ControlKRaftVersion:
		d.version()
		v = KRaftVersion{Version: int16(d.uint(2))}
		d.tags()
	case ControlKRaftVoters:
		d.version()
		v = KRaftVoters{Voters: d.voters()}
		d.tags()
	default:
		// Kafka's readers skip what they do not know, so this is for the caller to judge.
		return nil, invalid("control type", int64(c.Type), int64(ControlKRaftVoters))
	}
	if d.bad {
		return nil, invalid(c.Type.String()+" value, which breaks off before its last bytes", int64(len(d.rest)), 0)
	}
	return v, nil
}

// controlReader takes fields off the front of a control record's value. Once bad, it yields zeros. Bytes behind the
// last field are ignored: a later version may have added some.
type controlReader struct {
	rest []byte
	bad  bool
}

// take takes n bytes. They alias the record.
func (d *controlReader) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	p := d.rest[:n]
	d.rest = d.rest[n:]
	return p
}

// uint takes a big-endian number of n bytes. The caller's conversion restores its sign.
func (d *controlReader) uint(n uint64) (v uint64) {
	for _, b := range d.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

// version takes the schema version. Kafka parses higher ones as the newest it knows.
func (d *controlReader) version() {
	if int16(d.uint(2)) < 0 {
		d.bad = true
	}
}

// uvarint takes an unsigned varint, without zigzag, as compact lengths and tags have them.
func (d *controlReader) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// tags skips the tagged fields, of which none is known.
func (d *controlReader) tags() {
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		d.uvarint()
		d.take(d.uvarint())
	}
}

// length takes a compact length, which is stored plus one. 0 would be null, and nothing here is nullable.
func (d *controlReader) length() uint64 {
	n := d.uvarint()
	if n == 0 {
		d.bad = true
		return 0
	}
	return n - 1
}

// string takes a compact string and copies it.
func (d *controlReader) string() string { return string(d.take(d.length())) }

// voters takes the voter set. It grows as voters are found, never to a length that is merely claimed.
func (d *controlReader) voters() (voters []KRaftVoter) {
	for n := d.length(); n > 0 && !d.bad; n-- {
		v := KRaftVoter{ID: NodeID(d.uint(4))}
		copy(v.DirectoryID[:], d.take(16))
		for m := d.length(); m > 0 && !d.bad; m-- {
			v.Endpoints = append(v.Endpoints, KRaftEndpoint{Listener: d.string(), Host: d.string(), Port: uint16(d.uint(2))})
			d.tags()
		}
		v.MinVersion, v.MaxVersion = int16(d.uint(2)), int16(d.uint(2))
		d.tags()
		d.tags()
		voters = append(voters, v)
	}
	return voters
}
