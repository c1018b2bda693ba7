package storage

import (
	"slices"
	"sort"

	"samsa/wire"
)

// EpochStart is the start offset of a leader epoch (EpochEntry).
type EpochStart struct {
	Epoch wire.Epoch
	Start wire.Offset
}

// EpochEndOffset is a leader epoch and the end of its records, as OffsetForLeaderEpoch returns it.
type EpochEndOffset struct {
	Epoch wire.Epoch
	End   wire.Offset // exclusive
}

// EpochCache has the leader epoch of each offset of a log (LeaderEpochFileCache, KIP-101). Replicas compare their
// caches to find the offset at which their logs diverge. Epochs and start offsets both rise strictly.
//
//	epoch  2     5         6
//	start  0     40        61          ▶ end of the log
//
// An entry without a batch belongs to a leader that has not appended yet (KAFKA-7415). Only the Log changes the cache
// and writes its file: in AssignEpoch, appends and truncations.
type EpochCache struct {
	entries []EpochStart
}

// Entries returns a copy of the entries, in rising order.
func (c *EpochCache) Entries() []EpochStart { return slices.Clone(c.entries) }

// Latest returns the newest epoch, or NoEpoch.
func (c *EpochCache) Latest() wire.Epoch {
	if n := len(c.entries); n > 0 {
		return c.entries[n-1].Epoch
	}
	return wire.NoEpoch
}

// Earliest returns the oldest entry; ok is false when there is none.
func (c *EpochCache) Earliest() (e EpochStart, ok bool) {
	if len(c.entries) == 0 {
		return EpochStart{wire.NoEpoch, -1}, false
	}
	return c.entries[0], true
}

// Previous returns the greatest epoch below e, or NoEpoch.
func (c *EpochCache) Previous(e wire.Epoch) wire.Epoch {
	if i := c.above(e - 1); i > 0 {
		return c.entries[i-1].Epoch
	}
	return wire.NoEpoch
}

// At returns the epoch under which an offset was or would be written. It returns NoEpoch below the first entry.
func (c *EpochCache) At(o wire.Offset) wire.Epoch {
	if i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Start > o }); i > 0 {
		return c.entries[i-1].Epoch
	}
	return wire.NoEpoch
}

// EndOffsetFor returns the end of an epoch in a log that ends at end. If the log has no records of that epoch, it
// returns the end of the next lower epoch that has some (KIP-279). ok is false if the epoch is NoEpoch or newer than
// every entry.
func (c *EpochCache) EndOffsetFor(e wire.Epoch, end wire.Offset) (m EpochEndOffset, ok bool) {
	switch {
	case e == wire.NoEpoch:
		return EpochEndOffset{wire.NoEpoch, -1}, false
	case e == c.Latest():
		return EpochEndOffset{e, end}, true
	}
	next := c.above(e)
	if next == len(c.entries) {
		return EpochEndOffset{wire.NoEpoch, -1}, false
	}
	if next == 0 {
		return EpochEndOffset{e, c.entries[0].Start}, true
	}
	return EpochEndOffset{c.entries[next-1].Epoch, c.entries[next].Start}, true
}

// above returns the index of the first entry with an epoch greater than e.
func (c *EpochCache) above(e wire.Epoch) int {
	return sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Epoch > e })
}

// assign assigns the start of an epoch. The log calls it with the first batch of the epoch (KIP-101), and on a new
// leader before that batch. Otherwise a leader that has not appended yet could not return the end of the previous epoch
// (KAFKA-7415). It changes nothing if the latest entry has the same epoch and does not start later. It removes entries
// that contradict the new one because their epoch or start is not lower.
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

// truncateFromEnd removes the entries that start at or after an offset. An epoch that starts exactly there has no
// record left. If its entry stayed, it would cover offsets that another leader is about to write (KAFKA-10706).
func (c *EpochCache) truncateFromEnd(end wire.Offset) (changed bool) {
	n := len(c.entries)
	for n > 0 && c.entries[n-1].Start >= end {
		n--
	}
	changed = n < len(c.entries)
	c.entries = c.entries[:n:n]
	return changed
}

// truncateFromStart removes the entries before an offset, except the epoch of that offset, which now starts there.
// Without that entry the oldest records would have no epoch, and a follower that requests the epoch's end would
// truncate a matching log (KIP-101).
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

// clear removes all entries.
func (c *EpochCache) clear() (changed bool) {
	changed = len(c.entries) > 0
	c.entries = nil
	return changed
}
