package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Data is a part of a log: whole batches, in the format of a fetch response (FetchDataInfo). If there is no batch, First
// and Next are the requested offset.
type Data struct {
	Bytes []byte      // read-only; aliases the page cache where the disk allows it
	First wire.Offset // base offset of the first batch, which may be below the requested offset
	Next  wire.Offset // the next offset to read
}

// Read reads whole batches of one segment. It starts with the batch that holds the requested offset and stops before
// bound (the high watermark, the last stable offset, or the log end). It returns at most maxBytes, except that with
// atLeastOne the first batch may be larger.
//
// For an offset outside [Start, End], Read returns OFFSET_OUT_OF_RANGE. For an offset at or above bound, Read returns
// no data and no error. For invalid bytes it returns CORRUPT_MESSAGE. As in Kafka, the consumer of the records checks
// the CRC.
func (l *Log) Read(d env.Disk, from, bound wire.Offset, maxBytes int, atLeastOne bool) (Data, error) {
	none := Data{First: from, Next: from}
	if from < l.start || from > l.end {
		return none, kerr.OffsetOutOfRange
	}
	if from >= bound || from == l.end {
		return none, nil
	}
	for i := max(l.floorSegment(from), 0); i < len(l.segments); i++ {
		s := l.segments[i]
		if s.size == 0 || s.end <= from {
			continue // the offset is in a gap after this segment's last batch
		}
		if err := l.loadIndexes(d, s); err != nil {
			return none, l.failRead(err)
		}
		data, err := s.read(d, from, bound, max(maxBytes, 0), atLeastOne, l.cfg.IndexIntervalBytes)
		if err != nil {
			return none, l.failRead(err)
		}
		return data, nil
	}
	return none, nil
}

// failRead converts the error of a read. An error of the disk takes the log offline; invalid bytes become
// CORRUPT_MESSAGE.
func (l *Log) failRead(err error) error {
	if isDisk(err) {
		return l.fail("read", err)
	}
	if err == wire.ErrShortBatch {
		return kerr.CorruptMessage
	}
	return err
}

// read reads batches of this segment. One disk call is enough, unless the index entry is far below the offset or the
// first batch is too large.
func (s *segment) read(d env.Disk, from, bound wire.Offset, maxBytes int, atLeastOne bool, interval int32) (Data, error) {
	data := Data{First: from, Next: from}
	c := s.scan(d, s.index.lookup(from), s.size)
	c.window = int(min(int64(maxBytes)+int64(interval)+wire.BatchHeaderSize, s.size))
	start := int64(-1)
	for c.more() {
		h, size, err := c.header()
		if err != nil && start < 0 {
			return data, err
		}
		if err != nil || h.LastOffset() >= bound || start >= 0 && h.LastOffset() < data.Next {
			break // stop at a header with a lower offset too, because such a batch was never appended
		}
		if start < 0 {
			if h.LastOffset() < from {
				c.skip(size)
				continue
			}
			start, data.First = c.pos, h.BaseOffset()
			if !(atLeastOne || size <= int64(maxBytes)) {
				start = -1
				break
			}
		} else if c.pos+size-start > int64(maxBytes) {
			break
		}
		data.Next = h.NextOffset()
		c.skip(size)
	}
	if start < 0 {
		return Data{First: from, Next: from}, nil
	}
	n := c.pos - start
	c.pos = start
	p, err := c.bytes(n)
	data.Bytes = p
	return data, err
}

// CollectAborted returns the aborted transactions that have batches in [from, to), in the order of their markers, for
// the fetch response of a read_committed consumer.
func (l *Log) CollectAborted(d env.Disk, from, to wire.Offset) ([]Aborted, error) {
	var all []Aborted
	for i := max(l.floorSegment(from), 0); i < len(l.segments); i++ {
		var done bool
		if all, done = l.segments[i].txns.collect(all, from, to); done {
			break
		}
	}
	return all, nil
}

// Found is the result of a search by timestamp.
type Found struct {
	Offset    wire.Offset
	Timestamp wire.Timestamp
	Epoch     wire.Epoch // leader epoch of the record's batch
}

// OffsetForTimestamp finds the first record at or above Start with a timestamp at or after ts (ListOffsets). ok is
// false if there is none.
func (l *Log) OffsetForTimestamp(d env.Disk, ts wire.Timestamp) (f Found, ok bool, err error) {
	for _, s := range l.segments {
		if s.size == 0 {
			continue
		}
		if err := l.loadIndexes(d, s); err != nil {
			return f, false, l.failRead(err)
		}
		if s.maxTime < ts {
			continue
		}
		f, ok, err = s.findTime(d, ts, l.start)
		if err != nil {
			return f, false, l.failRead(err)
		}
		if ok {
			return f, true, nil
		}
	}
	return f, false, nil
}

// MaxTimestamp finds the first record with the greatest timestamp of the log. ok is false if no record has a timestamp.
func (l *Log) MaxTimestamp(d env.Disk) (f Found, ok bool, err error) {
	var newest *segment
	for _, s := range l.segments {
		if s.size == 0 {
			continue
		}
		if err := l.loadIndexes(d, s); err != nil {
			return f, false, l.failRead(err)
		}
		if s.maxTime >= 0 && (newest == nil || s.maxTime > newest.maxTime) {
			newest = s
		}
	}
	if newest == nil {
		return f, false, nil
	}
	f, ok, err = newest.findTime(d, newest.maxTime, newest.base)
	if err != nil {
		err = l.failRead(err)
	}
	return f, ok, err
}

// findTime finds the first record at or above start with a timestamp at or after ts.
func (s *segment) findTime(d env.Disk, ts wire.Timestamp, start wire.Offset) (f Found, ok bool, err error) {
	for c := s.scan(d, s.index.lookup(max(s.times.lookup(ts), start)), s.size); c.more(); {
		h, size, err := c.header()
		if err != nil {
			return f, false, err
		}
		if h.MaxTimestamp() < ts || h.LastOffset() < start {
			c.skip(size)
			continue
		}
		b, err := c.batch()
		if err != nil {
			return f, false, err
		}
		for r, err := range b.Records() {
			if err != nil {
				return f, false, err
			}
			if r.Timestamp >= ts && r.Offset >= start {
				return Found{r.Offset, r.Timestamp, b.LeaderEpoch()}, true, nil
			}
		}
		c.skip(size)
	}
	return f, false, nil
}
