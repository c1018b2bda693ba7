package broker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// metadataObserver is an observer of the quorum. It fetches the metadata log as a follower does, but it reads only committed
// records, so it never has to undo one. Kafka's observer keeps a copy of the log on its disk and starts from that copy. This
// observer starts at offset 0 in every incarnation.
type metadataObserver struct {
	cfg       *Config
	image     *image.Image
	channel   *controllerChannel
	publisher *publisher
	loaded    bool // the image has at least one record of the controller
}

// The observer's timer, which it arms after an error, and its token.
const (
	timMetadata = observerKinds
	tokMetadata = observerKinds
)

func (o *metadataObserver) fire(e env.Env) { o.sendFetch(e) }

func (o *metadataObserver) returned(e env.Env, resp env.Response, err error) {
	o.handleFetchResponse(e, resp, err)
}

// sendFetch fetches the next records of the metadata log.
func (o *metadataObserver) sendFetch(e env.Env) {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.ReplicaState.ID = int32(o.cfg.Node)
	req.MaxWaitMillis = int32(o.cfg.fetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes = 1, 8<<20
	req.SessionEpoch = -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = int64(o.image.Next), 8<<20, int32(o.channel.epoch)
	rp.LastFetchedEpoch = int32(o.image.Epoch)
	rt := kmsg.NewFetchRequestTopic()
	rt.TopicID, rt.Partitions = wire.MetadataTopicID, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	o.channel.call(e, env.LaneRaft, o.cfg.metadataWait, req, env.Token{Kind: tokMetadata})
}

// handleFetchResponse applies the records of a response as one delta, so no reader of the image sees only some of these
// records.
func (o *metadataObserver) handleFetchResponse(e env.Env, resp env.Response, err error) {
	retry := func() { e.Arm(env.Timer{Kind: timMetadata, Lane: env.LaneRaft}, o.cfg.retryBackoff) }
	if err != nil {
		o.channel.tryNext(e)
		retry()
		return
	}
	r := resp.(*kmsg.FetchResponse)
	p := metadataPartition(r)
	if p == nil {
		o.channel.tryNext(e)
		retry()
		return
	}
	o.channel.followQuorum(e, r, p)
	switch {
	case p.ErrorCode != 0:
		retry()
		return
	case p.DivergingEpoch.Epoch >= 0: // the quorum has lost records that were applied here as committed
		e.Exit(fmt.Errorf("the metadata log of the quorum ends at %d in epoch %d, and %d in epoch %d was applied here",
			p.DivergingEpoch.EndOffset, p.DivergingEpoch.Epoch, o.image.Next, o.image.Epoch))
		return
	}
	before := o.image.Next
	for batch, err := range wire.Batches(p.RecordBatches) {
		if err != nil {
			break
		}
		if batch.BaseOffset() < o.image.Next {
			continue
		}
		if err := o.image.ApplyBatch(batch); err != nil {
			e.Exit(err) // the metadata is unreadable; Kafka's fatal fault handler ends the process too
			return
		}
		o.loaded = o.loaded || !batch.IsControl()
	}
	// The first publication waits until the image has every record that is committed according to the response, and a record of
	// the controller at all. A new leader of the quorum does not know yet what is committed, and answers with the high watermark
	// -1; the publication waits on (MetadataLoader.stillNeedToCatchUp). As in Kafka the publication does not wait for the
	// registration. FINDINGS.md says what a replica can do if it fetches before it has a broker epoch.
	caughtUp := o.publisher.published || o.loaded && p.HighWatermark >= 0 && o.image.Next >= wire.Offset(p.HighWatermark)
	if caughtUp && (o.image.Next > before || !o.publisher.published) {
		o.publisher.publish(e)
	}
	o.sendFetch(e)
}

// metadataPartition returns the one partition of a response to a metadata fetch, or nil if the response is an error or
// has another partition (RaftUtil.hasValidTopicPartition).
func metadataPartition(r *kmsg.FetchResponse) *kmsg.FetchResponseTopicPartition {
	if r.ErrorCode != 0 || len(r.Topics) != 1 || wire.TopicID(r.Topics[0].TopicID) != wire.MetadataTopicID ||
		len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].Partition != 0 {
		return nil
	}
	return &r.Topics[0].Partitions[0]
}
