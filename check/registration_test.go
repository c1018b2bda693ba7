package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The request of a dead process arrives late and replaces the registration of its successor, which then registers again.
// Only the metadata log shows the late registration. Without its record, nothing explains the successor's second epoch.
func TestALateRegistrationTakesTheSeat(t *testing.T) {
	for happened, want := range map[bool]Status{true: Held, false: Violated} {
		s := staged(2)
		old, young := wire.UUID{21}, wire.UUID{22}
		for i, seat := range []wire.UUID{young, old, young} {
			if seat == young || happened {
				s.commit(&wire.RegisterBrokerRecord{BrokerID: 1, IncarnationID: seat, BrokerEpoch: wire.BrokerEpoch(100 + i), Fenced: true})
			}
		}
		c := historyCase(s.View,
			registered(old[0], 0, Indefinite),
			registered(young[0], 100, OK),
			registered(young[0], 102, OK))
		f := find(t, c, "registration-linearizable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// The metadata log resolves any number of unanswered requests.
func TestUnansweredRegistrationsAreResolved(t *testing.T) {
	s := staged(2)
	id := wire.UUID{21}
	s.commit(&wire.RegisterBrokerRecord{BrokerID: 1, IncarnationID: id, BrokerEpoch: 100, Fenced: true})
	var ops []Op
	for range 5 * openOps {
		ops = append(ops, registered(id[0], 0, Indefinite))
	}
	beat := heartbeat(100)
	ops = append(ops, beat)
	require.Equal(t, Held, find(t, historyCase(s.View, ops...), "registration-linearizable").Status)
	beat.Epoch = 99
	require.Equal(t, Violated, find(t, historyCase(s.View, ops...), "registration-linearizable").Status)
}
