package wire

import "github.com/twmb/franz-go/pkg/kmsg"

// Message is a request or a response.
type Message interface{ Key() int16 }

// These constants define the model of a message's size, in bytes. The constants are near the real sizes in the newest
// versions of Kafka's messages. They need not be exact. A size must not vary with the version of a message, the client
// id or the topic names.
const (
	sizeOfFrame     = 64 // frame size, header, and the fixed fields of a body
	sizeOfTopic     = 24 // a topic's id or name
	sizeOfPartition = 32 // a partition's fixed fields
)

// Size returns a message's size in bytes for the model of bandwidth. It depends on the struct and not on its encoding,
// so that a message takes the same time on a link whether it is passed as a Go pointer or encoded. Records, snapshots
// and the messages inside envelopes count with their actual size; everything else counts with a constant. Size
// allocates nothing.
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
