package wire

import "strconv"

// Offset is a position in a partition's log. Ranges are [start, end); a bound is exclusive unless its name says last.
type Offset int64

// Epoch is a leader epoch: of a partition, or of the KRaft quorum. NoEpoch is "none known".
type Epoch int32

// NoEpoch is Kafka's -1: no leader epoch is known.
const NoEpoch Epoch = -1

// NodeID is Kafka's broker or controller id: configuration, not identity. NoNode is "none".
type NodeID int32

// NoNode is Kafka's -1: there is no leader.
const NoNode NodeID = -1

// BrokerEpoch is the offset of the registration record of a broker's incarnation (KIP-631); -1 is none.
type BrokerEpoch int64

// PartitionEpoch counts the changes of one partition's metadata (Kafka calls it partitionEpoch, once zkVersion).
type PartitionEpoch int32

// ProducerID identifies an idempotent producer session; -1 is none.
type ProducerID int64

// ProducerEpoch fences older sessions of one ProducerID; -1 is none.
type ProducerEpoch int16

// Timestamp is a record's time in milliseconds since the Unix epoch; -1 is none.
type Timestamp int64

// UUID is Kafka's 128-bit id: of a topic, a log directory, an incarnation. The zero UUID is none.
type UUID [16]byte

// TopicID is a topic's identity: a topic that is deleted and created again under the same name has a new one (KIP-516).
type TopicID UUID

// Short is the id for notes, which have integers only.
func (id TopicID) Short() int64 {
	var n int64
	for _, b := range id[:8] {
		n = n<<8 | int64(b)
	}
	return n
}

// MetadataTopic is the name of the metadata log's topic, which has one partition, 0; MetadataTopicID is its id
// (Uuid.METADATA_TOPIC_ID).
const MetadataTopic = "__cluster_metadata"

// MetadataTopicID is the id of MetadataTopic.
var MetadataTopicID = TopicID{15: 1}

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is the partition as Kafka names its directory: "orders-0".
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.FormatInt(int64(tp.Partition), 10)
}
