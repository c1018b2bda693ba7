package replication

import (
	"errors"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// following is what only a follower knows.
type following struct {
	leader wire.NodeID // NoNode while there is none
}

// Position is what a follower asks its leader: where it goes on, in which epoch it lives, and of which epoch its last
// record is, so that the leader can tell whether the logs agree up to there (KIP-595).
type Position struct {
	Next      wire.Offset
	Epoch     wire.Epoch
	LastEpoch wire.Epoch
}

// Position is where this follower stands.
func (p *Partition) Position() Position {
	return Position{p.log.End(), p.epoch, p.log.Epochs().Latest()}
}

// Diverged cuts the log where it parts from the leader's. If the leader does not know the epoch below the cut, the next
// fetch finds the next place (KIP-279, carried by fetches since KIP-595). Kafka cuts to its own end of an epoch first and to
// the leader's with the answer after; both bounds hold at once, so here one cut does.
//
// Nothing else of such an answer counts: its high watermark is of a log that this one has not become yet (KAFKA-14704).
func (p *Partition) Diverged(d env.Disk, leader storage.Mark) (cut wire.Offset, err error) {
	cut = min(leader.End, p.log.End())
	if mine, known := p.log.EndOffsetFor(leader.Epoch); known {
		cut = min(cut, mine.End)
	}
	return cut, p.Truncate(d, cut)
}

// Truncate cuts the log to an end, and the high watermark with it. Below the high watermark that is what an unclean
// election costs; Kafka warns and goes on. The quorum's log, which knows no unclean election, must not (KAFKA-12460).
func (p *Partition) Truncate(d env.Disk, end wire.Offset) error {
	err := p.log.TruncateTo(d, end)
	p.setHW(min(p.hw, p.log.End()))
	return err
}

// Restart empties the log: the leader's begins at start, above all we have. The high watermark begins there, too: below the
// start of its log a replica that is elected next could not read what it calls committed (KAFKA-9491).
func (p *Partition) Restart(d env.Disk, start wire.Offset) error {
	err := p.log.TruncateFullyAndStartAt(d, start)
	p.setHW(min(max(p.hw, p.log.Start()), p.log.End()))
	return err
}

// Replicate appends what the leader sent and follows its high watermark and log start. The high watermark of a follower
// may go back: what it heard before may have been of a longer log. It is never above the log's own end: what this replica
// does not have it cannot call committed, for it may have to lead with what it has.
func (p *Partition) Replicate(d env.Disk, records []byte, leaderHW, leaderStart wire.Offset) error {
	if len(records) > 0 {
		_, err := p.log.AppendAsFollower(d, records, p.epoch)
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

// startInside is the one case in which a batch may begin below the end of a follower's log: the log is empty and begins
// in the middle of that batch, because DeleteRecords cut there (KAFKA-6975). It begins anew with the whole batch.
func (p *Partition) startInside(d env.Disk, below *storage.UnexpectedOffset, records []byte) error {
	start := p.log.Start()
	if start != p.log.End() || below.First >= start || below.Last < start {
		return below
	}
	if err := p.log.TruncateFullyAndStartAt(d, below.First); err != nil {
		return err
	}
	if _, err := p.log.AppendAsFollower(d, records, p.epoch); err != nil {
		return err
	}
	_, err := p.log.AdvanceStart(d, start, p.log.End())
	return err
}
