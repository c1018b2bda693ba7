package raft

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// sendFetchRequest says where this log ends, and asks for the records that follow.
func (r *Replica) sendFetchRequest(e env.Env, p *peer) {
	q := fetchRequest{
		replica: r.cfg.Node, epoch: r.epoch, offset: r.log.End(), lastEpoch: r.lastEpoch(), start: r.log.Start(), hw: r.hw,
		maxBytes: r.cfg.FetchBytes, maxWait: r.cfg.FetchWait,
	}
	r.send(e, p, tokFetch, fetchRequestToKafka(q, r.cfg.ClusterID))
}

// handleFetchResponse appends the leader's records, or cuts this log where it and the leader's part. If it answers false the
// request is sent again after the retry backoff.
func (r *Replica) handleFetchResponse(e env.Env, resp *kmsg.FetchResponse) bool {
	fetched, ok := fetchResponseFromKafka(resp)
	if !ok {
		return false
	}
	if r.handleCommonResponse(e, fetched.response) {
		return fetched.code == 0
	}
	if fetched.code != 0 || r.state != Follower {
		return false
	}
	var err error
	if fetched.diverging.epoch >= 0 {
		err = r.truncate(e, fetched.diverging)
	} else {
		if len(fetched.records) > 0 {
			err = r.appendAsFollower(e, fetched.records)
		}
		if !r.dead && err == nil {
			r.updateFollowerHW(e, fetched.hw)
		}
	}
	if r.dead || err != nil {
		return false
	}
	r.fetched = true
	r.setTimeout(e, r.cfg.FetchTimeout)
	return true
}

// appendAsFollower appends the leader's records and makes them durable before the next fetch tells the leader of them: its offset is
// what the leader counts a majority by (KAFKA-10533). An error is about the bytes; the disk's end the node.
func (r *Replica) appendAsFollower(e env.Env, records []byte) error {
	if _, err := r.log.AppendAsFollower(e.Disk(), records, r.epoch); err != nil {
		if r.log.Offline() != nil {
			r.fail(e, err)
		}
		return err
	}
	r.flushNow(e)
	return nil
}

// flushNow makes the log durable for what this very event goes on to say.
func (r *Replica) flushNow(e env.Env) {
	if err := r.syncLog(e); err != nil {
		r.fail(e, err)
		return
	}
	r.durableEnd = r.syncedEnd
}

// syncLog makes the log durable, as everything that counts or is served must be.
func (r *Replica) syncLog(e env.Env) error {
	if r.cfg.Rules.FlushFirst {
		if err := r.log.Flush(e.Disk(), r.log.End()); err != nil {
			return err
		}
	}
	r.syncedEnd = r.log.End()
	return nil
}

// updateFollowerHW moves the high watermark to the leader's, as far as this log reaches. A new leader's is -1 until it has
// committed a record of its epoch.
func (r *Replica) updateFollowerHW(e env.Env, hw wire.Offset) { r.raiseHW(e, min(hw, r.log.End())) }

// raiseHW moves the high watermark, which never falls.
func (r *Replica) raiseHW(e env.Env, hw wire.Offset) {
	if hw > r.hw {
		r.hw = hw
		e.Note(noteCommitted, int64(r.cfg.Node), int64(hw), int64(r.epoch), 0)
	}
}

// truncate cuts this log where it and the leader's part: theirs is the end of an epoch in the leader's log. If this log has
// nothing of that epoch, it is cut where its last earlier epoch ends, and the next fetch finds out more.
func (r *Replica) truncate(e env.Env, theirs epochEnd) error {
	mine := r.endOffsetForEpoch(theirs.epoch)
	to := mine.end
	if mine.epoch == theirs.epoch {
		to = min(to, theirs.end)
	}
	if to >= r.log.End() {
		return fmt.Errorf("the leader says that epoch %d ends at %d, and this log ends at %d: nothing parts", theirs.epoch, theirs.end, r.log.End())
	}
	if to < r.hw {
		// Something committed is about to go, so some promise is broken already, by a flaw elsewhere or by a disk. To stop,
		// as Kafka's fatal fault handler does, leaves the copy (KAFKA-12460).
		if !r.cfg.Rules.MayTruncateBelow(r.hw, to) {
			err := fmt.Errorf("the leader of epoch %d of the metadata quorum has this log cut to %d, below the high watermark %d", r.epoch, to, r.hw)
			e.Note(noteRefusedCut, int64(r.cfg.Node), int64(to), int64(r.hw), int64(r.epoch))
			r.fail(e, err)
			return err
		}
		r.hw = to
	}
	e.Note(noteTruncated, int64(r.cfg.Node), int64(to), int64(r.log.End()), int64(r.epoch))
	r.durableEnd, r.syncedEnd = min(r.durableEnd, to), min(r.syncedEnd, to)
	if err := r.log.TruncateTo(e.Disk(), to); err != nil {
		r.fail(e, err)
	}
	return nil
}

// endOffsetForEpoch is the end of an epoch in this log; for an epoch it does not have, the end of the epoch before; for one newer than
// all, the log's last epoch and the log's end (KafkaMetadataLog.endOffsetForEpoch).
func (r *Replica) endOffsetForEpoch(epoch wire.Epoch) epochEnd {
	if m, ok := r.log.EndOffsetFor(epoch); ok {
		return epochEnd{m.Epoch, m.End}
	}
	return epochEnd{r.lastEpoch(), r.log.End()}
}
