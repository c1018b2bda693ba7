package broker

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/replication"
	"samsa/sim/env"
	"samsa/wire"
)

// isrManager sends ISR changes to the controller: one request at a time, with every change that waits
// (AlterPartitionManager).
type isrManager struct {
	cfg       *Config
	replicas  *replicaTable
	lifecycle *lifecycle
	channel   *controllerChannel

	waiting  []*replica   // with a change that no request carries yet
	sent     []sentChange // what the request in flight carries, in its order
	round    int64        // numbers requests; an answer of an earlier one is dropped
	inFlight bool

	expands, shrinks, failed int64 // counts of this incarnation
}

// sentChange is a change as it was when it was sent: the replica may be at another by the time of the answer.
type sentChange struct {
	r        *replica
	proposal replication.Proposal
}

// Its timers and its token.
const (
	timISR   = isrKinds + iota // look for laggards
	timAlter                   // the backoff after a refused request is over
)
const tokAlter = isrKinds // A: round

// expand proposes that a follower joins the ISR, if it has caught up.
func (m *isrManager) expand(e env.Env, r *replica, follower wire.NodeID) {
	if _, begun := r.ProposeExpand(follower); begun {
		m.expands++
		m.propose(e, r)
	}
}

// propose queues the change that a replica has just begun, and sends it if none is in flight.
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

// shrinkLagging proposes to take laggards out of their ISRs, every half replica.lag.time.max.ms: so none stays for longer
// than one and a half (KIP-16).
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

// handleAlterPartitionResponse completes the changes that were sent. Only an error about the whole request waits before
// the next one: changes that began meanwhile, and those that must be proposed again, go out at once.
func (m *isrManager) handleAlterPartitionResponse(e env.Env, round int64, resp env.Response, err error) {
	if round != m.round {
		return
	}
	m.inFlight = false
	backoff := env.Duration(0)
	switch {
	case err != nil, resp.(*kmsg.AlterPartitionResponse).ErrorCode == kerr.NotController.Code:
		backoff = m.cfg.retryBackoff // the channel's own: the next try may be to another controller
	case resp.(*kmsg.AlterPartitionResponse).ErrorCode != 0:
		backoff = 50 * env.Millisecond // AlterPartitionManager's own constant, not retry.backoff.ms
	}
	for i, s := range m.sent {
		if backoff > 0 {
			m.waiting = append(m.waiting, s.r)
			continue
		}
		ap := alteredPartition(resp.(*kmsg.AlterPartitionResponse), i, s.r)
		if ap == nil { // sent and not answered: Kafka sends it again
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

// alteredPartition is what the controller answers for a partition, or nil. Controllers answer in the order of the request, so
// the place in the request is tried first.
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
