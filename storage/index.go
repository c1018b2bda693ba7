package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"samsa/sim/env"
	"samsa/wire"
)

// An index does not have an entry for each batch. A search for a batch returns a position at or before that batch, and a
// scan of the log from there finds the batch. A lost entry only costs time. A wrong entry could give a wrong result, so an
// index is checked before its first use and rebuilt if the check fails.
//
// Kafka maps an index into memory at its greatest size and trims it when the segment is closed. Here an index only
// grows by appending. Its file equals the one that Kafka has after trimming.

// errIndex means that an index has invalid bytes. The index is rebuilt from the segment's log.
var errIndex = errors.New("corrupt index")

// indexFile is a file of fixed-size entries with all its bytes in memory.
type indexFile struct {
	path    string
	file    env.File // 0 if there is no file; a transaction index is created with its first entry
	entry   int      // bytes per entry
	data    []byte   // the file's content: whole entries
	written bool     // the file was written since its last sync
}

// open opens or creates the file and reads it. A partial entry at the end is an error.
func (x *indexFile) open(d env.Disk, create bool) error {
	f, err := d.Open(x.path, create)
	if err != nil {
		return onFile(x.path, err)
	}
	x.file = f
	size, err := d.Size(f)
	if err != nil {
		return onFile(x.path, err)
	}
	if size > 1<<31-1 || size%int64(x.entry) != 0 {
		return fmt.Errorf("%w: %s has %d bytes, not a multiple of %d", errIndex, x.path, size, x.entry)
	}
	if size == 0 {
		return nil
	}
	data, err := d.ReadAt(f, 0, int(size))
	if err != nil {
		return onFile(x.path, err)
	}
	if int64(len(data)) != size {
		return onFile(x.path, env.ErrIO)
	}
	// The disk's bytes are read-only. Without spare capacity, the first append copies them.
	x.data = data[:size:size]
	return nil
}

// len returns the number of entries.
func (x *indexFile) len() int { return len(x.data) / x.entry }

// at returns the bytes of entry i.
func (x *indexFile) at(i int) []byte { return x.data[i*x.entry:] }

// append adds one entry, on the disk and then in memory.
func (x *indexFile) append(d env.Disk, entry []byte) error {
	x.written = true
	if err := d.Append(x.file, entry); err != nil {
		return onFile(x.path, err)
	}
	x.data = append(x.data, entry...)
	return nil
}

// truncateToEntries truncates the index to its first n entries.
func (x *indexFile) truncateToEntries(d env.Disk, n int) error {
	if x.file == 0 || n == x.len() {
		return nil
	}
	x.written = true
	size := n * x.entry
	if err := d.Truncate(x.file, int64(size)); err != nil {
		return onFile(x.path, err)
	}
	x.data = x.data[:size:size]
	return nil
}

// reset empties the file.
func (x *indexFile) reset(d env.Disk) error {
	if x.file == 0 {
		return nil
	}
	size, err := d.Size(x.file)
	if err != nil {
		return onFile(x.path, err)
	}
	x.data = nil
	if size == 0 {
		return nil
	}
	x.written = true
	return onFile(x.path, d.Truncate(x.file, 0))
}

// sync makes the entries durable.
func (x *indexFile) sync(d env.Disk) error {
	if x.file == 0 || !x.written {
		return nil
	}
	if err := d.Sync(x.file); err != nil {
		return onFile(x.path, err)
	}
	x.written = false
	return nil
}

// close closes the file.
func (x *indexFile) close(d env.Disk) error {
	if x.file == 0 {
		return nil
	}
	f := x.file
	x.file = 0
	return onFile(x.path, d.Close(f))
}

// offsetIndex maps offsets to positions in the segment's log (OffsetIndex). An entry has 4 bytes for the last offset of
// a batch, relative to the segment's base, and 4 bytes for the position of that batch. Both rise strictly.
type offsetIndex struct {
	indexFile
	base wire.Offset
}

const offsetEntrySize = 8

// newOffsetIndex returns an index without its file.
func newOffsetIndex(path string, base wire.Offset) offsetIndex {
	return offsetIndex{indexFile{path: path, entry: offsetEntrySize}, base}
}

// offset returns the offset in entry i, which is the last offset of a batch.
func (x *offsetIndex) offset(i int) wire.Offset {
	return x.base + wire.Offset(int32(binary.BigEndian.Uint32(x.at(i))))
}

// position returns the position in entry i, which is the position of that batch in the log file.
func (x *offsetIndex) position(i int) int64 {
	return int64(int32(binary.BigEndian.Uint32(x.at(i)[4:])))
}

// lookup returns the position of the last entry at or below an offset, or 0. A search for the offset may start there.
func (x *offsetIndex) lookup(at wire.Offset) int64 {
	i := sort.Search(x.len(), func(i int) bool { return x.offset(i) > at })
	if i == 0 {
		return 0
	}
	return x.position(i - 1)
}

// add appends an entry for the batch at a position.
func (x *offsetIndex) add(d env.Disk, last wire.Offset, position int64) error {
	var e [offsetEntrySize]byte
	binary.BigEndian.PutUint32(e[:], uint32(last-x.base))
	binary.BigEndian.PutUint32(e[4:], uint32(position))
	return x.append(d, e[:])
}

// truncateTo removes the entries at or above an offset.
func (x *offsetIndex) truncateTo(d env.Disk, end wire.Offset) error {
	return x.truncateToEntries(d, sort.Search(x.len(), func(i int) bool { return x.offset(i) >= end }))
}

// lastPosition returns the position of the last entry, or 0.
func (x *offsetIndex) lastPosition() int64 {
	if n := x.len(); n > 0 {
		return x.position(n - 1)
	}
	return 0
}

// check checks that the entries can belong to a log of the given size.
func (x *offsetIndex) check(size int64) error {
	last, at := x.base-1, int64(-1)
	for i := range x.len() {
		o, p := x.offset(i), x.position(i)
		if o <= last || p <= at || p >= size {
			return fmt.Errorf("%w: %s: entry %d is %d at %d, behind %d at %d in a log of %d bytes", errIndex, x.path, i, o, p, last, at, size)
		}
		last, at = o, p
	}
	return nil
}

// timeIndex maps timestamps to offsets (TimeIndex). An entry has 8 bytes for the greatest timestamp so far. Its other 4
// bytes have the last offset of the first batch with that timestamp, relative to the segment's base. Records with a
// greater timestamp are after that offset. Timestamps rise strictly; offsets never decrease.
type timeIndex struct {
	indexFile
	base wire.Offset
}

const timeEntrySize = 12

// newTimeIndex returns an index without its file.
func newTimeIndex(path string, base wire.Offset) timeIndex {
	return timeIndex{indexFile{path: path, entry: timeEntrySize}, base}
}

// timestamp returns the greatest timestamp up to entry i.
func (x *timeIndex) timestamp(i int) wire.Timestamp {
	return wire.Timestamp(binary.BigEndian.Uint64(x.at(i)))
}

// offset returns the offset in entry i: the last offset of the first batch with the entry's timestamp.
func (x *timeIndex) offset(i int) wire.Offset {
	return x.base + wire.Offset(int32(binary.BigEndian.Uint32(x.at(i)[8:])))
}

// last returns the newest entry, or NoTimestamp and the base if there is none.
func (x *timeIndex) last() (wire.Timestamp, wire.Offset) {
	if n := x.len(); n > 0 {
		return x.timestamp(n - 1), x.offset(n - 1)
	}
	return wire.NoTimestamp, x.base
}

// lookup returns the offset of the last entry at or before a timestamp, or the base if there is none.
func (x *timeIndex) lookup(ts wire.Timestamp) wire.Offset {
	i := sort.Search(x.len(), func(i int) bool { return x.timestamp(i) > ts })
	if i == 0 {
		return x.base
	}
	return x.offset(i - 1)
}

// maybeAdd appends an entry if its timestamp is greater than that of the last entry.
func (x *timeIndex) maybeAdd(d env.Disk, ts wire.Timestamp, last wire.Offset) error {
	if newest, _ := x.last(); ts <= newest {
		return nil
	}
	var e [timeEntrySize]byte
	binary.BigEndian.PutUint64(e[:], uint64(ts))
	binary.BigEndian.PutUint32(e[8:], uint32(last-x.base))
	return x.append(d, e[:])
}

// truncateTo removes the entries at or above an offset.
func (x *timeIndex) truncateTo(d env.Disk, end wire.Offset) error {
	return x.truncateToEntries(d, sort.Search(x.len(), func(i int) bool { return x.offset(i) >= end }))
}

// check checks that the entries can belong to a segment that ends before a given offset.
func (x *timeIndex) check(end wire.Offset) error {
	ts, last := wire.NoTimestamp, x.base
	for i := range x.len() {
		t, o := x.timestamp(i), x.offset(i)
		if t <= ts || o < last || o >= end {
			return fmt.Errorf("%w: %s: entry %d is %d at %d, behind %d at %d, in a segment that ends at %d", errIndex, x.path, i, t, o, ts, last, end)
		}
		ts, last = t, o
	}
	return nil
}
