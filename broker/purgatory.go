package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// purgatory is where requests wait: produces for the in-sync replicas, fetches for records, deletions for followers.
//
// Nothing is answered in the middle of an event. Whoever moves a log or a high watermark touches the replica, and
// settle looks once, at the end of the event, at everyone who waits for it. So no list changes under an iteration.
type purgatory struct {
	produces  map[int64]*parkedProduce
	fetches   []*parkedFetch    // in order of arrival
	deletions []*parkedDeletion // likewise
	next      int64             // numbers all of them
}

func newPurgatory() purgatory { return purgatory{produces: map[int64]*parkedProduce{}} }

// parkedProduce is an acks=all request with partitions that are not committed yet.
type parkedProduce struct {
	id     int64
	ticket env.Ticket
	resp   *kmsg.ProduceResponse // complete but for the codes of those who wait, which say REQUEST_TIMED_OUT until then
	open   int                   // partitions still waiting, each a waiter in its replica; never 0 while it is parked
	since  env.Instant
}

// waiter is one partition of a parkedProduce.
type waiter struct {
	produce   *parkedProduce
	end       wire.Offset // committed when the high watermark reaches it
	topic, at int         // the place in the response
}

// parkedFetch is a fetch that found too little.
type parkedFetch struct {
	id     int64
	ticket env.Ticket
	req    *kmsg.FetchRequest
	on     []*replica // whose moves are a reason to look again; those it asks for that are not here have none
	since  env.Instant
}

// settle answers everyone for whom this event changed something.
func (b *Broker) settle(e env.Env) {
	for len(b.dirty) > 0 {
		dirty := b.dirty
		b.dirty = nil
		for _, r := range dirty {
			r.dirty = false
			b.settleProduces(e, r)
			b.tidy(e, r)
		}
		for _, f := range slices.Clone(b.fetches) {
			if slices.ContainsFunc(f.on, func(r *replica) bool { return slices.Contains(dirty, r) }) {
				b.retryFetch(e, f)
			}
		}
		for _, d := range slices.Clone(b.deletions) {
			b.settleDeletion(e, d)
		}
	}
}

// settleProduces answers acks=all for what is committed now. It can only be a high watermark of this leader, who has the
// record where it was appended: whoever waits when another takes over is answered then.
func (b *Broker) settleProduces(e env.Env, r *replica) {
	kept := r.produced[:0]
	for _, w := range r.produced {
		if w.end > r.HW() {
			kept = append(kept, w)
			continue
		}
		var code int16
		if err := b.cfg.Rules.Outcome(r.Acknowledge()); err != nil {
			code = err.Code
		}
		b.finishProduce(e, w, code)
	}
	r.produced = kept
}

// failProduces answers everyone who waits on a replica with an error: the outcome is open.
func (b *Broker) failProduces(e env.Env, r *replica, code int16) {
	for _, w := range r.produced {
		b.finishProduce(e, w, code)
	}
	r.produced = nil
}

// finishProduce settles one partition of a request, and answers the request with the last. Also with an error the
// answer names the offset: the record was appended there.
func (b *Broker) finishProduce(e env.Env, w waiter, code int16) {
	p := w.produce
	if _, open := b.produces[p.id]; !open {
		return // it timed out
	}
	p.resp.Topics[w.topic].Partitions[w.at].ErrorCode = code
	if p.open--; p.open == 0 {
		b.answerProduce(e, p)
	}
}

func (b *Broker) answerProduce(e env.Env, p *parkedProduce) {
	delete(b.produces, p.id)
	e.Disarm(env.Timer{Kind: timProduce, Lane: env.LaneClient, A: p.id})
	b.reply(e, p.ticket, p.resp, p.since)
}

// expireProduce answers a produce whose time is over: what is still open is appended and may yet be committed.
func (b *Broker) expireProduce(e env.Env, id int64) {
	p := b.produces[id]
	if p == nil {
		return
	}
	for _, r := range b.order {
		r.produced = slices.DeleteFunc(r.produced, func(w waiter) bool { return w.produce == p })
	}
	b.answerProduce(e, p)
}

// unpark takes a fetch out.
func (b *Broker) unpark(e env.Env, f *parkedFetch) {
	b.fetches = slices.DeleteFunc(b.fetches, func(g *parkedFetch) bool { return g == f })
	e.Disarm(env.Timer{Kind: timParked, Lane: env.LaneClient, A: f.id})
}
