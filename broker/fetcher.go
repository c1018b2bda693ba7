package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker/storage"
	"samsa/sim/env"
	"samsa/wire"
)

// fetcher follows one leader for all partitions it leads: one request at a time (AbstractFetcherThread).
type fetcher struct {
	leader wire.NodeID
	link   env.Link
	round  int64      // numbers requests; an answer of an earlier one is dropped
	asked  []asked    // what the request under way asked
	on     []*replica // whom it follows for
	busy   bool       // a request or a backoff is under way
}

// asked is what one request said of one partition. An answer counts only if the partition still stands there, in the
// same epoch (KAFKA-18991, KAFKA-13207).
type asked struct {
	r     *replica
	next  wire.Offset
	epoch wire.Epoch
}

// assignFetchers gives every followed partition to the fetcher of its leader.
func (b *Broker) assignFetchers(e env.Env) {
	for _, f := range b.fetchers { //order: each is emptied on its own
		f.on = nil
	}
	var leaders []wire.NodeID // in order of first use
	for _, r := range b.live() {
		id := r.Leader()
		if r.Leads() || id < 0 {
			continue
		}
		f := b.fetchers[id]
		if f == nil {
			f = &fetcher{leader: id}
			b.fetchers[id] = f
		}
		if f.on == nil {
			leaders = append(leaders, id)
		}
		f.on = append(f.on, r)
	}
	for _, id := range leaders {
		b.follow(e, b.fetchers[id])
	}
}

// follow sends a fetcher's next request.
func (b *Broker) follow(e env.Env, f *fetcher) {
	if f.busy || len(f.on) == 0 {
		return
	}
	leader := b.image.Broker(f.leader)
	if leader == nil || len(leader.EndPoints) == 0 {
		return
	}
	if f.link == 0 {
		f.link = e.Dial(env.Addr(leader.EndPoints[0].Host), env.LaneFetcher)
	}
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.ReplicaState.ID, req.ReplicaState.Epoch = int32(b.cfg.Node), int64(b.life.epoch)
	req.MaxWaitMillis = int32(b.cfg.fetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes, req.SessionEpoch = 1, b.cfg.fetchBytesAll, -1
	f.asked = f.asked[:0]
	for _, r := range f.on {
		p := r.Position()
		f.asked = append(f.asked, asked{r, p.Next, p.Epoch})
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.FetchOffset = r.TP.Partition, int32(p.Epoch), int64(p.Next)
		rp.LastFetchedEpoch, rp.LogStartOffset, rp.PartitionMaxBytes = int32(p.LastEpoch), int64(r.Log().Start()), b.cfg.fetchBytes
		n := len(req.Topics)
		if n == 0 || wire.TopicID(req.Topics[n-1].TopicID) != r.ID {
			rt := kmsg.NewFetchRequestTopic()
			rt.TopicID = r.ID
			req.Topics = append(req.Topics, rt)
			n++
		}
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, rp)
	}
	f.busy = true
	f.round++
	e.Call(f.link, b.cfg.requestTimeout, req, env.Token{Kind: tokFetch, A: int64(f.leader), B: f.round})
}

// resume ends a fetcher's backoff.
func (b *Broker) resume(e env.Env, leader wire.NodeID) {
	if f := b.fetchers[leader]; f != nil {
		f.busy = false
		b.follow(e, f)
	}
}

// fetched takes a leader's answer in, partition by partition, and asks on.
func (b *Broker) fetched(e env.Env, leader wire.NodeID, round int64, resp env.Response, err error) {
	f := b.fetchers[leader]
	if f == nil || round != f.round {
		return
	}
	f.busy = false
	ok := err == nil && resp.(*kmsg.FetchResponse).ErrorCode == 0
	if ok {
		n := 0
		for _, at := range resp.(*kmsg.FetchResponse).Topics {
			for i := range at.Partitions {
				ok = b.take(e, f, f.asked[n], &at.Partitions[i]) && ok
				n++
			}
		}
	}
	if !ok {
		f.busy = true
		e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneFetcher, A: int64(leader)}, b.cfg.fetchBackoff)
		return
	}
	b.follow(e, f)
}

// take takes one partition's answer in; false asks for a backoff.
func (b *Broker) take(e env.Env, f *fetcher, q asked, ap *kmsg.FetchResponseTopicPartition) bool {
	r := q.r
	if r.gone || r.Leader() != f.leader || r.Leads() || r.Epoch() != q.epoch || r.Log().End() != q.next {
		return true
	}
	d := e.Disk()
	var err error
	switch {
	case ap.ErrorCode == kerr.OffsetOutOfRange.Code:
		return b.askEnds(e, f, r)
	case ap.ErrorCode != 0:
		return false
	case ap.DivergingEpoch.Epoch >= 0:
		before := r.Log().End()
		var cut wire.Offset
		cut, err = r.Diverged(d, storage.Mark{Epoch: wire.Epoch(ap.DivergingEpoch.Epoch), End: wire.Offset(ap.DivergingEpoch.EndOffset)})
		err = b.truncated(e, err)
		if cut < before {
			e.Note(noteTruncated, r.ID.Short(), int64(r.TP.Partition), int64(cut), int64(before))
		}
	default:
		hw := r.HW()
		err = r.Replicate(d, ap.RecordBatches, wire.Offset(ap.HighWatermark), wire.Offset(ap.LogStartOffset))
		if r.HW() > hw || len(ap.RecordBatches) > 0 {
			b.touch(r)
		}
	}
	if err != nil {
		e.Exit(err) // the only log directory failed
	}
	return true
}
