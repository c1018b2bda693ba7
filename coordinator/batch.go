package coordinator

import (
	"errors"
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// Several ops may share a batch. An op that lingers is applied to the tip (the newest state) at once, and its records wait
// in the open batch:
//
//	Write ──▶ tip, open batch ──▶ the linger time is over, the batch is full, or the next batch must be alone ──▶ the log
//
// A transactional batch and a marker are always appended alone and at once, after the open batch. The same is true of an
// op that fills a batch, and of every op if Linger is 0. An op is never split over batches; the log refuses an op that is
// too large (MESSAGE_TOO_LARGE, for clients UNKNOWN_SERVER_ERROR). If a batch is refused, all ops in it are undone.

// Adaptive is the default linger time of Kafka 4 (-1). The batch is appended after the events that are already queued. So
// ops share a batch only if they arrive faster than they are processed.
const Adaptive env.Duration = -1

// openBatch has the records that are in the tip but not yet in the log.
type openBatch struct {
	records []wire.Record
	bytes   int
	flushAt env.Instant
}

// From these sizes Kafka estimates whether a batch has room. They are the size of a batch header, and the size of a record
// without its key, value and headers.
const (
	batchOverhead  = 61
	recordOverhead = 21
)

func sizeOf(records []wire.Record) (n int) {
	for _, rec := range records {
		n += recordOverhead + len(rec.Key) + len(rec.Value)
		for _, h := range rec.Headers {
			n += 2*5 + len(h.Key) + len(h.Value)
		}
	}
	return n
}

// add appends the records of an op or lets them linger. The op has read a tip that contains the open batch, so it is
// refused if that batch is refused.
func (r *Runtime[M]) add(e env.Env, res Result) error {
	size := sizeOf(res.Records)
	alone := res.Stamp.Transactional || r.options.Linger == 0 || batchOverhead+size >= r.log.MaxBytes()
	if alone || r.open.bytes+size > r.log.MaxBytes() {
		if err := r.flush(e); err != nil {
			return err
		}
	}
	if alone {
		return r.append(e, Batch{Stamp: res.Stamp, Guard: res.Guard, Records: res.Records}, true)
	}
	if len(r.open.records) == 0 {
		r.open.bytes = batchOverhead
		r.open.flushAt = e.Now().Add(max(r.options.Linger, 0))
		r.wakeAt(e, r.open.flushAt)
	}
	r.open.records = append(r.open.records, res.Records...)
	r.open.bytes += size
	r.apply(entries(Batch{Records: res.Records}, r.end), r.end+wire.Offset(len(res.Records)))
	return nil
}

func (r *Runtime[M]) flushIfFull(e env.Env) error {
	if len(r.open.records) == 0 || r.open.bytes < r.log.MaxBytes() {
		return nil
	}
	return r.flush(e)
}

// flush appends the open batch. If it is refused, its ops are undone and their callers get the error.
func (r *Runtime[M]) flush(e env.Env) error {
	if len(r.open.records) == 0 {
		return nil
	}
	batch := Batch{Records: r.open.records}
	r.open = openBatch{}
	err := r.append(e, batch, false)
	var refused Refused
	if errors.As(err, &refused) {
		return r.undo(e, refused)
	}
	return err
}

// undo removes the refused records from the tip, and answers the ops that wrote or read them.
func (r *Runtime[M]) undo(e env.Env, refused Refused) error {
	n := len(r.parked)
	for n > 0 && r.parked[n-1].at > r.written {
		n--
	}
	undone := r.parked[n:]
	r.parked = r.parked[:n:n]
	for _, p := range undone {
		r.keys.add(p.keys, -1)
	}
	err := r.rebuild(e, r.written)
	if err != nil { // the tip still has the refused records
		err = errors.Join(err, r.fail(e))
	}
	for _, p := range undone {
		r.release(e, p.answers, refused)
	}
	if err == nil {
		r.completeParked(e)
	}
	return errors.Join(refused, err)
}

// append writes one batch, and applies it to the tip if apply is set. After an error that is not a Refused, the runtime
// has failed.
func (r *Runtime[M]) append(e env.Env, b Batch, apply bool) error {
	if end := r.log.End(); end != r.written {
		panic(fmt.Sprintf("coordinator: the log ends at %d and what was written at %d: another writer", end, r.written))
	}
	all := entries(b, r.written)
	end, err := r.log.Append(e, b)
	if err != nil {
		if !errors.As(err, new(Refused)) {
			err = errors.Join(err, r.fail(e))
		}
		return err
	}
	if end != r.written+wire.Offset(len(all)) {
		panic(fmt.Sprintf("coordinator: %d records from %d on end at %d", len(all), r.written, end))
	}
	if apply {
		r.apply(all, end)
	}
	r.written = end
	return nil
}

// entries returns the entries of a batch that begins at an offset.
func entries(b Batch, base wire.Offset) []Entry {
	if b.Marker.Result != NoMarker {
		return []Entry{{Record: wire.Record{Offset: base}, Stamp: b.Stamp, Marker: b.Marker.Result}}
	}
	all := make([]Entry, len(b.Records))
	for i, rec := range b.Records {
		rec.Offset = base + wire.Offset(i)
		all[i] = Entry{Record: rec, Stamp: b.Stamp}
	}
	return all
}

// answerFor returns the error that the answers of an op contain if its append failed.
func answerFor(err error) error {
	var refused Refused
	if errors.As(err, &refused) {
		return refused
	}
	return AppendFailed
}
