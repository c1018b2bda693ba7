package replication

import (
	"errors"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// following is the state that only a follower has.
type following struct {
	leader wire.NodeID // NoNode while there is none
}

// Position is what a follower sends with a fetch: its fetch offset, its leader epoch, and the epoch of its last record, by
// which the leader finds out whether the logs match up to there (KIP-595).
type Position struct {
	FetchOffset        wire.Offset
	CurrentLeaderEpoch wire.Epoch
	LastFetchedEpoch   wire.Epoch
}

// Position is the follower's position for its next fetch.
func (p *Partition) Position() Position {
	return Position{p.log.End(), p.leaderEpoch, p.log.Epochs().Latest()}
}

// TruncateToDivergence truncates the log to where it diverges from the leader's. If the leader does not have the epoch below
// that, the next fetch diverges again (KIP-279, part of fetches since KIP-595). Kafka truncates to its own end of the epoch
// first, and to the leader's with the next response; both bounds hold at once, so here one truncation does it.
//
// Nothing else of such a response applies: its high watermark is that of a log which this one does not match yet (KAFKA-14704).
func (p *Partition) TruncateToDivergence(d env.Disk, leader storage.EpochEndOffset) (cut wire.Offset, err error) {
	cut = min(leader.End, p.log.End())
	if mine, known := p.log.EndOffsetFor(leader.Epoch); known {
		cut = min(cut, mine.End)
	}
	return cut, p.Truncate(d, cut)
}

// Truncate truncates the log, and the high watermark with it. A truncation below the high watermark is the price of an
// unclean election; Kafka logs a warning and continues. The quorum's log has no unclean election and must not (KAFKA-12460).
func (p *Partition) Truncate(d env.Disk, end wire.Offset) error {
	err := p.log.TruncateTo(d, end)
	p.setHW(min(p.hw, p.log.End()))
	return err
}

// TruncateFullyAndStartAt empties the log: the leader's log starts above the end of this one. The high watermark moves to the
// new start too: if this replica were elected with a lower one, it could not read what it calls committed (KAFKA-9491).
func (p *Partition) TruncateFullyAndStartAt(d env.Disk, start wire.Offset) error {
	err := p.log.TruncateFullyAndStartAt(d, start)
	p.setHW(min(max(p.hw, p.log.Start()), p.log.End()))
	return err
}

// Replicate appends the records of a fetch response and takes the leader's high watermark and log start. A follower's high
// watermark may fall: the leader before may have had a longer log. It is never above the follower's own log end: if this
// replica is elected, it leads with the records that it has.
func (p *Partition) Replicate(d env.Disk, records []byte, leaderHW, leaderStart wire.Offset) error {
	if len(records) > 0 {
		_, err := p.log.AppendAsFollower(d, records, p.leaderEpoch)
		var below *storage.UnexpectedOffset
		if errors.As(err, &below) {
			err = p.startInside(d, below, records)
		}
		if err != nil {
			return err
		}
	}
	p.setHW(max(p.log.Start(), min(leaderHW, p.log.End())))
	if leaderStart > p.log.Start() {
		_, err := p.log.AdvanceStart(d, min(leaderStart, p.hw), p.hw)
		return err
	}
	return nil
}

// startInside is the one case in which a batch may start below the end of a follower's log: the log is empty and starts in
// the middle of that batch, after a DeleteRecords (KAFKA-6975). The log restarts with the whole batch.
func (p *Partition) startInside(d env.Disk, below *storage.UnexpectedOffset, records []byte) error {
	start := p.log.Start()
	if start != p.log.End() || below.First >= start || below.Last < start {
		return below
	}
	if err := p.log.TruncateFullyAndStartAt(d, below.First); err != nil {
		return err
	}
	if _, err := p.log.AppendAsFollower(d, records, p.leaderEpoch); err != nil {
		return err
	}
	_, err := p.log.AdvanceStart(d, start, p.log.End())
	return err
}
