package wire

import "strconv"

// Offset is a position in the log of a partition. Ranges are [start, end); a bound is exclusive unless its name
// contains "last".
type Offset int64

// Epoch is a leader epoch of a partition or of the KRaft quorum. NoEpoch means that none is known.
type Epoch int32

// NoEpoch is Kafka's -1: no leader epoch is known.
const NoEpoch Epoch = -1

// NodeID is Kafka's broker or controller id. It is configured and does not identify an incarnation. NoNode means that
// there is no node.
type NodeID int32

// NoNode is Kafka's -1. For example, the leader of a partition is NoNode if the partition has no leader.
const NoNode NodeID = -1

// BrokerEpoch is the offset of the registration record of a broker's incarnation (KIP-631); -1 means none.
type BrokerEpoch int64

// PartitionEpoch counts the changes of a partition's metadata (partitionEpoch in Kafka, formerly zkVersion).
type PartitionEpoch int32

// ProducerID identifies a session of an idempotent producer; -1 means none.
type ProducerID int64

// ProducerEpoch fences older sessions of a ProducerID; -1 means none.
type ProducerEpoch int16

// Timestamp is the time of a record in milliseconds since the Unix epoch; -1 means none.
type Timestamp int64

// UUID is Kafka's 128-bit id, for example of a topic, a log directory or an incarnation. The zero UUID means none.
type UUID [16]byte

// TopicID identifies a topic. A topic that is deleted and created again with the same name has a new id (KIP-516).
type TopicID UUID

// Short returns a short form of the id for notes, which contain only integers.
func (id TopicID) Short() int64 {
	var n int64
	for _, b := range id[:8] {
		n = n<<8 | int64(b)
	}
	return n
}

// MetadataTopic is the name of the metadata log's topic. The topic has only partition 0.
const MetadataTopic = "__cluster_metadata"

// MetadataTopicID is the id of MetadataTopic (Uuid.METADATA_TOPIC_ID).
var MetadataTopicID = TopicID{15: 1}

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns the name of the partition's directory in Kafka: "orders-0".
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.FormatInt(int64(tp.Partition), 10)
}
