package raft

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// A follower pulls. Fetch: version 12 KIP-595 (last fetched epoch, diverging epoch), 13 topic ids, 17 directory ids
// (KIP-853), 18 the follower's high watermark, so that a parked fetch returns when only that has moved (KIP-1166).

// askRecords says where this log ends, and asks for what comes next.
func (n *Node) askRecords(e env.Env, p *peer) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(18)
	req.ClusterID = kmsg.StringPtr(n.cfg.ClusterID)
	req.ReplicaState.ID = int32(n.cfg.Node)
	req.MaxWaitMillis, req.MaxBytes, req.SessionEpoch = int32(n.cfg.FetchWait/env.Millisecond), n.cfg.FetchBytes, -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.CurrentLeaderEpoch, rp.LastFetchedEpoch = int32(n.epoch), int32(n.lastEpoch())
	rp.FetchOffset, rp.LogStartOffset, rp.PartitionMaxBytes = int64(n.log.End()), int64(n.log.Start()), n.cfg.FetchBytes
	rp.HighWatermark = int64(n.hw)
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID, rt.Partitions = wire.MetadataTopicID, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	n.call(e, p, tokFetch, req)
}

// fetched takes the leader's answer in. False asks again after a while.
func (n *Node) fetched(e env.Env, resp *kmsg.FetchResponse) bool {
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return false
	}
	rp := &resp.Topics[0].Partitions[0]
	if n.told(e, rp.ErrorCode, wire.Epoch(rp.CurrentLeader.LeaderEpoch), wire.NodeID(rp.CurrentLeader.LeaderID)) {
		return rp.ErrorCode == 0
	}
	if rp.ErrorCode != 0 || n.state != Follower {
		return false
	}
	var err error
	if rp.DivergingEpoch.Epoch >= 0 {
		err = n.truncate(e, wire.Epoch(rp.DivergingEpoch.Epoch), wire.Offset(rp.DivergingEpoch.EndOffset))
	} else {
		if len(rp.RecordBatches) > 0 {
			err = n.take(e, rp.RecordBatches)
		}
		if !n.dead && err == nil {
			n.follow(e, wire.Offset(rp.HighWatermark))
		}
	}
	if n.dead || err != nil {
		return false
	}
	n.heard = true
	n.deadline = e.Now().Add(n.cfg.FetchTimeout)
	e.Arm(env.Timer{Kind: timState, Lane: env.LaneRaft}, n.cfg.FetchTimeout)
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

// truncate cuts this log where it and the leader's part: the leader says that epoch ends at end there. If this log has
// nothing of that epoch, it is cut where its last earlier epoch ends, and the next fetch finds out more.
func (n *Node) truncate(e env.Env, epoch wire.Epoch, end wire.Offset) error {
	mine, to := n.endOf(epoch)
	if mine == epoch {
		to = min(to, end)
	}
	if to >= n.log.End() {
		return fmt.Errorf("the leader says that epoch %d ends at %d, and this log ends at %d: nothing parts", epoch, end, n.log.End())
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

// endOf is where an epoch ends in this log; for an epoch it does not have, the epoch before and its end; for one newer
// than all, the log's last and the log's end (KafkaMetadataLog.endOffsetForEpoch).
func (n *Node) endOf(epoch wire.Epoch) (wire.Epoch, wire.Offset) {
	if m, ok := n.log.EndOffsetFor(epoch); ok {
		return m.Epoch, m.End
	}
	return n.lastEpoch(), n.log.End()
}
