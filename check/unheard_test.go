package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// An operator raises min.insync.replicas, and the controller moves b3 from the ISR to the ELR. A leader that learns of both at once
// raises its high watermark for the new ISR before it applies the config (the finding raised-min-isr). A leader that has known the
// config before has no such excuse.
func TestAnISRAndAConfigInOneUpdate(t *testing.T) {
	for together, want := range map[bool]string{true: "", false: "hw-justified"} {
		s := staged(2).elr()
		s.Applied(1, s.at, -1, false)
		s.write(0, 0, 0xA, 1, 2)
		s.leads(1, 0, 0)
		raised := "3"
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "min.insync.replicas", Value: &raised})
		if !together {
			s.Applied(1, s.at, -1, false)
		}
		s.alter(0, ids(1, 2), ids(3))
		s.Applied(1, s.at, -1, false)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2)})
		require.Equal(t, want, brokenBy(s.done()), together)
	}
}

// b3 crashes and is registered again, so the controller removes it from ISR and ELR. A leader that has not heard of that still counts
// it and commits with it. If the others then lose power, b3 alone has the record and may not be elected: a price of Kafka's.
func TestALeaderThatHasNotHeardOfARegistration(t *testing.T) {
	for heard, want := range map[bool]Status{false: Priced, true: Violated} {
		s := staged(3).elr()
		s.Applied(1, s.at, -1, false)
		s.Died(3)
		s.alter(0, ids(1, 2), ids(3))
		s.restart(3, 33)
		s.alter(0, nil, []wire.NodeID{})
		if heard {
			s.Applied(1, s.at, -1, false)
		}
		s.tick()
		s.write(0, 0, 0xA, 1, 2, 3)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2, 3)})
		s.ack(1, 0, -1)
		s.power(1, 0)
		s.power(2, 0)
		f := find(t, s.done(), "leader-recoverable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}
