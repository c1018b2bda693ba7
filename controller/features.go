package controller

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/sim/env"
	"samsa/wire"
)

// bootstrap finalises the features of a new cluster: the first records of its log (ActivationRecordsGenerator).
func (c *Controller) bootstrap(e env.Env) {
	c.write(e, func(m cluster) (records []wire.MetadataRecord) {
		if m.Feature(metadataFeature) != 0 {
			return nil
		}
		// The metadata version comes first: it says how to read what follows.
		for _, first := range []bool{true, false} {
			for _, f := range c.cfg.Features {
				if (f.Name == metadataFeature) == first && f.Level > 0 {
					records = append(records, &wire.FeatureLevelRecord{Name: f.Name, Level: f.Level})
				}
			}
		}
		return records
	})
}

// Kinds of feature updates (KIP-584, KIP-778).
const (
	upgrade         = 1
	safeDowngrade   = 2
	unsafeDowngrade = 3
)

// updateFeatures moves finalised levels; all of them or none.
func (c *Controller) updateFeatures(m cluster, req *kmsg.UpdateFeaturesRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	var records []wire.MetadataRecord
	metadata := m.Feature(metadataFeature)
	for _, u := range req.FeatureUpdates {
		if u.Feature == metadataFeature {
			metadata = u.MaxVersionLevel
		}
	}
	for i, u := range req.FeatureUpdates {
		err := c.mayUpdate(m, &u, req.Version)
		if err == nil && u.Feature == elrFeature && u.MaxVersionLevel > 0 && metadata < withELR {
			err = kerr.InvalidUpdateVersion // its records could not be written down (Feature.validateVersion)
		}
		if slices.ContainsFunc(req.FeatureUpdates[:i], func(o kmsg.UpdateFeaturesRequestFeatureUpdate) bool { return o.Feature == u.Feature }) {
			err = kerr.InvalidRequest
		}
		result := kmsg.NewUpdateFeaturesResponseResult()
		result.Feature, result.ErrorCode = u.Feature, codeOf(err)
		resp.Results = append(resp.Results, result)
		switch {
		case err != nil:
			resp.ErrorCode = err.Code
		case u.MaxVersionLevel != m.Feature(u.Feature):
			records = append(records, m.finalise(u.Feature, u.MaxVersionLevel)...)
		}
	}
	if resp.ErrorCode != 0 || req.ValidateOnly {
		return nil, resp
	}
	return records, resp
}

// mayUpdate checks one update (FeatureControlManager.updateFeature, KIP-584). A broker that cannot live with a level would be
// refused at its next registration, so every registered one is asked, also one that is down.
func (c *Controller) mayUpdate(m cluster, u *kmsg.UpdateFeaturesRequestFeatureUpdate, version int16) *kerr.Error {
	kind := u.UpgradeType
	if version == 0 {
		kind = upgrade
		if u.AllowDowngrade {
			kind = safeDowngrade
		}
	}
	i := slices.IndexFunc(c.cfg.Features, func(f Feature) bool { return f.Name == u.Feature })
	current, level := m.Feature(u.Feature), u.MaxVersionLevel
	switch {
	case kind < upgrade || kind > unsafeDowngrade, i < 0, level < c.cfg.Features[i].Min || level > c.cfg.Features[i].Max:
		return kerr.InvalidUpdateVersion
	case level < current && kind == upgrade, level > current && kind != upgrade:
		return kerr.InvalidUpdateVersion
	case level < current && u.Feature == metadataFeature:
		return kerr.InvalidUpdateVersion // the log may hold what an older version cannot read
	}
	for _, b := range m.Brokers() {
		if least, most := rangeOf(b.Features, u.Feature); level < least || level > most {
			return kerr.InvalidUpdateVersion
		}
	}
	return nil
}

// finalise is a feature's new level with what goes with it. When eligible leader replicas come on, min.insync.replicas
// becomes one value for the whole cluster, set in the log: the controller decides by it.
func (c cluster) finalise(name string, level int16) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.FeatureLevelRecord{Name: name, Level: level}}
	if name != elrFeature || level == 0 {
		return records
	}
	if _, ok := c.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: minISRConfig}); !ok {
		value := strconv.FormatInt(int64(c.minISR0), 10)
		records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigBroker, Name: minISRConfig, Value: &value})
	}
	for _, of := range c.ConfiguredBrokers() {
		if _, ok := c.Config(image.ConfigKey{Resource: wire.ConfigBroker, Of: of, Name: minISRConfig}); ok {
			records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigBroker, ResourceName: of, Name: minISRConfig})
		}
	}
	return records
}

// describeCluster tells where the controllers are (KIP-919). Any of them knows.
func (c *Controller) describeCluster(req *kmsg.DescribeClusterRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.EndpointType, resp.ClusterID, resp.ControllerID = 2, c.cfg.ClusterID, int32(c.quorum.Leader())
	switch req.EndpointType {
	case 2:
	case 1:
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		return resp
	default:
		resp.ErrorCode = kerr.UnsupportedEndpointType.Code
		return resp
	}
	for _, v := range c.quorum.Voters() {
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port = int32(v.ID), string(v.Addr), raft.ControllerPort
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}
