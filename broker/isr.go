package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// isrManager sends ISR changes to the controller (AlterPartitionManager). One request is in flight at a time. It has all
// changes that were queued when it was sent.
type isrManager struct {
	cfg       *Config
	replicas  *replicaTable
	lifecycle *lifecycle
	channel   *controllerChannel

	waiting  []*replica   // replicas with a change that is not sent yet
	sent     []sentChange // the changes of the request in flight, in the order of the request
	round    int64        // the number of the last request; a response to an earlier request is dropped
	inFlight bool

	expands, shrinks, failed int64 // counts of this incarnation
}

// sentChange is a change as it was sent. When the response arrives, the replica may have another change in flight.
type sentChange struct {
	r        *replica
	proposal replication.Proposal
}

// The timers and the token of the ISR manager.
const (
	timISR   = isrKinds + iota // it is time to look for lagging followers
	timAlter                   // the backoff after a refused request is over
)
const tokAlter = isrKinds // A: round

// expand proposes to add a follower to the ISR if the follower has caught up.
func (m *isrManager) expand(e env.Env, r *replica, follower wire.NodeID) {
	if _, begun := r.ProposeExpand(follower); begun {
		m.expands++
		m.propose(e, r)
	}
}

// propose queues a new change of a replica, and sends it if no request is in flight.
func (m *isrManager) propose(e env.Env, r *replica) {
	m.waiting = append(m.waiting, r)
	m.sendAlterPartition(e)
}

func (m *isrManager) armReview(e env.Env) {
	e.Arm(env.Timer{Kind: timISR, Lane: env.LaneBackground}, m.cfg.lagMax/2)
}

func (m *isrManager) returned(e env.Env, tok env.Token, resp env.Response, err error) {
	m.handleAlterPartitionResponse(e, tok.A, resp, err)
}

func (m *isrManager) fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timISR:
		m.shrinkLagging(e)
	case timAlter:
		m.sendAlterPartition(e)
	}
}

// shrinkLagging proposes to remove lagging followers from their ISRs. It runs every half replica.lag.time.max.ms, so a
// follower that stops fetching stays in the ISR for one and a half times that long at most (KIP-16).
func (m *isrManager) shrinkLagging(e env.Env) {
	for _, r := range m.replicas.inService() {
		if _, begun := r.ProposeShrink(e.Now()); begun {
			m.shrinks++
			m.propose(e, r)
		}
		m.replicas.touch(r)
	}
	m.armReview(e)
}

func (m *isrManager) sendAlterPartition(e env.Env) {
	if m.inFlight || len(m.waiting) == 0 {
		return
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.SetVersion(3)
	req.BrokerID, req.BrokerEpoch = int32(m.cfg.Node), int64(m.lifecycle.epoch)
	m.sent = m.sent[:0]
	for _, r := range m.waiting {
		p, ok := r.Pending()
		if !ok || r.removed {
			continue
		}
		m.sent = append(m.sent, sentChange{r, p})
		rp := kmsg.NewAlterPartitionRequestTopicPartition()
		rp.Partition, rp.LeaderEpoch, rp.PartitionEpoch = r.TP.Partition, int32(p.LeaderEpoch), int32(p.PartitionEpoch)
		for _, member := range p.ISR {
			n := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			if n.BrokerID, n.BrokerEpoch = int32(member.ID), int64(member.BrokerEpoch); member.ID == m.cfg.Node {
				n.BrokerEpoch = int64(m.lifecycle.epoch)
			}
			rp.NewEpochISR = append(rp.NewEpochISR, n)
		}
		rt := kmsg.NewAlterPartitionRequestTopic()
		rt.TopicID, rt.Partitions = r.ID, append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	m.waiting = nil
	if len(m.sent) == 0 {
		return
	}
	m.inFlight = true
	m.round++
	m.channel.call(e, env.LaneAlterPartition, m.cfg.requestTimeout, req, env.Token{Kind: tokAlter, A: m.round})
}

// handleAlterPartitionResponse completes the changes that were sent. Changes that were queued meanwhile, and changes that
// must be proposed again, are sent at once. Only an error of the whole request delays the next request.
func (m *isrManager) handleAlterPartitionResponse(e env.Env, round int64, resp env.Response, err error) {
	if round != m.round {
		return
	}
	m.inFlight = false
	backoff := env.Duration(0)
	switch {
	case err != nil, resp.(*kmsg.AlterPartitionResponse).ErrorCode == kerr.NotController.Code:
		backoff = m.cfg.retryBackoff // the channel's own backoff, because the retry may go to another controller
	case resp.(*kmsg.AlterPartitionResponse).ErrorCode != 0:
		backoff = 50 * env.Millisecond // AlterPartitionManager's own constant, not retry.backoff.ms
	}
	for i, s := range m.sent {
		if backoff > 0 {
			m.waiting = append(m.waiting, s.r)
			continue
		}
		ap := alteredPartition(resp.(*kmsg.AlterPartitionResponse), i, s.r)
		if ap == nil { // the response lacks this change, so it is sent again, as in Kafka
			m.waiting = append(m.waiting, s.r)
			continue
		}
		m.failed += one(ap.ErrorCode != 0)
		answer := replication.AlterPartitionResult{ErrorCode: ap.ErrorCode, LeaderEpoch: wire.Epoch(ap.LeaderEpoch), PartitionEpoch: wire.PartitionEpoch(ap.PartitionEpoch)}
		for _, id := range ap.ISR {
			answer.ISR = append(answer.ISR, wire.NodeID(id))
		}
		if s.r.HandleAlterPartitionResult(s.proposal, answer, e.Now()) {
			m.waiting = append(m.waiting, s.r)
		}
		m.replicas.touch(s.r)
	}
	if backoff > 0 {
		e.Arm(env.Timer{Kind: timAlter, Lane: env.LaneAlterPartition}, backoff)
		return
	}
	m.sendAlterPartition(e)
}

// alteredPartition returns the controller's response for a partition, or nil. Controllers answer in the order of the
// request, so it tries the index in the request first.
func alteredPartition(resp *kmsg.AlterPartitionResponse, guess int, r *replica) *kmsg.AlterPartitionResponseTopicPartition {
	of := func(at *kmsg.AlterPartitionResponseTopic) *kmsg.AlterPartitionResponseTopicPartition {
		for i := range at.Partitions {
			if at.TopidID == r.ID && at.Partitions[i].Partition == r.TP.Partition {
				return &at.Partitions[i]
			}
		}
		return nil
	}
	if guess < len(resp.Topics) {
		if ap := of(&resp.Topics[guess]); ap != nil {
			return ap
		}
	}
	for i := range resp.Topics {
		if ap := of(&resp.Topics[i]); ap != nil {
			return ap
		}
	}
	return nil
}
