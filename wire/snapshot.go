package wire

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// SnapshotID identifies a snapshot by its content. The snapshot replaces all log records with offsets below End. The last
// of these records has the leader epoch Epoch. Kafka calls this id OffsetAndEpoch. A log that begins with a snapshot
// continues at End, as if the record at End-1 were written in Epoch.
type SnapshotID struct {
	End   Offset
	Epoch Epoch
}

// BootstrapSnapshot is the snapshot with which a node formats its first log. It contains no part of a log.
var BootstrapSnapshot = SnapshotID{}

// SnapshotFile is the state of a snapshot's file. The suffix of the file name shows the state.
type SnapshotFile uint8

const (
	SnapshotComplete SnapshotFile = iota // 00000000000000001234-0000000005.checkpoint: complete and durable
	SnapshotPartial                      // ...-1234567.checkpoint.part: being written or fetched; removed at start
	SnapshotDeleted                      // ....checkpoint.deleted: about to be removed; removed at start
)

const (
	snapshotSuffix  = ".checkpoint"
	snapshotPart    = ".checkpoint.part"
	snapshotDeleted = ".checkpoint.deleted"
)

// FileName returns the name of the snapshot's file in that state, in the directory of the metadata partition. Kafka
// adds a random number to the name of a partial file. Here the name has no such number, because a node writes only one
// snapshot at a time.
func (id SnapshotID) FileName(kind SnapshotFile) string {
	name := fmt.Sprintf("%020d-%010d", int64(id.End), int32(id.Epoch))
	switch kind {
	case SnapshotPartial:
		return name + snapshotPart
	case SnapshotDeleted:
		return name + snapshotDeleted
	}
	return name + snapshotSuffix
}

// ParseSnapshotName parses the name of a snapshot's file, written by this package or by Kafka.
func ParseSnapshotName(name string) (id SnapshotID, kind SnapshotFile, ok bool) {
	const offset, epoch = 20, 10 // digits
	switch {
	case strings.HasSuffix(name, snapshotPart):
		kind = SnapshotPartial
	case strings.HasSuffix(name, snapshotDeleted):
		kind = SnapshotDeleted
	case len(name) != offset+1+epoch+len(snapshotSuffix) || !strings.HasSuffix(name, snapshotSuffix):
		return id, 0, false
	}
	if len(name) < offset+1+epoch || name[offset] != '-' {
		return id, 0, false
	}
	// The numbers have 63 and 31 bits. ParseUint also refuses a sign among the digits.
	end, err1 := strconv.ParseUint(name[:offset], 10, 63)
	ep, err2 := strconv.ParseUint(name[offset+1:offset+1+epoch], 10, 31)
	return SnapshotID{Offset(end), Epoch(ep)}, kind, err1 == nil && err2 == nil
}

// SnapshotOptions has everything in a snapshot except its records.
type SnapshotOptions struct {
	LastContainedLogTimestamp Timestamp // append time of the last log record that the snapshot includes
	Now                       Timestamp // timestamp of every record
	KRaftVersion              int16     // if 0, no KRAFT_VERSION record is written
	Voters                    []KRaftVoter
	MaxBatch                  int // in bytes; 0 means Kafka's 8 MiB
}

const defaultMaxBatch = 8 << 20

// SnapshotWriter writes a snapshot. Its batches have the epoch of the snapshot. The offsets in the batches count from 0
// and are unrelated to the offsets of the log.
//
//	control batch   SNAPSHOT_HEADER [KRAFT_VERSION [KRAFT_VOTERS]]
//	data batches    one record for each value
//	control batch   SNAPSHOT_FOOTER
//
// The bytes equal those of Kafka's RecordsSnapshotWriter. KRaft requires that all records of a batch have the same
// timestamp and that no record has headers; Kafka's RecordsIterator refuses other batches.
type SnapshotWriter struct {
	id      SnapshotID
	o       SnapshotOptions
	out     []byte   // complete batches
	pending []Record // records of the batch that is being filled
	size    int      // size of that batch so far, including its header
	next    Offset   // offset of the first record in pending
}

// NewSnapshotWriter begins a snapshot. If o has Voters, it must have KRaftVersion 1 too; otherwise NewSnapshotWriter
// panics.
func NewSnapshotWriter(id SnapshotID, o SnapshotOptions) *SnapshotWriter {
	if o.KRaftVersion == 0 && len(o.Voters) > 0 {
		panic("wire: a snapshot of kraft.version 0 with " + decimal(len(o.Voters)) + " voters")
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = defaultMaxBatch
	}
	w := &SnapshotWriter{id: id, o: o, size: BatchHeaderSize}
	head := []ControlValue{SnapshotHeader{LastContainedLogTimestamp: o.LastContainedLogTimestamp}}
	if o.KRaftVersion > 0 {
		head = append(head, KRaftVersion{Version: o.KRaftVersion})
		if len(o.Voters) > 0 {
			head = append(head, KRaftVoters{Voters: o.Voters})
		}
	}
	w.control(head...)
	return w
}

// Append adds values that must be in the same batch. The writer keeps them until the batch is full. If the values do
// not fit in the rest of the current batch, they start a new batch. If they do not fit even in an empty batch of
// MaxBatch bytes, their batch is larger than MaxBatch; Kafka would throw an exception.
func (w *SnapshotWriter) Append(values ...[]byte) {
	size := 0
	for i, v := range values {
		r := Record{Value: v}
		n := recordSize(&r, int32(len(w.pending)+i), 0)
		size += n + varintSize(int64(n))
	}
	full := w.size+size > w.o.MaxBatch
	if full {
		w.flush()
	}
	for _, v := range values {
		w.pending = append(w.pending, Record{Timestamp: w.o.Now, Value: v})
	}
	w.size += size
	if full {
		// Kafka's BatchAccumulator.drain also completes the current batch when it returns a complete one. Without this
		// flush only the split into batches would differ, but the bytes should equal Kafka's.
		w.flush()
	}
}

// AppendRecord adds one metadata record.
func (w *SnapshotWriter) AppendRecord(r MetadataRecord) { w.Append(AppendMetadata(nil, r)) }

// Take returns the batches that are complete and that no earlier call returned. A caller that writes the file in parts
// calls Take after each part.
func (w *SnapshotWriter) Take() []byte {
	b := w.out
	w.out = nil
	return b
}

// Freeze ends the snapshot with its footer and returns the remaining batches. The caller must not append anything after
// Freeze.
func (w *SnapshotWriter) Freeze() []byte {
	w.flush()
	w.control(SnapshotFooter{})
	return w.Take()
}

// flush completes the current batch.
func (w *SnapshotWriter) flush() {
	if len(w.pending) == 0 {
		return
	}
	out, err := AppendBatch(w.out, PlainBatch(w.next, w.id.Epoch), w.pending)
	w.done(out, err, len(w.pending))
	w.pending, w.size = w.pending[:0], BatchHeaderSize
}

func (w *SnapshotWriter) control(values ...ControlValue) {
	out, err := AppendControl(w.out, PlainBatch(w.next, w.id.Epoch), w.o.Now, values...)
	w.done(out, err, len(values))
}

func (w *SnapshotWriter) done(out []byte, err error, records int) {
	if err != nil {
		panic("wire: write a snapshot: " + err.Error()) // the batch is over 2 GiB, or its timestamp is negative
	}
	w.out, w.next = out, w.next+Offset(records)
}

// Snapshot is a snapshot with a valid structure. It aliases the bytes that it was read from.
type Snapshot struct {
	ID                        SnapshotID
	LastContainedLogTimestamp Timestamp
	KRaftVersion              int16        // 0 if the snapshot has none
	Voters                    []KRaftVoter // nil if the snapshot has none
	data                      []byte       // the batches between the first one and the footer
}

// SnapshotError is the reason why bytes are not a valid snapshot.
type SnapshotError struct {
	At    int // position of the invalid batch, in bytes
	Why   string
	Cause error // the error of decoding a batch or a record, or nil
}

// Error returns the position and the reason.
func (e *SnapshotError) Error() string {
	s := "snapshot at byte " + decimal(e.At) + ": " + e.Why
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *SnapshotError) Unwrap() error { return e.Cause }

// OpenSnapshot checks the structure of a snapshot. Every batch must be valid and have the epoch of the snapshot. Offsets
// must count from 0 without gaps. The header must be first and the footer last. OpenSnapshot decodes no metadata record.
// Errors are *SnapshotError.
//
// Kafka's reader requires only the header. OpenSnapshot requires the footer too. A snapshot without a footer is torn,
// and the state of the cluster would silently lack the lost records.
func OpenSnapshot(id SnapshotID, b []byte) (Snapshot, error) {
	s := Snapshot{ID: id}
	at, next, footer := 0, Offset(0), false
	bad := func(why string, cause error) (Snapshot, error) {
		return Snapshot{}, &SnapshotError{At: at, Why: why, Cause: cause}
	}
	first := 0
	for batch, err := range Batches(b) {
		if err == nil {
			err = batch.Validate()
		}
		switch {
		case err != nil:
			return bad("broken batch", err)
		case footer:
			return bad("a batch behind the footer", nil)
		case batch.BaseOffset() != next:
			return bad(fmt.Sprintf("batch at offset %d, want %d", batch.BaseOffset(), next), nil)
		case batch.LeaderEpoch() != id.Epoch:
			return bad(fmt.Sprintf("batch of epoch %d, want %d", batch.LeaderEpoch(), id.Epoch), nil)
		case at == 0:
			if err := s.head(batch); err != nil {
				return bad("no header", err)
			}
			first = len(batch)
		case batch.IsControl():
			c, err := batch.Control()
			if err == nil {
				_, err = c.Decode()
			}
			if footer = err == nil && c.Type == ControlSnapshotFooter; !footer {
				return bad("a control batch that is not the footer", err)
			}
			s.data = b[first:at]
		}
		next = batch.NextOffset()
		at += len(batch)
	}
	if !footer {
		return bad("no footer", nil)
	}
	return s, nil
}

// head reads the control records of the first batch.
func (s *Snapshot) head(b Batch) error {
	i := 0
	for c, err := range b.Controls() {
		if err != nil {
			return err
		}
		if i == 0 && c.Type != ControlSnapshotHeader {
			return fmt.Errorf("the first control record is %s", c.Type)
		}
		i++
		if c.Type > ControlKRaftVoters {
			continue // the record is from a later Kafka
		}
		v, err := c.Decode()
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case SnapshotHeader:
			s.LastContainedLogTimestamp = v.LastContainedLogTimestamp
		case KRaftVersion:
			s.KRaftVersion = v.Version
		case KRaftVoters:
			s.Voters = v.Voters
		}
	}
	if i == 0 {
		return fmt.Errorf("the first batch has no record")
	}
	return nil
}

// Values iterates over the values of the snapshot's records; the values alias the snapshot. The iteration ends after an
// error.
func (s Snapshot) Values() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for batch, err := range Batches(s.data) {
			if err != nil {
				yield(nil, err)
				return
			}
			for r, err := range batch.Records() {
				if !yield(r.Value, err) || err != nil {
					return
				}
			}
		}
	}
}

// Records iterates over the snapshot's metadata records. The iteration ends after an error.
func (s Snapshot) Records() iter.Seq2[MetadataRecord, error] {
	return func(yield func(MetadataRecord, error) bool) {
		for v, err := range s.Values() {
			var r MetadataRecord
			if err == nil {
				r, err = ParseMetadata(v)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
