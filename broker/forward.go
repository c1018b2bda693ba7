package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// forwarder forwards requests that only the active controller can serve, but that clients send to any broker, and
// returns the controller's response (ForwardingManager).
//
// Kafka wraps them in an Envelope with the client's principal and address (KIP-590). There are no principals here, so
// the request is forwarded as it is.
type forwarder struct {
	cfg     *Config
	channel *controllerChannel
	metrics *requestMetrics

	underway map[int64]*forwarded // by id
	last     int64                // the last id
}

// forwarded is one request that waits for the controller's response.
type forwarded struct {
	ticket env.Ticket
	req    env.Request
	since  env.Instant

	whole   env.Request      // a request of which only a part is forwarded, or nil
	refused []*configRefusal // by resource of whole: why it is not forwarded, or nil
}

// The forwarder's timer, which it arms after an error, and its token. A is the id of the forwarded request.
const (
	timForward = forwarderKinds
	tokForward = forwarderKinds
)

func (f *forwarder) fire(e env.Env, t env.Timer) { f.send(e, t.A) }

func (f *forwarder) returned(e env.Env, tok env.Token, resp env.Response, err error) {
	f.handleResponse(e, tok.A, resp, err)
}

// forward forwards a request for the first time.
func (f *forwarder) forward(e env.Env, t env.Ticket, req env.Request) {
	f.last++
	f.underway[f.last] = &forwarded{ticket: t, req: req, since: e.Now()}
	f.send(e, f.last)
}

// send sends a forwarded request, for the first time or again.
func (f *forwarder) send(e env.Env, id int64) {
	r := f.underway[id]
	left := f.cfg.requestTimeout - e.Now().Sub(r.since)
	if left <= 0 {
		f.answer(e, id, wire.Refusal(r.req, kerr.RequestTimedOut.Code)) // it may have been applied
		return
	}
	f.channel.call(e, env.LaneClient, left, r.req, env.Token{Kind: tokForward, A: id})
}

// handleResponse answers the client, or retries. If this controller is not the active one, or cannot be reached, the request
// is sent again after a backoff. By then the channel may have found the active controller. If the response was lost, the
// request may have been applied, and its retry may fail with, for example, TOPIC_ALREADY_EXISTS, as in Kafka.
func (f *forwarder) handleResponse(e env.Env, id int64, resp env.Response, err error) {
	if f.underway[id] == nil {
		return
	}
	if err != nil || notActive(resp) {
		e.Arm(env.Timer{Kind: timForward, Lane: env.LaneClient, A: id}, f.cfg.retryBackoff)
		return
	}
	f.answer(e, id, resp)
}

func (f *forwarder) answer(e env.Env, id int64, resp env.Response) {
	r := f.underway[id]
	delete(f.underway, id)
	if r.whole != nil {
		resp = mergeConfigs(r.whole, r.refused, resp)
	}
	f.metrics.reply(e, r.ticket, resp, r.since)
}

// notActive reports whether a response has NOT_CONTROLLER. Each type of response has its error code in a different field;
// a response with a code for each topic has NOT_CONTROLLER in all of them.
func notActive(resp env.Response) bool {
	code := kerr.NotController.Code
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		return len(r.Topics) > 0 && r.Topics[0].ErrorCode == code
	case *kmsg.DeleteTopicsResponse:
		return len(r.Topics) > 0 && r.Topics[0].ErrorCode == code
	case *kmsg.CreatePartitionsResponse:
		return len(r.Topics) > 0 && r.Topics[0].ErrorCode == code
	case *kmsg.IncrementalAlterConfigsResponse:
		return len(r.Resources) > 0 && r.Resources[0].ErrorCode == code
	case *kmsg.AlterConfigsResponse:
		return len(r.Resources) > 0 && r.Resources[0].ErrorCode == code
	case *kmsg.ElectLeadersResponse:
		return r.ErrorCode == code
	case *kmsg.UpdateFeaturesResponse:
		return r.ErrorCode == code
	case *kmsg.DescribeQuorumResponse:
		not := kerr.NotLeaderForPartition.Code
		return r.ErrorCode == code || len(r.Topics) > 0 && len(r.Topics[0].Partitions) > 0 && r.Topics[0].Partitions[0].ErrorCode == not
	}
	return false
}
