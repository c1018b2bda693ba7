package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// b1 acknowledges offset 0 in epoch 0, and b2 acknowledges offset 1 in epoch 1. The cases are the end offsets of later
// responses.
func TestEndsThatLeadersMayName(t *testing.T) {
	for _, c := range []struct {
		name string
		node wire.NodeID
		told EndOffset
		want Status
	}{
		{"all of it", 2, EndOffset{Epoch: 1, End: 2}, Held},
		{"without what it acknowledged itself", 2, EndOffset{Epoch: 1, End: 1}, Violated},
		{"the request came before that", 2, EndOffset{Epoch: 1, End: 1, Since: 1}, Held},
		{"beyond its high watermark", 2, EndOffset{Epoch: 1, End: 3}, Violated},
		{"the old leader, which does not know", 1, EndOffset{Epoch: 0, End: 1}, Held},
		{"the old leader, without what it acknowledged", 1, EndOffset{Epoch: 0, End: 0}, Violated},
		{"a new leader that reads out what it knows", 2, EndOffset{Epoch: 2, End: 0}, Held},
		{"a new leader that is asked for the end waits until it knows", 2, EndOffset{Epoch: 2, End: 0, Listed: true}, Violated},
		{"a follower", 3, EndOffset{Epoch: wire.NoEpoch, End: 0}, Held},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			s.committed(0, 0xA)
			s.alter(2, ids(2, 3), nil)
			s.leads(2, 1, 1)
			s.write(1, 1, 0xB, 2, 3)
			s.leads(2, 1, 2)
			s.ack(2, 1, -1)
			s.tick()
			s.EndOffsetSent(s.p, s.p.Replica(2), EndOffset{Epoch: 1, End: 2, Since: s.step}) // a legal response
			if c.told.Since == 0 {
				c.told.Since = s.step
			}
			s.EndOffsetSent(s.p, s.p.Replica(c.node), c.told)
			f := find(t, s.done(), "end-offsets-true")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A response need not count records that were lost legitimately.
func TestEndsAfterALoss(t *testing.T) {
	for allowed, want := range map[string]Status{"true": Held, "false": Violated} {
		s := staged(1)
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text(allowed)})
		s.alter(0, ids(1), nil)
		s.write(0, 0, 0xA, 1)
		s.leads(1, 0, 1)
		s.ack(1, 0, -1)
		s.alter(3, ids(3), nil)
		s.p.promises[0].lost = false
		s.EndOffsetSent(s.p, s.p.Replica(3), EndOffset{Epoch: 1, End: 0, Listed: true, Since: s.step})
		require.Equal(t, want, find(t, s.done(), "end-offsets-true").Status)
	}
}

// A broker that was fenced when records were deleted may serve them again; an unfenced broker must not.
func TestABrokerMayMissADeletion(t *testing.T) {
	for name, c := range map[string]struct {
		before, after func(*stage)
		want          Status
	}{
		"it was in service":     {func(*stage) {}, func(*stage) {}, Violated},
		"it was fenced":         {func(s *stage) { s.fence(2) }, func(*stage) {}, Priced},
		"it was unfenced later": {func(s *stage) { s.fence(2) }, func(s *stage) { s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: -1}) }, Priced},
		"it was unfenced before": {func(s *stage) {
			s.fence(2)
			s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: -1})
			s.tick()
		}, func(*stage) {}, Violated},
		"it has restarted":      {func(*stage) {}, func(s *stage) { s.Died(2); s.restart(2, 22) }, Priced},
		"it had restarted once": {func(s *stage) { s.Died(2); s.restart(2, 22); s.tick() }, func(*stage) {}, Violated},
	} {
		s := staged(2)
		s.committed(0, 0xA)
		c.before(s)
		s.Applied(1, s.at, -1, false)
		s.RecordsDeleted(s.p, s.p.Replica(1), 1)
		s.tick()
		c.after(s)
		s.EndOffsetSent(s.p, s.p.Replica(2), EndOffset{Epoch: 1, End: 1, First: 1, Since: s.step})
		require.Equal(t, c.want, find(t, s.done(), "deleted-for-good").Status, name)
	}
}

// Deleted records may be missing below a high watermark, and when a response is sent late.
func TestDeletedRecordsNeedNotBeThere(t *testing.T) {
	for deleted, want := range map[wire.Offset]string{2: "", 0: "hw-justified ack-honest"} {
		s := staged(2)
		s.alter(0, ids(1, 2), nil)
		s.tick()
		for at := range wire.Offset(2) {
			s.write(at, 0, uint32(at), 1, 2)
		}
		s.DeletionAsked(s.p, deleted)
		s.look(1, State{Leads: true, HW: 2, Start: deleted, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		if deleted > 0 {
			s.LogStartMoved(s.p, s.p.Replica(1), deleted)
		}
		s.alter(0, ids(1, 2, 3), nil) // b3's log is empty
		s.Acked(s.p, s.p.Replica(1), map[bool]wire.Offset{true: 1, false: 7}[deleted > 0], -1, Given{Client: "p1", InSync: 2, MinISR: 2})
		got := brokenBy(s.done())
		require.Equal(t, want, got, "deleted below %d", deleted)
	}
}

// Until its high watermark has reached the start of its epoch, a new leader does not know how far an earlier leader has let
// consumers read (KIP-207). From then on it must answer.
func TestANewLeaderListsNoEndBeforeItKnows(t *testing.T) {
	for _, c := range []struct {
		name string
		hw   wire.Offset // of b2, whose epoch 1 begins at 2
		told EndOffset
		want Status
	}{
		{"it lists its high watermark", 1, EndOffset{Epoch: 1, End: 1, Listed: true}, Violated},
		{"a consumer fetches up to it", 1, EndOffset{Epoch: 1, End: 1}, Held},
		{"it lists the last stable offset", 1, EndOffset{Epoch: 1, End: 1, Listed: true, Stable: true}, Held},
		{"it says that it does not know", 1, EndOffset{Epoch: 1, Listed: true, Denied: true}, Held},
		{"it lists the end", 2, EndOffset{Epoch: 1, End: 2, Listed: true}, Held},
		{"it knows and says that it does not", 2, EndOffset{Epoch: 1, Listed: true, Denied: true}, Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			s.write(0, 0, 0xA, 1, 2, 3) // not acknowledged
			s.write(1, 0, 0xB, 1, 2, 3)
			s.alter(2, ids(2, 3), nil)
			s.remembers(2, 1, c.hw, EpochStart{0, 0}, EpochStart{1, 2})
			s.tick()
			c.told.Since, c.told.Before = s.step, s.p.Replica(2).Standing()
			s.EndOffsetSent(s.p, s.p.Replica(2), c.told)
			f := find(t, s.done(), "end-offsets-true")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// On a slow machine a response may be sent before the state of the event that raised the high watermark is observed. It is judged
// by the leader's own high watermark as it is sent.
func TestAResponseBeforeItsHighWatermarkIsObserved(t *testing.T) {
	for hw, want := range map[wire.Offset]string{2: "", 1: "end-offsets-true"} {
		s := staged(2)
		s.committed(0, 0xA)
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 2, HW: hw, Since: s.step})
		require.Equal(t, want, brokenBy(s.done()))
	}
}

// All acknowledged records were deleted. A leader that was elected uncleanly may have an empty log, one that was elected cleanly may
// not.
func TestAnEndBelowDeletedRecords(t *testing.T) {
	for allowed, want := range map[string]Status{"true": Held, "false": Violated} {
		s := staged(1)
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text(allowed)})
		s.alter(0, ids(1), nil)
		s.write(0, 0, 0xA, 1)
		s.leads(1, 0, 1)
		s.ack(1, 0, -1)
		s.DeletionAsked(s.p, 1)
		s.LogStartMoved(s.p, s.p.Replica(1), 1)
		s.alter(3, ids(3), nil)
		s.leads(3, 1, 0)
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(3), EndOffset{Epoch: 1, End: 0, Since: s.step, Listed: true})
		require.Equal(t, want, find(t, s.done(), "end-offsets-true").Status, "unclean elections allowed: %s", allowed)
	}
}
