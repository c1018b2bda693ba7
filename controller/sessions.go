package controller

import (
	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// sessions has the active controller's sessions with the brokers (BrokerHeartbeatManager). Sessions are not in the log, so
// a new active controller starts a new session for every broker.
type sessions struct {
	timeout env.Duration
	epoch   wire.Epoch // the quorum's epoch in which this controller became active
	of      map[wire.NodeID]*session
}

// session has the active controller's soft state about one broker.
type session struct {
	lastContact    env.Instant // the time of the last heartbeat or registration, or when this controller became active
	metadata       wire.Offset // the offset of the last record that the broker has applied; -1 before its first heartbeat
	shutdownOffset wire.Offset // the offset of the last record of its controlled shutdown, or -1 if it has not begun one
}

func newSessions(timeout env.Duration, epoch wire.Epoch) *sessions {
	return &sessions{timeout, epoch, map[wire.NodeID]*session{}}
}

// valid reports whether the last contact of a broker is within its session timeout. It uses the monotonic clock, because a
// step of the wall clock must not fence a whole cluster.
func (s *sessions) valid(e env.Env, id wire.NodeID) bool {
	b := s.of[id]
	return b != nil && e.Now().Sub(b.lastContact) < s.timeout
}

// touch renews a broker's session. The argument metadata is the offset of the last record that the broker has applied, or
// -1 for a new session.
func (s *sessions) touch(e env.Env, id wire.NodeID, metadata wire.Offset) *session {
	b := s.of[id]
	if b == nil || metadata < 0 {
		b = &session{shutdownOffset: -1}
		s.of[id] = b
	}
	b.lastContact, b.metadata = e.Now(), metadata
	e.Arm(env.Timer{Kind: timSession, Lane: env.LaneRaft, A: int64(id), B: int64(s.epoch)}, s.timeout)
	return b
}

// lowestActive returns the highest metadata offset that all active brokers have applied. A broker in controlled shutdown
// waits until all active brokers know the new leaders of its partitions; otherwise clients and followers would still
// send requests to it (KIP-841).
func (s *sessions) lowestActive(m *image.Image) wire.Offset {
	lowest := wire.Offset(1<<63 - 1)
	for _, b := range m.Brokers() {
		if b.Active() {
			if of := s.of[b.ID]; of == nil {
				lowest = -1
			} else {
				lowest = min(lowest, of.metadata)
			}
		}
	}
	return lowest
}
