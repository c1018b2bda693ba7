package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// Some requests are for the active controller. A client sends them to any broker, which passes them on and waits, one
// at a time as they come on its connection (ForwardingManager).
//
// Kafka wraps them into an Envelope with the client's principal and address (KIP-590). There are no principals here, so
// the request goes as it is, and the controller decodes nothing twice.

// forwarded is one request on its way to the controller.
type forwarded struct {
	ticket env.Ticket
	req    env.Request
	since  env.Instant
}

// forward passes a request on.
func (b *Broker) forward(e env.Env, t env.Ticket, req env.Request) {
	b.next++
	b.passed[b.next] = &forwarded{t, req, e.Now()}
	b.pass(e, b.next)
}

// pass sends a forwarded request, for the first time or again.
func (b *Broker) pass(e env.Env, id int64) {
	f := b.passed[id]
	left := b.cfg.requestTimeout - e.Now().Sub(f.since)
	if left <= 0 {
		b.passedBack(e, id, wire.Refusal(f.req, kerr.RequestTimedOut.Code)) // nothing was done, as far as this broker knows
		return
	}
	e.Call(b.ctrl.link(e, b.cfg.Controllers, env.LaneClient), left, f.req, env.Token{Kind: tokForward, A: id})
}

// answered takes the controller's answer in. One that is not the active controller, or cannot be reached, is asked again
// after a backoff: by then we may know the new one. What was lost on the way may have been done: asking again may then
// find, for example, that the topic exists, as with Kafka.
func (b *Broker) answered(e env.Env, id int64, resp env.Response, err error) {
	if b.passed[id] == nil {
		return
	}
	if err != nil || turnedAway(resp) {
		e.Arm(env.Timer{Kind: timForward, Lane: env.LaneClient, A: id}, b.cfg.retryBackoff)
		return
	}
	b.passedBack(e, id, resp)
}

func (b *Broker) passedBack(e env.Env, id int64, resp env.Response) {
	f := b.passed[id]
	delete(b.passed, id)
	b.reply(e, f.ticket, resp, f.since)
}

// turnedAway tells whether an answer says that it is not the active controller's. Each kind of request says so in its own
// place, and in all its parts if in one.
func turnedAway(resp env.Response) bool {
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

// controllerNode is what this broker names as the controller to clients: any live broker, because clients cannot talk to
// controllers, and every broker forwards (KRaftMetadataCache.getRandomAliveBrokerId).
func (b *Broker) controllerNode(e env.Env) int32 {
	var alive []wire.NodeID
	for _, br := range b.image.Brokers() {
		if !br.Fenced {
			alive = append(alive, br.ID)
		}
	}
	if len(alive) == 0 {
		return -1
	}
	return int32(alive[e.Choose("broker.controller-named", uint64(len(alive)))])
}
