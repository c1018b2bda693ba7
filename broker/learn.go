package broker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// A broker observes the quorum: it pulls the metadata as a follower does, but only what is committed, so what it has applied
// is never taken back. Kafka's keeps a copy of the log and starts from that; this one begins at 0 with every incarnation.

// fetchMetadata asks for what comes next in the metadata log.
func (b *Broker) fetchMetadata(e env.Env) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.ReplicaState.ID = int32(b.cfg.Node)
	req.MaxWaitMillis = int32(b.cfg.fetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes = 1, 8<<20
	req.SessionEpoch = -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = int64(b.image.Next), 8<<20, int32(b.ctrl.epoch)
	rp.LastFetchedEpoch = int32(b.image.Epoch)
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID, rt.Partitions = wire.MetadataTopicID, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	e.Call(b.ctrl.link(e, b.cfg.Controllers, env.LaneRaft), b.cfg.metadataWait, req, env.Token{Kind: tokMetadata})
}

// learned applies what came of the metadata log, all of it as one delta: a broker may never see the states in between.
func (b *Broker) learned(e env.Env, resp env.Response, err error) {
	retry := func() { e.Arm(env.Timer{Kind: timMetadata, Lane: env.LaneRaft}, b.cfg.retryBackoff) }
	if err != nil {
		b.tryNext(e)
		retry()
		return
	}
	r := resp.(*kmsg.FetchResponse)
	if r.ErrorCode != 0 || len(r.Topics) == 0 {
		b.tryNext(e)
		retry()
		return
	}
	p := &r.Topics[0].Partitions[0]
	b.heardOf(e, r, p)
	switch {
	case p.ErrorCode != 0:
		retry()
		return
	case p.DivergingEpoch.Epoch >= 0: // we applied what was committed, and the quorum does not have it any more
		e.Exit(fmt.Errorf("the metadata log of the quorum ends at %d in epoch %d, and %d in epoch %d was applied here",
			p.DivergingEpoch.EndOffset, p.DivergingEpoch.Epoch, b.image.Next, b.image.Epoch))
		return
	}
	before := b.image.Next
	for batch, err := range wire.Batches(p.RecordBatches) {
		if err != nil {
			break
		}
		if batch.BaseOffset() < b.image.Next {
			continue
		}
		if err := b.image.ApplyBatch(batch); err != nil {
			e.Exit(err) // metadata that cannot be read: Kafka's fatal fault handler
			return
		}
	}
	// HW of the first answers: everything that was committed when this incarnation began to ask. As in Kafka nobody waits
	// for the registration: see FINDINGS.md on what a replica can do that fetches before it has a broker epoch.
	caughtUp := b.published || b.image.Next >= wire.Offset(r.Topics[0].Partitions[0].HighWatermark)
	if caughtUp && (b.image.Next > before || !b.published) {
		b.publish(e)
	}
	b.fetchMetadata(e)
}
