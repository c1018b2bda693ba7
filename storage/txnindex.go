package storage

import (
	"encoding/binary"
	"fmt"
	"sort"

	"samsa/sim/env"
	"samsa/wire"
)

// Aborted is one aborted transaction of a partition, as in a fetch response and the transaction index. A read_committed
// consumer drops the producer's batches from First until it reaches the abort marker at Last.
type Aborted struct {
	Producer    wire.ProducerID
	First, Last wire.Offset // the offsets of its first batch and of its marker
	LastStable  wire.Offset // the last stable offset right after the marker was appended
}

// txnIndex has a segment's aborted transactions in the order of their markers (TransactionIndex). An entry has 34
// bytes: version int16 = 0, then producer id, first, last and last stable offset as int64. The file exists only if
// there is an entry.
type txnIndex struct {
	indexFile
	base wire.Offset
}

const (
	txnEntrySize    = 34
	txnEntryVersion = 0
)

// newTxnIndex returns an index without its file. There may be no file.
func newTxnIndex(path string, base wire.Offset) txnIndex {
	return txnIndex{indexFile{path: path, entry: txnEntrySize}, base}
}

// aborted returns entry i.
func (x *txnIndex) aborted(i int) Aborted {
	e := x.at(i)
	return Aborted{
		Producer:   wire.ProducerID(binary.BigEndian.Uint64(e[2:])),
		First:      wire.Offset(binary.BigEndian.Uint64(e[10:])),
		Last:       wire.Offset(binary.BigEndian.Uint64(e[18:])),
		LastStable: wire.Offset(binary.BigEndian.Uint64(e[26:])),
	}
}

// add appends a transaction. made reports whether add created the file, in which case the directory must be synced.
func (x *txnIndex) add(d env.Disk, a Aborted) (made bool, err error) {
	if x.file == 0 {
		if err := x.open(d, true); err != nil {
			return false, err
		}
		made = true
	}
	return made, x.append(d, appendAborted(nil, a))
}

// appendAborted encodes an entry.
func appendAborted(p []byte, a Aborted) []byte {
	p = binary.BigEndian.AppendUint16(p, txnEntryVersion)
	p = binary.BigEndian.AppendUint64(p, uint64(a.Producer))
	p = binary.BigEndian.AppendUint64(p, uint64(a.First))
	p = binary.BigEndian.AppendUint64(p, uint64(a.Last))
	return binary.BigEndian.AppendUint64(p, uint64(a.LastStable))
}

// truncateTo removes the transactions that have a marker at or above an offset.
func (x *txnIndex) truncateTo(d env.Disk, end wire.Offset) error {
	return x.truncateToEntries(d, sort.Search(x.len(), func(i int) bool { return x.aborted(i).Last >= end }))
}

// check checks that the entries can belong to a segment that ends before a given offset.
func (x *txnIndex) check(end wire.Offset) error {
	last := x.base - 1
	for i := range x.len() {
		if v := binary.BigEndian.Uint16(x.at(i)); v != txnEntryVersion {
			return fmt.Errorf("%w: %s: entry %d has version %d, want %d", errIndex, x.path, i, v, txnEntryVersion)
		}
		a := x.aborted(i)
		if a.Last <= last || a.Last >= end || a.First > a.Last || a.First < 0 {
			return fmt.Errorf("%w: %s: entry %d is [%d, %d], behind a marker at %d, in a segment that ends at %d", errIndex, x.path, i, a.First, a.Last, last, end)
		}
		last = a.Last
	}
	return nil
}

// collect appends the transactions that have batches in [from, to). done reports that no later segment can have more
// such transactions.
func (x *txnIndex) collect(dst []Aborted, from, to wire.Offset) (_ []Aborted, done bool) {
	for i := range x.len() {
		a := x.aborted(i)
		if a.Last >= from && a.First < to {
			dst = append(dst, a)
		}
		if a.LastStable >= to {
			return dst, true
		}
	}
	return dst, false
}
