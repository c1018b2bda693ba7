package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A change of min.insync.replicas makes the controller clear the ELR. After that, only the ISR has to hold the records of
// older promises (the finding locked-out). Without such a change, or once the ISR is large enough again, the loss of one
// disk is no excuse.
func TestAClearedELRIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		forget      func(*stage)
		recoverable Status
		durable     Status
	}{
		"by a change of min.insync.replicas": {func(s *stage) {
			s.commit(&wire.ClearElrRecord{TopicName: orders.Topic})
		}, Held, Priced},
		"by the controller alone": {func(s *stage) {
			s.alter(0, nil, []wire.NodeID{})
		}, Violated, Violated},
		"by a change that is long past": {func(s *stage) {
			s.commit(&wire.ClearElrRecord{TopicName: orders.Topic})
			s.alter(0, ids(1, 2, 3), nil)
			s.alter(0, ids(3), ids(1, 2))
			s.alter(0, nil, []wire.NodeID{})
		}, Violated, Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2).elr()
			s.committed(0, 0xA)
			s.alter(3, ids(3), ids(1, 2))
			s.power(3, 0)
			raised := "3"
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "min.insync.replicas", Value: &raised})
			c.forget(s)
			f := find(t, s.done(), "leader-recoverable")
			require.Equal(t, c.recoverable, f.Status, f.Explanation)
			s.alter(3, ids(3), nil)
			s.leads(3, 2, 0)
			f = find(t, s.done(), "acked-durable")
			require.Equal(t, c.durable, f.Status, f.Explanation)
			if c.durable == Priced {
				require.Contains(t, f.Clause, "locked-out")
			}
		})
	}
}

// While the feature is off, a member that leaves the ISR enters no ELR, and the ELR does not name it either once the feature is on
// again. From then on only the ISR has to hold the older records (explored seed 913929). If the feature was on all the time, the
// controller has dropped the member by itself.
func TestAMemberThatLeavesWhileTheFeatureIsOff(t *testing.T) {
	for name, c := range map[string]struct {
		off, whole bool
		want       Status
	}{
		"while the feature is off":                         {true, false, Priced},
		"while the feature is on":                          {false, false, Violated},
		"while it is off, and the ISR was whole meanwhile": {true, true, Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2).elr()
			s.committed(0, 0xA)
			if c.off {
				s.commit(&wire.FeatureLevelRecord{Name: elrVersion, Level: 0})
			}
			s.alter(3, ids(3), nil)
			s.elr()
			if c.whole {
				s.alter(0, ids(1, 2, 3), nil)
				s.alter(0, ids(3), []wire.NodeID{})
			}
			s.power(3, 0)
			s.alter(3, ids(3), nil)
			s.leads(3, 2, 0)
			f := find(t, s.done(), "acked-durable")
			require.Equal(t, c.want, f.Status, f.Explanation)
			if c.want == Priced {
				require.Contains(t, f.Clause, "did not enter the ELR, because eligible.leader.replicas.version was 0")
			}
		})
	}
}

// Without ELR, the last member that stays in an ISR may be a broker with a disk that has lost everything. The controller learns
// of the loss when that broker is registered again.
func TestTheControllerCannotKnowYet(t *testing.T) {
	for knows, want := range map[bool]Status{false: Held, true: Violated} {
		s := staged(3)
		s.committed(0, 0xA)
		s.power(1, 0)
		s.power(2, 0)
		s.alter(2, ids(2, 3), nil)
		if knows {
			s.restart(2, 22)
		}
		s.alter(0, ids(2), nil) // b3 is paused, and its session has timed out
		f := find(t, s.done(), "leader-recoverable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// A follower fetches a record and loses it before its next fetch reaches the leader. The leader then counts a copy that a
// fault destroyed. Copies of an earlier incarnation do not count (KIP-903).
func TestAFaultMayTakeACopyBeforeThePromise(t *testing.T) {
	for again, want := range map[bool]Status{false: Priced, true: Violated} {
		s := staged(1)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.power(3, 0)
		if again {
			s.restart(3, 33)
		}
		s.leads(1, 0, 1)
		s.ack(1, 0, -1)
		s.alter(0, ids(3), nil)
		s.alter(3, ids(3), nil)
		s.leads(3, 1, 0)
		f := find(t, s.done(), "acked-durable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// Recovery does not read a log below its recovery point. So a broker may believe that it has records that its disk has
// lost, and join the ISR without them. A fault of another disk excuses nothing.
func TestALossBelowTheRecoveryPointIsNotNoticed(t *testing.T) {
	for disk, want := range map[wire.NodeID]Status{3: Priced, 2: Violated} {
		s := staged(1)
		s.committed(0, 0xA)
		s.alter(0, ids(1, 2), nil)
		s.tick()
		s.Died(3)
		s.DiskFaulted(disk, "lost write")
		s.Truncated(s.p, s.p.Replica(3), 0, "lost write")
		s.restart(2, 22)
		s.restart(3, 33)
		s.alter(0, ids(1, 2, 3), nil)
		f := find(t, s.done(), "hw-justified")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// Bit rot in one partition's directory neither licenses losses of other partitions nor exempts them from checks. A fault
// that may be anywhere on the disk does both.
func TestRotElsewhereIsNoExcuse(t *testing.T) {
	for dir, want := range map[string]Status{"": Priced, orders.String(): Priced, "payments-0": Violated} {
		s := staged(2)
		s.DiskFaultedIn(2, "bit rot", dir)
		s.committed(0, 0xA)
		s.Truncated(s.p, s.p.Replica(2), 0, "") // the running process truncated it
		s.alter(2, ids(2, 3), nil)
		s.leads(2, 1, 0)
		c := s.done()
		for _, name := range []string{"acked-durable", "truncation-licensed"} {
			f := find(t, c, name)
			require.Equal(t, want, f.Status, "rot in %q: %s: %s", dir, name, f.Explanation)
		}
		looked := find(t, c, "acked-electable").Status
		require.Equal(t, want == Violated, looked == Violated, "rot in %q", dir)
	}
}

// A batch that recovery truncates because of bit rot counts as destroyed by that fault, but only in the rotten partition.
func TestRecoveryTruncatesRot(t *testing.T) {
	for dir, want := range map[string]Status{"": Priced, orders.String(): Priced, "payments-0": Violated} {
		s := staged(1)
		s.committed(0, 0xA)
		s.alter(0, ids(2), nil)
		s.DiskFaultedIn(2, "bit rot", dir)
		s.Died(2)
		s.restart(2, 22)
		s.Truncated(s.p, s.p.Replica(2), 0, "")
		s.alter(2, ids(2), nil)
		s.leads(2, 1, 0)
		f := find(t, s.done(), "acked-durable")
		require.Equal(t, want, f.Status, "rot in %q: %s", dir, f.Explanation)
	}
}

// No node notices a hole in the middle of a log, so a broker with such a hole may lead. A broker does notice a loss at the
// end of its log, and a power loss alone leaves no hole.
func TestAHoleIsNotNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		disk   wire.NodeID
		hits   []string // the faults of that disk before the hole
		synced bool     // the lost batch was on the device, by true syncs
		left   bool     // the batch above is still there
		later  string   // a fault of b2's disk, after the hole
		want   Status
	}{
		"of damage":                         {2, []string{"lying sync"}, true, true, "", Priced},
		"of power, after a lie":             {2, []string{"lying sync", PowerLoss}, false, true, "", Priced},
		"at the end, that is none":          {2, []string{"lying sync"}, true, false, "", Violated},
		"of another disk":                   {3, []string{"lying sync"}, true, true, "", Violated},
		"of power alone":                    {2, []string{PowerLoss}, false, true, "", Violated},
		"of power, before there was damage": {2, []string{PowerLoss}, false, true, "lost write", Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2).elr()
			s.committed(0, 0xA)
			s.committed(1, 0xB)
			s.committed(2, 0xC)
			r := s.p.Replica(2)
			last, _ := r.Log.At(2)
			if c.synced {
				s.Flushed(r, 3)
			}
			s.tick()
			s.Died(2)
			for _, hit := range c.hits {
				s.DiskFaulted(c.disk, hit)
			}
			s.Truncated(s.p, r, 1, c.hits[len(c.hits)-1])
			if c.left {
				s.Appended(s.p, r, last)
			}
			if c.later != "" {
				s.DiskFaulted(2, c.later)
			}
			s.restart(2, 22)
			s.alter(2, ids(2, 3), nil)
			s.leads(2, 1, 1)
			f := find(t, s.done(), "acked-durable")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A lost write leaves bytes that are no batch in the middle of a log. The true log ends there, because nothing behind them can be
// read, but the broker opens the log at its old end. A broker with a log that ends there by its own account has noticed the loss.
func TestAHoleThatEndsTheTrueLog(t *testing.T) {
	for end, want := range map[wire.Offset]Status{3: Priced, 1: Violated} {
		s := staged(2).elr()
		for at := range wire.Offset(3) {
			s.committed(at, 0xA+uint32(at))
		}
		r := s.p.Replica(2)
		s.Flushed(r, 3)
		s.tick()
		s.DiskFaulted(2, "lost write")
		s.Truncated(s.p, r, 1, "lost write")
		s.alter(2, ids(2, 3), nil)
		s.tick()
		s.ReplicaChanged(s.p, r, State{Leads: true, Leader: 2, Epoch: 1, HW: 1, End: end, ISR: ids(2, 3), PartitionEpoch: s.p.assigned.PartitionEpoch})
		f := find(t, s.done(), "acked-durable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}
