package storage

import (
	"slices"
	"sort"

	"samsa/wire"
)

// EpochStart says that a leader epoch begins at an offset.
type EpochStart struct {
	Epoch wire.Epoch
	Start wire.Offset
}

// Mark is an epoch and the end of its records: the answer to "where does your epoch e end?".
type Mark struct {
	Epoch wire.Epoch
	End   wire.Offset // exclusive
}

// EpochCache knows which leader epoch wrote which offsets of a log (LeaderEpochFileCache, KIP-101). It is what replicas
// compare to find where their logs part. Epochs and starts both rise strictly.
//
//	epoch  2     5         6
//	start  0     40        61          ▶ end of the log
//
// An entry without a batch is a leader that has not written yet (KAFKA-7415). The cache changes only through its Log,
// which keeps the file beside it: AssignEpoch, the appends, the truncations.
type EpochCache struct {
	entries []EpochStart
}

// Entries is a copy, in rising order.
func (c *EpochCache) Entries() []EpochStart { return slices.Clone(c.entries) }

// Latest is the newest epoch, or NoEpoch.
func (c *EpochCache) Latest() wire.Epoch {
	if n := len(c.entries); n > 0 {
		return c.entries[n-1].Epoch
	}
	return wire.NoEpoch
}

// Earliest is the oldest entry; ok is false when there is none.
func (c *EpochCache) Earliest() (e EpochStart, ok bool) {
	if len(c.entries) == 0 {
		return EpochStart{wire.NoEpoch, -1}, false
	}
	return c.entries[0], true
}

// Previous is the greatest epoch below e, or NoEpoch.
func (c *EpochCache) Previous(e wire.Epoch) wire.Epoch {
	if i := c.above(e - 1); i > 0 {
		return c.entries[i-1].Epoch
	}
	return wire.NoEpoch
}

// At is the epoch that an offset was, or would be, written under; NoEpoch below the first entry.
func (c *EpochCache) At(o wire.Offset) wire.Epoch {
	if i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Start > o }); i > 0 {
		return c.entries[i-1].Epoch
	}
	return wire.NoEpoch
}

// EndOffsetFor says where an epoch ends in a log that ends at end. For an epoch this log has nothing of, it is the
// greatest epoch below that it does have (KIP-279). ok is false if the epoch is unknown: it is NoEpoch, or newer than
// every entry.
func (c *EpochCache) EndOffsetFor(e wire.Epoch, end wire.Offset) (m Mark, ok bool) {
	switch {
	case e == wire.NoEpoch:
		return Mark{wire.NoEpoch, -1}, false
	case e == c.Latest():
		return Mark{e, end}, true
	}
	next := c.above(e)
	if next == len(c.entries) {
		return Mark{wire.NoEpoch, -1}, false
	}
	if next == 0 {
		return Mark{e, c.entries[0].Start}, true
	}
	return Mark{c.entries[next-1].Epoch, c.entries[next].Start}, true
}

// above is the index of the first entry with an epoch greater than e.
func (c *EpochCache) above(e wire.Epoch) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Epoch > e })
}

// assign notes that e starts at an offset: with its first batch (KIP-101), and on a new leader before there is one, or a
// leader that has not written could not say where the epoch before its own ends (KAFKA-7415). It is a no-op if e is the
// latest epoch and has started before. Entries that contradict it, with an epoch or a start not below, were never right or
// are no longer, and go.
func (c *EpochCache) assign(e wire.Epoch, start wire.Offset) (changed bool) {
	n := len(c.entries)
	if n > 0 && c.entries[n-1].Epoch == e && c.entries[n-1].Start <= start {
		return false
	}
	for n > 0 && (c.entries[n-1].Epoch >= e || c.entries[n-1].Start >= start) {
		n--
	}
	c.entries = append(c.entries[:n:n], EpochStart{e, start})
	return true
}

// truncateFromEnd drops the entries that start at or behind an offset: also one that starts right there. It has no record
// left, and would answer for offsets that another leader is about to fill (KAFKA-10706).
func (c *EpochCache) truncateFromEnd(end wire.Offset) (changed bool) {
	n := len(c.entries)
	for n > 0 && c.entries[n-1].Start >= end {
		n--
	}
	changed = n < len(c.entries)
	c.entries = c.entries[:n:n]
	return changed
}

// truncateFromStart drops the entries before an offset, except the one that the offset lies in: that one is moved to it.
// Without it the oldest records would be of no epoch, and whoever asks where theirs ends would be told "unknown" and throw
// away a log that agrees (KIP-101).
func (c *EpochCache) truncateFromStart(start wire.Offset) (changed bool) {
	i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Start > start })
	if i == 0 || i == 1 && c.entries[0].Start == start {
		return false
	}
	kept := slices.Clone(c.entries[i-1:])
	kept[0].Start = start
	c.entries = kept
	return true
}

// clear forgets everything.
func (c *EpochCache) clear() (changed bool) {
	changed = len(c.entries) > 0
	c.entries = nil
	return changed
}
