package broker

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// purgatory has the parked requests (DelayedOperationPurgatory): Produce requests wait for the in-sync replicas, Fetch
// requests wait for records, and DeleteRecords requests wait for followers.
//
//	park ──▶ table by id, and watchers of each replica that it waits for
//	           │                    │
//	        timer: expire      a touched replica: complete, at the end of the event (Broker.completeParked)
//
// No request is answered in the middle of an event. A part that changes a log or a high watermark touches the replica. At
// the end of the event, completeParked checks each request that waits for a touched replica once. So no list changes while
// it is iterated.
type purgatory struct {
	cfg     *Config
	manager *replicaManager
	metrics *requestMetrics

	produces  map[int64]*parkedProduce
	fetches   map[int64]*parkedFetch
	deletions map[int64]*parkedDeletion
	watching  []watchers // by replica.index
	last      int64      // the last id given; ids are in order of arrival
}

// The timers of the purgatory, one for each kind of request. A is the id of the parked request.
const (
	timProduce = purgatoryKinds + iota
	timFetchWait
	timDeletion
)

// watchers has the requests that wait for one replica. Each list is in order of arrival.
type watchers struct {
	produces  []waiter
	fetches   []*parkedFetch
	deletions []*parkedDeletion
}

func newPurgatory(cfg *Config, manager *replicaManager, metrics *requestMetrics) purgatory {
	return purgatory{
		cfg: cfg, manager: manager, metrics: metrics,
		produces: map[int64]*parkedProduce{}, fetches: map[int64]*parkedFetch{}, deletions: map[int64]*parkedDeletion{},
	}
}

// of returns the watchers of a replica.
func (p *purgatory) of(r *replica) *watchers {
	for int(r.index) >= len(p.watching) {
		p.watching = append(p.watching, watchers{})
	}
	return &p.watching[r.index]
}

// park gives a request an id and a timer.
func (p *purgatory) park(e env.Env, kind uint16, millis int32) (id int64) {
	p.last++
	e.Arm(env.Timer{Kind: kind, Lane: env.LaneClient, A: p.last}, env.Duration(max(millis, 0))*env.Millisecond)
	return p.last
}

func (p *purgatory) fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timProduce:
		p.expireProduce(e, t.A)
	case timFetchWait:
		p.expireFetch(e, t.A)
	case timDeletion:
		p.expireDeletion(e, t.A)
	}
}

// parkedProduce is an acks=all request with partitions that are not committed yet.
type parkedProduce struct {
	id      int64
	ticket  env.Ticket
	resp    *kmsg.ProduceResponse // complete, but partitions that still wait have REQUEST_TIMED_OUT
	on      []*replica            // the replicas that it waits for
	pending int                   // number of partitions that wait; never 0 while the request is parked
	since   env.Instant
}

// waiter is one partition of a parkedProduce.
type waiter struct {
	produce   *parkedProduce
	end       wire.Offset // the records are committed when the high watermark reaches this offset
	topic, at int         // indexes of its topic and partition in the response
}

// watch makes a produce wait until a replica's high watermark has reached an offset.
func (p *purgatory) watch(r *replica, w waiter) {
	of := p.of(r)
	of.produces = append(of.produces, w)
	w.produce.on = append(w.produce.on, r)
	w.produce.pending++
}

// parkProduce parks a produce that watches at least one replica.
func (p *purgatory) parkProduce(e env.Env, d *parkedProduce, millis int32) {
	d.id = p.park(e, timProduce, millis)
	p.produces[d.id] = d
}

// completeProduces completes each waiting partition if its records are below the high watermark. The leader that appended
// these records is still the leader, because failProduces ends the wait when another broker takes over.
func (p *purgatory) completeProduces(e env.Env, r *replica) {
	of := p.of(r)
	waiting := of.produces[:0]
	for _, w := range of.produces {
		if w.end > r.HW() {
			waiting = append(waiting, w)
			continue
		}
		var code int16
		if err := p.cfg.Rules.Outcome(r.Acknowledge()); err != nil {
			code = err.Code
		}
		p.completePartition(e, w, code)
	}
	of.produces = waiting
}

// failProduces completes every partition that waits for a replica with an error. The outcome of its records is unknown.
func (p *purgatory) failProduces(e env.Env, r *replica, code int16) {
	of := p.of(r)
	for _, w := range of.produces {
		p.completePartition(e, w, code)
	}
	of.produces = nil
}

// completePartition completes one partition of a produce, and sends the response if it was the last one. The response has
// the offset even with an error, because the records were appended there.
func (p *purgatory) completePartition(e env.Env, w waiter, code int16) {
	d := w.produce
	d.resp.Topics[w.topic].Partitions[w.at].ErrorCode = code
	if d.pending--; d.pending == 0 {
		p.answerProduce(e, d)
	}
}

func (p *purgatory) answerProduce(e env.Env, d *parkedProduce) {
	delete(p.produces, d.id)
	e.Disarm(env.Timer{Kind: timProduce, Lane: env.LaneClient, A: d.id})
	p.metrics.reply(e, d.ticket, d.resp, d.since)
}

// expireProduce answers a produce after its timeout. The records of the partitions that still wait are in the log and may
// still be committed.
func (p *purgatory) expireProduce(e env.Env, id int64) {
	d := p.produces[id]
	if d == nil {
		return
	}
	for _, r := range d.on {
		of := p.of(r)
		of.produces = slices.DeleteFunc(of.produces, func(w waiter) bool { return w.produce == d })
	}
	p.answerProduce(e, d)
}

// parkedFetch is a fetch that waits for more records.
type parkedFetch struct {
	id     int64
	ticket env.Ticket
	req    *kmsg.FetchRequest
	on     []*replica // the replicas that it waits for, which are the hosted replicas of its partitions
	since  env.Instant
}

// parkFetch parks a fetch until one of its replicas changes, for at most max.wait.ms.
func (p *purgatory) parkFetch(e env.Env, f *parkedFetch) {
	f.id = p.park(e, timFetchWait, f.req.MaxWaitMillis)
	p.fetches[f.id] = f
	for _, r := range f.on {
		of := p.of(r)
		of.fetches = append(of.fetches, f)
	}
}

// completeFetches tries to complete the fetches that wait for touched replicas.
func (p *purgatory) completeFetches(e env.Env, touched []*replica) {
	var all []*parkedFetch
	for _, r := range touched {
		all = append(all, p.of(r).fetches...)
	}
	slices.SortFunc(all, func(a, b *parkedFetch) int { return cmp.Compare(a.id, b.id) }) //total: equal ones are one request
	for _, f := range slices.Compact(all) {
		p.completeFetch(e, f)
	}
}

// completeFetch reads again for a parked fetch (DelayedFetch.tryComplete), and answers the fetch if there are enough bytes,
// an error, or a diverging epoch. A new high watermark alone does not complete a follower's fetch. The follower gets the
// high watermark with the next records, or after max.wait.ms.
func (p *purgatory) completeFetch(e env.Env, f *parkedFetch) {
	if resp, enough := p.manager.read(e, f.req, false); enough {
		p.answerFetch(e, f, resp)
	}
}

// expireFetch answers a fetch after max.wait.ms, with however few records the log has.
func (p *purgatory) expireFetch(e env.Env, id int64) {
	if f := p.fetches[id]; f != nil {
		resp, _ := p.manager.read(e, f.req, false)
		p.answerFetch(e, f, resp)
	}
}

func (p *purgatory) answerFetch(e env.Env, f *parkedFetch, resp *kmsg.FetchResponse) {
	delete(p.fetches, f.id)
	for _, r := range f.on {
		of := p.of(r)
		of.fetches = slices.DeleteFunc(of.fetches, func(g *parkedFetch) bool { return g == f })
	}
	e.Disarm(env.Timer{Kind: timFetchWait, Lane: env.LaneClient, A: f.id})
	p.metrics.reply(e, f.ticket, resp, f.since)
}

// parkedDeletion is a DeleteRecords request that waits for followers.
type parkedDeletion struct {
	id     int64
	ticket env.Ticket
	resp   *kmsg.DeleteRecordsResponse
	waits  []deletionWait
	since  env.Instant
}

// deletionWait is one partition of a parkedDeletion.
type deletionWait struct {
	r         *replica
	to        wire.Offset // done when the log start of every live replica is at least this
	topic, at int         // indexes of its topic and partition in the response
	done      bool        // its part of the response is final
}

// parkDeletion parks a DeleteRecords request until all live replicas of its partitions have deleted the records.
func (p *purgatory) parkDeletion(e env.Env, d *parkedDeletion, millis int32) {
	d.id = p.park(e, timDeletion, millis)
	p.deletions[d.id] = d
	for _, w := range d.waits {
		of := p.of(w.r)
		of.deletions = append(of.deletions, d)
	}
}

// completeDeletions tries to complete the deletions that wait for touched replicas.
func (p *purgatory) completeDeletions(e env.Env, touched []*replica) {
	var all []*parkedDeletion
	for _, r := range touched {
		all = append(all, p.of(r).deletions...)
	}
	slices.SortFunc(all, func(a, b *parkedDeletion) int { return cmp.Compare(a.id, b.id) }) //total: equal ones are one request
	for _, d := range slices.Compact(all) {
		p.completeDeletion(e, d)
	}
}

// completeDeletion answers a DeleteRecords request if every live replica has deleted the records.
func (p *purgatory) completeDeletion(e env.Env, d *parkedDeletion) {
	open := false
	for i := range d.waits {
		w := &d.waits[i]
		if w.done {
			continue
		}
		ap := &d.resp.Topics[w.topic].Partitions[w.at]
		switch low := w.r.LowWatermark(); {
		case w.r.removed || !w.r.Leads(): // another leader may have a lower log start
			ap.ErrorCode, w.done = kerr.NotLeaderForPartition.Code, true
		case low >= w.to:
			ap.ErrorCode, ap.LowWatermark, w.done = 0, int64(low), true
		default:
			open = true
		}
	}
	if !open {
		p.answerDeletion(e, d)
	}
}

// expireDeletion answers a DeleteRecords request after its timeout. The leader has deleted the records; some follower may
// still have them.
func (p *purgatory) expireDeletion(e env.Env, id int64) {
	if d := p.deletions[id]; d != nil {
		p.answerDeletion(e, d)
	}
}

func (p *purgatory) answerDeletion(e env.Env, d *parkedDeletion) {
	delete(p.deletions, d.id)
	for _, w := range d.waits {
		of := p.of(w.r)
		of.deletions = slices.DeleteFunc(of.deletions, func(x *parkedDeletion) bool { return x == d })
	}
	e.Disarm(env.Timer{Kind: timDeletion, Lane: env.LaneClient, A: d.id})
	p.metrics.reply(e, d.ticket, d.resp, d.since)
}
