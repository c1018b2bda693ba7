package wire

// GroupLog is the schema of __consumer_offsets. It has committed offsets, classic groups, and consumer groups
// (KIP-848), which are in coordinator_consumer.go. It omits the records of share groups and streams groups. It also
// omits type 0, an old format of committed offsets, and type 4, for which Kafka has written only tombstones since 4.1
// (KIP-1101).
var GroupLog = CoordinatorLog{kind: "group record", types: []coordinatorType{
	1:  {"OffsetCommit", func() CoordinatorKey { return &OffsetCommitKey{} }, func() CoordinatorValue { return NewOffsetCommitValue() }},
	2:  {"GroupMetadata", func() CoordinatorKey { return &GroupMetadataKey{} }, func() CoordinatorValue { return NewGroupMetadataValue() }},
	3:  {"ConsumerGroupMetadata", func() CoordinatorKey { return &ConsumerGroupMetadataKey{} }, func() CoordinatorValue { return &ConsumerGroupMetadataValue{} }},
	5:  {"ConsumerGroupMemberMetadata", func() CoordinatorKey { return &ConsumerGroupMemberMetadataKey{} }, func() CoordinatorValue { return NewConsumerGroupMember() }},
	6:  {"ConsumerGroupTargetAssignmentMetadata", func() CoordinatorKey { return &ConsumerGroupTargetAssignmentMetadataKey{} }, func() CoordinatorValue { return &ConsumerGroupTargetAssignmentMetadataValue{} }},
	7:  {"ConsumerGroupTargetAssignmentMember", func() CoordinatorKey { return &ConsumerGroupTargetAssignmentMemberKey{} }, func() CoordinatorValue { return &ConsumerGroupTargetAssignmentMemberValue{} }},
	8:  {"ConsumerGroupCurrentMemberAssignment", func() CoordinatorKey { return &ConsumerGroupCurrentMemberAssignmentKey{} }, func() CoordinatorValue { return &ConsumerGroupCurrentMemberAssignmentValue{} }},
	16: {"ConsumerGroupRegularExpression", func() CoordinatorKey { return &ConsumerGroupRegularExpressionKey{} }, func() CoordinatorValue { return &ConsumerGroupRegularExpressionValue{} }},
}}

// OffsetCommitKey names the group and the partition of a committed offset (type 1).
type OffsetCommitKey struct {
	Group     string
	Topic     string
	Partition int32
}

// ApiKey returns 1.
func (*OffsetCommitKey) ApiKey() int16 { return 1 }

func (k *OffsetCommitKey) code(c *coder) {
	text(c, &k.Group)
	text(c, &k.Topic)
	i32(c, &k.Partition)
}

// OffsetCommitValue is the offset that a group committed for a partition (type 1).
//
// Only version 1 has ExpireTimestamp. Version 3 added LeaderEpoch (KIP-320). Version 4 is flexible and added TopicID
// (KIP-848).
type OffsetCommitValue struct {
	Version         int16
	Offset          Offset
	LeaderEpoch     Epoch // since 3: epoch of the last consumed record, NoEpoch if it is not known
	Metadata        string
	CommitTimestamp Timestamp
	ExpireTimestamp Timestamp // only in 1: NoTimestamp unless the offset has its own retention
	TopicID         TopicID   // since 4: zero if the client committed by name
}

// NewOffsetCommitValue returns a value of the newest version with the defaults of its schema.
func NewOffsetCommitValue() *OffsetCommitValue {
	return &OffsetCommitValue{Version: 4, LeaderEpoch: NoEpoch, ExpireTimestamp: NoTimestamp}
}

// ApiKey returns 1.
func (*OffsetCommitValue) ApiKey() int16 { return 1 }

func (v *OffsetCommitValue) code(c *coder) {
	c.version(&v.Version, 4)
	c.flexibleSince(4)
	i64(c, &v.Offset)
	if c.since(3, false) {
		i32(c, &v.LeaderEpoch)
	}
	text(c, &v.Metadata)
	i64(c, &v.CommitTimestamp)
	if c.within(1, 1, false) {
		i64(c, &v.ExpireTimestamp)
	}
	if c.since(4, false) && c.tag(4, 0, v.TopicID != TopicID{}) {
		id(c, &v.TopicID)
	}
	c.end()
}

// GroupMetadataKey names a classic group (type 2).
type GroupMetadataKey struct {
	Group string
}

// ApiKey returns 2.
func (*GroupMetadataKey) ApiKey() int16 { return 2 }

func (k *GroupMetadataKey) code(c *coder) { text(c, &k.Group) }

// GroupMetadataValue is a classic group after its last rebalance (type 2).
//
// Version 1 added RebalanceTimeout, version 2 added CurrentStateTimestamp (KIP-211), and version 3 added
// GroupInstanceID (KIP-345). Version 4 is flexible.
type GroupMetadataValue struct {
	Version               int16
	ProtocolType          string // for example "consumer" or "connect"
	Generation            int32
	Protocol              *string // the chosen assignor, nil before the first rebalance
	Leader                *string // member id, nil if there is none
	CurrentStateTimestamp Timestamp
	Members               []GroupMember
}

// GroupMember is a member of a classic group.
type GroupMember struct {
	MemberID         string
	GroupInstanceID  *string // since 3: set for a static member
	ClientID         string
	ClientHost       string
	RebalanceTimeout int32 // milliseconds, since 1; -1 means the session timeout
	SessionTimeout   int32 // milliseconds
	Subscription     []byte
	Assignment       []byte
}

// NewGroupMetadataValue returns a value of the newest version with the defaults of its schema.
func NewGroupMetadataValue() *GroupMetadataValue {
	empty := ""
	return &GroupMetadataValue{Version: 4, Protocol: &empty, Leader: &empty, CurrentStateTimestamp: NoTimestamp}
}

// ApiKey returns 2.
func (*GroupMetadataValue) ApiKey() int16 { return 2 }

func (v *GroupMetadataValue) code(c *coder) {
	c.version(&v.Version, 4)
	c.flexibleSince(4)
	text(c, &v.ProtocolType)
	i32(c, &v.Generation)
	nullable(c, &v.Protocol)
	nullable(c, &v.Leader)
	if c.since(2, false) {
		i64(c, &v.CurrentStateTimestamp)
	}
	list(c, &v.Members, 4+4*1, func(c *coder, m *GroupMember) { m.code(c) })
	c.end()
}

func (m *GroupMember) code(c *coder) {
	if c.reading {
		m.RebalanceTimeout = -1
	}
	text(c, &m.MemberID)
	if c.since(3, false) {
		nullable(c, &m.GroupInstanceID)
	}
	text(c, &m.ClientID)
	text(c, &m.ClientHost)
	if c.since(1, false) {
		i32(c, &m.RebalanceTimeout)
	}
	i32(c, &m.SessionTimeout)
	octets(c, &m.Subscription)
	octets(c, &m.Assignment)
	c.end()
}
