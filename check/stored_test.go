package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// With LogAppendTime, a leader sets its own time in its producers' batches until it has applied the removal of that config.
// Batches that it appended before that may have other bytes, however late it sends the response. Batches that it appended
// later must not.
func TestALeaderRewritesUntilItAppliesTheConfig(t *testing.T) {
	for name, c := range map[string]struct {
		appended string // when
		want     Status
	}{
		"before the change":     {"before", Unexercised},
		"before it is read":     {"unread", Unexercised},
		"when it has been read": {"read", Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			at := func(when string) {
				if when == c.appended {
					s.write(0, 0, 0xA, 1, 2, 3)
				}
			}
			s.stamps("LogAppendTime")
			s.Applied(1, s.at, 1, false)
			at("before")
			s.stamps("CreateTime")
			at("unread")
			s.Applied(1, s.at, 1, false)
			at("read")
			s.leads(1, 0, 1)
			s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xB, InSync: 3, MinISR: 2})
			f := find(t, s.done(), "stored-as-sent")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A batch that a leader stored before it began to set its own time is the producer's batch, even if the response is sent
// later.
func TestEarlierBatchesAreStoredAsSent(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 2, 3)
	s.stamps("LogAppendTime")
	s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xB, InSync: 3, MinISR: 2})
	require.Equal(t, Violated, find(t, s.done(), "stored-as-sent").Status)
}

// stamps has an operator set the timestamp type of orders.
func (s *stage) stamps(whose string) {
	s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "message.timestamp.type", Value: text(whose)})
}
