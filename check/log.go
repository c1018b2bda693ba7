package check

import (
	"slices"
	"sort"

	"samsa/wire"
)

// Batch is one batch of a true log. Batches are compared by their Identity.
type Batch struct {
	Base, Next wire.Offset // [Base, Next)
	Epoch      wire.Epoch
	CRC        uint32
	Origin     uint32 // the checksum at append if a log cleaner has encoded the batch again since, otherwise 0
	Size       int32  // in bytes
	AppendTime bool   // its timestamps are of the type LogAppendTime
	Newest     int64  // the largest timestamp of its records in milliseconds, -1 if they have none
}

// Log is a replica's true log as it is in the page cache. Replica.State holds the broker's own view of the log.
//
// Invariant: batches are in offset order and do not overlap, unless a check has reported otherwise.
type Log struct {
	batches      []Batch
	start        wire.Offset  // retention, DeleteRecords or a full truncation removed all records below this offset
	epochs       []EpochStart // the first offset of each leader epoch, oldest first
	epochChanges int          // counts the changes of epochs
}

// EpochStart is an entry of a leader epoch cache.
type EpochStart struct {
	Epoch wire.Epoch
	Start wire.Offset
}

// push appends a batch.
func (l *Log) push(b Batch) {
	l.batches = append(l.batches, b)
	if n := len(l.epochs); n == 0 || l.epochs[n-1].Epoch != b.Epoch {
		l.epochs = append(l.epochs, EpochStart{b.Epoch, b.Base})
		l.epochChanges++
	}
}

// cut removes the batch at an index and all later ones.
func (l *Log) cut(at int) {
	l.batches = l.batches[:at]
	for n := len(l.epochs); n > 0 && (at == 0 || l.epochs[n-1].Start >= l.batches[at-1].Next); n-- {
		l.epochs = l.epochs[:n-1]
		l.epochChanges++
	}
}

// trim removes the batches before an index, and sets the log start offset.
func (l *Log) trim(at int, start wire.Offset) {
	if at > 0 {
		l.batches = slices.Clone(l.batches[at:])
	}
	first := 0
	for first < len(l.epochs) && (len(l.batches) == 0 || first+1 < len(l.epochs) && l.epochs[first+1].Start <= l.batches[0].Base) {
		first++
	}
	l.epochs = slices.Clone(l.epochs[first:])
	l.start = start
	l.epochChanges++
}

// Start returns the log start offset.
func (l *Log) Start() wire.Offset {
	if l.start == 0 && len(l.batches) > 0 {
		return l.batches[0].Base
	}
	return l.start
}

// End returns the offset after the last batch.
func (l *Log) End() wire.Offset {
	if n := len(l.batches); n > 0 {
		return l.batches[n-1].Next
	}
	return l.start
}

// Len returns the number of batches.
func (l *Log) Len() int { return len(l.batches) }

// find returns the index of the first batch that ends above an offset. It searches from the end, because judges mostly look
// up new batches. The cost of such a search does not depend on the length of the log.
func (l *Log) find(at wire.Offset) int {
	return searchFromEnd(len(l.batches), func(i int) bool { return l.batches[i].Next > at })
}

// At returns the batch that contains an offset.
func (l *Log) At(at wire.Offset) (Batch, bool) {
	i := l.find(at)
	if i == len(l.batches) || l.batches[i].Base > at {
		return Batch{}, false
	}
	return l.batches[i], true
}

// Has reports whether exactly this batch is in the log.
func (l *Log) Has(b Batch) bool {
	found, ok := l.At(b.Base)
	return ok && found.Same(b)
}

// searchFromEnd works like sort.Search, but starts from the end. It returns the smallest i in [0, n] such that ok holds for
// i and all indexes above. It calls ok about 2 log2(n-i) times.
func searchFromEnd(n int, ok func(int) bool) int {
	low, high := n, n // ok holds at high (or high is n); low is not tested yet
	for step := 1; low > 0; step *= 2 {
		low = max(0, low-step)
		if !ok(low) {
			low++
			break
		}
		high = low
	}
	return low + sort.Search(high-low, func(i int) bool { return ok(low + i) })
}
