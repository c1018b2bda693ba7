package storage

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Reason is the reason why a segment was deleted.
type Reason uint8

const (
	ReasonStart Reason = iota // the segment is below the log start
	ReasonSize                // the log has at least retention.bytes without the segment
	ReasonTime                // the newest record of the segment is older than retention.ms
)

// String returns the reason in words.
func (r Reason) String() string {
	if r <= ReasonTime {
		return [...]string{"below the log start", "retention.bytes", "retention.ms"}[r]
	}
	return "reason?"
}

// Deleted is a segment that retention deleted.
type Deleted struct {
	Base, Next wire.Offset // its offsets, [Base, Next)
	Bytes      int64
	Newest     wire.Timestamp
	Reason     Reason
}

// AdvanceStart moves the log start up, for DeleteRecords and on followers (UnifiedLog.maybeIncrementLogStartOffset). It
// changes no file: the caller saves the log start, and Retain deletes the segments below it. If the offset is above the
// high watermark it returns OFFSET_OUT_OF_RANGE. If the offset is below the start it changes nothing.
func (l *Log) AdvanceStart(d env.Disk, to, hw wire.Offset) (moved bool, err error) {
	if l.offline != nil {
		return false, l.offline
	}
	if to > hw || to > l.end {
		return false, kerr.OffsetOutOfRange
	}
	if to <= l.start {
		return false, nil
	}
	l.moveStart(to)
	return true, nil
}

// moveStart moves the log start up. It does not rewrite the epochs file, which then has more entries than necessary;
// the next load removes them.
func (l *Log) moveStart(to wire.Offset) {
	l.start = to
	l.epochs.truncateFromStart(to)
	l.producers.startAt(to)
}

// Retain deletes the segments below the log start, then those beyond retention.bytes, then those older than
// retention.ms, in each case the oldest first (UnifiedLog.deleteOldSegments). It deletes only below the high watermark,
// and rolls before it deletes the active segment.
func (l *Log) Retain(d env.Disk, wall env.Time, hw wire.Offset) ([]Deleted, error) {
	if l.offline != nil {
		return nil, l.offline
	}
	gone, err := l.deleteWhile(d, wall, hw, ReasonStart, func(i int) (bool, error) {
		return i+1 < len(l.segments) && l.segments[i+1].base <= l.start, nil
	})
	if err != nil || !l.cfg.Delete {
		return gone, err
	}
	if excess := l.Bytes() - l.cfg.RetentionBytes; l.cfg.RetentionBytes >= 0 && excess >= 0 {
		more, err := l.deleteWhile(d, wall, hw, ReasonSize, func(i int) (bool, error) {
			excess -= l.segments[i].size
			return excess >= 0, nil
		})
		if gone = append(gone, more...); err != nil {
			return gone, err
		}
	}
	if l.cfg.RetentionMs >= 0 {
		now := wire.Timestamp(wall.Millis())
		more, err := l.deleteWhile(d, wall, hw, ReasonTime, func(i int) (bool, error) {
			s := l.segments[i]
			if err := l.loadIndexes(d, s); err != nil {
				return false, err
			}
			return millis(now-s.largestTimestamp()) > l.cfg.RetentionMs, nil
		})
		if gone = append(gone, more...); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// deleteWhile deletes the oldest segments. It stops at the first segment that is not below the high watermark, or for
// which the function breaks returns false.
func (l *Log) deleteWhile(d env.Disk, wall env.Time, hw wire.Offset, why Reason, breaks func(i int) (bool, error)) ([]Deleted, error) {
	n := 0
	for ; n < len(l.segments); n++ {
		isLast := n+1 == len(l.segments)
		upper := l.end
		if !isLast {
			upper = l.segments[n+1].base
		}
		if hw < upper || isLast && l.segments[n].size == 0 {
			break
		}
		over, err := breaks(n)
		if err != nil {
			return nil, l.failDisk("retain", err)
		}
		if !over {
			break
		}
	}
	if n == 0 {
		return nil, nil
	}
	gone := make([]Deleted, n)
	for i, s := range l.segments[:n] {
		gone[i] = Deleted{Base: s.base, Next: s.end, Bytes: s.size, Newest: s.maxTime, Reason: why}
	}
	if n == len(l.segments) {
		if err := l.roll(d, l.end, wall); err != nil {
			return nil, l.fail("roll", err)
		}
	}
	if to := l.segments[n].base; to > l.start {
		l.moveStart(to)
	}
	// The oldest segment is deleted first, and each deletion is durable before the next, so a power loss leaves no gap.
	for range n {
		if err := l.deleteSegment(d, l.segments[0]); err != nil {
			return nil, l.fail("retain", err)
		}
		l.segments = l.segments[1:]
	}
	return gone, nil
}
