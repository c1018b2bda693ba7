package broker

import (
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
	for _, r := range req.Resources {
		rr := kmsg.NewDescribeConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		if err := c.describeResource(req, &r, &rr); err != nil {
			rr.ErrorCode, rr.ErrorMessage = err.Code, kmsg.StringPtr(err.Description)
		}
		resp.Resources = append(resp.Resources, rr)
	}
	return resp
}

func (c *metadataCache) describeResource(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) *kerr.Error {
	switch r.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if c.image.TopicNamed(r.ResourceName) == nil {
			return topicNameError(r.ResourceName)
		}
		c.describeAll(req, r, out, config.Topic, wire.ConfigTopic, kmsg.ConfigSourceDynamicTopicConfig)
	case kmsg.ConfigResourceTypeBroker:
		if r.ResourceName != "" { // "" means the defaults of all brokers, which every broker knows
			if id, err := strconv.ParseInt(r.ResourceName, 10, 32); err != nil || wire.NodeID(id) != c.cfg.Node {
				return kerr.InvalidRequest
			}
		}
		c.describeAll(req, r, out, config.Broker, wire.ConfigBroker, kmsg.ConfigSourceDynamicBrokerConfig)
	default:
		return kerr.InvalidRequest
	}
	return nil
}

// describeAll returns the requested configs of a resource, or all of them if the request names none.
func (c *metadataCache) describeAll(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource, scope config.Scope, kind wire.ConfigResource, dynamic kmsg.ConfigSource) {
	set := c.cfg.Static
	if scope == config.Topic {
		set = config.New(config.Topic).Over(c.cfg.current(c.image))
	}
	for _, row := range config.Of(scope) {
		if r.ConfigNames != nil && !slices.Contains(r.ConfigNames, row.Name) {
			continue
		}
		rc := kmsg.NewDescribeConfigsResponseResourceConfig()
		rc.Name, rc.ReadOnly = row.Name, scope == config.Broker && !row.Is(config.Dynamic)
		rc.ConfigType = configType(row.Kind)
		v, from := set.Get(row.Name)
		value := v.String()
		rc.Source = kmsg.ConfigSourceDefaultConfig
		if from != config.FromDefault {
			rc.Source = kmsg.ConfigSourceStaticBrokerConfig
		}
		// A value in the image was set through the controller while the cluster ran. It overrides server.properties
		// (KIP-226).
		own, ok := c.image.Config(image.ConfigKey{Resource: kind, Of: r.ResourceName, Name: row.Name})
		if kind == wire.ConfigBroker && r.ResourceName == "" && !ok {
			continue // server.properties is of one broker, not of all (ConfigHelper.describeConfigs)
		}
		if ok {
			value, rc.Source = own, dynamic
			if kind == wire.ConfigBroker && r.ResourceName == "" {
				rc.Source = kmsg.ConfigSourceDynamicDefaultBrokerConfig
			}
		} else if all, ok := c.image.Config(image.ConfigKey{Resource: wire.ConfigBroker, Name: row.Name}); ok && kind == wire.ConfigBroker && row.Is(config.Dynamic) {
			value, rc.Source = all, kmsg.ConfigSourceDynamicDefaultBrokerConfig
		}
		rc.IsDefault = rc.Source == kmsg.ConfigSourceDefaultConfig
		if value != config.Null {
			rc.Value = kmsg.StringPtr(value)
		}
		if req.IncludeDocumentation {
			rc.Documentation = kmsg.StringPtr(row.Doc)
		}
		if req.IncludeSynonyms {
			s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			s.Name, s.Value, s.Source = rc.Name, rc.Value, rc.Source
			rc.ConfigSynonyms = append(rc.ConfigSynonyms, s)
		}
		out.Configs = append(out.Configs, rc)
	}
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
