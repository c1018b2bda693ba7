package wire

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ControlType is the type in a control record's key.
type ControlType int16

const (
	ControlAbort          ControlType = iota // the transaction's records before this one are aborted
	ControlCommit                            // the transaction's records before this one are committed
	ControlLeaderChange                      // KRaft: the first record of a leader's epoch
	ControlSnapshotHeader                    // KRaft: the first record of a snapshot
	ControlSnapshotFooter                    // KRaft: the last record of a snapshot; a snapshot without it is torn
	ControlKRaftVersion                      // KRaft: the version of the quorum protocol (KIP-853)
	ControlKRaftVoters                       // KRaft: the voter set (KIP-853)
)

// String returns Kafka's name of the type. A reader skips types that it does not know.
func (t ControlType) String() string {
	if t >= 0 && t <= ControlKRaftVoters {
		return [...]string{"ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION", "KRAFT_VOTERS"}[t]
	}
	return "UNKNOWN"
}

// ControlValue is the value of a control record: one of the types below. On the wire, a value begins with a version,
// and Kafka has only written version 0 so far. Only LeaderChange has a version 1 too, so only LeaderChange has a field
// for the version.
type ControlValue interface {
	// ControlType returns the type that is written into the record's key.
	ControlType() ControlType
	// appendTo writes the record's value in Kafka's format.
	appendTo(dst []byte) []byte
}

// EndTxnMarker ends the transaction of one producer in one partition. The header of the marker's batch names the
// producer.
type EndTxnMarker struct {
	Commit bool
	// CoordinatorEpoch is the leader epoch of the coordinator's log. With it, a partition refuses the markers of an
	// older coordinator.
	CoordinatorEpoch Epoch
}

// LeaderChange announces a quorum leader and the voters that elected it. Its version 1 has directory ids of voters, but
// Kafka writes version 0 even if it knows these ids (ControlRecordUtils.LEADER_CHANGE_CURRENT_VERSION).
type LeaderChange struct {
	Version        int16
	LeaderID       NodeID
	Voters         []LeaderChangeVoter // all voters of the quorum
	GrantingVoters []LeaderChangeVoter // the voters that voted for the leader
}

// LeaderChangeVoter is a voter in a LeaderChange.
type LeaderChangeVoter struct {
	VoterID     NodeID
	DirectoryID UUID // zero in version 0
}

// SnapshotHeader begins a snapshot.
type SnapshotHeader struct {
	// LastContainedLogTimestamp is the append time of the last record that the snapshot includes.
	LastContainedLogTimestamp Timestamp
}

// SnapshotFooter ends a snapshot.
type SnapshotFooter struct{}

// KRaftVersion is the finalized version of the quorum protocol. Version 1 has dynamic voters.
type KRaftVersion struct{ Version int16 }

// KRaftVoters is the whole voter set. It takes effect as soon as it is in a log, committed or not (KIP-853).
type KRaftVoters struct{ Voters []KRaftVoter }

// KRaftVoter is one member of the quorum.
type KRaftVoter struct {
	ID          NodeID
	DirectoryID UUID
	Endpoints   []KRaftEndpoint
	// MinVersion and MaxVersion are the kraft.version values that the voter's software supports.
	MinVersion, MaxVersion int16
}

// KRaftEndpoint is a listener of a voter.
type KRaftEndpoint struct {
	Listener string
	Host     string
	Port     uint16
}

// ControlType returns ABORT or COMMIT.
func (m EndTxnMarker) ControlType() ControlType {
	if m.Commit {
		return ControlCommit
	}
	return ControlAbort
}

// ControlType returns LEADER_CHANGE.
func (LeaderChange) ControlType() ControlType { return ControlLeaderChange }

// ControlType returns SNAPSHOT_HEADER.
func (SnapshotHeader) ControlType() ControlType { return ControlSnapshotHeader }

// ControlType returns SNAPSHOT_FOOTER.
func (SnapshotFooter) ControlType() ControlType { return ControlSnapshotFooter }

// ControlType returns KRAFT_VERSION.
func (KRaftVersion) ControlType() ControlType { return ControlKRaftVersion }

// ControlType returns KRAFT_VOTERS.
func (KRaftVoters) ControlType() ControlType { return ControlKRaftVoters }

// The code methods below read or write the values. The version is the first field of each value. A later version may only
// add fields (ControlRecordUtils). So a reader treats a version that is too new as the newest version that it knows, and
// ignores bytes after the last known field.

func (m *EndTxnMarker) code(c *coder) {
	c.rigid = true
	versionField(c)
	i32(c, &m.CoordinatorEpoch)
}

func (m *LeaderChange) code(c *coder) {
	u16(c, &m.Version)
	if c.ver = m.Version; c.ver < 0 {
		c.fail(FaultVersion)
	}
	i32(c, &m.LeaderID)
	for _, voters := range [...]*[]LeaderChangeVoter{&m.Voters, &m.GrantingVoters} {
		list(c, voters, 4+1, func(c *coder, v *LeaderChangeVoter) { v.code(c) })
	}
	c.end()
}

func (v *LeaderChangeVoter) code(c *coder) {
	i32(c, &v.VoterID)
	if c.since(1, v.DirectoryID != UUID{}) {
		id(c, &v.DirectoryID)
	}
	c.end()
}

func (m *SnapshotHeader) code(c *coder) {
	versionField(c)
	i64(c, &m.LastContainedLogTimestamp)
	c.end()
}

func (m *SnapshotFooter) code(c *coder) {
	versionField(c)
	c.end()
}

func (m *KRaftVersion) code(c *coder) {
	versionField(c)
	u16(c, &m.Version)
	c.end()
}

func (m *KRaftVoters) code(c *coder) {
	versionField(c)
	list(c, &m.Voters, 4+16+1+2+2+1+1, func(c *coder, v *KRaftVoter) { v.code(c) })
	c.end()
}

func (v *KRaftVoter) code(c *coder) {
	i32(c, &v.ID)
	id(c, &v.DirectoryID)
	list(c, &v.Endpoints, 1+1+2+1, func(c *coder, e *KRaftEndpoint) {
		text(c, &e.Listener)
		text(c, &e.Host)
		u16(c, &e.Port)
		c.end()
	})
	c.nested(func() { // in Kafka's schema, the range of versions is a separate struct
		u16(c, &v.MinVersion)
		u16(c, &v.MaxVersion)
		c.end()
	})
	c.end()
}

// versionField reads or writes the version of a value that has only version 0.
func versionField(c *coder) {
	var version int16
	if u16(c, &version); version < 0 {
		c.fail(FaultVersion)
	}
}

func (m EndTxnMarker) appendTo(dst []byte) []byte   { return appendMessage(dst, m.code) }
func (m LeaderChange) appendTo(dst []byte) []byte   { return appendMessage(dst, m.code) }
func (m SnapshotHeader) appendTo(dst []byte) []byte { return appendMessage(dst, m.code) }
func (m SnapshotFooter) appendTo(dst []byte) []byte { return appendMessage(dst, m.code) }
func (m KRaftVersion) appendTo(dst []byte) []byte   { return appendMessage(dst, m.code) }
func (m KRaftVoters) appendTo(dst []byte) []byte    { return appendMessage(dst, m.code) }

func appendMessage(dst []byte, code func(*coder)) []byte {
	c := coder{out: dst}
	code(&c)
	return c.out
}

// AppendControl appends one control batch with one record per value, all with timestamp ts. KRaft writes several values
// in one batch. A transaction marker must be the only value; AppendControl makes its batch transactional, and o must
// name the producer. AppendControl ignores the sequence and the codec in o, because control batches have no sequence
// and are never compressed.
func AppendControl(dst []byte, o BatchOptions, ts Timestamp, values ...ControlValue) ([]byte, error) {
	// A marker has a producer but no sequence, because a marker must not change the next sequence that the partition
	// expects from the producer.
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

// ControlRecord is one record of a control batch. Its key is decoded; its value is not.
type ControlRecord struct {
	Type      ControlType // if the type is unknown, skip the record
	Offset    Offset
	Timestamp Timestamp
	Value     []byte // aliases the batch
}

// Control returns the first record of a control batch. The batch of a transaction marker has no other record. The error
// is a *CorruptError, even if the batch is not a control batch or has no records after compaction.
func (b Batch) Control() (ControlRecord, error) {
	for c, err := range b.Controls() {
		return c, err
	}
	return ControlRecord{}, invalid("control record count", 0, 1)
}

// Controls iterates over the records of a control batch. The iteration ends after an error.
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

// parseControl reads a control record's key. A later version of the key may only add fields (ControlRecordType).
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

// Decode decodes the record's value as one of the ControlValue types. The error is a *CorruptError. For an unknown
// type, the code of the error is INVALID_RECORD. If a later version of Kafka may have written the log, check Type
// first.
func (r ControlRecord) Decode() (ControlValue, error) {
	c := coder{reading: true, in: r.Value}
	var v ControlValue
	switch r.Type {
	case ControlAbort, ControlCommit:
		m := EndTxnMarker{Commit: r.Type == ControlCommit}
		m.code(&c)
		v = m
	case ControlLeaderChange:
		var m LeaderChange
		m.code(&c)
		v = m
	case ControlSnapshotHeader:
		var m SnapshotHeader
		m.code(&c)
		v = m
	case ControlSnapshotFooter:
		var m SnapshotFooter
		m.code(&c)
		v = m
	case ControlKRaftVersion:
		var m KRaftVersion
		m.code(&c)
		v = m
	case ControlKRaftVoters:
		var m KRaftVoters
		m.code(&c)
		v = m
	default:
		// Kafka's readers skip unknown types, so the caller decides whether to skip the record.
		return nil, invalid("control type", int64(r.Type), int64(ControlKRaftVoters))
	}
	if c.fault != 0 {
		cause := &MessageError{Kind: "control record", Name: r.Type.String(), Fault: c.fault, Key: int16(r.Type)}
		return nil, &CorruptError{What: "control value length", Got: int64(len(r.Value)), Record: -1, Code: kerr.InvalidRecord, Cause: cause}
	}
	return v, nil
}
