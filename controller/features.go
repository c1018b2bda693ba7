package controller

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// bootstrap finalises the features of a new cluster, in the first records of its log (ActivationRecordsGenerator).
func (c *Controller) bootstrap(e env.Env) {
	c.runInternal(e, func(s decisionState) (records []wire.MetadataRecord) {
		if s.Feature(metadataFeature) != 0 {
			return nil
		}
		// The metadata version comes first, because it decides the formats of the records after it.
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

// updateFeatures changes either all of the requested finalised levels or none. The response says what is wrong with the first
// feature that cannot be updated.
func updateFeatures(s decisionState, req *kmsg.UpdateFeaturesRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.UpdateFeaturesResponse)
	var records []wire.MetadataRecord
	metadata := s.Feature(metadataFeature)
	for _, u := range req.FeatureUpdates {
		if u.Feature == metadataFeature {
			metadata = u.MaxVersionLevel
		}
	}
	for i, u := range req.FeatureUpdates {
		if slices.ContainsFunc(req.FeatureUpdates[i+1:], func(o kmsg.UpdateFeaturesRequestFeatureUpdate) bool { return o.Feature == u.Feature }) {
			continue // the last update of a feature counts
		}
		if req.Version == 0 {
			u.UpgradeType = upgrade // Kafka's controller ignores AllowDowngrade, which only this version has
		}
		if err := mayUpdateFeature(s, &u, metadata); err != nil {
			err.text = "The update failed for all features since the following feature had an error: " + err.text
			resp.ErrorCode, resp.ErrorMessage = err.code(), err.message()
			return nil, resp
		}
		records = append(records, s.finalise(u.Feature, u.MaxVersionLevel)...)
	}
	for _, u := range req.FeatureUpdates {
		if req.Version <= 1 {
			result := kmsg.NewUpdateFeaturesResponseResult()
			result.Feature, result.ErrorMessage = u.Feature, kmsg.StringPtr("NONE") // Kafka's message of no error
			resp.Results = append(resp.Results, result)
		}
	}
	if req.ValidateOnly {
		return nil, resp
	}
	return records, resp
}

// mayUpdateFeature checks one update (FeatureControlManager.updateFeature, KIP-584). Every registered broker must
// support the new level, even if the broker is down; otherwise its next registration would be refused. The argument metadata is
// the metadata.version after the request.
func mayUpdateFeature(s decisionState, u *kmsg.UpdateFeaturesRequestFeatureUpdate, metadata int16) *apiError {
	no := func(format string, args ...any) *apiError {
		return refuse(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", u.MaxVersionLevel, u.Feature, fmt.Sprintf(format, args...))
	}
	kind := u.UpgradeType
	i := slices.IndexFunc(s.cfg.Features, func(f Feature) bool { return f.Name == u.Feature })
	current, level := s.Feature(u.Feature), u.MaxVersionLevel
	switch {
	case kind < upgrade || kind > unsafeDowngrade:
		return no("The controller does not support the given upgrade type.")
	case level < 0:
		return no("A feature version cannot be less than 0.")
	case i < 0 && level != 0:
		return no("Local controller %d does not support this feature.", s.cfg.Quorum.Node)
	case i >= 0 && (level < s.cfg.Features[i].Min || level > s.cfg.Features[i].Max):
		return no("Local controller %d only supports versions %d-%d", s.cfg.Quorum.Node, s.cfg.Features[i].Min, s.cfg.Features[i].Max)
	}
	for _, b := range s.Brokers() {
		if least, most := rangeOf(b.Features, u.Feature); level < least || level > most {
			return no("Broker %d only supports versions %d-%d", b.ID, least, most)
		}
	}
	switch {
	case level < current && kind == upgrade:
		return no("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
	case level > current && kind != upgrade:
		return no("Can't downgrade to a newer version.")
	case level < current && u.Feature == metadataFeature: // the log may have records that an older version cannot read
		return refuse(kerr.InvalidUpdateVersion, "Unsupported metadata.version downgrade from %d to %d. Refusing to perform the requested downgrade "+
			"because it might delete metadata information.", current, level)
	case u.Feature == elrFeature && level > 0 && metadata < withELR: // the records of this feature need 4.0-IV1 (Feature.validateVersion)
		return no("%s could not be set to %d because it depends on metadata.version level %d", elrFeature, level, withELR)
	}
	return nil
}

// finalise returns the records that set a feature's level. If they enable eligible leader replicas, they also set
// min.insync.replicas for the whole cluster, because from then on the controller uses that value in its decisions.
func (s decisionState) finalise(name string, level int16) []wire.MetadataRecord {
	records := []wire.MetadataRecord{&wire.FeatureLevelRecord{Name: name, Level: level}}
	if name != elrFeature || level == 0 {
		return records
	}
	if _, ok := s.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: minISRConfig}); !ok {
		value := strconv.FormatInt(int64(s.cfg.MinISR), 10)
		records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigBroker, Name: minISRConfig, Value: &value})
	}
	for _, of := range s.ConfiguredBrokers() {
		if _, ok := s.Config(image.ConfigKey{Resource: wire.ConfigBroker, Of: of, Name: minISRConfig}); ok {
			records = append(records, &wire.ConfigRecord{ResourceType: wire.ConfigBroker, ResourceName: of, Name: minISRConfig})
		}
	}
	return records
}

// Levels of metadata.version, each of which introduced a record, a field or a rule.
const (
	withZkMigration = 8  // 3.4-IV0
	withPlainShrink = 12 // 3.6-IV0: the ISR shrinks without a new leader epoch (KAFKA-15021)
	withDirectories = 17 // 3.7-IV2 (KIP-858)
	withELR         = 23 // 4.0-IV1 (KIP-966)
)

// supported returns the features of a broker with their ranges. A broker that does not send metadata.version supports
// only the first version of KRaft.
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

// rangeOf returns the levels of a feature that a broker supports. If the broker does not send the feature, it supports
// only level 0.
func rangeOf(all []wire.FeatureRange, name string) (least, most int16) {
	for _, f := range all {
		if f.Name == name {
			return f.Min, f.Max
		}
	}
	return 0, 0
}

// supports reports whether a broker supports the finalised level of every feature, including features that are not in its
// request (ClusterControlManager.processRegistrationFeature).
func supports(s decisionState, req *kmsg.BrokerRegistrationRequest) bool {
	ranges := supported(req)
	fits := func(name string) bool {
		least, most := rangeOf(ranges, name)
		level := s.Feature(name)
		return least <= level && level <= most
	}
	for _, f := range ranges {
		if !fits(f.Name) {
			return false
		}
	}
	return !slices.ContainsFunc(s.Features(), func(name string) bool { return !fits(name) })
}
