package client

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// adminCalls are requests that a client sends for its workload, each to the broker that serves it (KafkaAdminClient):
//
//	the partition's leader    ListOffsets, OffsetForLeaderEpoch, DeleteRecords (each with one partition)
//	the named broker          DescribeConfigs of a broker
//	any broker                all other requests; the broker forwards requests for the controller
type adminCalls struct {
	*metadataCache
	calls map[int64]*adminCall
	next  int64
}

// adminCall is one request with its retries.
type adminCall struct {
	req        env.Request
	done       func(e env.Env, a CallResult)
	since      env.Instant // the time of Ask
	attempts   int
	inFlight   bool // an attempt is under way
	backingOff bool // the call waits for metadata or for the end of a backoff
	ambiguous  bool // an attempt may have been applied, although it got no response or a retriable error
	err        *kerr.Error
}

// CallResult is the result of an adminCall. The response may have error codes of its own, for example for each topic.
type CallResult struct {
	Response env.Response // nil if none arrived within Config.APITimeout
	Err      *kerr.Error  // why there is no response
	Outcome  Outcome      // OK with a response; otherwise Unknown if an attempt may have been applied, else Failed
	Attempts int          // how often the request was sent; after a lost response, a later one may be "already exists"
}

func newAdminCalls(c *metadataCache) adminCalls {
	return adminCalls{metadataCache: c, calls: map[int64]*adminCall{}}
}

// Ask sends a request to the broker that serves it. It retries after a backoff as long as it gets no response, or a response
// with a retriable error.
func (c *Client) Ask(e env.Env, req env.Request, done func(env.Env, CallResult)) {
	q := &c.adminCalls
	q.next++
	q.calls[q.next] = &adminCall{req: req, done: done, since: e.Now()}
	if tp, ok := partitionOf(req); ok {
		q.addTopic(e, tp.Topic)
	}
	c.sendCall(e, q.next)
}

// retryCalls retries the calls that wait for metadata or a backoff.
func (c *Client) retryCalls(e env.Env) {
	var ids []int64
	for id, q := range c.calls { //order: sorted below
		if q.backingOff && !q.inFlight {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		c.sendCall(e, id)
	}
}

func (c *Client) sendCall(e env.Env, id int64) {
	q := c.calls[id]
	if q == nil || q.inFlight {
		return
	}
	if e.Now().Sub(q.since) >= c.metadata.cfg.APITimeout {
		c.giveUpCall(e, id)
		return
	}
	to, ok := c.destination(e, q.req)
	if !ok {
		c.metadata.refresh(e)
		c.backOffCall(e, id)
		return
	}
	q.inFlight, q.backingOff = true, false
	q.attempts++
	e.Call(c.metadata.link(e, to), c.metadata.cfg.RequestTimeout, q.req, env.Token{Kind: tokCall, A: id, B: int64(q.attempts)})
}

// destination returns the machine that serves a request, if it is known.
func (c *Client) destination(e env.Env, req env.Request) (env.Addr, bool) {
	if tp, ok := partitionOf(req); ok {
		l, ok := c.metadata.leader(tp)
		return c.metadata.nodes[l.node], ok
	}
	if r, ok := req.(*kmsg.DescribeConfigsRequest); ok && len(r.Resources) > 0 && r.Resources[0].ResourceType == kmsg.ConfigResourceTypeBroker {
		if id, err := strconv.ParseInt(r.Resources[0].ResourceName, 10, 32); err == nil {
			addr, known := c.metadata.nodes[wire.NodeID(id)]
			c.metadata.asksNodes = true
			return addr, known
		}
	}
	return c.metadata.anyBroker(e), true
}

// partitionOf returns the partition of a request that only the partition's leader serves. ok is false for other requests.
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

// partitionError returns the error code of a response about one partition.
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

func (c *Client) backOffCall(e env.Env, id int64) {
	q := c.calls[id]
	q.backingOff = true
	e.Arm(env.Timer{Kind: timCall, Lane: env.LaneClient, A: id}, c.metadata.cfg.backoff(e, max(q.attempts, 1)))
}

// handleCallResponse ends the call, or retries it.
func (c *Client) handleCallResponse(e env.Env, id, try int64, resp env.Response, err error) {
	q := c.calls[id]
	if q == nil || int64(q.attempts) != try {
		return
	}
	q.inFlight = false
	if err != nil {
		q.err = transport(err)
		q.ambiguous = q.ambiguous || err != env.ErrRefused
		c.metadata.refresh(e)
		c.backOffCall(e, id)
		return
	}
	if code := partitionError(resp); code != 0 && retriable(code) && e.Now().Sub(q.since) < c.metadata.cfg.APITimeout {
		// A leader deletes records before it waits for its followers, so DeleteRecords may have been applied.
		_, deletes := q.req.(*kmsg.DeleteRecordsRequest)
		q.ambiguous = q.ambiguous || deletes
		q.err = kerr.TypedErrorForCode(code)
		c.metadata.refresh(e)
		c.backOffCall(e, id)
		return
	}
	delete(c.calls, id)
	q.done(e, CallResult{Response: resp, Outcome: OK, Attempts: q.attempts})
}

// giveUpCall ends a call without a response.
func (c *Client) giveUpCall(e env.Env, id int64) {
	q := c.calls[id]
	delete(c.calls, id)
	a := CallResult{Err: q.err, Outcome: Failed, Attempts: q.attempts}
	if a.Err == nil {
		a.Err = kerr.RequestTimedOut
	}
	if q.ambiguous {
		a.Outcome = Unknown
	}
	q.done(e, a)
}
