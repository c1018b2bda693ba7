package wire

// TopicRecord creates a topic (key 2). Its partitions follow, each in a PartitionRecord.
type TopicRecord struct {
	Name    string
	TopicID TopicID
}

// ApiKey returns 2.
func (*TopicRecord) ApiKey() int16 { return 2 }

func (r *TopicRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Name)
	id(c, &r.TopicID)
	c.end()
}

// RemoveTopicRecord deletes a topic with all its partitions (key 9).
type RemoveTopicRecord struct {
	TopicID TopicID
}

// ApiKey returns 9.
func (*RemoveTopicRecord) ApiKey() int16 { return 9 }

func (r *RemoveTopicRecord) code(c *coder) {
	c.version(nil, 0)
	id(c, &r.TopicID)
	c.end()
}

// LeaderRecoveryState reports whether a partition has recovered from an unclean leader election (KIP-704).
type LeaderRecoveryState int8

const (
	Recovered         LeaderRecoveryState = 0  // elected from the ISR, or recovered since
	Recovering        LeaderRecoveryState = 1  // elected uncleanly and not yet recovered
	RecoveryUnchanged LeaderRecoveryState = -1 // in a PartitionChangeRecord only
)

// These directory ids do not identify a directory but have a special meaning (Kafka's DirectoryId, KIP-858). Kafka
// reserves the ids up to 99.
var (
	DirectoryMigrating  = UUID{}      // unknown: the record is older than directory assignment
	DirectoryUnassigned = UUID{15: 1} // the broker has not yet reported the replica's directory
	DirectoryLost       = UUID{15: 2} // the directory went offline
)

// PartitionRecord is the whole state of one partition (key 3). A controller writes it when it creates the partition. A
// snapshot has one for every partition.
//
// Version 1 added Directories (KIP-858), and version 2 added the eligible leader replicas (KIP-966).
type PartitionRecord struct {
	Version             int16
	PartitionID         int32
	TopicID             TopicID
	Replicas            []NodeID // in order of preference
	ISR                 []NodeID
	RemovingReplicas    []NodeID
	AddingReplicas      []NodeID
	Leader              NodeID // NoNode if there is none
	LeaderRecoveryState LeaderRecoveryState
	LeaderEpoch         Epoch
	PartitionEpoch      PartitionEpoch
	Directories         []UUID   // since 1: the directory of each replica, in the order of Replicas
	ELR                 []NodeID // since 2: eligible leader replicas; nil means none and is not written
	LastKnownELR        []NodeID // since 2: nil means none and is not written
}

// ApiKey returns 3.
func (*PartitionRecord) ApiKey() int16 { return 3 }

func (r *PartitionRecord) code(c *coder) {
	c.version(&r.Version, 2)
	i32(c, &r.PartitionID)
	id(c, &r.TopicID)
	list(c, &r.Replicas, 4, i32[NodeID])
	list(c, &r.ISR, 4, i32[NodeID])
	list(c, &r.RemovingReplicas, 4, i32[NodeID])
	list(c, &r.AddingReplicas, 4, i32[NodeID])
	i32(c, &r.Leader)
	i32(c, &r.LeaderEpoch)
	i32(c, &r.PartitionEpoch)
	if c.since(1, len(r.Directories) > 0) {
		list(c, &r.Directories, 16, id[UUID])
	}
	if c.tag(0, 0, r.LeaderRecoveryState != Recovered) {
		u8(c, &r.LeaderRecoveryState)
	}
	if c.tag(2, 1, r.ELR != nil) {
		listOrNull(c, &r.ELR, 4, i32[NodeID])
	}
	if c.tag(2, 2, r.LastKnownELR != nil) {
		listOrNull(c, &r.LastKnownELR, 4, i32[NodeID])
	}
	c.end()
}

// If Leader is LeaderUnchanged in a PartitionChangeRecord, the record does not change the leader.
const LeaderUnchanged NodeID = -2

// PartitionChangeRecord changes one partition (key 5). Applying it adds one to the partition epoch. If the record sets
// the leader, even to NoNode or to the current leader, applying it adds one to the leader epoch too.
//
// The zero value is not an empty change, because Leader 0 is a broker: use NewPartitionChange.
//
// Version 1 added Directories (KIP-858), and version 2 added the eligible leader replicas (KIP-966).
type PartitionChangeRecord struct {
	Version             int16
	PartitionID         int32
	TopicID             TopicID
	ISR                 []NodeID // nil if unchanged; an empty ISR is not nil
	Leader              NodeID   // LeaderUnchanged, NoNode, or the new leader
	Replicas            []NodeID // nil if unchanged
	RemovingReplicas    []NodeID // nil if unchanged
	AddingReplicas      []NodeID // nil if unchanged
	LeaderRecoveryState LeaderRecoveryState
	ELR                 []NodeID // since 2: nil if unchanged
	LastKnownELR        []NodeID // since 2: nil if unchanged
	Directories         []UUID   // since 1: nil if unchanged
}

// NewPartitionChange returns a record of version 0 that changes nothing yet.
func NewPartitionChange(topic TopicID, partition int32) *PartitionChangeRecord {
	return &PartitionChangeRecord{
		TopicID:             topic,
		PartitionID:         partition,
		Leader:              LeaderUnchanged,
		LeaderRecoveryState: RecoveryUnchanged,
	}
}

// ApiKey returns 5.
func (*PartitionChangeRecord) ApiKey() int16 { return 5 }

func (r *PartitionChangeRecord) code(c *coder) {
	c.version(&r.Version, 2)
	i32(c, &r.PartitionID)
	id(c, &r.TopicID)
	if c.tag(0, 0, r.ISR != nil) {
		listOrNull(c, &r.ISR, 4, i32[NodeID])
	}
	if c.tag(0, 1, r.Leader != LeaderUnchanged) {
		i32(c, &r.Leader)
	}
	if c.tag(0, 2, r.Replicas != nil) {
		listOrNull(c, &r.Replicas, 4, i32[NodeID])
	}
	if c.tag(0, 3, r.RemovingReplicas != nil) {
		listOrNull(c, &r.RemovingReplicas, 4, i32[NodeID])
	}
	if c.tag(0, 4, r.AddingReplicas != nil) {
		listOrNull(c, &r.AddingReplicas, 4, i32[NodeID])
	}
	if c.tag(0, 5, r.LeaderRecoveryState != RecoveryUnchanged) {
		u8(c, &r.LeaderRecoveryState)
	}
	if c.tag(2, 6, r.ELR != nil) {
		listOrNull(c, &r.ELR, 4, i32[NodeID])
	}
	if c.tag(2, 7, r.LastKnownELR != nil) {
		listOrNull(c, &r.LastKnownELR, 4, i32[NodeID])
	}
	if c.tag(1, 8, r.Directories != nil) {
		listOrNull(c, &r.Directories, 16, id[UUID])
	}
	c.end()
}

// ConfigResource is the kind of resource that a ConfigRecord configures. The numbers are those of Kafka's
// ConfigResource.Type.
type ConfigResource int8

const (
	ConfigTopic         ConfigResource = 2
	ConfigBroker        ConfigResource = 4 // the resource's name is a node id; "" means the default of all brokers
	ConfigBrokerLogger  ConfigResource = 8
	ConfigClientMetrics ConfigResource = 16
	ConfigGroup         ConfigResource = 32
)

// ConfigRecord sets one config of one resource, or deletes it (key 4).
type ConfigRecord struct {
	ResourceType ConfigResource
	ResourceName string
	Name         string
	Value        *string // nil deletes the config
}

// ApiKey returns 4.
func (*ConfigRecord) ApiKey() int16 { return 4 }

func (r *ConfigRecord) code(c *coder) {
	c.version(nil, 0)
	u8(c, &r.ResourceType)
	text(c, &r.ResourceName)
	text(c, &r.Name)
	nullable(c, &r.Value)
	c.end()
}

// ClearElrRecord clears the eligible leader replicas of a topic's partitions (key 28). A controller writes it when the
// topic's min.insync.replicas changes, because the eligible leader replicas were computed with the old value (KIP-966).
type ClearElrRecord struct {
	TopicName string // "" means every topic
}

// ApiKey returns 28.
func (*ClearElrRecord) ApiKey() int16 { return 28 }

func (r *ClearElrRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.TopicName)
	c.end()
}
