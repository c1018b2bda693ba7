package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// These are the states of a broker at the controller (BrokerHeartbeatManager.calculateNextBrokerState, KIP-631):
//
//	from                 when                                                            becomes
//	FENCED               it does not want a fence, and has applied its registration      UNFENCED
//	                     it wants to shut down                                           SHUTDOWN_NOW
//	UNFENCED             it wants a fence, or its session is over                        FENCED
//	                     it wants to shut down and leads a partition                     CONTROLLED_SHUTDOWN
//	                     it wants to shut down and leads none                            SHUTDOWN_NOW
//	CONTROLLED_SHUTDOWN  it leads none, and all active brokers know that                 SHUTDOWN_NOW
//	any                  a new incarnation registers                                     FENCED

// processHeartbeat renews a broker's session and moves the broker to its next state.
func processHeartbeat(e env.Env, s decisionState, req *kmsg.BrokerHeartbeatRequest) ([]wire.MetadataRecord, env.Response) {
	b := s.Broker(wire.NodeID(req.BrokerID))
	if b == nil || b.Epoch != wire.BrokerEpoch(req.BrokerEpoch) {
		return nil, refusal(req, kerr.StaleBrokerEpoch)
	}
	applied := wire.Offset(req.CurrentMetadataOffset)
	session := s.sessions.touch(e, b.ID, max(applied, 0))
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	resp.IsCaughtUp = applied >= wire.Offset(b.Epoch) // a broker that is not caught up may act on old leaderships (KIP-631)
	resp.IsFenced = b.Fenced
	var records []wire.MetadataRecord
	shutDownNow := func() {
		resp.IsFenced, resp.ShouldShutdown = true, true
		if !b.Fenced {
			records = s.fence(b)
		}
	}
	switch {
	case b.Fenced && req.WantShutdown:
		shutDownNow()
	case b.Fenced && !req.WantFence && resp.IsCaughtUp:
		// Fencing ends a controlled shutdown (BrokerHeartbeatManager.touch). If a late heartbeat unfences the broker, the
		// broker must request the shutdown again, although its registration still says that it is shutting down.
		records, resp.IsFenced, session.shutdownOffset = s.unfence(b), false, -1
	case b.Fenced:
	case session.shutdownOffset >= 0:
		if !s.leads(b.ID) && session.shutdownOffset <= s.sessions.lowestActive(s.Image) {
			shutDownNow()
		}
	case req.WantFence && req.WantShutdown, req.WantShutdown && !s.leads(b.ID):
		shutDownNow()
	case req.WantFence && s.rules.LeaveOnRestart: // an old rule takes the new incarnation for the one that is unfenced
		records, resp.IsFenced = s.fence(b), true
	case req.WantShutdown:
		records = s.beginControlledShutdown(b)
		session.shutdownOffset = s.end + wire.Offset(len(records)) - 1
	}
	return records, resp
}
