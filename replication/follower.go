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

// Position is a follower's position in a fetch request. The leader compares the epoch of the follower's last record with its
// own log, to find out whether the logs match up to the fetch offset (KIP-595).
type Position struct {
	FetchOffset        wire.Offset
	CurrentLeaderEpoch wire.Epoch
	LastFetchedEpoch   wire.Epoch
}

// Position returns the follower's position for its next fetch.
func (p *Partition) Position() Position {
	return Position{p.log.End(), p.leaderEpoch, p.log.Epochs().Latest()}
}

// TruncateToDivergence truncates the log to where it diverges from the leader's. If the leader does not have the last
// epoch of the truncated log, the next fetch diverges too (KIP-279, part of fetches since KIP-595). Kafka may need two
// truncations. The first is to the end of the epoch in the follower's log. The second, after the next response, is to the
// end of the epoch in the leader's log. Here one truncation applies both bounds.
//
// The rest of the response that reports the divergence is ignored, because its high watermark belongs to a log that
// this one does not match yet (KAFKA-14704).
func (p *Partition) TruncateToDivergence(d env.Disk, leader storage.EpochEndOffset) (cut wire.Offset, err error) {
	cut = min(leader.End, p.log.End())
	if mine, known := p.log.EndOffsetFor(leader.Epoch); known {
		cut = min(cut, mine.End)
	}
	return cut, p.Truncate(d, cut)
}

// Truncate truncates the log, and lowers the high watermark to its new end if necessary. A truncation below the high
// watermark is the price of an unclean election; Kafka logs a warning and continues. The quorum has no unclean elections,
// so its log must not be truncated below its high watermark (KAFKA-12460).
func (p *Partition) Truncate(d env.Disk, end wire.Offset) error {
	err := p.log.TruncateTo(d, end)
	p.setHW(min(p.hw, p.log.End()))
	return err
}

// TruncateFullyAndStartAt empties the log, because the leader's log starts above the end of this one. The high watermark
// moves to the new start too. If this replica were elected with a lower high watermark, it could not read its log at
// that offset (KAFKA-9491).
func (p *Partition) TruncateFullyAndStartAt(d env.Disk, start wire.Offset) error {
	err := p.log.TruncateFullyAndStartAt(d, start)
	p.setHW(min(max(p.hw, p.log.Start()), p.log.End()))
	return err
}

// Replicate appends the records of a fetch response and adopts the leader's high watermark and log start. A follower's
// high watermark may decrease, because the previous leader may have had a longer log. It is never above the follower's
// own log end, because a replica that becomes leader has only the records of its own log.
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

// startInside handles the one case in which a batch may start below the end of a follower's log. After a DeleteRecords the
// log may be empty and start in the middle of that batch (KAFKA-6975). The log restarts with the whole batch.
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
