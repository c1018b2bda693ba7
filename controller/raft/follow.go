package raft

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// sendFetchRequest says where this log ends, and asks for the records that follow.
func (n *Node) sendFetchRequest(e env.Env, p *peer) {
	q := fetchRequest{
		replica: n.cfg.Node, epoch: n.epoch, offset: n.log.End(), lastEpoch: n.lastEpoch(), start: n.log.Start(), hw: n.hw,
		maxBytes: n.cfg.FetchBytes, maxWait: n.cfg.FetchWait,
	}
	n.call(e, p, tokFetch, fetchRequestToKafka(q, n.cfg.ClusterID))
}

// handleFetchResponse appends the leader's records, or cuts this log where it and the leader's part. If it answers false the
// request is sent again after the retry backoff.
func (n *Node) handleFetchResponse(e env.Env, resp *kmsg.FetchResponse) bool {
	r, ok := fetchResponseFromKafka(resp)
	if !ok {
		return false
	}
	if n.handleCommonResponse(e, r.response) {
		return r.code == 0
	}
	if r.code != 0 || n.state != Follower {
		return false
	}
	var err error
	if r.diverging.epoch >= 0 {
		err = n.truncate(e, r.diverging)
	} else {
		if len(r.records) > 0 {
			err = n.take(e, r.records)
		}
		if !n.dead && err == nil {
			n.follow(e, r.hw)
		}
	}
	if n.dead || err != nil {
		return false
	}
	n.heard = true
	n.setTimeout(e, n.cfg.FetchTimeout)
	return true
}

// take appends the leader's records and makes them durable before the next fetch tells the leader of them: its offset is
// what the leader counts a majority by (KAFKA-10533). An error is about the bytes; the disk's end the node.
func (n *Node) take(e env.Env, records []byte) error {
	if _, err := n.log.AppendAsFollower(e.Disk(), records, n.epoch); err != nil {
		if n.log.Offline() != nil {
			n.die(e, err)
		}
		return err
	}
	n.settleLog(e)
	return nil
}

// settleLog makes the log durable for what this very event goes on to say.
func (n *Node) settleLog(e env.Env) {
	if err := n.flush(e); err != nil {
		n.die(e, err)
		return
	}
	n.durable = n.synced
}

// flush makes the log durable, as everything that counts or is served must be.
func (n *Node) flush(e env.Env) error {
	if n.cfg.Rules.FlushFirst {
		if err := n.log.Flush(e.Disk(), n.log.End()); err != nil {
			return err
		}
	}
	n.synced = n.log.End()
	return nil
}

// follow moves the high watermark to the leader's, as far as this log reaches. A new leader's is -1 until it has
// committed a record of its epoch.
func (n *Node) follow(e env.Env, hw wire.Offset) { n.commit(e, min(hw, n.log.End())) }

// commit moves the high watermark, which never falls.
func (n *Node) commit(e env.Env, hw wire.Offset) {
	if hw > n.hw {
		n.hw = hw
		e.Note(noteCommitted, int64(n.cfg.Node), int64(hw), int64(n.epoch), 0)
	}
}

// truncate cuts this log where it and the leader's part: theirs is the end of an epoch in the leader's log. If this log has
// nothing of that epoch, it is cut where its last earlier epoch ends, and the next fetch finds out more.
func (n *Node) truncate(e env.Env, theirs epochEnd) error {
	mine := n.endOf(theirs.epoch)
	to := mine.end
	if mine.epoch == theirs.epoch {
		to = min(to, theirs.end)
	}
	if to >= n.log.End() {
		return fmt.Errorf("the leader says that epoch %d ends at %d, and this log ends at %d: nothing parts", theirs.epoch, theirs.end, n.log.End())
	}
	if to < n.hw {
		// Something committed is about to go, so some promise is broken already, by a flaw elsewhere or by a disk. To stop,
		// as Kafka's fatal fault handler does, leaves the copy (KAFKA-12460).
		if !n.cfg.Rules.MayTruncateBelow(n.hw, to) {
			err := fmt.Errorf("the leader of epoch %d of the metadata quorum has this log cut to %d, below the high watermark %d", n.epoch, to, n.hw)
			e.Note(noteRefusedCut, int64(n.cfg.Node), int64(to), int64(n.hw), int64(n.epoch))
			n.die(e, err)
			return err
		}
		n.hw = to
	}
	e.Note(noteTruncated, int64(n.cfg.Node), int64(to), int64(n.log.End()), int64(n.epoch))
	n.durable, n.synced = min(n.durable, to), min(n.synced, to)
	if err := n.log.TruncateTo(e.Disk(), to); err != nil {
		n.die(e, err)
	}
	return nil
}

// endOf is the end of an epoch in this log; for an epoch it does not have, the end of the epoch before; for one newer than
// all, the log's last epoch and the log's end (KafkaMetadataLog.endOffsetForEpoch).
func (n *Node) endOf(epoch wire.Epoch) epochEnd {
	if m, ok := n.log.EndOffsetFor(epoch); ok {
		return epochEnd{m.Epoch, m.End}
	}
	return epochEnd{n.lastEpoch(), n.log.End()}
}
