package observe

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim/env"
	"samsa/wire"
)

// operatorAnswered delivers a controller's answer to an operator, one for each topic of the request. The parameter known is the end of the committed metadata when the request arrived.
func operatorAnswered(o *observer, h *hostView, asked env.Request, answer env.Response, known wire.Offset) {
	say := func(a check.Asked) {
		a.From, a.Known = h.Node, known
		a.Answered(o.view)
	}
	switch req := asked.(type) {
	case *kmsg.CreateTopicsRequest:
		for _, t := range answer.(*kmsg.CreateTopicsResponse).Topics {
			i := only(req.Topics, func(rt *kmsg.CreateTopicsRequestTopic) bool { return rt.Topic == t.Topic })
			if i < 0 {
				continue
			}
			rt := &req.Topics[i]
			say(check.Asked{
				What: check.Creation, Code: t.ErrorCode, Validate: req.ValidateOnly, Topic: rt.Topic, ID: t.TopicID,
				Partitions: rt.NumPartitions, Factor: rt.ReplicationFactor, Assigned: len(rt.ReplicaAssignment) > 0,
			})
		}
	case *kmsg.DeleteTopicsRequest:
		asked := wire.TopicsToDelete(req)
		for _, t := range answer.(*kmsg.DeleteTopicsResponse).Topics {
			if t.Topic != nil && only(asked, func(rt *kmsg.DeleteTopicsRequestTopic) bool { return rt.Topic != nil && *rt.Topic == *t.Topic }) >= 0 {
				say(check.Asked{What: check.Deletion, Code: t.ErrorCode, Topic: *t.Topic})
			}
		}
	case *kmsg.CreatePartitionsRequest:
		for _, t := range answer.(*kmsg.CreatePartitionsResponse).Topics {
			i := only(req.Topics, func(rt *kmsg.CreatePartitionsRequestTopic) bool { return rt.Topic == t.Topic })
			if i < 0 {
				continue
			}
			rt := &req.Topics[i]
			say(check.Asked{What: check.Growth, Code: t.ErrorCode, Validate: req.ValidateOnly, Topic: rt.Topic, Partitions: rt.Count, Assigned: rt.Assignment != nil})
		}
	case *kmsg.ElectLeadersRequest:
		if req.ElectionType != 0 {
			return
		}
		for _, t := range answer.(*kmsg.ElectLeadersResponse).Topics {
			for _, p := range t.Partitions {
				say(check.Asked{What: check.PreferredElection, Code: p.ErrorCode, Topic: t.Topic, Partition: p.Partition})
			}
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for _, r := range answer.(*kmsg.IncrementalAlterConfigsResponse).Resources {
			if r.ResourceType == kmsg.ConfigResourceTypeTopic {
				say(check.Asked{What: check.TopicConfigs, Code: r.ErrorCode, Validate: req.ValidateOnly, Topic: r.ResourceName})
			}
		}
	case *kmsg.UpdateFeaturesRequest:
		a := check.Asked{What: check.Levels, Code: answer.(*kmsg.UpdateFeaturesResponse).ErrorCode, Validate: req.ValidateOnly}
		for i, u := range req.FeatureUpdates {
			if slices.ContainsFunc(req.FeatureUpdates[i+1:], func(o kmsg.UpdateFeaturesRequestFeatureUpdate) bool { return o.Feature == u.Feature }) {
				continue // the last update of a feature counts
			}
			a.Levels = append(a.Levels, check.LevelAsked{Feature: u.Feature, Level: u.MaxVersionLevel, Kind: u.UpgradeType})
		}
		say(a)
	}
}

// only returns the index of the one element for which is holds, and -1 if there is none or more than one: a controller refuses a
// topic that a request has twice.
func only[T any](all []T, is func(*T) bool) int {
	at := -1
	for i := range all {
		if is(&all[i]) {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}
