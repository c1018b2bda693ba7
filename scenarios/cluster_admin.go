package scenarios

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// DeleteTopic implements Operations. After a lost answer the topic is gone already, and that is success.
func (c *cluster) DeleteTopic(name string) Op {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.SetVersion(6)
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, rt)
	asked := 0
	return c.ask(req, &operation{client: operator}, func(r env.Response) (bool, int16) {
		code := r.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode
		asked++
		if code == kerr.UnknownTopicOrPartition.Code && asked > 2 {
			code = 0
		}
		return false, code
	})
}

// ElectLeader implements Operations.
func (c *cluster) ElectLeader(tp wire.TopicPartition, unclean bool) Op {
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

// topicID is the id of the topic that has a name now, or zero.
func (c *cluster) topicID(name string) (id wire.TopicID) {
	if m := c.image(); m != nil {
		if t := m.TopicNamed(name); t != nil {
			id = t.ID
		}
	}
	return id
}
