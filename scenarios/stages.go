package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim"
	"samsa/sim/env"
)

// Where does a request wait? Kafka's brokers keep the time of each request apart by stages (RequestMetrics), and so does
// this. A node cannot know them all: it does not see the queue in front of it, nor the wire behind it. The world does.
//
//	arrives ──▶ queue ──▶ local ──▶ remote ──▶ send ──▶ is there
//	            a free    its       others:    the wire
//	            handler   disk      followers,
//	                                records,
//	                                controller
//
// There is no ResponseQueueTime: an answer leaves when it is given.

// StageTimes are the parts of a request's time, in the order in which they pass:
//
//	RequestQueueTimeMs    until a request handler is free
//	LocalTimeMs           until the handler has paid for what it did
//	RemoteTimeMs          until the answer is given, in purgatory
//	ResponseSendTimeMs    until the answer is there
type StageTimes [4]env.Duration

// stageWords are the stages as a table has them.
var stageWords = [len(StageTimes{})]string{"queue", "local", "remote", "send"}

// pipeline is what became of one machine's requests of one api key.
type pipeline struct {
	n        int64
	sum, max StageTimes
}

// request is one that a machine has not answered.
type request struct {
	key    int16
	at     sim.Time // when its handler ran
	waited env.Duration
	cost   env.Duration
}

// requests are a machine's. It forgets with the process what that has not answered, and never what it has.
type requests struct {
	// By link, in order. A link has one request under way; a second may begin before it is told that the answer to the first
	// has left.
	open map[env.Link][]request
	done [kmsg.MaxKey + 1]pipeline
}

// begun enters an event that received a request that will be answered.
func (r *requests) begun(e *sim.Event) {
	if p, ok := e.Request.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		return
	}
	r.open[e.Link] = append(r.open[e.Link], request{e.Key, e.Time, e.Waited, e.Cost})
}

// answered enters that a response has left on a link, and when it will be there.
func (r *requests) answered(link env.Link, left, there sim.Time) {
	if len(r.open[link]) == 0 {
		return
	}
	q := r.open[link][0]
	r.open[link] = slices.Delete(r.open[link], 0, 1)
	if q.key < 0 || int(q.key) >= len(r.done) {
		return
	}
	held := env.Duration(left - q.at)
	local := min(q.cost, held) // a handler may answer, and then go on
	p := &r.done[q.key]
	p.n++
	for s, t := range [...]env.Duration{q.waited, local, held - local, env.Duration(there - left)} {
		p.sum[s] += t
		p.max[s] = max(p.max[s], t)
	}
}

// told are the pipelines that had requests, by the names of their apis.
func (r *requests) told() (all []RequestState) {
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

// Requests implements Sight.
func (c *cluster) Requests(host env.Addr) []RequestState {
	if h := c.judges.hosts[host]; h != nil {
		return h.requests.told()
	}
	return nil
}

// Metrics implements Sight.
func (c *cluster) Metrics(host env.Addr) (all []MetricState) {
	b := c.brokerNode(c.hosts[host])
	if b == nil {
		return nil
	}
	for _, m := range b.Metrics() {
		all = append(all, MetricState{m.Name, m.Value})
	}
	return all
}

// describeRequests is a machine's requests as a table, in milliseconds: the mean of each stage, and below it the longest.
//
//	b1                   count   queue   local  remote    send
//	Fetch                  120   0.000   0.006 312.410   0.400
//	  the longest                0.000   0.010 500.000   0.700
func describeRequests(host env.Addr, all []RequestState) string {
	if len(all) == 0 {
		return string(host) + " has answered no request\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s %5s", host, "count")
	for _, w := range stageWords {
		fmt.Fprintf(&b, " %7s", w)
	}
	for _, r := range all {
		fmt.Fprintf(&b, "\n%-20s %5d", r.API, r.Count)
		for _, t := range r.Mean {
			fmt.Fprintf(&b, " %7s", millis(t))
		}
		fmt.Fprintf(&b, "\n%-26s", "  the longest")
		for _, t := range r.Max {
			fmt.Fprintf(&b, " %7s", millis(t))
		}
	}
	return b.String() + "\n"
}

// describeMetrics is a broker's metrics, a line each. Names are as long as Kafka's, so the figures stand in front.
func describeMetrics(host env.Addr, all []MetricState) string {
	if len(all) == 0 {
		return string(host) + " shows no metrics: it is no broker that runs\n"
	}
	width := 0
	for _, m := range all {
		width = max(width, len(fmt.Sprint(m.Value)))
	}
	s := string(host) + "\n"
	for _, m := range all {
		s += fmt.Sprintf("%*d %s\n", width+1, m.Value, m.Name)
	}
	return s
}

// millis is a time in milliseconds: to the microsecond, or as far as seven places allow.
func millis(d env.Duration) string {
	s := fmt.Sprintf("%d.%03d", d/env.Millisecond, d%env.Millisecond/env.Microsecond)
	for len(s) > 7 && strings.Contains(s, ".") {
		s = strings.TrimSuffix(s[:len(s)-1], ".")
	}
	return s
}
