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

// DescribeConfigs, versions 1 to 4: what is in force and where it comes from, of topics and of brokers. From 3 with
// types and documentation. Only the broker that is asked for knows what was set in its server.properties.
func (b *Broker) describeConfigs(req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for _, r := range req.Resources {
		rr := kmsg.NewDescribeConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		if err := b.describeResource(req, &r, &rr); err != nil {
			rr.ErrorCode, rr.ErrorMessage = err.Code, kmsg.StringPtr(err.Description)
		}
		resp.Resources = append(resp.Resources, rr)
	}
	return resp
}

func (b *Broker) describeResource(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) *kerr.Error {
	switch r.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if b.image.TopicNamed(r.ResourceName) == nil {
			return unknownName(r.ResourceName)
		}
		b.describeAll(req, r, out, config.Topic, wire.ConfigTopic, kmsg.ConfigSourceDynamicTopicConfig)
	case kmsg.ConfigResourceTypeBroker:
		if r.ResourceName != "" { // "" is the default of all brokers, which everybody knows
			if id, err := strconv.ParseInt(r.ResourceName, 10, 32); err != nil || wire.NodeID(id) != b.cfg.Node {
				return kerr.InvalidRequest
			}
		}
		b.describeAll(req, r, out, config.Broker, wire.ConfigBroker, kmsg.ConfigSourceDynamicBrokerConfig)
	default:
		return kerr.InvalidRequest
	}
	return nil
}

// describeAll answers every config of a scope that was asked for, all of them if none was named.
func (b *Broker) describeAll(req *kmsg.DescribeConfigsRequest, r *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource, scope config.Scope, kind wire.ConfigResource, dynamic kmsg.ConfigSource) {
	set := b.cfg.Static
	if scope == config.Topic {
		set = config.New(config.Topic).Over(b.cfg.Static)
	}
	for _, c := range config.Of(scope) {
		if r.ConfigNames != nil && !slices.Contains(r.ConfigNames, c.Name) {
			continue
		}
		rc := kmsg.NewDescribeConfigsResponseResourceConfig()
		rc.Name, rc.ReadOnly = c.Name, scope == config.Broker && !c.Is(config.Dynamic)
		rc.ConfigType = configType(c.Kind)
		v, from := set.Get(c.Name)
		value := v.String()
		rc.Source = kmsg.ConfigSourceDefaultConfig
		if from != config.FromDefault {
			rc.Source = kmsg.ConfigSourceStaticBrokerConfig
		}
		// The image's own value wins over the file's: it was set while the cluster ran, through the controller (KIP-226).
		own, ok := b.image.Config(image.ConfigKey{Resource: kind, Of: r.ResourceName, Name: c.Name})
		if ok {
			value, rc.Source = own, dynamic
			if kind == wire.ConfigBroker && r.ResourceName == "" {
				rc.Source = kmsg.ConfigSourceDynamicDefaultBrokerConfig
			}
		}
		rc.IsDefault = rc.Source == kmsg.ConfigSourceDefaultConfig
		if value != config.Null {
			rc.Value = kmsg.StringPtr(value)
		}
		if req.IncludeDocumentation {
			rc.Documentation = kmsg.StringPtr(c.Doc)
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
