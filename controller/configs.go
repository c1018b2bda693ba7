package controller

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// checkConfig returns an error if the value of a config is invalid.
func (c *Config) checkConfig(resource wire.ConfigResource, name, value string) error {
	if c.CheckConfig == nil {
		return nil
	}
	return c.CheckConfig(resource, name, value)
}

// alterConfigs sets, deletes, appends to and subtracts from configs (KIP-339). Each resource may fail alone. If a change
// requires other records, for example to clear an ELR, they are in the same batch.
func alterConfigs(s decisionState, req *kmsg.IncrementalAlterConfigsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	var records []wire.MetadataRecord
	for i := range req.Resources {
		r := &req.Resources[i]
		ar := kmsg.NewIncrementalAlterConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
		changes, err := configChanges(s, r)
		if slices.ContainsFunc(req.Resources[:i], func(o kmsg.IncrementalAlterConfigsRequestResource) bool {
			return o.ResourceType == r.ResourceType && o.ResourceName == r.ResourceName
		}) {
			err = kerr.InvalidRequest
		}
		if ar.ErrorCode = codeOf(err); err == nil && !req.ValidateOnly {
			records = append(records, changes...)
		}
		resp.Resources = append(resp.Resources, ar)
	}
	return append(records, s.elrSafetyRecords(records)...), resp
}

// configChanges returns the records for the changes of one resource, or an error.
func configChanges(s decisionState, r *kmsg.IncrementalAlterConfigsRequestResource) ([]wire.MetadataRecord, *kerr.Error) {
	kind := wire.ConfigResource(r.ResourceType)
	if err := s.validResource(kind, r.ResourceName); err != nil {
		return nil, err
	}
	var records []wire.MetadataRecord
	for i, cfg := range r.Configs {
		if slices.ContainsFunc(r.Configs[:i], func(o kmsg.IncrementalAlterConfigsRequestResourceConfig) bool { return o.Name == cfg.Name }) {
			return nil, kerr.InvalidRequest
		}
		was, set := s.Config(image.ConfigKey{Resource: kind, Of: r.ResourceName, Name: cfg.Name})
		value, err := newValue(was, cfg.Op, cfg.Value)
		if err != nil {
			return nil, err
		}
		if value != nil && s.cfg.checkConfig(kind, cfg.Name, *value) != nil {
			return nil, kerr.InvalidConfig
		}
		if cfg.Name == minISRConfig && kind == wire.ConfigBroker && r.ResourceName != "" && s.elr() {
			return nil, kerr.InvalidConfig // the controller needs one value for all brokers (KIP-966)
		}
		// An unchanged value needs no record. The configs of brokers are the exception, because a broker reads its files
		// again after each record (KAFKA-14136). A record for min.insync.replicas clears ELRs even if it changes nothing.
		if kind != wire.ConfigBroker && (value == nil && !set || value != nil && set && *value == was) {
			continue
		}
		records = append(records, &wire.ConfigRecord{ResourceType: kind, ResourceName: r.ResourceName, Name: cfg.Name, Value: value})
	}
	return records, nil
}

// validResource checks a resource, which must be an existing topic, a broker id, or "" for the default of all brokers.
func (s decisionState) validResource(kind wire.ConfigResource, name string) *kerr.Error {
	switch kind {
	case wire.ConfigTopic:
		if s.TopicNamed(name) == nil {
			return kerr.UnknownTopicOrPartition
		}
	case wire.ConfigBroker:
		if _, err := strconv.ParseInt(name, 10, 32); err != nil && name != "" {
			return kerr.InvalidRequest
		}
	case wire.ConfigGroup, wire.ConfigClientMetrics:
		if name == "" {
			return kerr.InvalidRequest
		}
	default:
		return kerr.InvalidRequest
	}
	return nil
}

// newValue returns the value after an operation, or nil if the config is deleted.
func newValue(was string, o kmsg.IncrementalAlterConfigOp, with *string) (*string, *kerr.Error) {
	if o == kmsg.IncrementalAlterConfigOpDelete {
		return nil, nil
	}
	if with == nil {
		return nil, kerr.InvalidConfig
	}
	var parts []string
	if was != "" {
		parts = strings.Split(was, ",")
	}
	switch o {
	case kmsg.IncrementalAlterConfigOpSet:
		return with, nil
	case kmsg.IncrementalAlterConfigOpAppend:
		for _, s := range strings.Split(*with, ",") {
			if !slices.Contains(parts, s) {
				parts = append(parts, s)
			}
		}
	case kmsg.IncrementalAlterConfigOpSubtract:
		away := strings.Split(*with, ",")
		parts = slices.DeleteFunc(parts, func(s string) bool { return slices.Contains(away, s) })
	default:
		return nil, kerr.InvalidRequest
	}
	joined := strings.Join(parts, ",")
	return &joined, nil
}

// elrSafetyRecords returns records that clear the ELRs that were built with another min.insync.replicas (KIP-966). There
// are no such records for unclean.leader.election.enable. After a change of that config, leaderless partitions wait for
// the next periodic election (unclean.leader.election.interval.ms) or for ElectLeaders.
func (s decisionState) elrSafetyRecords(records []wire.MetadataRecord) []wire.MetadataRecord {
	var more []wire.MetadataRecord
	for _, r := range records {
		cfg := r.(*wire.ConfigRecord)
		if cfg.Name != minISRConfig || !s.elr() {
			continue
		}
		topic := ""
		if cfg.ResourceType == wire.ConfigTopic {
			topic = cfg.ResourceName
		}
		more = append(more, &wire.ClearElrRecord{TopicName: topic})
	}
	return more
}

// describeConfigs returns the configs that are set on resources. It returns no defaults, because the metadata contains
// no defaults.
func describeConfigs(s decisionState, req *kmsg.DescribeConfigsRequest) env.Response {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for _, r := range req.Resources {
		ar := kmsg.NewDescribeConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
		kind := wire.ConfigResource(r.ResourceType)
		if err := s.validResource(kind, r.ResourceName); err != nil {
			ar.ErrorCode = err.Code
			resp.Resources = append(resp.Resources, ar)
			continue
		}
		for _, k := range s.ConfigsOf(kind, r.ResourceName) {
			if r.ConfigNames != nil && !slices.Contains(r.ConfigNames, k.Name) {
				continue
			}
			cfg := kmsg.NewDescribeConfigsResponseResourceConfig()
			value, _ := s.Config(k)
			cfg.Name, cfg.Value = k.Name, &value
			switch {
			case kind == wire.ConfigTopic:
				cfg.Source = kmsg.ConfigSourceDynamicTopicConfig
			case k.Of == "":
				cfg.Source = kmsg.ConfigSourceDynamicDefaultBrokerConfig
			default:
				cfg.Source = kmsg.ConfigSourceDynamicBrokerConfig
			}
			ar.Configs = append(ar.Configs, cfg)
		}
		resp.Resources = append(resp.Resources, ar)
	}
	return resp
}
