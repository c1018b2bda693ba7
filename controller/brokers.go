package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// A broker's life as the controller sees it (BrokerHeartbeatManager.calculateNextBrokerState, KIP-631):
//
//	from                 when                                                            becomes
//	FENCED               it wants in, and has applied its own registration               UNFENCED
//	                     it wants to shut down                                           SHUTDOWN_NOW
//	UNFENCED             it wants a fence, or its session is over                        FENCED
//	                     it wants to shut down and leads something                       CONTROLLED_SHUTDOWN
//	                     it wants to shut down and leads nothing                         SHUTDOWN_NOW
//	CONTROLLED_SHUTDOWN  it leads nothing, and all active brokers know that              SHUTDOWN_NOW
//	any                  a new incarnation registers                                     FENCED

// register takes a broker's incarnation in (ClusterControlManager.registerBroker). A new incarnation gets the offset of
// its registration record as broker epoch and starts fenced; it leaves every ISR, and if the one before it did not shut
// down cleanly, every ELR. While the old one is in service and its session lives, it is refused: there may be two
// processes with one id.
func (c *Controller) register(e env.Env, m cluster, req *kmsg.BrokerRegistrationRequest) ([]wire.MetadataRecord, env.Response) {
	id := wire.NodeID(req.BrokerID)
	old := m.Broker(id)
	again := old != nil && old.Incarnation == wire.UUID(req.IncarnationID) // its first answer was lost (KAFKA-16952)
	switch {
	case req.ClusterID != c.cfg.ClusterID:
		return nil, refusal(req, kerr.InconsistentClusterID)
	case id < 0 || wire.UUID(req.IncarnationID) == wire.UUID{}:
		return nil, refusal(req, kerr.InvalidRequest)
	case old != nil && !again && old.Active() && c.inSession(e, id) && m.rules.RefuseDuplicate: // not one that leaves: KAFKA-19047
		return nil, refusal(req, kerr.DuplicateBrokerRegistration)
	case !validDirs(m, req):
		return nil, refusal(req, kerr.InvalidRegistration)
	case !supports(m, req):
		return nil, refusal(req, kerr.UnsupportedVersion)
	}
	r := &wire.RegisterBrokerRecord{
		Version: registrationVersion(m), BrokerID: id, IncarnationID: req.IncarnationID, Rack: req.Rack, Fenced: true, Features: supported(req),
	}
	for _, l := range req.Listeners {
		r.EndPoints = append(r.EndPoints, wire.EndPoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	if assignsDirs(m) {
		for _, dir := range req.LogDirs {
			r.LogDirs = append(r.LogDirs, dir)
		}
	}
	var records []wire.MetadataRecord
	switch {
	case again:
		r.BrokerEpoch, r.Fenced, r.InControlledShutdown = old.Epoch, old.Fenced, old.ShuttingDown
	case old == nil || !m.rules.LeaveOnRestart:
	case m.rules.CleanRestart(wire.BrokerEpoch(req.PreviousBrokerEpoch), old.Epoch):
		records = m.leave(id)
	default:
		records = m.loseTail(id)
	}
	if !again {
		r.BrokerEpoch = wire.BrokerEpoch(c.rt.End()) + wire.BrokerEpoch(len(records))
		if old != nil && !m.rules.LeaveOnRestart {
			r.Fenced = old.Fenced
		}
		c.heard(e, id, -1)
	}
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	resp.BrokerEpoch = int64(r.BrokerEpoch)
	return append(records, r), resp
}

// Levels of metadata.version from which a record or a field exists.
const (
	withZkMigration = 8  // 3.4-IV0
	withPlainShrink = 12 // 3.6-IV0: the ISR shrinks without a new leader epoch (KAFKA-15021)
	withDirectories = 17 // 3.7-IV2 (KIP-858)
	withELR         = 23 // 4.0-IV1 (KIP-966)
)

// assignsDirs tells whether the cluster's metadata say in which directory of a broker a replica lies.
func assignsDirs(m cluster) bool { return m.Feature(metadataFeature) >= withDirectories }

// registrationVersion is the version in which registrations are written (MetadataVersion.registerBrokerRecordVersion).
func registrationVersion(m cluster) int16 {
	switch level := m.Feature(metadataFeature); {
	case level >= withDirectories:
		return 3
	case level >= withZkMigration:
		return 2
	}
	return 1
}

// validDirs tells whether a broker's log directories can be its own: at least one, no reserved id, none twice, none of
// another broker.
func validDirs(m cluster, req *kmsg.BrokerRegistrationRequest) bool {
	if !assignsDirs(m) {
		return true
	}
	var seen []wire.UUID
	for _, dir := range req.LogDirs {
		id := wire.UUID(dir)
		if reserved := [15]byte(id[:15]) == [15]byte{} && id[15] < 100; reserved || slices.Contains(seen, id) {
			return false
		}
		seen = append(seen, id)
	}
	for _, b := range m.Brokers() {
		if b.ID != wire.NodeID(req.BrokerID) && slices.ContainsFunc(b.LogDirs, func(d wire.UUID) bool { return slices.Contains(seen, d) }) {
			return false
		}
	}
	return len(seen) > 0
}

// supported is what a broker says it can live with, by feature. One that says nothing of metadata.version is taken to
// know the first one of KRaft only.
func supported(req *kmsg.BrokerRegistrationRequest) (all []wire.FeatureRange) {
	silent := true
	for _, f := range req.Features {
		all = append(all, wire.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
		silent = silent && f.Name != metadataFeature
	}
	if silent {
		const first = 7 // 3.3-IV3, MetadataVersion.MINIMUM_VERSION
		all = append(all, wire.FeatureRange{Name: metadataFeature, Min: first, Max: first})
	}
	return all
}

// rangeOf is the range in which a broker supports a feature: one that it does not name must be off.
func rangeOf(all []wire.FeatureRange, name string) (least, most int16) {
	for _, f := range all {
		if f.Name == name {
			return f.Min, f.Max
		}
	}
	return 0, 0
}

// supports tells whether a broker can live with every finalised level, of the features it names and of those it does
// not know (ClusterControlManager.processRegistrationFeature).
func supports(m cluster, req *kmsg.BrokerRegistrationRequest) bool {
	ranges := supported(req)
	fits := func(name string) bool {
		least, most := rangeOf(ranges, name)
		level := m.Feature(name)
		return least <= level && level <= most
	}
	for _, f := range ranges {
		if !fits(f.Name) {
			return false
		}
	}
	return !slices.ContainsFunc(m.Features(), func(name string) bool { return !fits(name) })
}

// inSession tells whether a broker was heard of within its session timeout, by the monotonic clock: a step of the wall
// clock must not fence a cluster.
func (c *Controller) inSession(e env.Env, id wire.NodeID) bool {
	s := c.sessions[id]
	return s != nil && e.Now().Sub(s.seen) < c.cfg.SessionTimeout
}

// heard restarts a broker's session. metadata is the last record it has applied, or -1 if it did not say.
func (c *Controller) heard(e env.Env, id wire.NodeID, metadata wire.Offset) {
	s := c.sessions[id]
	if s == nil || metadata < 0 {
		s = &session{leaving: -1}
		c.sessions[id] = s
	}
	s.seen, s.metadata = e.Now(), metadata
	e.Arm(env.Timer{Kind: timSession, Lane: env.LaneRaft, A: int64(id), B: int64(c.term)}, c.cfg.SessionTimeout)
}

// heartbeat keeps a session alive and moves the broker on in its life.
func (c *Controller) heartbeat(e env.Env, m cluster, req *kmsg.BrokerHeartbeatRequest) ([]wire.MetadataRecord, env.Response) {
	b := m.Broker(wire.NodeID(req.BrokerID))
	if b == nil || b.Epoch != wire.BrokerEpoch(req.BrokerEpoch) {
		return nil, refusal(req, kerr.StaleBrokerEpoch)
	}
	applied := wire.Offset(req.CurrentMetadataOffset)
	c.heard(e, b.ID, max(applied, 0))
	s := c.sessions[b.ID]
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	resp.IsCaughtUp = applied >= wire.Offset(b.Epoch) // before that it may hold roles of the incarnation before it (KIP-631)
	resp.IsFenced = b.Fenced
	var records []wire.MetadataRecord
	now := func() { // SHUTDOWN_NOW
		resp.IsFenced, resp.ShouldShutdown = true, true
		if !b.Fenced {
			records = m.fence(b)
		}
	}
	switch {
	case b.Fenced && req.WantShutdown:
		now()
	case b.Fenced && !req.WantFence && resp.IsCaughtUp:
		// A broker that was fenced has left its controlled shutdown (BrokerHeartbeatManager.touch). If an old heartbeat lets
		// it in again it has to ask anew, though the records still say that it is leaving.
		records, resp.IsFenced, s.leaving = m.unfence(b), false, -1
	case b.Fenced:
	case s.leaving >= 0:
		if !m.leads(b.ID) && s.leaving <= c.lowestActive(m) {
			now()
		}
	case req.WantFence && req.WantShutdown, req.WantShutdown && !m.leads(b.ID):
		now()
	case req.WantFence:
		records, resp.IsFenced = m.fence(b), true
	case req.WantShutdown:
		records = m.shutDown(b)
		s.leaving = c.rt.End() + wire.Offset(len(records)) - 1
	}
	return records, resp
}

// lowestActive is the least that any active broker has applied of the metadata log: below it, everybody knows. Who leaves
// before everybody knows the new leaders is asked for records that it does not lead any more, and then for nothing at all
// (KIP-841).
func (c *Controller) lowestActive(m cluster) wire.Offset {
	lowest := wire.Offset(1<<63 - 1)
	for _, b := range m.Brokers() {
		if b.Active() {
			if s := c.sessions[b.ID]; s == nil {
				lowest = -1
			} else {
				lowest = min(lowest, s.metadata)
			}
		}
	}
	return lowest
}

// unregister forgets a broker for good.
func unregister(m cluster, req *kmsg.UnregisterBrokerRequest) ([]wire.MetadataRecord, env.Response) {
	b := m.Broker(wire.NodeID(req.BrokerID))
	if b == nil {
		return nil, refusal(req, kerr.BrokerIDNotRegistered)
	}
	records := append(m.leave(b.ID), &wire.UnregisterBrokerRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch})
	return records, req.ResponseKind()
}

// sameIncarnation tells whether a proposed member of an ISR is the broker that is registered.
func sameIncarnation(m cluster, b *image.Broker, claimed int64) bool {
	return m.rules.SameIncarnation(wire.BrokerEpoch(claimed), b.Epoch)
}
