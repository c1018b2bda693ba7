package kafkajars

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The methods in this file send one request each, on a connection of their own.

// patienceOf is the time limit of one request.
const patienceOf = 35 * time.Second

// ask sends a request to a node.
func (n *Node) ask(r kmsg.Request, version int16) (kmsg.Response, error) {
	c, err := Dial(n.Addr, "samsa")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r.SetVersion(version)
	return c.Do(r, patienceOf)
}

// anyBroker returns a running broker.
func (c *Cluster) anyBroker() (*Node, error) {
	for _, n := range c.Nodes {
		if !n.Controller && n.Running() {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no broker is running")
}

// poll calls done every 100 ms until done returns true or the context ends. An error from done does not end poll. If the
// context ends, poll reports the last error.
func poll(ctx context.Context, what string, done func() (bool, error)) error {
	var last error
	for {
		ok, err := done()
		if ok {
			return nil
		}
		last = err
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (last error: %v)", what, ctx.Err(), last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// AwaitBrokers waits until each of these brokers says that exactly these brokers are unfenced.
func (c *Cluster) AwaitBrokers(ctx context.Context, ids ...int) error {
	return poll(ctx, fmt.Sprintf("the brokers %v", ids), func() (bool, error) {
		for _, id := range ids {
			m, err := c.Broker(id).metadata()
			if err != nil {
				return false, err
			}
			var alive []int
			for _, b := range m.Brokers {
				alive = append(alive, int(b.NodeID))
			}
			slices.Sort(alive)
			if !slices.Equal(alive, ids) {
				return false, fmt.Errorf("%s knows the brokers %v", c.Broker(id).Name(), alive)
			}
		}
		return true, nil
	})
}

// metadata returns the metadata of all topics as a broker has it.
func (n *Node) metadata() (*kmsg.MetadataResponse, error) {
	r := kmsg.NewPtrMetadataRequest()
	m, err := n.ask(r, 12)
	if err != nil {
		return nil, err
	}
	return m.(*kmsg.MetadataResponse), nil
}

// Topic describes a topic to be created. Replicas has the replicas of each partition.
type Topic struct {
	Name     string
	Replicas [][]int32
	Config   map[string]string
}

// CreateTopic creates a topic and waits until its partitions have their preferred leaders.
func (c *Cluster) CreateTopic(ctx context.Context, t Topic) error {
	r := kmsg.NewPtrCreateTopicsRequest()
	r.TimeoutMillis = 30_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = t.Name, -1, -1
	for i, replicas := range t.Replicas {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), replicas
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
	}
	for _, name := range sortedKeys(t.Config) {
		cfg := kmsg.NewCreateTopicsRequestTopicConfig()
		cfg.Name, cfg.Value = name, kmsg.StringPtr(t.Config[name])
		topic.Configs = append(topic.Configs, cfg)
	}
	r.Topics = append(r.Topics, topic)
	n, err := c.anyBroker()
	if err != nil {
		return err
	}
	resp, err := n.ask(r, 7)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode); err != nil {
		return fmt.Errorf("create %s: %w", t.Name, err)
	}
	for i, replicas := range t.Replicas {
		if err := c.AwaitLeader(ctx, t.Name, int32(i), int(replicas[0])); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// DeleteTopic deletes a topic.
func (c *Cluster) DeleteTopic(name string) error {
	r := kmsg.NewPtrDeleteTopicsRequest()
	r.TimeoutMillis = 30_000
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &name
	r.Topics = append(r.Topics, t)
	n, err := c.anyBroker()
	if err != nil {
		return err
	}
	resp, err := n.ask(r, 6)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode)
}

// Partition is the state of one partition.
type Partition struct {
	Leader       int // -1 if there is none
	Epoch        int32
	ISR, ELR     []int32
	LastKnownELR []int32
}

// Describe returns the state of a partition as a running broker has it.
func (c *Cluster) Describe(topic string, partition int32) (p Partition, err error) {
	n, err := c.anyBroker()
	if err != nil {
		return p, err
	}
	r := kmsg.NewPtrDescribeTopicPartitionsRequest()
	t := kmsg.NewDescribeTopicPartitionsRequestTopic()
	t.Topic = topic
	r.Topics, r.ResponsePartitionLimit = append(r.Topics, t), 2000
	resp, err := n.ask(r, 0)
	if err != nil {
		return p, err
	}
	for _, t := range resp.(*kmsg.DescribeTopicPartitionsResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return p, err
		}
		for _, s := range t.Partitions {
			if s.Partition == partition {
				return Partition{int(s.LeaderID), s.LeaderEpoch, s.ISR, s.EligibleLeaderReplicas, s.LastKnownELR}, nil
			}
		}
	}
	return p, fmt.Errorf("%s-%d does not exist", topic, partition)
}

// Await waits until the state of a partition meets a condition.
func (c *Cluster) Await(ctx context.Context, topic string, partition int32, what string, ok func(Partition) bool) error {
	return poll(ctx, fmt.Sprintf("%s-%d to have %s", topic, partition, what), func() (bool, error) {
		p, err := c.Describe(topic, partition)
		if err != nil {
			return false, err
		}
		if !ok(p) {
			return false, fmt.Errorf("it has leader %d epoch %d isr %v elr %v", p.Leader, p.Epoch, p.ISR, p.ELR)
		}
		return true, nil
	})
}

// AwaitLeader waits until a broker is the leader of a partition in the metadata and answers as the leader.
func (c *Cluster) AwaitLeader(ctx context.Context, topic string, partition int32, leader int) error {
	if err := c.Await(ctx, topic, partition, fmt.Sprintf("the leader %d", leader), func(p Partition) bool { return p.Leader == leader }); err != nil {
		return err
	}
	return poll(ctx, fmt.Sprintf("broker %d to lead %s-%d", leader, topic, partition), func() (bool, error) {
		_, err := c.Broker(leader).End(topic, partition)
		return err == nil || errors.Is(err, kerr.OffsetNotAvailable), err // a new leader may not know the high watermark yet (KIP-207)
	})
}

// AwaitISR waits until the ISR of a partition is exactly these brokers.
func (c *Cluster) AwaitISR(ctx context.Context, topic string, partition int32, isr ...int32) error {
	return c.Await(ctx, topic, partition, fmt.Sprintf("the ISR %v", isr), func(p Partition) bool {
		have := slices.Sorted(slices.Values(p.ISR))
		return slices.Equal(have, isr)
	})
}

// Produce sends values as one batch to a broker and returns the offset of the first value. acks is -1 for all.
func (n *Node) Produce(topic string, partition int32, acks int16, limit time.Duration, values ...string) (int64, error) {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = acks, int32(limit.Milliseconds())
	t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	t.Topic, p.Partition, p.Records = topic, partition, Batch(time.Now(), values...)
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	c, err := Dial(n.Addr, "producer")
	if err != nil {
		return -1, err
	}
	defer c.Close()
	r.SetVersion(9)
	resp, err := c.Do(r, limit+5*time.Second)
	if err != nil {
		return -1, err
	}
	a := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return a.BaseOffset, kerr.ErrorForCode(a.ErrorCode)
}

// End returns the high watermark of a partition, as a consumer would get it. This broker must be the leader of the
// partition.
func (n *Node) End(topic string, partition int32) (int64, error) {
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID = -1
	t, p := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	t.Topic, p.Partition, p.Timestamp = topic, partition, -1
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := n.ask(r, 7)
	if err != nil {
		return -1, err
	}
	a := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	return a.Offset, kerr.ErrorForCode(a.ErrorCode)
}

// Consume reads a partition from its leader, from an offset to the high watermark, and returns the values with their
// offsets.
func (n *Node) Consume(topic string, partition int32, from int64) ([]Value, error) {
	r := kmsg.NewPtrFetchRequest()
	r.ReplicaID, r.MaxWaitMillis, r.MinBytes, r.MaxBytes = -1, 500, 1, 50<<20
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	t.Topic, p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = topic, partition, from, 50<<20, -1
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := n.ask(r, 11)
	if err != nil {
		return nil, err
	}
	a := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
		return nil, err
	}
	return values(a.RecordBatches)
}

// DeleteRecords deletes all records of a partition below an offset; -1 is the high watermark.
func (n *Node) DeleteRecords(topic string, partition int32, below int64) error {
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.TimeoutMillis = 30_000
	t, p := kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
	t.Topic, p.Partition, p.Offset = topic, partition, below
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := n.ask(r, 2)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0].ErrorCode)
}

// SetConfig sets a config of a topic, or the cluster-wide default of the brokers if topic is empty.
func (c *Cluster) SetConfig(topic, name, value string) error {
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res, cfg := kmsg.NewIncrementalAlterConfigsRequestResource(), kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	res.ResourceType, res.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	if topic == "" {
		res.ResourceType = kmsg.ConfigResourceTypeBroker
	}
	cfg.Name, cfg.Value, cfg.Op = name, &value, kmsg.IncrementalAlterConfigOpSet
	res.Configs = append(res.Configs, cfg)
	r.Resources = append(r.Resources, res)
	n, err := c.anyBroker()
	if err != nil {
		return err
	}
	resp, err := n.ask(r, 1)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode)
}

// SetFeature finalises a level of a feature. A lower level than before is a safe downgrade.
func (c *Cluster) SetFeature(name string, level int16) error {
	r := kmsg.NewPtrUpdateFeaturesRequest()
	r.TimeoutMillis = 30_000
	for _, kind := range []int8{1, 2} { // upgrade, or else safe downgrade
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = name, level, kind
		r.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{f}
		n, err := c.anyBroker()
		if err != nil {
			return err
		}
		resp, err := n.ask(r, 1)
		if err != nil {
			return err
		}
		a := resp.(*kmsg.UpdateFeaturesResponse)
		code := a.ErrorCode
		for _, one := range a.Results {
			if code == 0 {
				code = one.ErrorCode
			}
		}
		if code == 0 || kind == 2 {
			return kerr.ErrorForCode(code)
		}
	}
	return nil
}

// ElectPreferred makes the first replica of a partition its leader.
func (c *Cluster) ElectPreferred(topic string, partition int32) error {
	r := kmsg.NewPtrElectLeadersRequest()
	r.TimeoutMillis = 30_000
	t := kmsg.NewElectLeadersRequestTopic()
	t.Topic, t.Partitions = topic, []int32{partition}
	r.Topics = append(r.Topics, t)
	n, err := c.anyBroker()
	if err != nil {
		return err
	}
	resp, err := n.ask(r, 2)
	if err != nil {
		return err
	}
	a := resp.(*kmsg.ElectLeadersResponse)
	if a.ErrorCode != 0 {
		return kerr.ErrorForCode(a.ErrorCode)
	}
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return nil
}
