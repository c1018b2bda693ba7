package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// alterations are the ISR changes on their way to the controller: one request at a time, with everything that waits
// (AlterPartitionManager).
type alterations struct {
	waiting []*replica   // with a change in flight that no request carries yet
	sent    []sentChange // what the request under way carries, in its order
	round   int64        // numbers requests; an answer of an earlier one is dropped
	busy    bool         // a request is under way
}

// sentChange is a change as it was when it was sent: the replica may be at another by the time of the answer.
type sentChange struct {
	r        *replica
	proposal replication.Proposal
}

// propose sends the ISR change that a replica has just begun on its way, and counts it.
func (b *Broker) propose(e env.Env, r *replica, begun bool, count *int64) {
	if begun {
		*count++
		b.alter.waiting = append(b.alter.waiting, r)
		b.sendAlterations(e)
	}
}

// Registered implements replication.Registry by the image.
func (b *Broker) Registered(id wire.NodeID) wire.BrokerEpoch {
	if broker := b.image.Broker(id); broker != nil && !broker.Fenced {
		return broker.Epoch
	}
	return -1
}

// InService implements replication.Registry.
func (b *Broker) InService(id wire.NodeID) bool {
	broker := b.image.Broker(id)
	return broker != nil && broker.Active()
}

// reviewISR looks for laggards, every half lag time: so nobody stays for longer than one and a half (KIP-16).
func (b *Broker) reviewISR(e env.Env) {
	for _, r := range b.live() {
		_, shrinks := r.Shrink(e.Now())
		b.propose(e, r, shrinks, &b.counts.shrinks)
		b.touch(r)
	}
	e.Arm(env.Timer{Kind: timISR, Lane: env.LaneBackground}, b.cfg.lagMax/2)
}

func (b *Broker) sendAlterations(e env.Env) {
	a := &b.alter
	if a.busy || len(a.waiting) == 0 {
		return
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.SetVersion(3)
	req.BrokerID, req.BrokerEpoch = int32(b.cfg.Node), int64(b.life.epoch)
	a.sent = a.sent[:0]
	for _, r := range a.waiting {
		p, ok := r.Pending()
		if !ok || r.gone {
			continue
		}
		a.sent = append(a.sent, sentChange{r, p})
		rp := kmsg.NewAlterPartitionRequestTopicPartition()
		rp.Partition, rp.LeaderEpoch, rp.PartitionEpoch = r.TP.Partition, int32(p.Epoch), int32(p.Version)
		for _, m := range p.ISR {
			n := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			if n.BrokerID, n.BrokerEpoch = int32(m.ID), int64(m.BrokerEpoch); m.ID == b.cfg.Node {
				n.BrokerEpoch = int64(b.life.epoch)
			}
			rp.NewEpochISR = append(rp.NewEpochISR, n)
		}
		rt := kmsg.NewAlterPartitionRequestTopic()
		rt.TopicID, rt.Partitions = r.ID, append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	a.waiting = nil
	if len(a.sent) == 0 {
		return
	}
	a.busy = true
	a.round++
	e.Call(b.ctrl.link(e, b.cfg.Controllers, env.LaneAlterPartition), b.cfg.requestTimeout, req, env.Token{Kind: tokAlter, A: a.round})
}

// altered takes the controller's answer in. Only an error about the whole request waits before the next one: what came
// up meanwhile, and partitions whose change must be proposed again, go out at once.
func (b *Broker) altered(e env.Env, round int64, resp env.Response, err error) {
	a := &b.alter
	if round != a.round {
		return
	}
	a.busy = false
	rest := env.Duration(0)
	switch {
	case err != nil, resp.(*kmsg.AlterPartitionResponse).ErrorCode == kerr.NotController.Code:
		rest = b.cfg.retryBackoff // the channel's own: the next try may be to another controller
	case resp.(*kmsg.AlterPartitionResponse).ErrorCode != 0:
		rest = 50 * env.Millisecond // AlterPartitionManager's, whatever retry.backoff.ms says
	}
	for i, s := range a.sent {
		if rest > 0 {
			a.waiting = append(a.waiting, s.r)
			continue
		}
		ap := &resp.(*kmsg.AlterPartitionResponse).Topics[i].Partitions[0]
		b.counts.failed += one(ap.ErrorCode != 0)
		answer := replication.Answer{Code: ap.ErrorCode, Epoch: wire.Epoch(ap.LeaderEpoch), Version: wire.PartitionEpoch(ap.PartitionEpoch)}
		for _, id := range ap.ISR {
			answer.ISR = append(answer.ISR, wire.NodeID(id))
		}
		if s.r.Altered(s.proposal, answer, e.Now()) {
			a.waiting = append(a.waiting, s.r)
		}
		b.touch(s.r)
	}
	if rest > 0 {
		e.Arm(env.Timer{Kind: timAlter, Lane: env.LaneAlterPartition}, rest)
		return
	}
	b.sendAlterations(e)
}
