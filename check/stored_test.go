package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A topic's leader puts its own time into what it is sent, until it has read that it no longer is to: what it appended before
// that is other bytes, however late the answer leaves; what it appended after is not.
func TestWhoHasNotReadRewritesOn(t *testing.T) {
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

// What a leader stored before it was to put its own time in is what it was sent, though the answer leaves later.
func TestARewriterIsHeldToWhatCameBefore(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 2, 3)
	s.stamps("LogAppendTime")
	s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xB, InSync: 3, MinISR: 2})
	require.Equal(t, Violated, find(t, s.done(), "stored-as-sent").Status)
}

// stamps has an operator say whose time records of orders have.
func (s *stage) stamps(whose string) {
	s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "message.timestamp.type", Value: text(whose)})
}
