package controller_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim/env"
	"samsa/wire"
)

// codes are all errors in a response, in whatever field.
func codes(resp env.Response) (all []int16) {
	add := func(c int16) {
		if c != 0 {
			all = append(all, c)
		}
	}
	switch r := resp.(type) {
	case *kmsg.BrokerRegistrationResponse:
		add(r.ErrorCode)
	case *kmsg.BrokerHeartbeatResponse:
		add(r.ErrorCode)
	case *kmsg.UnregisterBrokerResponse:
		add(r.ErrorCode)
	case *kmsg.AlterPartitionResponse:
		add(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(p.ErrorCode)
			}
		}
	case *kmsg.ElectLeadersResponse:
		add(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(p.ErrorCode)
			}
		}
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			add(t.ErrorCode)
		}
	case *kmsg.DeleteTopicsResponse:
		for _, t := range r.Topics {
			add(t.ErrorCode)
		}
	case *kmsg.CreatePartitionsResponse:
		for _, t := range r.Topics {
			add(t.ErrorCode)
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		for _, t := range r.Resources {
			add(t.ErrorCode)
		}
	case *kmsg.AlterConfigsResponse:
		for _, t := range r.Resources {
			add(t.ErrorCode)
		}
	case *kmsg.DescribeConfigsResponse:
		for _, t := range r.Resources {
			add(t.ErrorCode)
		}
	case *kmsg.UpdateFeaturesResponse:
		add(r.ErrorCode)
	case *kmsg.DescribeClusterResponse:
		add(r.ErrorCode)
	default:
		panic(fmt.Sprintf("%T", resp))
	}
	return all
}

func del(name string, id wire.TopicID) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = 6
	t := kmsg.NewDeleteTopicsRequestTopic()
	if t.TopicID = id; name != "" {
		t.Topic = &name
	}
	req.Topics = append(req.Topics, t)
	return req
}

func more(name string, count int32, assignments ...[]int32) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version = 3
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = name, count
	for _, r := range assignments {
		a := kmsg.NewCreatePartitionsRequestTopicAssignment()
		a.Replicas = r
		t.Assignment = append(t.Assignment, a)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func feature(name string, level int16, kind int8) *kmsg.UpdateFeaturesRequest {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 2
	f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	f.Feature, f.MaxVersionLevel, f.UpgradeType = name, level, kind
	req.FeatureUpdates = append(req.FeatureUpdates, f)
	return req
}

// replaced returns an AlterConfigs request, which replaces all configs of a topic.
func replaced(topic string, pairs ...string) *kmsg.AlterConfigsRequest {
	req := kmsg.NewPtrAlterConfigsRequest()
	req.Version = 2
	r := kmsg.NewAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for i := 0; i+1 < len(pairs); i += 2 {
		c := kmsg.NewAlterConfigsRequestResourceConfig()
		c.Name, c.Value = pairs[i], &pairs[i+1]
		r.Configs = append(r.Configs, c)
	}
	req.Resources = append(req.Resources, r)
	return req
}

// changed returns a leader's proposal with one field changed.
func (b *bench) changed(bend func(*kmsg.AlterPartitionRequest, *kmsg.AlterPartitionRequestTopicPartition)) env.Request {
	req := b.alteration("t", 1, 2)
	bend(req, &req.Topics[0].Partitions[0])
	return req
}

// Every error that the controller's handlers can return. A refused request writes nothing and changes nothing.
func TestErrors(t *testing.T) {
	type alterReq = kmsg.AlterPartitionRequest
	type alterPart = kmsg.AlterPartitionRequestTopicPartition
	fence := func(id int32) func(*bench, []int64) {
		return func(b *bench, epochs []int64) {
			b.beat(id, epochs[id], func(r *kmsg.BrokerHeartbeatRequest) { r.WantFence = true })
		}
	}
	seen := map[int16]bool{}
	for _, tc := range []struct {
		name  string
		first func(*bench, []int64) // before the request; topic t with replicas 1, 2, 3 exists
		req   func(*bench, []int64) env.Request
		want  *kerr.Error
	}{
		{"register, other cluster", nil, func(*bench, []int64) env.Request { r := registration(9, 1, -1); r.ClusterID = "x"; return r }, kerr.InconsistentClusterID},
		{"register, negative id", nil, func(*bench, []int64) env.Request { return registration(-1, 1, -1) }, kerr.InvalidRequest},
		{"register, no incarnation", nil, func(*bench, []int64) env.Request { return registration(9, 0, -1) }, kerr.InvalidRequest},
		{"register, id in use", nil, func(*bench, []int64) env.Request { return registration(1, 9, -1) }, kerr.DuplicateBrokerRegistration},
		{"register, no directory", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.LogDirs = nil
			return r
		}, kerr.InvalidRegistration},
		{"register, directory of another", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.LogDirs = registration(1, 1, -1).LogDirs
			return r
		}, kerr.InvalidRegistration},
		{"register, reserved directory", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.LogDirs = [][16]byte{{15: 1}}
			return r
		}, kerr.InvalidRegistration},
		{"register, directory twice", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.LogDirs = [][16]byte{{1}, {1}}
			return r
		}, kerr.InvalidRegistration},
		{"register, feature not supported", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			i := slices.IndexFunc(r.Features, func(f kmsg.BrokerRegistrationRequestFeature) bool { return f.Name == "metadata.version" })
			r.Features[i].MaxSupportedVersion = 26
			return r
		}, kerr.UnsupportedVersion},
		{"register, silent about metadata.version", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.Features = slices.DeleteFunc(r.Features, func(f kmsg.BrokerRegistrationRequestFeature) bool { return f.Name == "metadata.version" })
			return r
		}, kerr.UnsupportedVersion},
		{"register, silent about a finalised feature", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			r.Features = slices.DeleteFunc(r.Features, func(f kmsg.BrokerRegistrationRequestFeature) bool { return f.Name == "transaction.version" })
			return r
		}, kerr.UnsupportedVersion},
		{"register, a feature that is off cannot be", nil, func(*bench, []int64) env.Request {
			r := registration(9, 9, -1)
			f := kmsg.NewBrokerRegistrationRequestFeature()
			f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = "share.version", 1, 2
			r.Features = append(r.Features, f)
			return r
		}, kerr.UnsupportedVersion},
		{"heartbeat, never registered", nil, func(*bench, []int64) env.Request { return heartbeat(9, 1, 1) }, kerr.StaleBrokerEpoch},
		{"heartbeat, old incarnation", nil, func(_ *bench, e []int64) env.Request { return heartbeat(1, e[1]-1, 1) }, kerr.StaleBrokerEpoch},
		{"unregister, never registered", nil, func(*bench, []int64) env.Request { r := kmsg.NewPtrUnregisterBrokerRequest(); r.BrokerID = 9; return r }, kerr.BrokerIDNotRegistered},

		// AlterPartition, in the order in which it is checked.
		{"alter, old incarnation", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(r *alterReq, _ *alterPart) { r.BrokerEpoch-- })
		}, kerr.StaleBrokerEpoch},
		{"alter, unknown topic", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(r *alterReq, _ *alterPart) { r.Topics[0].TopicID[0]++ })
		}, kerr.UnknownTopicID},
		{"alter, unknown partition", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.Partition = 7 })
		}, kerr.UnknownTopicOrPartition},
		{"alter, newer leader epoch", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.LeaderEpoch++ })
		}, kerr.NotController},
		{"alter, newer partition epoch", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.PartitionEpoch++ })
		}, kerr.NotController},
		{"alter, older leader epoch", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.LeaderEpoch-- })
		}, kerr.FencedLeaderEpoch},
		{"alter, not the leader", nil, func(b *bench, e []int64) env.Request {
			return b.changed(func(r *alterReq, _ *alterPart) { r.BrokerID, r.BrokerEpoch = 2, e[2] })
		}, kerr.InvalidRequest},
		{"alter, older partition epoch", func(b *bench, _ []int64) { b.alter("t", 1, 2) }, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.PartitionEpoch-- })
		}, kerr.InvalidUpdateVersion},
		{"alter, not a replica", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.NewEpochISR[1].BrokerID = 4 })
		}, kerr.InvalidRequest},
		{"alter, a replica twice", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.NewEpochISR[1] = p.NewEpochISR[0] })
		}, kerr.InvalidRequest},
		{"alter, without the leader", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.NewEpochISR = p.NewEpochISR[1:] })
		}, kerr.InvalidRequest},
		{"alter, begins to recover", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.NewEpochISR, p.LeaderRecoveryState = p.NewEpochISR[:1], 1 })
		}, kerr.InvalidRequest},
		{"alter, recovers in company", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.LeaderRecoveryState = 1 })
		}, kerr.InvalidRequest},
		{"alter, no such state", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.LeaderRecoveryState = 7 })
		}, kerr.InvalidRequest},
		{"alter, fenced member", fence(2), func(b *bench, _ []int64) env.Request { return b.alteration("t", 1, 2, 3) }, kerr.IneligibleReplica},
		{"alter, another incarnation of a member", nil, func(b *bench, _ []int64) env.Request {
			return b.changed(func(_ *alterReq, p *alterPart) { p.NewEpochISR[1].BrokerEpoch-- })
		}, kerr.IneligibleReplica},

		{"elect, no such kind", nil, func(*bench, []int64) env.Request { return elect(2, "t", 0) }, kerr.InvalidRequest},
		{"elect, unknown topic", nil, func(*bench, []int64) env.Request { return elect(0, "u", 0) }, kerr.UnknownTopicOrPartition},
		{"elect, unknown partition", nil, func(*bench, []int64) env.Request { return elect(0, "t", 5) }, kerr.UnknownTopicOrPartition},
		{"elect, preferred leads", nil, func(*bench, []int64) env.Request { return elect(0, "t", 0) }, kerr.ElectionNotNeeded},
		{"elect, with a leader", nil, func(*bench, []int64) env.Request { return elect(1, "t", 0) }, kerr.ElectionNotNeeded},
		{"elect, preferred is down", fence(1), func(*bench, []int64) env.Request { return elect(0, "t", 0) }, kerr.PreferredLeaderNotAvailable},
		{"elect, no live replica", func(b *bench, e []int64) { fence(1)(b, e); fence(2)(b, e); fence(3)(b, e) }, func(*bench, []int64) env.Request { return elect(1, "t", 0) }, kerr.EligibleLeadersNotAvailable},

		{"create, exists", nil, func(*bench, []int64) env.Request { return topic("t", 1, 1) }, kerr.TopicAlreadyExists},
		{"create, no name", nil, func(*bench, []int64) env.Request { return topic("", 1, 1) }, kerr.InvalidTopicException},
		{"create, bad name", nil, func(*bench, []int64) env.Request { return topic("a/b", 1, 1) }, kerr.InvalidTopicException},
		{"create, same in metrics", func(b *bench, _ []int64) { b.create(topic("a.b", 1, 1)) }, func(*bench, []int64) env.Request { return topic("a_b", 1, 1) }, kerr.InvalidTopicException},
		{"create, twice", nil, func(*bench, []int64) env.Request {
			r := topic("u", 1, 1)
			r.Topics = append(r.Topics, r.Topics[0])
			return r
		}, kerr.InvalidRequest},
		{"create, no partitions", nil, func(*bench, []int64) env.Request { return topic("u", 0, 1) }, kerr.InvalidPartitions},
		{"create, too many replicas", nil, func(*bench, []int64) env.Request { return topic("u", 1, 4) }, kerr.InvalidReplicationFactor},
		{"create, no replicas", nil, func(*bench, []int64) env.Request { return topic("u", 1, 0) }, kerr.InvalidReplicationFactor},
		{"create, placed and counted", nil, func(*bench, []int64) env.Request {
			r := assigned("u", []int32{1})
			r.Topics[0].NumPartitions = 1
			return r
		}, kerr.InvalidRequest},
		{"create, placed on an unknown broker", nil, func(*bench, []int64) env.Request { return assigned("u", []int32{9}) }, kerr.InvalidReplicaAssignment},
		{"create, placed unevenly", nil, func(*bench, []int64) env.Request { return assigned("u", []int32{1}, []int32{1, 2}) }, kerr.InvalidReplicaAssignment},
		{"create, placed twice", nil, func(*bench, []int64) env.Request { return assigned("u", []int32{1, 1}) }, kerr.InvalidReplicaAssignment},
		{"create, bad config", nil, func(*bench, []int64) env.Request { return topic("u", 1, 1, "bad", "x") }, kerr.InvalidConfig},
		{"delete, unknown name", nil, func(*bench, []int64) env.Request { return del("u", wire.TopicID{}) }, kerr.UnknownTopicOrPartition},
		{"delete, unknown id", nil, func(*bench, []int64) env.Request { return del("", wire.TopicID{9}) }, kerr.UnknownTopicID},
		{"delete, name and id", nil, func(*bench, []int64) env.Request { return del("t", wire.TopicID{9}) }, kerr.InvalidRequest},
		{"delete, neither", nil, func(*bench, []int64) env.Request { return del("", wire.TopicID{}) }, kerr.InvalidRequest},
		{"more, unknown topic", nil, func(*bench, []int64) env.Request { return more("u", 2) }, kerr.UnknownTopicOrPartition},
		{"more, as many", nil, func(*bench, []int64) env.Request { return more("t", 1) }, kerr.InvalidPartitions},
		{"more, placed short", nil, func(*bench, []int64) env.Request { return more("t", 3, []int32{1, 2, 3}) }, kerr.InvalidReplicaAssignment},
		{"more, placed thin", nil, func(*bench, []int64) env.Request { return more("t", 2, []int32{1, 2}) }, kerr.InvalidReplicaAssignment},
		{"more, no live broker", func(b *bench, e []int64) { fence(1)(b, e); fence(2)(b, e); fence(3)(b, e) }, func(*bench, []int64) env.Request { return more("t", 2) }, kerr.InvalidReplicationFactor},

		{"configs, unknown topic", nil, func(*bench, []int64) env.Request { return configs(kmsg.ConfigResourceTypeTopic, "u", "x", "y") }, kerr.UnknownTopicOrPartition},
		{"configs, no such thing", nil, func(*bench, []int64) env.Request { return configs(77, "u", "x", "y") }, kerr.UnsupportedVersion},
		{"configs, broker without a number", nil, func(*bench, []int64) env.Request { return configs(kmsg.ConfigResourceTypeBroker, "b1", "x", "y") }, kerr.InvalidRequest},
		{"configs, bad value", nil, func(*bench, []int64) env.Request { return configs(kmsg.ConfigResourceTypeTopic, "t", "bad", "y") }, kerr.InvalidConfig},
		{"configs, resource twice", nil, func(*bench, []int64) env.Request {
			req := configs(kmsg.ConfigResourceTypeTopic, "t", "x", "y")
			req.Resources = append(req.Resources, req.Resources[0])
			return req
		}, kerr.InvalidRequest},
		{"configs replaced, unknown topic", nil, func(*bench, []int64) env.Request { return replaced("u", "x", "y") }, kerr.UnknownTopicOrPartition},
		{"configs replaced, bad value", nil, func(*bench, []int64) env.Request { return replaced("t", "bad", "y") }, kerr.InvalidConfig},
		{"configs, min ISR of one broker", nil, func(*bench, []int64) env.Request {
			return configs(kmsg.ConfigResourceTypeBroker, "1", "min.insync.replicas", "2")
		}, kerr.InvalidConfig},
		{"configs, no such operation", nil, func(*bench, []int64) env.Request {
			r := configs(kmsg.ConfigResourceTypeTopic, "t", "x", "y")
			r.Resources[0].Configs[0].Op = 9
			return r
		}, kerr.UnknownServerError},
		{"describe configs, unknown topic", nil, func(*bench, []int64) env.Request {
			r := kmsg.NewPtrDescribeConfigsRequest()
			r.Version = 4
			x := kmsg.NewDescribeConfigsRequestResource()
			x.ResourceType, x.ResourceName = kmsg.ConfigResourceTypeTopic, "u"
			r.Resources = append(r.Resources, x)
			return r
		}, kerr.UnknownTopicOrPartition},

		{"features, unknown", nil, func(*bench, []int64) env.Request { return feature("x", 1, 1) }, kerr.InvalidUpdateVersion},
		{"features, no such level", nil, func(*bench, []int64) env.Request { return feature("transaction.version", 9, 1) }, kerr.InvalidUpdateVersion},
		{"features, down without saying so", nil, func(*bench, []int64) env.Request { return feature("transaction.version", 1, 1) }, kerr.InvalidUpdateVersion},
		{"features, no such kind", nil, func(*bench, []int64) env.Request { return feature("transaction.version", 1, 0) }, kerr.InvalidUpdateVersion},
		{"features, metadata down", nil, func(*bench, []int64) env.Request { return feature("metadata.version", 20, 3) }, kerr.InvalidUpdateVersion},
		{"features, a broker cannot", func(b *bench, _ []int64) {
			r := registration(7, 7, -1)
			for i := range r.Features {
				if r.Features[i].Name == "transaction.version" {
					r.Features[i].MinSupportedVersion = 2
				}
			}
			b.ask(r)
		}, func(*bench, []int64) env.Request { return feature("transaction.version", 1, 2) }, kerr.InvalidUpdateVersion},
		{"cluster, brokers' endpoints", nil, func(*bench, []int64) env.Request {
			r := kmsg.NewPtrDescribeClusterRequest()
			r.EndpointType = 1
			return r
		}, kerr.MismatchedEndpointType},
		{"cluster, unknown endpoints", nil, func(*bench, []int64) env.Request {
			r := kmsg.NewPtrDescribeClusterRequest()
			r.EndpointType = 3
			return r
		}, kerr.UnsupportedEndpointType},
		{"too many partitions in a request", nil, func(*bench, []int64) env.Request { return topic("u", 40_000, 1) }, kerr.PolicyViolation},
		{"too much for one batch", nil, func(*bench, []int64) env.Request { return more("t", 40_000) }, kerr.UnknownServerError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, func(c *controller.Config) {
				c.CheckConfigs = func(_ wire.ConfigResource, all []controller.Setting) error {
					if slices.ContainsFunc(all, func(s controller.Setting) bool { return s.Name == "bad" }) {
						return errors.New("it is called bad")
					}
					return nil
				}
			})
			epochs := b.brokers(3)
			b.create(assigned("t", []int32{1, 2, 3}))
			if tc.first != nil {
				tc.first(b, epochs)
			}
			tip, stable := b.Digests()
			end := b.End()
			got := codes(b.ask(tc.req(b, epochs)))
			seen[tc.want.Code] = true
			if len(got) == 0 || slices.ContainsFunc(got, func(c int16) bool { return c != tc.want.Code }) {
				t.Errorf("the answer's errors are %v, wanted %d %s", got, tc.want.Code, tc.want.Message)
			}
			if tip2, stable2 := b.Digests(); b.End() != end || tip2 != tip || stable2 != stable {
				t.Errorf("a refused request wrote %d records, digests %x %x, were %x %x", b.End()-end, tip2, stable2, tip, stable)
			}
		})
	}
	for _, e := range []*kerr.Error{kerr.InconsistentClusterID, kerr.InvalidRequest, kerr.DuplicateBrokerRegistration, kerr.InvalidRegistration,
		kerr.UnsupportedVersion, kerr.StaleBrokerEpoch, kerr.BrokerIDNotRegistered, kerr.UnknownTopicID, kerr.UnknownTopicOrPartition, kerr.NotController,
		kerr.FencedLeaderEpoch, kerr.InvalidUpdateVersion, kerr.IneligibleReplica, kerr.ElectionNotNeeded, kerr.PreferredLeaderNotAvailable,
		kerr.EligibleLeadersNotAvailable, kerr.TopicAlreadyExists, kerr.InvalidTopicException, kerr.InvalidPartitions, kerr.InvalidReplicationFactor,
		kerr.InvalidReplicaAssignment, kerr.InvalidConfig, kerr.MismatchedEndpointType, kerr.UnsupportedEndpointType, kerr.UnknownServerError, kerr.PolicyViolation} {
		if !seen[e.Code] {
			t.Errorf("no test gets %d %s", e.Code, e.Message)
		}
	}
}

// A standby answers NOT_CONTROLLER to all requests for the active controller.
func TestStandbyRefuses(t *testing.T) {
	voters := []raft.Voter{{ID: 101, Addr: "c1"}, {ID: 102, Addr: "c2"}, {ID: 103, Addr: "c3"}}
	b := newBench(t, nil)
	cfg := controller.DefaultConfig(101, voters)
	cfg.ClusterID = "samsa"
	b.Controller = controller.New(cfg)
	b.Start(b)
	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.Version = 4
	describe.Resources = append(describe.Resources, kmsg.NewDescribeConfigsRequestResource())
	alter := kmsg.NewPtrAlterPartitionRequest()
	alter.Version = 3
	for _, req := range []env.Request{registration(1, 1, -1), heartbeat(1, 1, 1), kmsg.NewPtrUnregisterBrokerRequest(), alter, elect(0, "t", 0), topic("t", 1, 1),
		del("t", wire.TopicID{}), more("t", 2), configs(kmsg.ConfigResourceTypeTopic, "t", "a", "b"), describe, feature("x", 1, 1)} {
		if got := codes(b.ask(req)); !slices.Equal(got, []int16{kerr.NotController.Code}) {
			t.Errorf("%s: %v, wanted NOT_CONTROLLER", kmsg.NameForKey(req.Key()), got)
		}
	}
	if r := b.ask(kmsg.NewPtrDescribeClusterRequest()).(*kmsg.DescribeClusterResponse); r.ErrorCode == 0 {
		t.Error("endpoint type 0 is answered without an error")
	}
}
