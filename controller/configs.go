package controller

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/sim/env"
	"samsa/wire"
)

// Setting is one config with its value.
type Setting struct{ Name, Value string }

// checkConfigs returns an error if a resource must not have these configs. The list all has every config that the resource
// would have.
func (c *Config) checkConfigs(resource wire.ConfigResource, all []Setting) error {
	if c.CheckConfigs == nil {
		return nil
	}
	return c.CheckConfigs(resource, all)
}

// creationConfigs returns the configs that a new topic would have, for the response (KIP-525): its own ones, and the defaults in
// force.
func (s decisionState) creationConfigs(rt *kmsg.CreateTopicsRequestTopic) []kmsg.CreateTopicsResponseTopicConfig {
	if s.cfg.TopicConfigs == nil {
		return noTopicConfigs()
	}
	return s.cfg.TopicConfigs(s.settingsOf(wire.ConfigBroker, ""), creationSettings(rt))
}

// settingsOf returns the configs that are set on a resource.
func (s decisionState) settingsOf(kind wire.ConfigResource, name string) (all []Setting) {
	for _, k := range s.ConfigsOf(kind, name) {
		value, _ := s.Config(k)
		all = append(all, Setting{k.Name, value})
	}
	return all
}

// change is a change of one config. The value is nil if the config is removed.
type change struct {
	name  string
	value *string
}

// incrementalAlterConfigs sets, deletes, appends to and subtracts from configs (KIP-339). Each resource may fail alone. If a
// change requires other records, for example to clear an ELR, they are in the same batch.
func incrementalAlterConfigs(s decisionState, req *kmsg.IncrementalAlterConfigsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	a := configAlteration{state: s}
	for i := range req.Resources {
		r := &req.Resources[i]
		alt := a.begin(wire.ConfigResource(r.ResourceType), r.ResourceName)
		for _, cfg := range r.Configs {
			a.apply(alt, cfg.Name, cfg.Op, cfg.Value)
		}
	}
	for _, r := range a.finish() {
		ar := kmsg.NewIncrementalAlterConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = kmsg.ConfigResourceType(r.kind), r.name
		ar.ErrorCode, ar.ErrorMessage = r.err.code(), r.err.message()
		resp.Resources = append(resp.Resources, ar)
	}
	return a.records(req.ValidateOnly), resp
}

// alterConfigs replaces all configs of resources by those of the request, and so removes the others. Clients are asked to use
// IncrementalAlterConfigs instead (KIP-339).
func alterConfigs(s decisionState, req *kmsg.AlterConfigsRequest) ([]wire.MetadataRecord, env.Response) {
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	a := configAlteration{state: s}
	for i := range req.Resources {
		r := &req.Resources[i]
		alt := a.begin(wire.ConfigResource(r.ResourceType), r.ResourceName)
		for _, cfg := range r.Configs {
			alt.set(cfg.Name, cfg.Value)
		}
		for _, k := range s.ConfigsOf(alt.kind, alt.name) {
			if !slices.ContainsFunc(r.Configs, func(c kmsg.AlterConfigsRequestResourceConfig) bool { return c.Name == k.Name }) {
				alt.set(k.Name, nil)
			}
		}
	}
	for _, r := range a.finish() {
		ar := kmsg.NewAlterConfigsResponseResource()
		ar.ResourceType, ar.ResourceName = kmsg.ConfigResourceType(r.kind), r.name
		ar.ErrorCode, ar.ErrorMessage = r.err.code(), r.err.message()
		resp.Resources = append(resp.Resources, ar)
	}
	return a.records(req.ValidateOnly), resp
}

// configAlteration collects the changes of one request (ConfigurationControlManager).
type configAlteration struct {
	state     decisionState
	resources []*alteredResource
}

// alteredResource is one resource with its changes.
type alteredResource struct {
	kind    wire.ConfigResource
	name    string
	changes []change
	err     *apiError
}

// begin begins a resource. A resource that appears again is refused once (ControllerApis).
func (a *configAlteration) begin(kind wire.ConfigResource, name string) *alteredResource {
	for _, r := range a.resources {
		if r.kind == kind && r.name == name {
			r.err = refuse(kerr.InvalidRequest, "Duplicate resource.")
			again := *r
			return &again
		}
	}
	r := &alteredResource{kind: kind, name: name}
	a.resources = append(a.resources, r)
	return r
}

// apply adds the change that an operation makes. An append or a subtract starts from the value that the resource has, or
// else from the default. Both need a config that is a list.
func (a *configAlteration) apply(r *alteredResource, name string, op kmsg.IncrementalAlterConfigOp, with *string) {
	was, isSet := a.state.Config(image.ConfigKey{Resource: r.kind, Of: r.name, Name: name})
	splits, def := true, ""
	if a.state.cfg.ListDefault != nil {
		def, splits = a.state.cfg.ListDefault(r.kind, name)
	}
	if !isSet {
		was = def
	}
	word := "APPEND"
	switch {
	case r.err != nil:
		return
	case op == kmsg.IncrementalAlterConfigOpDelete:
		r.set(name, nil)
		return
	case op == kmsg.IncrementalAlterConfigOpSet && with != nil:
		r.set(name, with)
		return
	case with == nil || op > kmsg.IncrementalAlterConfigOpSubtract || op < 0: // brokers refuse this and do not forward it
		r.err = &apiError{err: kerr.UnknownServerError}
		return
	case op == kmsg.IncrementalAlterConfigOpSubtract:
		word = "SUBTRACT"
	}
	if !splits {
		r.err = refuse(kerr.InvalidConfig, "Can't %s to key %s because its type is not LIST.", word, name)
		return
	}
	parts := slices.DeleteFunc(strings.Split(was, ","), func(part string) bool { return part == "" })
	for _, part := range strings.Split(*with, ",") {
		at := slices.Index(parts, part)
		switch {
		case op == kmsg.IncrementalAlterConfigOpAppend && at < 0:
			parts = append(parts, part)
		case op == kmsg.IncrementalAlterConfigOpSubtract && at >= 0:
			parts = slices.Delete(parts, at, at+1)
		}
	}
	joined := strings.Join(parts, ",")
	r.set(name, &joined)
}

// set adds a change. If a request has a config twice, the last one counts.
func (r *alteredResource) set(name string, value *string) {
	r.changes = append(slices.DeleteFunc(r.changes, func(c change) bool { return c.name == name }), change{name, value})
}

// finish validates the changes of every resource and returns the resources.
func (a *configAlteration) finish() []*alteredResource {
	for _, r := range a.resources {
		if r.err == nil {
			r.err = a.state.validateAlterConfig(r)
		}
	}
	return a.resources
}

// records returns the records of the resources without an error. An unchanged value needs no record. The configs of brokers
// are the exception, because a broker reads its files again after each record (KAFKA-14136). A record for min.insync.replicas
// clears ELRs even if it changes nothing.
func (a *configAlteration) records(validateOnly bool) []wire.MetadataRecord {
	var records []wire.MetadataRecord
	for _, r := range a.resources {
		if r.err != nil || validateOnly {
			continue
		}
		for _, c := range r.changes {
			was, isSet := a.state.Config(image.ConfigKey{Resource: r.kind, Of: r.name, Name: c.name})
			if r.kind != wire.ConfigBroker && (c.value == nil && !isSet || c.value != nil && isSet && *c.value == was) {
				continue
			}
			records = append(records, &wire.ConfigRecord{ResourceType: r.kind, ResourceName: r.name, Name: c.name, Value: c.value})
		}
	}
	return append(records, a.state.elrSafetyRecords(records)...)
}

// validateAlterConfig checks the configs that a resource would have after its changes, and then that the resource exists
// (ConfigurationControlManager.validateAlterConfig).
func (s decisionState) validateAlterConfig(r *alteredResource) *apiError {
	all := s.settingsOf(r.kind, r.name)
	for _, c := range r.changes {
		if c.name == minISRConfig && r.kind == wire.ConfigBroker && s.elr() {
			switch { // the controller needs one value for all brokers (KIP-966)
			case r.name != "":
				return refuse(kerr.InvalidConfig, "Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
			case c.value == nil:
				return refuse(kerr.InvalidConfig, "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
			}
		}
		const longest = 1<<15 - 1
		if c.value != nil && len(*c.value) > longest {
			return refuse(kerr.InvalidConfig, "The configuration value cannot be added because it exceeds the maximum value size of %d bytes.", longest)
		}
		all = slices.DeleteFunc(all, func(o Setting) bool { return o.Name == c.name })
		if c.value != nil {
			all = append(all, Setting{c.name, *c.value})
		}
	}
	if err := validResourceName(r.kind, r.name); err != nil {
		return err
	}
	if err := s.cfg.checkConfigs(r.kind, all); err != nil {
		return refuse(kerr.InvalidConfig, "%s", err.Error())
	}
	return s.resourceExists(r.kind, r.name)
}

// validResourceName checks the kind and the name of a resource (ControllerConfigurationValidator).
func validResourceName(kind wire.ConfigResource, name string) *apiError {
	switch kind {
	case wire.ConfigTopic:
		if name == "" {
			return refuse(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if why := wire.InvalidTopicName(name); why != "" {
			return refuse(kerr.InvalidTopicException, "Topic name is invalid: %s", why)
		}
	case wire.ConfigBroker:
		id, err := strconv.ParseInt(name, 10, 32)
		switch {
		case name == "":
		case err != nil:
			return refuse(kerr.InvalidRequest, "Unable to parse broker name as a base 10 number.")
		case id < 0:
			return refuse(kerr.InvalidRequest, "Invalid negative broker ID.")
		}
	case wire.ConfigGroup:
		if name == "" {
			return refuse(kerr.InvalidRequest, "Default group resources are not allowed.")
		}
	case wire.ConfigClientMetrics:
		if name == "" {
			return refuse(kerr.InvalidRequest, "Subscription name can't be empty")
		}
	default:
		return refuse(kerr.UnsupportedVersion, "Unknown resource type %d.", kind)
	}
	return nil
}

// resourceExists checks that a topic or a node exists (ConfigResourceExistenceChecker). The configs for all brokers need
// no such check.
func (s decisionState) resourceExists(kind wire.ConfigResource, name string) *apiError {
	switch {
	case kind == wire.ConfigTopic && s.TopicNamed(name) == nil:
		return refuse(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	case kind == wire.ConfigBroker && name != "":
		id, _ := strconv.ParseInt(name, 10, 32)
		voter := slices.ContainsFunc(s.cfg.Quorum.Voters, func(v raft.Voter) bool { return int64(v.ID) == id })
		if s.Broker(wire.NodeID(id)) == nil && !voter {
			return refuse(kerr.BrokerIDNotRegistered, "No node with id %d found.", id)
		}
	}
	return nil
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
		err := validResourceName(kind, r.ResourceName)
		if err == nil {
			err = s.resourceExists(kind, r.ResourceName)
		}
		if err != nil {
			ar.ErrorCode, ar.ErrorMessage = err.code(), err.message()
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
