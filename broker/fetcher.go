package broker

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// fetcherManager copies the partitions of which this broker is a follower, with one fetcher for each leader
// (ReplicaFetcherManager).
type fetcherManager struct {
	cfg       *Config
	image     *image.Image
	replicas  *replicaTable
	lifecycle *lifecycle
	logs      *logManager

	byLeader map[wire.NodeID]*fetcher // a fetcher without partitions keeps its connection
}

// fetcher fetches from one leader all of the leader's partitions that this broker follows (AbstractFetcherThread). It sends
// one request at a time, because the positions in the next request depend on the last response.
type fetcher struct {
	leader   wire.NodeID
	link     env.Link
	round    int64      // the number of the last request; a response to an earlier request is dropped
	sent     []position // the positions in the request in flight
	replicas []*replica // the replicas here that follow this leader, in the order of the next request; see moveToEnd
	inFlight bool
}

// position is one partition of a fetch request.
type position struct {
	r     *replica
	next  wire.Offset
	epoch wire.Epoch
}

// The timer and the tokens of the fetchers.
const (
	timFetch = fetcherKinds // the backoff of a fetcher is over; A: leader
)
const (
	tokFetch  = fetcherKinds + iota // A: leader, B: round
	tokOffset                       // A: replica, B: leader epoch, C: log end, D: the requested offset
)

func (m *fetcherManager) returned(e env.Env, tok env.Token, resp env.Response, err error) {
	switch tok.Kind {
	case tokFetch:
		m.handleFetchResponse(e, wire.NodeID(tok.A), tok.B, resp, err)
	case tokOffset:
		m.handleListOffsetsResponse(e, tok, resp, err)
	}
}

func (m *fetcherManager) lost(l env.Link) {
	for _, f := range m.byLeader { //order: a link belongs to one fetcher
		if f.link == l {
			f.link = 0
		}
	}
}

// assign gives every followed partition to the fetcher of its leader. A partition stays at its place in the fetcher's order
// for the rest of a leader epoch, and begins a new one at the end.
func (m *fetcherManager) assign(e env.Env) {
	for _, f := range m.byLeader { //order: each is changed on its own
		f.replicas = slices.DeleteFunc(f.replicas, func(r *replica) bool {
			return r.removed || r.Leads() || r.Leader() != f.leader || r.fetchEpoch != r.LeaderEpoch()
		})
	}
	var leaders []wire.NodeID // in order of first use
	for _, r := range m.replicas.inService() {
		id := r.Leader()
		if r.Leads() || id < 0 || r.stopped {
			continue
		}
		f := m.byLeader[id]
		if f == nil {
			f = &fetcher{leader: id}
			m.byLeader[id] = f
		}
		if !slices.Contains(leaders, id) {
			leaders = append(leaders, id)
		}
		if !slices.Contains(f.replicas, r) {
			r.fetchEpoch, r.answered = r.LeaderEpoch(), false
			f.replicas = append(f.replicas, r)
		}
	}
	for _, id := range leaders {
		m.sendFetch(e, m.byLeader[id])
	}
}

// moveToEnd moves a partition to the end of the order of the next requests. A response has room for few partitions if they
// have many records, and its first ones fill it. So a partition that was served goes after those that were not
// (PartitionStates.updateAndMoveToEnd); otherwise a busy partition would keep the quiet ones after it from being fetched.
func (f *fetcher) moveToEnd(r *replica) {
	if i := slices.Index(f.replicas, r); i >= 0 {
		f.replicas = append(slices.Delete(f.replicas, i, i+1), r)
	}
}

// sendFetch sends a fetcher's next request, with every partition that is not in a backoff.
func (m *fetcherManager) sendFetch(e env.Env, f *fetcher) {
	if f.inFlight || len(f.replicas) == 0 {
		return
	}
	leader := m.image.Broker(f.leader)
	if leader == nil || len(leader.EndPoints) == 0 {
		return
	}
	f.sent = f.sent[:0]
	next := env.Duration(0) // the time until the first backoff is over
	for _, r := range f.replicas {
		if r.failed {
			continue
		}
		if wait := r.fetchAfter.Sub(e.Now()); wait <= 0 {
			p := r.Position()
			f.sent = append(f.sent, position{r, p.FetchOffset, p.CurrentLeaderEpoch})
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
	f.inFlight = true
	f.round++
	e.Call(f.link, m.cfg.requestTimeout, m.buildFetch(f.sent), env.Token{Kind: tokFetch, A: int64(f.leader), B: f.round})
}

// buildFetch builds the request for these positions.
func (m *fetcherManager) buildFetch(sent []position) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(17)
	req.ReplicaState.ID, req.ReplicaState.Epoch = int32(m.cfg.Node), int64(m.lifecycle.epoch)
	req.MaxWaitMillis = int32(m.cfg.fetchWait / env.Millisecond)
	req.MinBytes, req.MaxBytes, req.SessionEpoch = m.cfg.fetchMin, m.cfg.fetchBytesAll, -1
	for _, q := range sent {
		r := q.r
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.FetchOffset = r.TP.Partition, int32(q.epoch), int64(q.next)
		rp.LastFetchedEpoch, rp.LogStartOffset = int32(r.Position().LastFetchedEpoch), int64(r.Log().Start())
		rp.PartitionMaxBytes = m.cfg.fetchBytes
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

// fire sends the next fetch when a backoff is over.
func (m *fetcherManager) fire(e env.Env, t env.Timer) {
	if f := m.byLeader[wire.NodeID(t.A)]; f != nil {
		m.sendFetch(e, f)
	}
}

// handleFetchResponse processes a leader's response partition by partition, and sends the next fetch. A partition with an
// error backs off alone; otherwise one unreadable partition would keep all others of that leader out of their ISRs. All
// partitions back off if the request itself failed, or if the response does not match it.
func (m *fetcherManager) handleFetchResponse(e env.Env, leader wire.NodeID, round int64, resp env.Response, err error) {
	f := m.byLeader[leader]
	if f == nil || round != f.round {
		return
	}
	f.inFlight = false
	later := e.Now().Add(m.cfg.fetchBackoff)
	answers, ok := f.match(resp, err)
	if !ok {
		for _, q := range f.sent {
			q.r.fetchAfter = later
		}
		m.sendFetch(e, f)
		return
	}
	for i, q := range f.sent {
		if !m.isCurrent(q, answers[i]) {
			continue
		}
		done := m.processPartition(e, f, q.r, answers[i])
		if !done {
			q.r.fetchAfter = later
		}
		if !done || len(answers[i].RecordBatches) > 0 || !q.r.answered {
			f.moveToEnd(q.r)
		}
		q.r.answered = q.r.answered || done
	}
	m.sendFetch(e, f)
}

// match finds the response to each position of the request in flight, by topic id and partition. Without a fetch session the
// response must have each partition of the request once and no other. A response that omits or adds a partition is invalid
// as a whole, as in Kafka (FetchSessionHandler.verifyFullFetchResponsePartitions).
func (f *fetcher) match(resp env.Response, err error) (answers []*kmsg.FetchResponseTopicPartition, ok bool) {
	if err != nil || resp.(*kmsg.FetchResponse).ErrorCode != 0 {
		return nil, false
	}
	answers = make([]*kmsg.FetchResponseTopicPartition, len(f.sent))
	n := 0
	for _, at := range resp.(*kmsg.FetchResponse).Topics {
		if !slices.ContainsFunc(f.sent, func(q position) bool { return q.r.ID == at.TopicID }) {
			return nil, false
		}
		for i := range at.Partitions {
			q := f.sentAt(n, at.TopicID, at.Partitions[i].Partition)
			if q < 0 || answers[q] != nil {
				return nil, false
			}
			answers[q] = &at.Partitions[i]
			n++
		}
	}
	return answers, n == len(f.sent)
}

// sentAt returns the index of a partition in the request in flight, or -1. Leaders answer in the order of the request,
// so it tries the index in the response first.
func (f *fetcher) sentAt(guess int, id wire.TopicID, partition int32) int {
	is := func(q position) bool { return q.r.ID == id && q.r.TP.Partition == partition }
	if guess < len(f.sent) && is(f.sent[guess]) {
		return guess
	}
	return slices.IndexFunc(f.sent, is)
}

// isCurrent reports whether a response still applies to the partition in its current state.
func (m *fetcherManager) isCurrent(q position, ap *kmsg.FetchResponseTopicPartition) bool {
	r := q.r
	asked := FollowerState{Follows: true, Epoch: q.epoch, End: q.next}
	now := FollowerState{Follows: !r.Leads(), Epoch: r.LeaderEpoch(), End: r.Log().End()}
	return !r.removed && m.cfg.Rules.IsCurrent(asked, now, ap.DivergingEpoch.Epoch >= 0)
}

// processPartition appends or truncates as one partition's response says. It returns false if the partition must back off.
func (m *fetcherManager) processPartition(e env.Env, f *fetcher, r *replica, ap *kmsg.FetchResponseTopicPartition) bool {
	d := e.Disk()
	switch {
	case ap.ErrorCode == kerr.OffsetOutOfRange.Code:
		m.sendListOffsets(e, f, r, askLatest)
		return false
	case ap.ErrorCode != 0:
		return false
	case ap.DivergingEpoch.Epoch >= 0:
		before := r.Log().End()
		cut, err := r.TruncateToDivergence(d, storage.EpochEndOffset{Epoch: wire.Epoch(ap.DivergingEpoch.Epoch), End: wire.Offset(ap.DivergingEpoch.EndOffset)})
		if cut < before {
			e.Note(noteTruncated, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(before))
		}
		m.replicas.touch(r)
		return m.handleFollowerError(e, r, m.logs.truncated(e, err))
	}
	hw := r.HW()
	err := r.Replicate(d, ap.RecordBatches, wire.Offset(ap.HighWatermark), wire.Offset(ap.LogStartOffset))
	if r.HW() != hw || len(ap.RecordBatches) > 0 {
		m.replicas.touch(r)
	}
	return m.handleFollowerError(e, r, err)
}

// handleFollowerError handles an error of the follower itself, and returns true if there was none. A failed disk ends the
// broker. Corrupt records are fetched again. If the records do not continue the log, the partition is not fetched again
// before its next leader epoch.
func (m *fetcherManager) handleFollowerError(e env.Env, r *replica, err error) bool {
	var k *kerr.Error
	switch {
	case err == nil:
		return true
	case errors.As(err, &k) && k.Code != kerr.KafkaStorageError.Code:
		return false
	case errors.As(err, new(*storage.UnexpectedOffset)):
		r.failed = true
		e.Note(noteFailed, r.ID.Short(), int64(r.TP.Partition), int64(r.Log().End()), int64(r.LeaderEpoch()))
		return false
	}
	m.logs.haltOnError(e, err)
	return false
}
