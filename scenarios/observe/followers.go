package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim"
	"samsa/storage"
	"samsa/wire"
)

// followerFetched delivers a follower's fetch that an event of a leader handles, partition by partition. It is called before the
// observer has looked at the leader's state after that event.
func followerFetched(o *observer, h *hostView, e *sim.Event) {
	req, ok := e.Request.(*kmsg.FetchRequest)
	if !ok || e.Kind != sim.Received || req.Version < 15 || req.ReplicaState.ID < 0 {
		return
	}
	follower, epoch := wire.NodeID(req.ReplicaState.ID), wire.BrokerEpoch(req.ReplicaState.Epoch)
	for i := range req.Topics {
		rt := &req.Topics[i]
		for k := range rt.Partitions {
			rp := &rt.Partitions[k]
			s := h.byTopic[topicKey{rt.TopicID, rp.Partition}]
			if s == nil || s.life != o.world.Incarnation(h.Addr) || !s.Leads {
				continue
			}
			check.Fetched{
				Follower: follower, From: wire.Offset(rp.FetchOffset), LeaderEnd: s.End,
				Counts: !h.fenced && wire.Epoch(rp.CurrentLeaderEpoch) == s.Epoch && (epoch == -1 || epoch >= o.view.Registered(follower)) && agrees(s, rp),
			}.Arrived(o.view, s.copy)
		}
	}
}

// agrees reports whether the leader's log certainly has the record before the fetch offset in the epoch of the request, so
// that the logs do not diverge.
func agrees(s *replicaView, rp *kmsg.FetchRequestTopicPartition) bool {
	from := wire.Offset(rp.FetchOffset)
	if from < s.Start || from > s.End {
		return false
	}
	if rp.LastFetchedEpoch < 0 {
		return true
	}
	b, ok := s.copy.Log.At(from - 1)
	return ok && b.Epoch == wire.Epoch(rp.LastFetchedEpoch) && b.Next == from
}

// looked delivers the state of a leader in its memory at the end of an event.
func looked(o *observer, h *hostView, s *replicaView) {
	l := check.Looked{State: s.State}
	if id, exists := o.view.TopicNamed(s.part.TP.Topic); exists && id == s.part.ID && h.applied >= o.view.ConfigEnd() {
		l.MinISR = o.view.MinISR(s.part)
	}
	l.BadClock = o.hindrances.within(h.Addr, 0, o.world.Now()) > 0
	l.Seen(o.view, s.part, s.copy)
}

// cached returns the leader epoch cache of a log.
func cached(l *storage.Log) []check.EpochStart {
	all := []check.EpochStart{}
	for _, e := range l.Epochs().Entries() {
		all = append(all, check.EpochStart{Epoch: e.Epoch, Start: e.Start})
	}
	return all
}

// latest returns the last epoch in a cache.
func latest(cache []check.EpochStart) wire.Epoch {
	if n := len(cache); n > 0 {
		return cache[n-1].Epoch
	}
	return wire.NoEpoch
}
