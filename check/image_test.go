package check

import (
	"testing"

	"samsa/wire"
)

// A ClearElrRecord changes each partition that has eligible leader replicas, and no other partition.
func TestClearElrIsAChange(t *testing.T) {
	for topic, cleared := range map[string]bool{orders.Topic: true, "": true, "payments": false} {
		s := newStage(NewView(Contract{}, nil), 2)
		s.alter(0, []wire.NodeID{1}, []wire.NodeID{2})
		before := s.p.assigned.PartitionEpoch
		s.commit(&wire.ClearElrRecord{TopicName: topic})
		s.commit(&wire.ClearElrRecord{TopicName: topic}) // there is nothing left to clear
		after := s.p.assigned
		if got := len(after.ELR) == 0 && after.PartitionEpoch == before+1; got != cleared || !cleared && after.PartitionEpoch != before {
			t.Errorf("cleared for %q: ELR %v at partition epoch %d, before at %d", topic, after.ELR, after.PartitionEpoch, before)
		}
	}
}
