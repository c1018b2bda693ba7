package broker

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/wire"
	"samsa/wire/config"
)

// DescribeConfigs has versions 1 to 4 and returns the current configs of topics and brokers, with the source of each value.
// Version 3 adds types and documentation. A broker does not know the server.properties of other brokers, so it refuses
// requests about them.
func (c *metadataCache) handleDescribeConfigsRequest(req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	malformed := slices.ContainsFunc(req.Resources, func(r kmsg.DescribeConfigsRequestResource) bool { return !describable(r.ResourceType) })
	for _, r := range req.Resources {
		rr := kmsg.NewDescribeConfigsResponseResource()
		rr.ResourceType, rr.ResourceName, rr.Configs = r.ResourceType, r.ResourceName, []kmsg.DescribeConfigsResponseResourceConfig{}
		err, message := kerr.InvalidRequest, kerr.InvalidRequest.Description
		if !malformed {
			err, message = c.describeResource(req, &r, &rr)
		}
		rr.ErrorMessage = kmsg.StringPtr(message) // empty and not null if there is none
		if err != nil {
			rr.ErrorCode = err.Code
		}
		resp.Resources = append(resp.Resources, rr)
	}
	return resp
}

// describable reports whether resources of a type have configs. A request with another type is refused as a whole.
func describable(t kmsg.ConfigResourceType) bool {
	return t == kmsg.ConfigResourceTypeTopic || t == kmsg.ConfigResourceTypeBroker || t == kmsg.ConfigResourceTypeBrokerLogger ||
		t == kmsg.ConfigResourceTypeGroupConfig || t == 16
}

func (c *metadataCache) describeResource(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) (*kerr.Error, string) {
	switch r.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if why := wire.InvalidTopicName(r.ResourceName); why != "" {
			return kerr.InvalidTopicException, "Topic name is invalid: " + why
		}
		if c.image.TopicNamed(r.ResourceName) == nil {
			return kerr.UnknownTopicOrPartition, ""
		}
		c.describeAll(req, r, out, config.Topic, wire.ConfigTopic)
	case kmsg.ConfigResourceTypeBroker:
		if r.ResourceName != "" { // "" means the defaults of all brokers, which every broker knows
			id, err := strconv.ParseInt(r.ResourceName, 10, 32)
			switch {
			case err != nil:
				return kerr.InvalidRequest, "Broker id must be an integer, but it is: " + r.ResourceName
			case wire.NodeID(id) != c.cfg.Node:
				return kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", c.cfg.Node, r.ResourceName)
			}
		}
		c.describeAll(req, r, out, config.Broker, wire.ConfigBroker)
	default:
		return kerr.InvalidRequest, "Unsupported resource type: " + r.ResourceType.String()
	}
	return nil, ""
}

// describeAll returns the requested configs of a resource, or all of them if the request names none.
func (c *metadataCache) describeAll(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource, scope config.Scope, kind wire.ConfigResource) {
	set := c.cfg.current(c.image)
	if scope == config.Topic {
		set = c.topicSet(r.ResourceName).Over(set)
	}
	for _, row := range config.Of(scope) {
		if row.Is(config.Internal) || len(r.ConfigNames) > 0 && !slices.Contains(r.ConfigNames, row.Name) {
			continue
		}
		rc := kmsg.NewDescribeConfigsResponseResourceConfig()
		rc.Name, rc.ReadOnly = row.Name, scope == config.Broker && !row.Is(config.Dynamic)
		rc.ConfigType = configType(row.Kind)
		v, _ := set.Get(row.Name)
		value := v.String()
		synonyms := c.synonyms(row, r, kind)
		if kind == wire.ConfigBroker && r.ResourceName == "" {
			if len(synonyms) == 0 {
				continue // server.properties is of one broker, not of all (ConfigHelper.describeConfigs)
			}
			value = *synonyms[0].Value
		}
		rc.Source = kmsg.ConfigSourceDefaultConfig
		if len(synonyms) > 0 {
			rc.Source = synonyms[0].Source
		}
		rc.IsDefault = rc.Source == kmsg.ConfigSourceDefaultConfig
		if value != config.Null {
			rc.Value = kmsg.StringPtr(value)
		}
		if req.IncludeDocumentation {
			rc.Documentation = kmsg.StringPtr(row.Doc)
		}
		if req.IncludeSynonyms {
			rc.ConfigSynonyms = synonyms
		}
		out.Configs = append(out.Configs, rc)
	}
}

// topicSet returns a topic's own configs.
func (c *metadataCache) topicSet(name string) *config.Set {
	set := config.New(config.Topic)
	for _, k := range c.image.TopicConfigs(name) {
		v, _ := c.image.Config(k)
		if with, err := set.With(k.Name, v); err == nil {
			set = with
		}
	}
	return set
}

// synonyms returns all values that a config has, the one in force first (ConfigHelper.configSynonyms): the topic's own, then
// those of the node configs to which it falls back, each dynamic for this broker, dynamic for all, from server.properties, and
// by default.
func (c *metadataCache) synonyms(row *config.Config, r *kmsg.DescribeConfigsRequestResource, kind wire.ConfigResource) (all []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym) {
	add := func(name, value string, source kmsg.ConfigSource) {
		s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		s.Name, s.Value, s.Source = name, kmsg.StringPtr(value), source
		all = append(all, s)
	}
	var names []string
	if kind == wire.ConfigBroker {
		names = append(names, row.Name)
	} else if own, ok := c.image.Config(image.ConfigKey{Resource: kind, Of: r.ResourceName, Name: row.Name}); ok {
		add(row.Name, own, kmsg.ConfigSourceDynamicTopicConfig)
	}
	for _, y := range row.Synonyms() {
		names = append(names, y.Name)
	}
	ofAll := kind == wire.ConfigBroker && r.ResourceName == ""
	for _, level := range []struct {
		source kmsg.ConfigSource
		of     string
	}{{kmsg.ConfigSourceDynamicBrokerConfig, strconv.Itoa(int(c.cfg.Node))}, {kmsg.ConfigSourceDynamicDefaultBrokerConfig, ""}} {
		for _, name := range names {
			if v, ok := c.image.Config(image.ConfigKey{Resource: wire.ConfigBroker, Of: level.of, Name: name}); ok && (!ofAll || level.of == "") {
				add(name, v, level.source)
			}
		}
	}
	if ofAll {
		return all
	}
	for _, name := range names {
		if slices.Contains(c.cfg.Static.Own(), name) {
			v, _ := c.cfg.Static.Get(name)
			add(name, v.String(), kmsg.ConfigSourceStaticBrokerConfig)
		}
	}
	for _, name := range names {
		if known, ok := config.Lookup(config.Broker, name); ok && known.Default != config.Null {
			add(name, known.Default, kmsg.ConfigSourceDefaultConfig)
		}
	}
	for len(names) > 0 && len(all) > 0 && all[0].Name != names[0] && all[0].Source != kmsg.ConfigSourceDynamicTopicConfig {
		all = all[1:] // Kafka drops what comes before the first value of the config itself
	}
	return all
}

func configType(k config.Kind) kmsg.ConfigType {
	switch k {
	case config.Bool:
		return kmsg.ConfigTypeBoolean
	case config.Short:
		return kmsg.ConfigTypeShort
	case config.Int:
		return kmsg.ConfigTypeInt
	case config.Long:
		return kmsg.ConfigTypeLong
	case config.Ratio:
		return kmsg.ConfigTypeDouble
	case config.List:
		return kmsg.ConfigTypeList
	}
	return kmsg.ConfigTypeString
}
