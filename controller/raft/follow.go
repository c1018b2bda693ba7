package raft

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// sendFetchRequest fetches the records after the end of this log.
func (r *Replica) sendFetchRequest(e env.Env, p *peer) {
	q := fetchRequest{
		replica: r.cfg.Node, epoch: r.epoch, offset: r.log.End(), lastEpoch: r.log.lastEpoch(), start: r.log.Start(), hw: r.hw,
		maxBytes: r.cfg.FetchBytes, maxWait: r.cfg.FetchWait,
	}
	r.send(e, p, tokFetch, fetchRequestToKafka(q, r.cfg.ClusterID))
}

// handleFetchResponse appends the leader's records, or truncates this log where it diverges from the leader's log. If it
// returns false, the request is sent again after the retry backoff.
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
			r.raiseHW(e, min(fetched.hw, r.log.End())) // a new leader sends -1 until it has committed a record of its epoch
		}
	}
	if r.dead || err != nil {
		return false
	}
	r.fetched = true
	r.setTimeout(e, r.cfg.FetchTimeout)
	return true
}

// appendAsFollower appends the leader's records and makes them durable before the next fetch, because the leader counts
// the records below the fetch offset towards a majority (KAFKA-10533). It returns an error if the bytes are invalid; a
// disk error ends the process.
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

// flushNow makes the log durable before any message of this event is sent.
func (r *Replica) flushNow(e env.Env) {
	if err := r.log.sync(e.Disk()); err != nil {
		r.fail(e, err)
		return
	}
	r.log.durableEnd = r.log.syncedEnd
}

// raiseHW raises the high watermark. The high watermark never decreases.
func (r *Replica) raiseHW(e env.Env, hw wire.Offset) {
	if hw > r.hw {
		r.hw = hw
		e.Note(noteCommitted, int64(r.cfg.Node), int64(hw), int64(r.epoch), 0)
	}
}

// truncate truncates this log where it diverges from the leader's log. The argument is the end of an epoch in the leader's
// log. If this log does not have that epoch, it is truncated to the end of its last earlier epoch, and the next fetch
// continues from there.
func (r *Replica) truncate(e env.Env, theirs epochEnd) error {
	mine := r.log.endOffsetForEpoch(theirs.epoch)
	to := mine.end
	if mine.epoch == theirs.epoch {
		to = min(to, theirs.end)
	}
	if to >= r.log.End() {
		return fmt.Errorf("the leader says that epoch %d ends at %d, and this log ends at %d: they do not diverge", theirs.epoch, theirs.end, r.log.End())
	}
	if to < r.hw {
		// A committed record would be lost, so a disk has already lost data or some node has a bug. By stopping, as
		// Kafka's voter does with its fatal fault handler, this voter keeps its copy of the record (KAFKA-12460).
		if !r.cfg.Rules.MayTruncateBelow(r.hw, to) {
			err := fmt.Errorf("the leader of epoch %d of the metadata quorum has this log cut to %d, below the high watermark %d", r.epoch, to, r.hw)
			e.Note(noteRefusedCut, int64(r.cfg.Node), int64(to), int64(r.hw), int64(r.epoch))
			r.fail(e, err)
			return err
		}
		r.hw = to
	}
	e.Note(noteTruncated, int64(r.cfg.Node), int64(to), int64(r.log.End()), int64(r.epoch))
	if err := r.log.truncateTo(e.Disk(), to); err != nil {
		r.fail(e, err)
	}
	return nil
}
