package broker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// A broker checks AlterConfigs and IncrementalAlterConfigs before it forwards them, because a controller does not know the
// configs of brokers (ConfigAdminManager). It forwards the resources that pass, and puts the answers together:
//
//	request ──preprocess──▶ refused ───────────────────────────────┐
//	              └───────▶ rest ──forwarder──▶ active controller ──▶ response, in the order of the request

// alteration is one resource of either request.
type alteration struct {
	kind    kmsg.ConfigResourceType
	name    string
	configs []alteredConfig
}

// alteredConfig is one change. AlterConfigs only sets configs.
type alteredConfig struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

// configRefusal is the error of one resource.
type configRefusal struct {
	err  *kerr.Error
	text string
}

// alterationsOf returns the resources of a request, or false if it is another one.
func alterationsOf(req env.Request) (all []alteration, ok bool) {
	switch req := req.(type) {
	case *kmsg.AlterConfigsRequest:
		for _, r := range req.Resources {
			a := alteration{kind: r.ResourceType, name: r.ResourceName}
			for _, c := range r.Configs {
				a.configs = append(a.configs, alteredConfig{c.Name, kmsg.IncrementalAlterConfigOpSet, c.Value})
			}
			all = append(all, a)
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for _, r := range req.Resources {
			a := alteration{kind: r.ResourceType, name: r.ResourceName}
			for _, c := range r.Configs {
				a.configs = append(a.configs, alteredConfig{c.Name, c.Op, c.Value})
			}
			all = append(all, a)
		}
	default:
		return nil, false
	}
	return all, true
}

// forwardConfigs forwards the resources of a request that pass the broker's checks. If none is left, it answers at once.
func (f *forwarder) forwardConfigs(e env.Env, t env.Ticket, req env.Request, all []alteration) {
	refused := make([]*configRefusal, len(all))
	left := 0
	for i, a := range all {
		same := func(o alteration) bool { return o.kind == a.kind && o.name == a.name }
		if slices.ContainsFunc(all[:i], same) || slices.ContainsFunc(all[i+1:], same) {
			refused[i] = &configRefusal{kerr.InvalidRequest, "Each resource must appear at most once."}
		} else if refused[i] = f.checkAlteration(a); refused[i] == nil {
			left++
		}
	}
	switch left {
	case len(all):
		f.forward(e, t, req)
	case 0:
		f.metrics.reply(e, t, mergeConfigs(req, refused, nil), e.Now())
	default:
		f.last++
		f.underway[f.last] = &forwarded{ticket: t, req: restOf(req, refused), since: e.Now(), whole: req, refused: refused}
		f.send(e, f.last)
	}
}

// checkAlteration makes the checks of ConfigAdminManager.preprocess.
func (f *forwarder) checkAlteration(a alteration) *configRefusal {
	var nulls []string
	for i, c := range a.configs {
		if slices.ContainsFunc(a.configs[:i], func(o alteredConfig) bool { return o.name == c.name }) {
			return &configRefusal{kerr.InvalidRequest, "Error due to duplicate config keys"}
		}
		if c.value == nil && c.op != kmsg.IncrementalAlterConfigOpDelete {
			nulls = append(nulls, c.name)
		}
	}
	if len(nulls) > 0 {
		return &configRefusal{kerr.InvalidRequest, "Null value not supported for : " + strings.Join(nulls, ", ")}
	}
	switch wire.ConfigResource(a.kind) {
	case wire.ConfigTopic, wire.ConfigGroup, wire.ConfigClientMetrics:
		return nil
	case wire.ConfigBroker:
		return f.checkBrokerConfigs(a)
	}
	return &configRefusal{kerr.InvalidRequest, fmt.Sprintf("Unknown resource type %d", a.kind)}
}

// checkBrokerConfigs checks the configs of this broker, or those of all brokers. The configs of another broker are refused.
func (f *forwarder) checkBrokerConfigs(a alteration) *configRefusal {
	if a.name != "" {
		id, err := strconv.ParseInt(a.name, 10, 32)
		switch {
		case err != nil:
			return &configRefusal{kerr.InvalidRequest, "Node id must be an integer, but it is: " + a.name}
		case wire.NodeID(id) != f.cfg.Node:
			return &configRefusal{kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d, but received %s", f.cfg.Node, a.name)}
		}
	}
	var static, ofOne []string
	for _, c := range a.configs {
		known, isKnown := config.Lookup(config.Node, c.name)
		switch {
		case c.op < 0 || c.op > kmsg.IncrementalAlterConfigOpSubtract:
			return &configRefusal{kerr.InvalidRequest, fmt.Sprintf("Unknown operations type %d", c.op)}
		case c.op >= kmsg.IncrementalAlterConfigOpAppend && !isKnown:
			return &configRefusal{kerr.InvalidConfig, "Unknown config name: " + c.name}
		case c.op >= kmsg.IncrementalAlterConfigOpAppend && known.Kind != config.List:
			verb := [...]string{"append", "subtract"}[c.op-kmsg.IncrementalAlterConfigOpAppend]
			return &configRefusal{kerr.InvalidConfig, "Config value " + verb + " is not allowed for config key: " + c.name}
		case c.op == kmsg.IncrementalAlterConfigOpDelete:
		case isKnown && !known.Is(config.Dynamic), slices.Contains(fixed[:], c.name):
			static = append(static, c.name)
		case a.name == "" && slices.Contains(ofOneBroker[:], c.name):
			ofOne = append(ofOne, c.name)
		}
	}
	if len(static) > 0 {
		return &configRefusal{kerr.InvalidRequest, fmt.Sprintf("Cannot update these configs dynamically: [%s]", strings.Join(static, ", "))}
	}
	for _, c := range a.configs {
		known, isKnown := config.Lookup(config.Node, c.name)
		if !isKnown || c.value == nil || c.op != kmsg.IncrementalAlterConfigOpSet {
			continue
		}
		if _, err := config.Parse(known, *c.value); err != nil {
			text := err.Error()
			if bad, ok := err.(*config.Error); ok {
				text = bad.Why
			}
			return &configRefusal{kerr.InvalidRequest, text}
		}
	}
	if len(ofOne) > 0 {
		return &configRefusal{kerr.InvalidRequest, fmt.Sprintf("Cannot update these configs at default cluster level, broker id must be specified: [%s]", strings.Join(ofOne, ", "))}
	}
	return nil
}

// These configs are not in the table, because a node has them in another form here. The ones in fixed are read at the start of
// the process, the ones in ofOneBroker belong to a single broker.
var (
	fixed       = [...]string{"node.id", "process.roles", "log.dir", "log.dirs", "metadata.log.dir", "controller.quorum.voters", "controller.listener.names", "inter.broker.listener.name"}
	ofOneBroker = [...]string{"listeners", "advertised.listeners", "listener.security.protocol.map"}
)

// restOf returns the request without the refused resources.
func restOf(req env.Request, refused []*configRefusal) env.Request {
	switch req := req.(type) {
	case *kmsg.AlterConfigsRequest:
		rest := *req
		rest.Resources = nil
		for i, r := range req.Resources {
			if refused[i] == nil {
				rest.Resources = append(rest.Resources, r)
			}
		}
		return &rest
	case *kmsg.IncrementalAlterConfigsRequest:
		rest := *req
		rest.Resources = nil
		for i, r := range req.Resources {
			if refused[i] == nil {
				rest.Resources = append(rest.Resources, r)
			}
		}
		return &rest
	}
	return req
}

// mergeConfigs returns the response to a request: the broker's refusals, and between them the controller's results for the rest.
func mergeConfigs(req env.Request, refused []*configRefusal, rest env.Response) env.Response {
	switch resp := req.ResponseKind().(type) {
	case *kmsg.AlterConfigsResponse:
		var from []kmsg.AlterConfigsResponseResource
		if r, ok := rest.(*kmsg.AlterConfigsResponse); ok {
			from = r.Resources
		}
		for i, r := range req.(*kmsg.AlterConfigsRequest).Resources {
			ar := kmsg.NewAlterConfigsResponseResource()
			ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
			if refused[i] != nil {
				ar.ErrorCode, ar.ErrorMessage = refused[i].err.Code, kmsg.StringPtr(refused[i].text)
			} else if len(from) > 0 {
				ar, from = from[0], from[1:]
			}
			resp.Resources = append(resp.Resources, ar)
		}
		return resp
	case *kmsg.IncrementalAlterConfigsResponse:
		var from []kmsg.IncrementalAlterConfigsResponseResource
		if r, ok := rest.(*kmsg.IncrementalAlterConfigsResponse); ok {
			from = r.Resources
		}
		for i, r := range req.(*kmsg.IncrementalAlterConfigsRequest).Resources {
			ar := kmsg.NewIncrementalAlterConfigsResponseResource()
			ar.ResourceType, ar.ResourceName = r.ResourceType, r.ResourceName
			if refused[i] != nil {
				ar.ErrorCode, ar.ErrorMessage = refused[i].err.Code, kmsg.StringPtr(refused[i].text)
			} else if len(from) > 0 {
				ar, from = from[0], from[1:]
			}
			resp.Resources = append(resp.Resources, ar)
		}
		return resp
	}
	return rest
}
