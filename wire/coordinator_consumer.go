package wire

// These are the records of a consumer group (KIP-848). Each record type has only version 0, which is flexible.

// GroupEpoch counts the changes of a consumer group's members and subscriptions. A target assignment has the group
// epoch for which it was computed. The epoch of a member is the epoch of the target assignment that the member has
// reached.
type GroupEpoch int32

// ConsumerGroupMetadataKey names a consumer group (type 3).
type ConsumerGroupMetadataKey struct {
	GroupID string
}

// ApiKey returns 3.
func (*ConsumerGroupMetadataKey) ApiKey() int16 { return 3 }

func (k *ConsumerGroupMetadataKey) code(c *coder) { text(c, &k.GroupID) }

// ConsumerGroupMetadataValue is a consumer group (type 3).
type ConsumerGroupMetadataValue struct {
	Epoch        GroupEpoch
	MetadataHash int64 // hash of the subscribed topics; when it changes, the group needs a new assignment (KIP-1101)
}

// ApiKey returns 3.
func (*ConsumerGroupMetadataValue) ApiKey() int16 { return 3 }

func (v *ConsumerGroupMetadataValue) code(c *coder) {
	c.version(nil, 0)
	i32(c, &v.Epoch)
	if c.tag(0, 0, v.MetadataHash != 0) {
		i64(c, &v.MetadataHash)
	}
	c.end()
}

// ConsumerGroupMemberMetadataKey names a member of a consumer group (type 5).
type ConsumerGroupMemberMetadataKey struct {
	GroupID  string
	MemberID string
}

// ApiKey returns 5.
func (*ConsumerGroupMemberMetadataKey) ApiKey() int16 { return 5 }

func (k *ConsumerGroupMemberMetadataKey) code(c *coder) {
	text(c, &k.GroupID)
	text(c, &k.MemberID)
}

// ConsumerGroupMemberMetadataValue has the data that a member sends about itself in its heartbeats (type 5).
type ConsumerGroupMemberMetadataValue struct {
	InstanceID           *string // nil unless the member is static
	RackID               *string
	ClientID             string
	ClientHost           string
	SubscribedTopicNames []string
	SubscribedTopicRegex *string
	RebalanceTimeoutMs   int32
	ServerAssignor       *string // nil means the group's default
	// ClassicMemberMetadata is nil if the member uses the consumer protocol. Its default is an empty struct and not
	// nil, because the schema has the JSON literal null, which Kafka's generator does not recognize as a default.
	ClassicMemberMetadata *ClassicMemberMetadata
}

// ClassicMemberMetadata has the additional data of a consumer group member that uses the classic protocol.
type ClassicMemberMetadata struct {
	SessionTimeoutMs   int32
	SupportedProtocols []ClassicProtocol
}

// ClassicProtocol is an assignor that a classic member supports, with the member's subscription for this assignor.
type ClassicProtocol struct {
	Name     string
	Metadata []byte
}

// NewConsumerGroupMember returns a value with the defaults of its schema.
func NewConsumerGroupMember() *ConsumerGroupMemberMetadataValue {
	return &ConsumerGroupMemberMetadataValue{RebalanceTimeoutMs: -1, ClassicMemberMetadata: &ClassicMemberMetadata{}}
}

// ApiKey returns 5.
func (*ConsumerGroupMemberMetadataValue) ApiKey() int16 { return 5 }

func (v *ConsumerGroupMemberMetadataValue) code(c *coder) {
	c.version(nil, 0)
	nullable(c, &v.InstanceID)
	nullable(c, &v.RackID)
	text(c, &v.ClientID)
	text(c, &v.ClientHost)
	list(c, &v.SubscribedTopicNames, 1, text)
	nullable(c, &v.SubscribedTopicRegex)
	i32(c, &v.RebalanceTimeoutMs)
	nullable(c, &v.ServerAssignor)
	m := v.ClassicMemberMetadata
	if c.tag(0, 0, m == nil || m.SessionTimeoutMs != 0 || len(m.SupportedProtocols) > 0) {
		structOrNull(c, &v.ClassicMemberMetadata, func(c *coder, m *ClassicMemberMetadata) { m.code(c) })
	}
	c.end()
}

func (m *ClassicMemberMetadata) code(c *coder) {
	i32(c, &m.SessionTimeoutMs)
	list(c, &m.SupportedProtocols, 3, func(c *coder, p *ClassicProtocol) {
		text(c, &p.Name)
		octets(c, &p.Metadata)
		c.end()
	})
	c.end()
}

// ConsumerGroupTargetAssignmentMetadataKey names the consumer group of a target assignment (type 6).
type ConsumerGroupTargetAssignmentMetadataKey struct {
	GroupID string
}

// ApiKey returns 6.
func (*ConsumerGroupTargetAssignmentMetadataKey) ApiKey() int16 { return 6 }

func (k *ConsumerGroupTargetAssignmentMetadataKey) code(c *coder) { text(c, &k.GroupID) }

// ConsumerGroupTargetAssignmentMetadataValue has the group epoch of the target assignment (type 6). The coordinator
// writes this record after the target assignments of all members, to mark them as complete.
type ConsumerGroupTargetAssignmentMetadataValue struct {
	AssignmentEpoch     GroupEpoch
	AssignmentTimestamp Timestamp // 0 if it is not known (KIP-1263)
}

// ApiKey returns 6.
func (*ConsumerGroupTargetAssignmentMetadataValue) ApiKey() int16 { return 6 }

func (v *ConsumerGroupTargetAssignmentMetadataValue) code(c *coder) {
	c.version(nil, 0)
	i32(c, &v.AssignmentEpoch)
	if c.tag(0, 0, v.AssignmentTimestamp != 0) {
		i64(c, &v.AssignmentTimestamp)
	}
	c.end()
}

// ConsumerGroupTargetAssignmentMemberKey names a member that has a target assignment (type 7).
type ConsumerGroupTargetAssignmentMemberKey struct {
	GroupID  string
	MemberID string
}

// ApiKey returns 7.
func (*ConsumerGroupTargetAssignmentMemberKey) ApiKey() int16 { return 7 }

func (k *ConsumerGroupTargetAssignmentMemberKey) code(c *coder) {
	text(c, &k.GroupID)
	text(c, &k.MemberID)
}

// ConsumerGroupTargetAssignmentMemberValue is the target assignment of a member (type 7).
type ConsumerGroupTargetAssignmentMemberValue struct {
	TopicPartitions []TargetPartitions
}

// TargetPartitions has the partitions of one topic in a target assignment.
type TargetPartitions struct {
	TopicID    TopicID
	Partitions []int32
}

// ApiKey returns 7.
func (*ConsumerGroupTargetAssignmentMemberValue) ApiKey() int16 { return 7 }

func (v *ConsumerGroupTargetAssignmentMemberValue) code(c *coder) {
	c.version(nil, 0)
	list(c, &v.TopicPartitions, 18, func(c *coder, t *TargetPartitions) {
		id(c, &t.TopicID)
		list(c, &t.Partitions, 4, i32[int32])
		c.end()
	})
	c.end()
}

// ConsumerGroupCurrentMemberAssignmentKey names a member that has a current assignment (type 8).
type ConsumerGroupCurrentMemberAssignmentKey struct {
	GroupID  string
	MemberID string
}

// ApiKey returns 8.
func (*ConsumerGroupCurrentMemberAssignmentKey) ApiKey() int16 { return 8 }

func (k *ConsumerGroupCurrentMemberAssignmentKey) code(c *coder) {
	text(c, &k.GroupID)
	text(c, &k.MemberID)
}

// MemberState is a member's progress towards its target assignment. The numbers are those of Kafka's enum MemberState.
type MemberState int8

const (
	MemberStable               MemberState = iota // it owns its target assignment
	MemberUnrevokedPartitions                     // it must still revoke partitions
	MemberUnreleasedPartitions                    // it waits for partitions that other members must still revoke
)

// ConsumerGroupCurrentMemberAssignmentValue is the current assignment of a member (type 8).
type ConsumerGroupCurrentMemberAssignmentValue struct {
	MemberEpoch                 GroupEpoch
	PreviousMemberEpoch         GroupEpoch // also accepted, because the member may not know the new epoch yet
	State                       MemberState
	AssignedPartitions          []OwnedPartitions
	PartitionsPendingRevocation []OwnedPartitions
}

// OwnedPartitions has the partitions that a member owns, for one topic.
type OwnedPartitions struct {
	TopicID    TopicID
	Partitions []int32
	// AssignmentEpochs has the member epoch in which each partition was assigned. These epochs fence late commits
	// (KIP-1251). A Kafka release without KIP-1251 does not write the field, and then AssignmentEpochs is empty. The
	// schema also allows null, which is read as nil, but Kafka never writes null.
	AssignmentEpochs []GroupEpoch
}

// ApiKey returns 8.
func (*ConsumerGroupCurrentMemberAssignmentValue) ApiKey() int16 { return 8 }

func (v *ConsumerGroupCurrentMemberAssignmentValue) code(c *coder) {
	c.version(nil, 0)
	i32(c, &v.MemberEpoch)
	i32(c, &v.PreviousMemberEpoch)
	u8(c, &v.State)
	owned := func(c *coder, t *OwnedPartitions) { t.code(c) }
	list(c, &v.AssignedPartitions, 18, owned)
	list(c, &v.PartitionsPendingRevocation, 18, owned)
	c.end()
}

func (t *OwnedPartitions) code(c *coder) {
	if c.reading {
		t.AssignmentEpochs = []GroupEpoch{}
	}
	id(c, &t.TopicID)
	list(c, &t.Partitions, 4, i32[int32])
	if c.tag(0, 0, t.AssignmentEpochs == nil || len(t.AssignmentEpochs) > 0) {
		listOrNull(c, &t.AssignmentEpochs, 4, i32[GroupEpoch])
	}
	c.end()
}

// ConsumerGroupRegularExpressionKey names a regular expression to which members of a group subscribe (type 16).
type ConsumerGroupRegularExpressionKey struct {
	GroupID           string
	RegularExpression string
}

// ApiKey returns 16.
func (*ConsumerGroupRegularExpressionKey) ApiKey() int16 { return 16 }

func (k *ConsumerGroupRegularExpressionKey) code(c *coder) {
	text(c, &k.GroupID)
	text(c, &k.RegularExpression)
}

// ConsumerGroupRegularExpressionValue has the topics that a regular expression matched (type 16).
type ConsumerGroupRegularExpressionValue struct {
	Topics       []string
	ImageVersion int64 // version of the metadata image with which the expression was resolved
	Timestamp    Timestamp
}

// ApiKey returns 16.
func (*ConsumerGroupRegularExpressionValue) ApiKey() int16 { return 16 }

func (v *ConsumerGroupRegularExpressionValue) code(c *coder) {
	c.version(nil, 0)
	list(c, &v.Topics, 1, text)
	i64(c, &v.ImageVersion)
	i64(c, &v.Timestamp)
	c.end()
}
