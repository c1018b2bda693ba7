package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// registerBroker registers an incarnation of a broker (ClusterControlManager.registerBroker). A new incarnation starts
// fenced, and its broker epoch is the offset of its registration record. The broker leaves every ISR, and after an unclean
// shutdown also every ELR. While the previous incarnation is active and has a valid session, a new one is refused, because
// two processes may have the same id. A broker in controlled shutdown is not active, so it may be replaced (KAFKA-19047).
func registerBroker(e env.Env, s decisionState, req *kmsg.BrokerRegistrationRequest) ([]wire.MetadataRecord, env.Response) {
	id := wire.NodeID(req.BrokerID)
	old := s.Broker(id)
	again := old != nil && old.Incarnation == wire.UUID(req.IncarnationID) // the first response was lost (KAFKA-16952)
	switch {
	case req.ClusterID != s.cfg.ClusterID:
		return nil, refusal(req, kerr.InconsistentClusterID)
	case id < 0 || wire.UUID(req.IncarnationID) == wire.UUID{}:
		return nil, refusal(req, kerr.InvalidRequest)
	case old != nil && !again && old.Active() && s.sessions.valid(e, id) && s.rules.RefuseDuplicate: // see KAFKA-19047
		return nil, refusal(req, kerr.DuplicateBrokerRegistration)
	case !validDirs(s, req):
		return nil, refusal(req, kerr.InvalidRegistration)
	case !supports(s, req):
		return nil, refusal(req, kerr.UnsupportedVersion)
	}
	r := &wire.RegisterBrokerRecord{
		Version: registrationVersion(s), BrokerID: id, IncarnationID: req.IncarnationID, Rack: req.Rack, Fenced: true, Features: supported(req),
	}
	for _, l := range req.Listeners {
		r.EndPoints = append(r.EndPoints, wire.EndPoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	if assignsDirs(s) {
		for _, dir := range req.LogDirs {
			r.LogDirs = append(r.LogDirs, dir)
		}
	}
	var records []wire.MetadataRecord
	switch {
	case again:
		r.BrokerEpoch, r.Fenced, r.InControlledShutdown = old.Epoch, old.Fenced, old.ShuttingDown
	case old == nil || !s.rules.LeaveOnRestart:
	case s.rules.CleanRestart(wire.BrokerEpoch(req.PreviousBrokerEpoch), old.Epoch):
		records = s.removeFromISRs(id)
	default:
		records = s.handleUncleanShutdown(id)
	}
	if !again {
		r.BrokerEpoch = wire.BrokerEpoch(s.end) + wire.BrokerEpoch(len(records))
		if old != nil && !s.rules.LeaveOnRestart {
			r.Fenced = old.Fenced
		}
		s.sessions.touch(e, id, -1)
	}
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	resp.BrokerEpoch = int64(r.BrokerEpoch)
	return append(records, r), resp
}

// assignsDirs reports whether the metadata assigns replicas to log directories (KIP-858).
func assignsDirs(s decisionState) bool { return s.Feature(metadataFeature) >= withDirectories }

// registrationVersion returns the version of registration records (MetadataVersion.registerBrokerRecordVersion).
func registrationVersion(s decisionState) int16 {
	switch level := s.Feature(metadataFeature); {
	case level >= withDirectories:
		return 3
	case level >= withZkMigration:
		return 2
	}
	return 1
}

// validDirs reports whether the log directories in a registration are valid. There must be at least one, and no id may be
// reserved, duplicate, or in use by another broker.
func validDirs(s decisionState, req *kmsg.BrokerRegistrationRequest) bool {
	if !assignsDirs(s) {
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
	for _, b := range s.Brokers() {
		if b.ID != wire.NodeID(req.BrokerID) && slices.ContainsFunc(b.LogDirs, func(d wire.UUID) bool { return slices.Contains(seen, d) }) {
			return false
		}
	}
	return len(seen) > 0
}

// unregisterBroker removes the registration of a broker.
func unregisterBroker(s decisionState, req *kmsg.UnregisterBrokerRequest) ([]wire.MetadataRecord, env.Response) {
	b := s.Broker(wire.NodeID(req.BrokerID))
	if b == nil {
		return nil, refusal(req, kerr.BrokerIDNotRegistered)
	}
	records := append(s.removeFromISRs(b.ID), &wire.UnregisterBrokerRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch})
	return records, req.ResponseKind()
}
