package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"samsa/sim/env"
	"samsa/wire"
)

// A producer snapshot is the producer table at the offset in its file's name (ProducerSnapshot.json, version 1):
//
//	version int16 = 1, crc uint32 (CRC-32C of everything after it), count int32, and for each producer
//	id int64, epoch int16, last sequence int32, last offset int64, offset delta int32, timestamp int64,
//	coordinator epoch int32, first offset of its open transaction int64 (-1 none)
//
// A snapshot has only the last batch of each producer. After a restart, earlier batches are not recognized as duplicates.
const (
	snapshotVersion   = 1
	snapshotHeader    = 2 + 4 + 4
	snapshotCRCFrom   = 2 + 4
	snapshotEntrySize = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

// errSnapshot means that a snapshot is invalid. The log then uses an older snapshot, or is read from its start.
var errSnapshot = errors.New("corrupt producer snapshot")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeSnapshot returns the content of a snapshot file.
func encodeSnapshot(producers []Producer) []byte {
	p := make([]byte, snapshotHeader, snapshotHeader+len(producers)*snapshotEntrySize)
	binary.BigEndian.PutUint16(p, snapshotVersion)
	binary.BigEndian.PutUint32(p[snapshotCRCFrom:], uint32(len(producers)))
	for i := range producers {
		e := &producers[i]
		last := Sequence{Last: wire.NoSequence, LastOffset: -1}
		if n := len(e.Batches); n > 0 {
			last = e.Batches[n-1]
		}
		p = binary.BigEndian.AppendUint64(p, uint64(e.ID))
		p = binary.BigEndian.AppendUint16(p, uint16(e.Epoch))
		p = binary.BigEndian.AppendUint32(p, uint32(last.Last))
		p = binary.BigEndian.AppendUint64(p, uint64(last.LastOffset))
		p = binary.BigEndian.AppendUint32(p, uint32(last.Delta))
		p = binary.BigEndian.AppendUint64(p, uint64(e.LastTimestamp))
		p = binary.BigEndian.AppendUint32(p, uint32(e.CoordinatorEpoch))
		p = binary.BigEndian.AppendUint64(p, uint64(e.TxnFirst))
	}
	binary.BigEndian.PutUint32(p[2:], crc32.Checksum(p[snapshotCRCFrom:], castagnoli))
	return p
}

// decodeSnapshot reads a snapshot file. Its only error is errSnapshot.
func decodeSnapshot(p []byte) ([]Producer, error) {
	if len(p) < snapshotHeader {
		return nil, fmt.Errorf("%w: %d bytes", errSnapshot, len(p))
	}
	if v := binary.BigEndian.Uint16(p); v != snapshotVersion {
		return nil, fmt.Errorf("%w: version %d", errSnapshot, v)
	}
	if got, want := binary.BigEndian.Uint32(p[2:]), crc32.Checksum(p[snapshotCRCFrom:], castagnoli); got != want {
		return nil, fmt.Errorf("%w: CRC is %d, want %d", errSnapshot, got, want)
	}
	n := int64(int32(binary.BigEndian.Uint32(p[snapshotCRCFrom:])))
	p = p[snapshotHeader:]
	if n < 0 || n*snapshotEntrySize != int64(len(p)) {
		return nil, fmt.Errorf("%w: %d entries in %d bytes", errSnapshot, n, len(p))
	}
	producers := make([]Producer, n)
	for i := range producers {
		e := p[i*snapshotEntrySize:]
		producers[i] = Producer{
			ID:               wire.ProducerID(binary.BigEndian.Uint64(e)),
			Epoch:            wire.ProducerEpoch(binary.BigEndian.Uint16(e[8:])),
			LastTimestamp:    wire.Timestamp(binary.BigEndian.Uint64(e[26:])),
			CoordinatorEpoch: wire.Epoch(binary.BigEndian.Uint32(e[34:])),
			TxnFirst:         max(-1, wire.Offset(binary.BigEndian.Uint64(e[38:]))),
		}
		last := Sequence{
			Last:       int32(binary.BigEndian.Uint32(e[10:])),
			LastOffset: wire.Offset(binary.BigEndian.Uint64(e[14:])),
			Delta:      int32(binary.BigEndian.Uint32(e[22:])),
			Timestamp:  producers[i].LastTimestamp,
		}
		if last.LastOffset >= 0 {
			producers[i].Batches = []Sequence{last}
		}
	}
	return producers, nil
}

// takeSnapshot writes the producer table to a file if the table has changed since the last snapshot. The file is
// durable after the next flush. Until then recovery does not depend on it.
func (l *Log) takeSnapshot(d env.Disk) error {
	t := l.producers
	if t.end <= t.taken {
		return nil
	}
	path := join(l.dir, fileName(t.end, suffixSnapshot))
	if err := writeFile(d, path, encodeSnapshot(t.Producers()), false); err != nil {
		return err
	}
	l.namesChanged = true
	t.taken = t.end
	if i, found := slices.BinarySearch(t.snapshots, t.end); !found {
		t.snapshots = slices.Insert(t.snapshots, i, t.end)
	}
	t.unsynced = append(t.unsynced, t.end)
	return nil
}

// syncSnapshots makes the snapshots durable.
func (l *Log) syncSnapshots(d env.Disk) error {
	t := l.producers
	if !l.cfg.Rules.SyncSnapshots {
		return nil
	}
	for _, at := range t.unsynced {
		if _, found := slices.BinarySearch(t.snapshots, at); !found {
			continue
		}
		if err := syncFile(d, join(l.dir, fileName(at, suffixSnapshot))); err != nil {
			return err
		}
	}
	t.unsynced = nil
	return nil
}

// dropSnapshots removes the snapshot files at the offsets for which the predicate is true.
func (l *Log) dropSnapshots(d env.Disk, which func(at wire.Offset) bool) error {
	t := l.producers
	var err error
	t.snapshots = slices.DeleteFunc(t.snapshots, func(at wire.Offset) bool {
		if err != nil || !which(at) {
			return false
		}
		path := join(l.dir, fileName(at, suffixSnapshot))
		if e := d.Remove(path); e != nil && e != env.ErrNotExist {
			err = onFile(path, e)
			return false
		}
		l.namesChanged = true
		return true
	})
	return err
}

// loadSnapshot fills the empty table from the newest readable snapshot, and removes unreadable ones. Without a snapshot
// the table starts at the log start.
func (l *Log) loadSnapshot(d env.Disk, start wire.Offset, wall env.Time) error {
	t := l.producers
	for n := len(t.snapshots); n > 0; n = len(t.snapshots) {
		at := t.snapshots[n-1]
		content, err := readFile(d, join(l.dir, fileName(at, suffixSnapshot)))
		if err != nil && err != env.ErrNotExist {
			return err
		}
		producers, err := decodeSnapshot(content)
		if err != nil {
			if err := l.dropSnapshots(d, func(o wire.Offset) bool { return o == at }); err != nil {
				return err
			}
			continue
		}
		for i := range producers {
			if p := &producers[i]; !p.expired(&l.cfg, wall) {
				t.producers[p.ID] = p
				if p.TxnFirst >= 0 {
					t.open = insert(t.open, transaction{producer: p.ID, first: p.TxnFirst, last: -1})
				}
			}
		}
		t.end, t.taken = at, at
		return nil
	}
	t.end, t.taken = start, start
	return nil
}

// rebuildProducers rebuilds the table up to the offset end. It reads the newest snapshot in (start, end] and the batches after
// that snapshot (UnifiedLog.rebuildProducerState). If loading is set, the table has not been filled yet.
func (l *Log) rebuildProducers(d env.Disk, end wire.Offset, loading bool, wall env.Time) error {
	t := l.producers
	if err := l.dropSnapshots(d, func(at wire.Offset) bool { return at > end || at <= l.start }); err != nil {
		return err
	}
	if !loading && end == t.end {
		t.startAt(l.start)
		return nil
	}
	// If the table was empty before a truncation it is empty after it, and the log need not be read.
	none := !loading && len(t.producers) == 0 && len(t.ended) == 0 && t.end >= end
	t.clear(l.start)
	if err := l.loadSnapshot(d, l.start, wall); err != nil {
		return err
	}
	if t.end < end && !none {
		if err := l.replay(d, end); err != nil {
			return err
		}
	}
	t.end = end
	return l.takeSnapshot(d)
}

// replay updates the table with the batches in [table's end, end). It takes snapshots at the bases of the last two
// segments, so that the next truncation finds one near the end.
//
// Invalid bytes end the replay of their segment. Fetches do not return any batch after them either.
func (l *Log) replay(d env.Disk, end wire.Offset) error {
	t := l.producers
	for i, s := range l.segments {
		if s.end <= t.end || s.base >= end {
			continue
		}
		t.end = max(t.end, s.base)
		if i >= len(l.segments)-2 && t.end == s.base {
			if err := l.takeSnapshot(d); err != nil {
				return err
			}
		}
		if err := l.replaySegment(d, s, end); err != nil && isDisk(err) {
			return err
		}
	}
	return nil
}

// replaySegment replays one segment.
func (l *Log) replaySegment(d env.Disk, s *segment, end wire.Offset) error {
	if err := l.loadIndexes(d, s); err != nil {
		return err
	}
	pos, err := s.find(d, l.producers.end)
	if err != nil {
		return err
	}
	for c := s.scan(d, pos, s.size); c.more(); {
		b, size, err := c.header()
		if err == nil && b.IsControl() {
			b, err = c.batch()
		}
		if err != nil {
			return err
		}
		if b.BaseOffset() >= end {
			return nil
		}
		done, err := l.producers.replay(b)
		if err != nil {
			return err
		}
		if done.completed {
			l.producers.completeTxn(done.txn)
		}
		c.skip(size)
	}
	return nil
}
