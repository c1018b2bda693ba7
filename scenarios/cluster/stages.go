package cluster

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim"
	"samsa/sim/env"
)

// Kafka's brokers measure the time of each request by stages (RequestMetrics). The world measures them here, because a node
// sees neither the queue before its handlers nor the network after them.
//
//	arrives ──▶ queue ──▶ local ──▶ remote ──▶ send ──▶ is there
//	            a free    its       others:    the wire
//	            handler   disk      followers,
//	                                records,
//	                                controller
//
// There is no ResponseQueueTime, because a response is sent as soon as it is complete.

// StageTimes are the parts of a request's time, in order:
//
//	RequestQueueTimeMs    until a request handler is free
//	LocalTimeMs           until the handler's own work is done
//	RemoteTimeMs          until the response is complete, in purgatory
//	ResponseSendTimeMs    until the response arrives
type StageTimes [4]env.Duration

// pipeline sums up the stage times of one machine's requests of one API key.
type pipeline struct {
	n        int64
	sum, max StageTimes
}

// request is a request that a machine has not answered yet.
type request struct {
	key    int16
	at     sim.Time // when its handler ran
	waited env.Duration
	cost   env.Duration
}

// requests holds the requests of one machine. When the machine's process ends, the unanswered requests are dropped and the
// sums are kept.
type requests struct {
	// open holds requests by link, in order. A link has one request in flight, but a second may begin before the feed
	// reports the response to the first.
	open map[env.Link][]request
	done [kmsg.MaxKey + 1]pipeline
}

// received adds the request of an event, unless it needs no response.
func (r *requests) received(e *sim.Event) {
	if p, ok := e.Request.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		return
	}
	r.open[e.Link] = append(r.open[e.Link], request{e.Key, e.Time, e.Waited, e.Cost})
}

// sent adds the response that a machine has sent on a link, with its arrival time.
func (r *requests) sent(link env.Link, left, there sim.Time) {
	if len(r.open[link]) == 0 {
		return
	}
	q := r.open[link][0]
	r.open[link] = slices.Delete(r.open[link], 0, 1)
	if q.key < 0 || int(q.key) >= len(r.done) {
		return
	}
	held := env.Duration(left - q.at)
	local := min(q.cost, held) // a handler may send its response and then continue
	p := &r.done[q.key]
	p.n++
	for s, t := range [...]env.Duration{q.waited, local, held - local, env.Duration(there - left)} {
		p.sum[s] += t
		p.max[s] = max(p.max[s], t)
	}
}

// states returns the stage times of every API that had requests, sorted by name.
func (r *requests) states() (all []RequestState) {
	for key := range r.done {
		p := &r.done[key]
		if p.n == 0 {
			continue
		}
		state := RequestState{API: kmsg.NameForKey(int16(key)), Count: p.n, Max: p.max}
		for s, sum := range p.sum {
			state.Mean[s] = sum / env.Duration(p.n)
		}
		all = append(all, state)
	}
	slices.SortFunc(all, func(a, b RequestState) int { return strings.Compare(a.API, b.API) }) //total: names are unique
	return all
}

// pipelines holds the requests of all brokers and controllers of a cluster, by machine. It is a sim.Feed.
type pipelines struct {
	world *sim.World
	of    map[env.Addr]*requests
}

// received adds the request that an event has received.
func (p *pipelines) received(e *sim.Event) {
	if r := p.of[e.Node]; r != nil && e.Kind == sim.Received && p.world.Running(e.Node) && !p.world.Ending(e.Node) {
		r.received(e)
	}
}

// Changed implements sim.Feed. A response ends one request, and the end of a process ends all of its requests.
func (p *pipelines) Changed(f *sim.Effect) {
	r := p.of[f.Node]
	switch {
	case r == nil:
	case f.Kind == sim.EffectDeparted && f.Response != nil:
		r.sent(f.Link, f.At, f.Arrives)
	case f.Kind == sim.EffectDied:
		clear(r.open)
	}
}

// Requests implements Sight.
func (c *simCluster) Requests(host env.Addr) []RequestState {
	if r := c.stages.of[host]; r != nil {
		return r.states()
	}
	return nil
}

// Metrics implements Sight.
func (c *simCluster) Metrics(host env.Addr) (all []MetricState) {
	b := c.brokerNode(c.hosts[host])
	if b == nil {
		return nil
	}
	for _, m := range b.Metrics() {
		all = append(all, MetricState{m.Name, m.Value})
	}
	return all
}
