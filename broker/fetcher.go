package broker

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// fetcher follows one leader for all partitions it leads: one request at a time (AbstractFetcherThread). Its next request
// tells the leader what the last answer brought, so a second one beside it would only tell older news.
type fetcher struct {
	leader wire.NodeID
	link   env.Link
	round  int64      // numbers requests; an answer of an earlier one is dropped
	sent   []position // what the request under way asked
	on     []*replica // whom it follows for
	busy   bool       // a request is under way
}

// position is what one request said of one partition.
type position struct {
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

// follow sends a fetcher's next request, for every partition that is not waiting out a backoff.
func (b *Broker) follow(e env.Env, f *fetcher) {
	if f.busy || len(f.on) == 0 {
		return
	}
	leader := b.image.Broker(f.leader)
	if leader == nil || len(leader.EndPoints) == 0 {
		return
	}
	f.sent = f.sent[:0]
	next := env.Duration(0) // until the first backoff is over
	for _, r := range f.on {
		if r.failed {
			continue
		}
		if wait := r.resume.Sub(e.Now()); wait <= 0 {
			p := r.Position()
			f.sent = append(f.sent, position{r, p.Next, p.Epoch})
		} else if next == 0 || wait < next {
			next = wait
		}
	}
	if len(f.sent) == 0 && next == 0 {
		return
	}
	if len(f.sent) == 0 {
		e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneFetcher, A: int64(f.leader)}, next)
		return
	}
	if f.link == 0 {
		f.link = e.Dial(env.Addr(leader.EndPoints[0].Host), env.LaneFetcher)
	}
	f.busy = true
	f.round++
	e.Call(f.link, b.cfg.requestTimeout, b.ask(f.sent), env.Token{Kind: tokFetch, A: int64(f.leader), B: f.round})
}

// ask is the request for these positions.
func (b *Broker) ask(sent []position) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.ReplicaState.ID, req.ReplicaState.Epoch = int32(b.cfg.Node), int64(b.life.epoch)
	req.MaxWaitMillis = int32(b.cfg.fetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes, req.SessionEpoch = b.cfg.fetchMin, b.cfg.fetchBytesAll, -1
	for _, q := range sent {
		r := q.r
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.FetchOffset = r.TP.Partition, int32(q.epoch), int64(q.next)
		rp.LastFetchedEpoch, rp.LogStartOffset = int32(r.Position().LastEpoch), int64(r.Log().Start())
		rp.PartitionMaxBytes = b.cfg.fetchBytes
		n := len(req.Topics)
		if n == 0 || wire.TopicID(req.Topics[n-1].TopicID) != r.ID {
			rt := kmsg.NewFetchRequestTopic()
			rt.TopicID = r.ID
			req.Topics = append(req.Topics, rt)
			n++
		}
		req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, rp)
	}
	return req
}

// resume goes on when a backoff is over.
func (b *Broker) resume(e env.Env, leader wire.NodeID) {
	if f := b.fetchers[leader]; f != nil {
		b.follow(e, f)
	}
}

// fetched takes a leader's answer in, partition by partition, and asks on. A partition with an error waits alone, or one
// that cannot be read would keep all others of that leader out of their ISRs; all of them wait if the request itself failed.
// Answers have the order of the request: without a fetch session none is left out.
func (b *Broker) fetched(e env.Env, leader wire.NodeID, round int64, resp env.Response, err error) {
	f := b.fetchers[leader]
	if f == nil || round != f.round {
		return
	}
	f.busy = false
	late := e.Now() + env.Instant(b.cfg.fetchBackoff)
	if err != nil || resp.(*kmsg.FetchResponse).ErrorCode != 0 {
		for _, q := range f.sent {
			q.r.resume = late
		}
		b.follow(e, f)
		return
	}
	n := 0
	for _, at := range resp.(*kmsg.FetchResponse).Topics {
		for i := range at.Partitions {
			q := f.sent[n]
			n++
			p := &at.Partitions[i]
			if b.concerns(q, p) && !b.take(e, f, q.r, p) {
				q.r.resume = late
			}
		}
	}
	b.follow(e, f)
}

// concerns tells whether what a leader said of a partition still means something to it.
func (b *Broker) concerns(q position, ap *kmsg.FetchResponseTopicPartition) bool {
	r := q.r
	asked := Standing{Follows: true, Epoch: q.epoch, End: q.next}
	now := Standing{Follows: !r.Leads(), Epoch: r.Epoch(), End: r.Log().End()}
	return !r.gone && b.cfg.Rules.Concerns(asked, now, ap.DivergingEpoch.Epoch >= 0)
}

// take takes one partition's answer in; false asks for a backoff.
func (b *Broker) take(e env.Env, f *fetcher, r *replica, ap *kmsg.FetchResponseTopicPartition) bool {
	d := e.Disk()
	switch {
	case ap.ErrorCode == kerr.OffsetOutOfRange.Code:
		b.askEnds(e, f, r)
		return false
	case ap.ErrorCode != 0:
		return false
	case ap.DivergingEpoch.Epoch >= 0:
		before := r.Log().End()
		cut, err := r.Diverged(d, storage.Mark{Epoch: wire.Epoch(ap.DivergingEpoch.Epoch), End: wire.Offset(ap.DivergingEpoch.EndOffset)})
		if cut < before {
			e.Note(noteTruncated, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(before))
		}
		b.touch(r)
		return b.kept(e, r, b.truncated(e, err))
	}
	hw := r.HW()
	err := r.Replicate(d, ap.RecordBatches, wire.Offset(ap.HighWatermark), wire.Offset(ap.LogStartOffset))
	if r.HW() != hw || len(ap.RecordBatches) > 0 {
		b.touch(r)
	}
	return b.kept(e, r, err)
}

// kept judges a follower's own error: a failed disk ends the broker, records that are not sound are fetched again, and
// a partition that cannot go on at all is left alone until its next leader.
func (b *Broker) kept(e env.Env, r *replica, err error) bool {
	var k *kerr.Error
	switch {
	case err == nil:
		return true
	case errors.As(err, &k) && k.Code != kerr.KafkaStorageError.Code:
		return false
	case errors.As(err, new(*storage.UnexpectedOffset)):
		r.failed = true
		e.Note(noteFailed, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(r.Epoch()))
		return false
	}
	b.fail(e, err)
	return false
}
