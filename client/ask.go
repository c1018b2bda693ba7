package client

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// questions are requests that a client passes on for its workload, each to the broker that can answer it (KafkaAdminClient):
//
//	of one partition's leader     ListOffsets, OffsetForLeaderEpoch, DeleteRecords (one partition to a request)
//	of one broker                 DescribeConfigs of a broker
//	of any broker                 everything else; what is the controller's, the broker forwards
type questions struct {
	*cluster
	open map[int64]*question
	next int64
}

// question is one request under way.
type question struct {
	req    env.Request
	done   func(e env.Env, a Answered)
	since  env.Instant
	tries  int
	sent   bool // a call is under way
	waits  bool // for metadata or a backoff
	maybe  bool // an attempt ended without an answer: it may have been done
	failed *kerr.Error
}

// Answered is the end of a question. A response may still carry errors of its own, part by part.
type Answered struct {
	Response env.Response // nil if nobody answered in Config.APITimeout
	Err      *kerr.Error  // why there is none
	Outcome  Outcome      // OK with a response; else Failed if nothing was ever sent, Unknown if something was
	Tries    int          // attempts; behind a lost one "exists already" may be our own doing
}

func newQuestions(c *cluster) questions { return questions{cluster: c, open: map[int64]*question{}} }

// Ask sends a request to whoever can answer it, again after a backoff as long as nobody does, or as the answer says that
// somebody else leads.
func (c *Client) Ask(e env.Env, req env.Request, done func(env.Env, Answered)) {
	q := &c.questions
	q.next++
	q.open[q.next] = &question{req: req, done: done, since: e.Now()}
	if tp, ok := partitionOf(req); ok {
		q.want(e, tp.Topic)
	}
	c.send(e, q.next)
}

// sendAll retries what waits for metadata.
func (c *Client) sendAll(e env.Env) {
	var ids []int64
	for id, q := range c.open { //order: sorted below
		if q.waits && !q.sent {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		c.send(e, id)
	}
}

func (c *Client) send(e env.Env, id int64) {
	q := c.open[id]
	if q == nil || q.sent {
		return
	}
	if e.Now().Sub(q.since) >= c.cluster.cfg.APITimeout {
		c.end(e, id)
		return
	}
	to, ok := c.whom(e, q.req)
	if !ok {
		c.cluster.refresh(e)
		c.wait(e, id)
		return
	}
	q.sent, q.waits = true, false
	q.tries++
	e.Call(c.cluster.link(e, to), c.cluster.cfg.RequestTimeout, q.req, env.Token{Kind: tokAsk, A: id, B: int64(q.tries)})
}

// whom is the machine to ask.
func (c *Client) whom(e env.Env, req env.Request) (env.Addr, bool) {
	if tp, ok := partitionOf(req); ok {
		l, ok := c.cluster.leader(tp)
		return c.cluster.nodes[l.node], ok
	}
	if r, ok := req.(*kmsg.DescribeConfigsRequest); ok && len(r.Resources) > 0 && r.Resources[0].ResourceType == kmsg.ConfigResourceTypeBroker {
		if id, err := strconv.ParseInt(r.Resources[0].ResourceName, 10, 32); err == nil {
			addr, known := c.cluster.nodes[wire.NodeID(id)]
			return addr, known
		}
	}
	return c.cluster.anybody(e), true
}

// partitionOf is the partition whose leader must be asked; ok is false if it is nobody's alone.
func partitionOf(req env.Request) (tp wire.TopicPartition, ok bool) {
	switch r := req.(type) {
	case *kmsg.ListOffsetsRequest:
		return wire.TopicPartition{Topic: r.Topics[0].Topic, Partition: r.Topics[0].Partitions[0].Partition}, true
	case *kmsg.OffsetForLeaderEpochRequest:
		return wire.TopicPartition{Topic: r.Topics[0].Topic, Partition: r.Topics[0].Partitions[0].Partition}, true
	case *kmsg.DeleteRecordsRequest:
		return wire.TopicPartition{Topic: r.Topics[0].Topic, Partition: r.Topics[0].Partitions[0].Partition}, true
	}
	return tp, false
}

// partitionError is the error code of an answer about one partition.
func partitionError(resp env.Response) int16 {
	switch r := resp.(type) {
	case *kmsg.ListOffsetsResponse:
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.OffsetForLeaderEpochResponse:
		return r.Topics[0].Partitions[0].ErrorCode
	case *kmsg.DeleteRecordsResponse:
		return r.Topics[0].Partitions[0].ErrorCode
	}
	return 0
}

func (c *Client) wait(e env.Env, id int64) {
	q := c.open[id]
	q.waits = true
	e.Arm(env.Timer{Kind: timAsk, Lane: env.LaneClient, A: id}, c.cluster.cfg.backoff(e, max(q.tries, 1)))
}

// told takes an answer in.
func (c *Client) told(e env.Env, id, try int64, resp env.Response, err error) {
	q := c.open[id]
	if q == nil || int64(q.tries) != try {
		return
	}
	q.sent = false
	if err != nil {
		q.failed = transport(err)
		q.maybe = q.maybe || err != env.ErrRefused
		c.cluster.refresh(e)
		c.wait(e, id)
		return
	}
	if code := partitionError(resp); code != 0 && retriable(code) && e.Now().Sub(q.since) < c.cluster.cfg.APITimeout {
		c.cluster.refresh(e)
		c.wait(e, id)
		return
	}
	delete(c.open, id)
	q.done(e, Answered{Response: resp, Outcome: OK, Tries: q.tries})
}

// end gives a question up.
func (c *Client) end(e env.Env, id int64) {
	q := c.open[id]
	delete(c.open, id)
	a := Answered{Err: q.failed, Outcome: Failed, Tries: q.tries}
	if a.Err == nil {
		a.Err = kerr.RequestTimedOut
	}
	if q.maybe {
		a.Outcome = Unknown
	}
	q.done(e, a)
}
