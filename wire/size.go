package wire

import "github.com/twmb/franz-go/pkg/kmsg"

// Message is a request or a response.
type Message interface{ Key() int16 }

// The constants of the model of a message's size, in bytes. They are near the sizes in Kafka's newest versions; here it
// matters more that they never change with version, client id or topic name than that they are exact.
const (
	sizeOfFrame     = 64 // frame size, header, and the fixed fields of a body
	sizeOfTopic     = 24 // a topic's id or name
	sizeOfPartition = 32 // a partition's fixed fields
)

// Size is a message's size in bytes for the model of bandwidth. It is a function of the struct and not of its encoding,
// so that a message takes the same time on a link as a pointer or as bytes. Records, snapshots and the messages inside
// envelopes count with their actual size; everything else is constants. It allocates nothing.
func Size(m Message) int {
	n := sizeOfFrame
	switch m := m.(type) {
	case *kmsg.ProduceRequest:
		for i := range m.Topics {
			t := &m.Topics[i]
			n += sizeOfTopic + len(t.Partitions)*sizeOfPartition
			for j := range t.Partitions {
				n += len(t.Partitions[j].Records)
			}
		}
	case *kmsg.ProduceResponse:
		for i := range m.Topics {
			n += sizeOfTopic + len(m.Topics[i].Partitions)*sizeOfPartition
		}
	case *kmsg.FetchRequest:
		for i := range m.Topics {
			n += sizeOfTopic + len(m.Topics[i].Partitions)*sizeOfPartition
		}
	case *kmsg.FetchResponse:
		for i := range m.Topics {
			t := &m.Topics[i]
			n += sizeOfTopic + len(t.Partitions)*sizeOfPartition
			for j := range t.Partitions {
				n += len(t.Partitions[j].RecordBatches)
			}
		}
	case *kmsg.ShareFetchResponse:
		for i := range m.Topics {
			t := &m.Topics[i]
			n += sizeOfTopic + len(t.Partitions)*sizeOfPartition
			for j := range t.Partitions {
				n += len(t.Partitions[j].Records)
			}
		}
	case *kmsg.FetchSnapshotResponse:
		for i := range m.Topics {
			t := &m.Topics[i]
			n += sizeOfTopic + len(t.Partitions)*sizeOfPartition
			for j := range t.Partitions {
				n += len(t.Partitions[j].Bytes)
			}
		}
	case *kmsg.MetadataResponse:
		for i := range m.Topics {
			n += sizeOfTopic + len(m.Topics[i].Partitions)*sizeOfPartition
		}
	case *kmsg.EnvelopeRequest:
		n += len(m.RequestData)
	case *kmsg.EnvelopeResponse:
		n += len(m.ResponseData)
	}
	return n
}
