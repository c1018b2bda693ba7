package controller

import (
	"fmt"

	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/coordinator"
	"samsa/sim/env"
	"samsa/wire"
)

// machine is the state that the records of the metadata log produce: the image. Sessions, timers and parked requests are
// soft state: they are in Controller and not in the log.
type machine struct{ *image.Image }

func newMachine() machine { return machine{image.New()} }

// Apply applies one record of the metadata log. Like Kafka's fatal fault handler, it ends the process if a record cannot
// be decoded, because an image without that record would differ from all others.
func (m machine) Apply(r coordinator.Entry) {
	rec, err := wire.ParseMetadata(r.Value)
	if err != nil {
		panic(fmt.Sprintf("controller: the record at offset %d of the metadata log: %v", r.Offset, err))
	}
	m.Image.Apply(rec)
	m.Next = r.Offset + 1
}

// Digest returns the digest of the image.
func (m machine) Digest() uint64 { return m.Image.Digest() }

// quorumLog is the metadata log as the coordinator's runtime sees it.
type quorumLog struct{ c *Controller }

// Append implements coordinator.Log. Batches of the metadata log have no producer, so Append ignores the stamp.
func (l quorumLog) Append(e env.Env, b coordinator.Batch) (wire.Offset, error) {
	end, err := l.c.quorum.Append(e, b.Records)
	if err != nil && raft.NothingAppended(err) {
		err = coordinator.Refused{Cause: err}
	}
	return end, err
}

// End implements coordinator.Log.
func (l quorumLog) End() wire.Offset { return l.c.quorum.End() }

// MaxBytes implements coordinator.Log. It returns 0, because every op has its own batch.
func (l quorumLog) MaxBytes() int { return 0 }

// Base implements coordinator.Log. The log has no snapshot, so it starts at offset 0.
func (l quorumLog) Base(env.Env, machine) (wire.Offset, error) { return 0, nil }

// Scan implements coordinator.Log. It reads the whole range in one event, without a limit of bytes.
func (l quorumLog) Scan(e env.Env, from, to wire.Offset, _ int, apply func(coordinator.Entry)) (wire.Offset, error) {
	return to, l.c.quorum.Scan(e, from, to, func(r wire.Record) { apply(coordinator.Entry{Record: r}) })
}
