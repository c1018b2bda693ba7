package storage

import (
	"errors"
	"math"

	"samsa/sim/env"
	"samsa/wire"
)

// segment is a part of a log in one file, with its indexes (LogSegment). A roll creates it. It grows while it is the
// active one. Only a truncation makes it shorter; retention or a truncation may also delete it as a whole.
//
//	00000000000000000040.log        batches from offset 40
//	00000000000000000040.index      offset    → position
//	00000000000000000040.timeindex  timestamp → offset
//	00000000000000000040.txnindex   aborted transactions, if there are any
type segment struct {
	dir  string
	base wire.Offset // no batch starts below it

	log     env.File
	name    string // the path of the log file; stored, because every read and append needs it for errors
	size    int64  // the size of the log file, which has valid batches only
	end     wire.Offset
	written bool // the log file was written since its last sync

	index         offsetIndex
	times         timeIndex
	txns          txnIndex
	lost          bool // an index was missing or torn when the segment was loaded
	indexesLoaded bool // the indexes are read and checked; for an old segment this happens at its first use

	created  env.Time       // when this incarnation created or opened the segment; used if its batches have no timestamps
	rollFrom wire.Timestamp // max timestamp of the first batch; NoTimestamp if there is no batch or it has no timestamp

	maxTime   wire.Timestamp // max timestamp of all its batches, or NoTimestamp
	maxTimeAt wire.Offset    // the last offset of the first batch with maxTime
}

// path returns the name of one of the segment's files.
func (s *segment) path(suffix string) string {
	if suffix != suffixLog {
		return join(s.dir, fileName(s.base, suffix))
	}
	if s.name == "" {
		s.name = join(s.dir, fileName(s.base, suffix))
	}
	return s.name
}

// newSegment returns a segment without its files.
func newSegment(dir string, base wire.Offset, wall env.Time) *segment {
	s := &segment{dir: dir, base: base, end: base, created: wall, rollFrom: wire.NoTimestamp, maxTime: wire.NoTimestamp, maxTimeAt: base}
	s.index = newOffsetIndex(s.path(suffixIndex), base)
	s.times = newTimeIndex(s.path(suffixTimes), base)
	s.txns = newTxnIndex(s.path(suffixTxns), base)
	return s
}

// createSegment creates an empty segment. Files with the same names are leftovers of a crash; createSegment empties
// them.
func createSegment(d env.Disk, dir string, base wire.Offset, wall env.Time) (*segment, error) {
	s := newSegment(dir, base, wall)
	f, err := d.Open(s.path(suffixLog), true)
	if err != nil {
		return s, onFile(s.path(suffixLog), err)
	}
	s.log, s.written = f, true
	size, err := d.Size(f)
	if err == nil && size > 0 {
		err = d.Truncate(f, 0)
	}
	if err != nil {
		return s, onFile(s.path(suffixLog), err)
	}
	if err := s.resetIndexes(d); err != nil {
		return s, err
	}
	if err := d.Remove(s.txns.path); err != nil && err != env.ErrNotExist {
		return s, onFile(s.txns.path, err)
	}
	s.indexesLoaded = true
	return s, nil
}

// append writes whole batches at the end of the log file. The caller then calls indexBatch for each.
func (s *segment) append(d env.Disk, records []byte) error {
	s.written = true
	return onFile(s.path(suffixLog), d.Append(s.log, records))
}

// indexBatch updates the segment's end, timestamps and indexes with the next batch of the file. It handles one batch at
// a time, so that the offset index depends only on the log's bytes and the interval. If the write to an index fails,
// end and timestamps are still updated.
func (s *segment) indexBatch(d env.Disk, b wire.Batch, size int64, interval int32) (err error) {
	last, at := b.LastOffset(), s.size
	if s.size == 0 {
		s.rollFrom = b.MaxTimestamp()
	}
	if ts := b.MaxTimestamp(); ts > s.maxTime {
		s.maxTime, s.maxTimeAt = ts, last
	}
	s.size += size
	s.end = last + 1
	if at-s.index.lastPosition() <= int64(interval) {
		return nil
	}
	if err := s.index.add(d, last, at); err != nil {
		return err
	}
	return s.times.maybeAdd(d, s.maxTime, s.maxTimeAt)
}

// onBecomeInactive completes the time index of a segment that is no longer the active one, so that its age is known
// without a read (onBecomeInactiveSegment).
func (s *segment) onBecomeInactive(d env.Disk) error {
	return s.times.maybeAdd(d, s.maxTime, s.maxTimeAt)
}

// fits reports whether an offset relative to the base fits into 31 bits.
func (s *segment) fits(last wire.Offset) bool { return last-s.base <= math.MaxInt32 }

// shouldRoll reports whether a batch of a given size belongs in a new segment.
func (s *segment) shouldRoll(cfg *Config, size int64, newest wire.Timestamp, last wire.Offset, wall env.Time) bool {
	return s.size > int64(cfg.SegmentBytes)-size ||
		s.size > 0 && s.timeWaitedForRoll(newest, wall) > cfg.SegmentMs ||
		s.index.len() >= int(cfg.IndexMaxBytes)/offsetEntrySize ||
		s.times.len() >= int(cfg.IndexMaxBytes)/timeEntrySize-1 ||
		!s.fits(last)
}

// timeWaitedForRoll returns the age of the segment for segment.ms: the time from the timestamp of its first batch to the
// newest timestamp. If its first batch has no timestamp, it is the time since this incarnation created or opened the
// segment.
func (s *segment) timeWaitedForRoll(newest wire.Timestamp, wall env.Time) env.Duration {
	if s.rollFrom >= 0 {
		return millis(newest - s.rollFrom)
	}
	return env.Duration(wall - s.created)
}

// largestTimestamp returns the timestamp of the segment for retention: the largest timestamp of its records. If the
// records have none, it is the time at which this incarnation created or opened the file. Kafka uses the file's
// modification time, which sim/env does not have. The time of the opening is later, so a segment is kept for too long
// rather than deleted too early.
func (s *segment) largestTimestamp() wire.Timestamp {
	if s.maxTime >= 0 {
		return s.maxTime
	}
	return wire.Timestamp(s.created.Millis())
}

// millis converts a difference of record timestamps to a duration, and clamps it to the longest one.
func millis(ms wire.Timestamp) env.Duration {
	const most = wire.Timestamp(math.MaxInt64 / int64(env.Millisecond))
	return env.Duration(min(max(ms, -most), most)) * env.Millisecond
}

// truncateTo truncates the log, and then the indexes, before the first batch with an offset at or above the given one.
// The segment may then end below that offset.
func (s *segment) truncateTo(d env.Disk, to wire.Offset) error {
	pos, err := s.find(d, to)
	if err != nil {
		return err
	}
	if pos < s.size {
		c := s.scan(d, pos, s.size)
		h, _, err := c.header()
		if err != nil {
			return err
		}
		to = min(to, h.BaseOffset())
		s.written = true
		if err := d.Truncate(s.log, pos); err != nil {
			return onFile(s.path(suffixLog), err)
		}
	}
	if err := s.index.truncateTo(d, to); err != nil {
		return err
	}
	if err := s.times.truncateTo(d, to); err != nil {
		return err
	}
	if err := s.txns.truncateTo(d, to); err != nil {
		return err
	}
	s.size = pos
	return s.readExtremes(d)
}

// find returns the position of the first batch that ends at or after an offset, or the size of the segment.
func (s *segment) find(d env.Disk, at wire.Offset) (int64, error) {
	if at >= s.end {
		return s.size, nil
	}
	c := s.scan(d, s.index.lookup(at), s.size)
	for c.more() {
		h, size, err := c.header()
		if err != nil {
			return 0, err
		}
		if h.LastOffset() >= at {
			break
		}
		c.skip(size)
	}
	return c.pos, nil
}

// readExtremes finds the segment's end and timestamps from the indexes and the batches after their last entries. It
// stops with an error at an invalid header, and sets size to the position of that header.
func (s *segment) readExtremes(d env.Disk) error {
	s.rollFrom = wire.NoTimestamp
	s.maxTime, s.maxTimeAt = s.times.last()
	s.end = s.base
	if s.size == 0 {
		return nil
	}
	limit := s.size
	first := s.scan(d, 0, limit)
	first.window = wire.BatchHeaderSize
	h, _, err := first.header()
	if err != nil {
		s.size = 0
		return err
	}
	s.rollFrom = h.MaxTimestamp()
	c := s.scan(d, s.index.lastPosition(), limit)
	for c.more() {
		h, size, err := c.header()
		if err != nil {
			s.size = c.pos
			return err
		}
		if ts := h.MaxTimestamp(); ts > s.maxTime {
			s.maxTime, s.maxTimeAt = ts, h.LastOffset()
		}
		s.end = h.NextOffset()
		c.skip(size)
	}
	return nil
}

// openIndexes reads the two search indexes of a segment that was loaded without them. sound is false if one is missing or
// cannot belong to this log.
func (s *segment) openIndexes(d env.Disk) (sound bool, err error) {
	sound = true
	for _, x := range []*indexFile{&s.index.indexFile, &s.times.indexFile} {
		if x.file != 0 {
			continue
		}
		err := x.open(d, false)
		switch {
		case errors.Is(err, env.ErrNotExist), errors.Is(err, errIndex):
			sound = false
		case err != nil:
			return false, err
		}
	}
	if !sound || s.index.check(s.size) != nil || s.times.check(s.end) != nil {
		return false, nil
	}
	return s.lastEntriesMatch(d)
}

// lastEntriesMatch compares the last entry of each search index with its batch. If the entries rise and the last one is
// correct, the index almost certainly belongs to this log.
func (s *segment) lastEntriesMatch(d env.Disk) (bool, error) {
	at := func(pos int64, last wire.Offset) (h wire.Batch, err error) {
		for c := s.scan(d, pos, s.size); c.more(); {
			h, size, err := c.header()
			if err != nil || h.LastOffset() >= last {
				return h, err
			}
			c.skip(size)
		}
		return nil, wire.ErrShortBatch
	}
	if n := s.index.len(); n > 0 {
		h, err := at(s.index.position(n-1), 0)
		if err != nil && isDisk(err) {
			return false, err
		}
		if err != nil || h.LastOffset() != s.index.offset(n-1) {
			return false, nil
		}
	}
	if ts, last := s.times.last(); s.times.len() > 0 {
		h, err := at(s.index.lookup(last), last)
		if err != nil && isDisk(err) {
			return false, err
		}
		if err != nil || h.LastOffset() != last || h.MaxTimestamp() != ts {
			return false, nil
		}
	}
	return true, nil
}

// rebuildIndexes rebuilds the search indexes from the batches' headers. If a header is invalid, the indexes end there,
// and a fetch of the bytes after it gets CORRUPT_MESSAGE. rebuildIndexes does not truncate the log, because it may run
// during a fetch.
func (s *segment) rebuildIndexes(d env.Disk, interval int32) error {
	if err := s.resetIndexes(d); err != nil {
		return err
	}
	limit, end := s.size, s.end
	s.size, s.end = 0, s.base
	for c := s.scan(d, 0, limit); c.more(); {
		h, size, err := c.header()
		if err != nil && isDisk(err) {
			return err
		}
		if err != nil {
			break
		}
		if err := s.indexBatch(d, h, size, interval); err != nil {
			return err
		}
		c.skip(size)
	}
	s.size, s.end = limit, max(s.end, end)
	return s.onBecomeInactive(d)
}

// resetIndexes empties the search indexes, and creates missing files.
func (s *segment) resetIndexes(d env.Disk) error {
	s.maxTime, s.maxTimeAt, s.rollFrom = wire.NoTimestamp, s.base, wire.NoTimestamp
	for _, x := range []*indexFile{&s.index.indexFile, &s.times.indexFile} {
		if x.file == 0 {
			if err := x.open(d, true); err != nil && !errors.Is(err, errIndex) {
				return err
			}
		}
		if err := x.reset(d); err != nil {
			return err
		}
		x.written = true
	}
	return nil
}

// sync makes the segment's bytes durable, but not its directory entries.
func (s *segment) sync(d env.Disk) error {
	if s.written {
		if err := d.Sync(s.log); err != nil {
			return onFile(s.path(suffixLog), err)
		}
		s.written = false
	}
	for _, x := range s.indexes() {
		if err := x.sync(d); err != nil {
			return err
		}
	}
	return nil
}

// indexes returns the segment's index files, whether they exist or not.
func (s *segment) indexes() [3]*indexFile {
	return [...]*indexFile{&s.index.indexFile, &s.times.indexFile, &s.txns.indexFile}
}

// close closes all files, even after an error, and returns the first error.
func (s *segment) close(d env.Disk) (first error) {
	if s.log != 0 {
		first = d.Close(s.log)
		s.log = 0
	}
	for _, x := range s.indexes() {
		if err := x.close(d); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// moveTo updates the paths after the directory was renamed.
func (s *segment) moveTo(dir string) {
	s.dir, s.name = dir, ""
	s.index.path, s.times.path, s.txns.path = s.path(suffixIndex), s.path(suffixTimes), s.path(suffixTxns)
}
