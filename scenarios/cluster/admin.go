package cluster

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/client"
	"samsa/sim/env"
	"samsa/wire"
)

// adminConfig returns the config of the operator's clients. The timeouts of these clients are no longer than those of the
// nodes. Otherwise, on a cluster with short timeouts, a retry after a lost response would come after the end of the run.
func (c *simCluster) adminConfig() client.Config {
	cfg := client.DefaultConfig()
	cfg.RequestTimeout = min(cfg.RequestTimeout, env.Duration(c.cfg.brokers.Duration("request.timeout.ms")))
	cfg.APITimeout = 2 * cfg.RequestTimeout // in Kafka, default.api.timeout.ms is 60 s and request.timeout.ms 30 s
	return cfg
}

// DeleteTopic implements Operations. If a response was lost, the retry finds no topic, which counts as success.
func (c *simCluster) DeleteTopic(name string) Op {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.SetVersion(6)
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, rt)
	c.deleted[name] = len(c.ops) + 1
	o := &operation{client: operator}
	return c.ask(req, o, func(r env.Response) (bool, int16) {
		code := r.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode
		if code == kerr.UnknownTopicOrPartition.Code && o.ambiguous {
			code = 0
		}
		return false, code
	})
}

// AddPartitions implements Operations. If a response was lost, the topic may have the partitions already. The controller
// then refuses the retry, which counts as success.
func (c *simCluster) AddPartitions(topic string, partitions int32) Op {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.SetVersion(3)
	rt := kmsg.NewCreatePartitionsRequestTopic()
	rt.Topic, rt.Count = topic, partitions
	req.Topics = append(req.Topics, rt)
	o := &operation{client: operator}
	return c.ask(req, o, func(r env.Response) (bool, int16) {
		code := r.(*kmsg.CreatePartitionsResponse).Topics[0].ErrorCode
		if code == kerr.InvalidPartitions.Code && o.ambiguous {
			code = 0
		}
		return false, code
	})
}

// Finalise implements Operations.
func (c *simCluster) Finalise(levels []Setting) Op {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.SetVersion(1)
	for _, l := range levels {
		level, err := strconv.ParseInt(l.Value, 10, 16)
		if err != nil {
			panic("cluster: a level that was not checked: " + err.Error())
		}
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType = l.Name, int16(level), 1
		if m := c.image(); m != nil && m.Feature(l.Name) > u.MaxVersionLevel {
			u.UpgradeType = 2 // a safe downgrade
		}
		req.FeatureUpdates = append(req.FeatureUpdates, u)
	}
	return c.ask(req, &operation{client: operator}, func(r env.Response) (bool, int16) {
		return false, r.(*kmsg.UpdateFeaturesResponse).ErrorCode
	})
}

// AlterConfigs implements Operations.
func (c *simCluster) AlterConfigs(of ConfigsOf, how AlterConfig, settings []Setting) Op {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.SetVersion(1)
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, of.Topic
	if of.Topic == "" {
		r.ResourceType = kmsg.ConfigResourceTypeBroker
	}
	if of.Broker != 0 {
		r.ResourceName = strconv.Itoa(int(of.Broker))
	}
	for _, s := range settings {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		cfg.Name, cfg.Op = s.Name, kmsg.IncrementalAlterConfigOp(how)
		if how != DeleteConfig {
			cfg.Value = kmsg.StringPtr(s.Value)
		}
		r.Configs = append(r.Configs, cfg)
	}
	req.Resources = append(req.Resources, r)
	return c.ask(req, &operation{client: operator}, func(r env.Response) (bool, int16) {
		return false, r.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode
	})
}

// bootOperatorOfBrokers makes the operator's machine for requests to brokers, on first use.
func bootOperatorOfBrokers(c *simCluster) {
	if c.hosts[operatorOfBrokers] == nil {
		h := c.add(operatorOfBrokers, wire.NoNode, "operator")
		c.boot(h, func() env.Node { return client.New(c.addrs(c.brokers), c.adminConfig()) })
	}
}

// DeleteRecords implements Operations. The partition's leader handles the request, so the operator's machine for requests to
// brokers sends it.
func (c *simCluster) DeleteRecords(tp wire.TopicPartition, before wire.Offset) Op {
	bootOperatorOfBrokers(c)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.SetVersion(2)
	req.TimeoutMillis = int32(c.adminConfig().RequestTimeout / env.Millisecond)
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Partition, rp.Offset = tp.Partition, int64(before)
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic, rt.Partitions = tp.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	o := &operation{client: operator, tp: tp, api: kmsg.NameForKey(req.Key())}
	op := c.start(o)
	c.world.Do(operatorOfBrokers, "delete records", func(e env.Env, n env.Node) {
		n.(*client.Client).Ask(e, req, func(_ env.Env, a client.CallResult) {
			o.done = true
			err := a.Err
			if r, ok := a.Response.(*kmsg.DeleteRecordsResponse); ok {
				err = kerr.TypedErrorForCode(r.Topics[0].Partitions[0].ErrorCode)
			}
			if err != nil {
				o.outcome.Status, o.outcome.Error = OutcomeFailed, err.Message
			}
			if a.Outcome == client.Unknown || err == kerr.RequestTimedOut {
				o.outcome.Status = OutcomeUnknown
			}
		})
	})
	return op
}

// ElectLeader implements Operations.
func (c *simCluster) ElectLeader(tp wire.TopicPartition, unclean bool) Op {
	req := kmsg.NewPtrElectLeadersRequest()
	req.SetVersion(2)
	if unclean {
		req.ElectionType = 1
	}
	rt := kmsg.NewElectLeadersRequestTopic()
	rt.Topic, rt.Partitions = tp.Topic, []int32{tp.Partition}
	req.Topics = append(req.Topics, rt)
	return c.ask(req, &operation{client: operator}, func(r env.Response) (bool, int16) {
		resp := r.(*kmsg.ElectLeadersResponse)
		if resp.ErrorCode != 0 {
			return false, resp.ErrorCode
		}
		return false, resp.Topics[0].Partitions[0].ErrorCode
	})
}

// topicID returns the id of the topic that has this name now, or zero.
func (c *simCluster) topicID(name string) (id wire.TopicID) {
	if m := c.image(); m != nil {
		if t := m.TopicNamed(name); t != nil {
			id = t.ID
		}
	}
	return id
}
