package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// brokenBy returns the names of the violated invariants.
func brokenBy(c *Case) string {
	var names []string
	for _, f := range Judge(c) {
		if f.Status == Violated && f.Check.Judge == nil {
			names = append(names, f.Check.Name)
		}
	}
	return strings.Join(names, " ")
}

// raced builds a stage on which min.insync.replicas has just been raised to 3. The leader has applied all earlier metadata.
func raced(minISR int) *stage {
	s := staged(minISR)
	s.Applied(1, s.at, 1, false)
	three := "3"
	s.commit(&wire.ConfigRecord{ResourceType: 2, ResourceName: orders.Topic, Name: "min.insync.replicas", Value: &three})
	return s
}

// Each story ends when b2 or b3 leads without offset 0, which was acknowledged to acks=all. The licences decide the result.
func TestLicences(t *testing.T) {
	for _, c := range []struct {
		name   string
		play   func() *stage
		status Status
		clause string
	}{
		{"every electable copy lost its power", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(1, 2), nil) // b3 is slow, so it is not eligible and its copy does not count
			s.power(1, 0)
			s.power(2, 0)
			s.alter(2, ids(2), nil)
			s.restart(2, 22)
			s.alter(wire.NoNode, ids(2), nil)
			s.alter(2, ids(2), nil)
			s.leads(2, 3, 0)
			return s
		}, Priced, "power loss of b2"},
		{"one electable copy was spared", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.power(2, 0)
			s.restart(2, 22)
			s.alter(2, ids(2, 3), nil) // b3's disk had no fault
			s.leads(2, 1, 0)
			return s
		}, Violated, ""},
		{"the crash of a process destroys nothing", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(1, 2), nil)
			for _, n := range ids(1, 2) {
				s.Died(n)
				s.Started(n)
				s.Truncated(s.p, s.p.Replica(n), 0, "") // its recovery truncated an intact batch
				s.register(n, 20+byte(n))
			}
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 0)
			return s
		}, Violated, ""},
		{"the leader had not applied what the controller had", func() *stage {
			s := raced(1)
			s.alter(0, ids(1, 2), ids(3)) // the ISR is too small now, so b3 is in the ELR
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), ids(1, 2))
			s.leads(3, 1, 0)
			return s
		}, Priced, "had not applied that min.insync.replicas is 3"},
		{"the leader's disk has changed what it had", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.DiskFaulted(2, "bit rot")
			s.Truncated(s.p, s.p.Replica(2), 0, "bit rot")
			s.alter(2, ids(2, 3), nil) // b3's disk had no fault, which does not matter here
			s.leads(2, 1, 0)
			return s
		}, Priced, "bit rot of b2"},
		{"the leader had applied it", func() *stage {
			s := raced(1)
			s.alter(0, ids(1, 2), ids(3))
			s.Applied(1, s.at, 1, false)
			s.leads(1, 0, 0)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), ids(1, 2))
			s.leads(3, 1, 0)
			return s
		}, Violated, ""},
		{"power took it before it was acknowledged", func() *stage {
			s := staged(1)
			s.write(0, 0, 0xA, 1, 2)
			s.power(2, 0)
			s.restart(2, 22)
			s.alter(0, ids(1, 2), nil) // back in the ISR, without the record
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 0)
			return s
		}, Violated, ""},
		{"what recovery cuts after a power loss, power took", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(2), nil)
			s.power(2, 1) // the power loss tore the batch, but the file still has its length
			s.Started(2)
			s.Truncated(s.p, s.p.Replica(2), 0, "")
			s.register(2, 22)
			s.alter(wire.NoNode, ids(2), nil)
			s.alter(2, ids(2), nil)
			s.leads(2, 2, 0)
			return s
		}, Priced, "power loss of b2"},
		{"what was synced survives power", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(2), nil)
			s.Flushed(s.p.Replica(2), 1)
			s.power(2, 0)
			s.restart(2, 22)
			s.alter(wire.NoNode, ids(2), nil)
			s.alter(2, ids(2), nil)
			s.leads(2, 2, 0)
			return s
		}, Violated, ""},
		{"what was synced and rotted does not", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(2), nil)
			s.Flushed(s.p.Replica(2), 1)
			s.DiskFaulted(2, "bit rot")
			s.Died(2)
			s.restart(2, 22)
			s.Truncated(s.p, s.p.Replica(2), 0, "") // recovery stops at the bad checksum
			s.alter(wire.NoNode, ids(2), nil)
			s.alter(2, ids(2), nil)
			s.leads(2, 2, 0)
			return s
		}, Priced, "bit rot of b2"},
		{"what rotted is rotten, whatever hit the disk since", func() *stage {
			s := staged(1)
			s.committed(0, 0xA)
			s.alter(0, ids(2), nil)
			s.Flushed(s.p.Replica(2), 1)
			s.DiskFaulted(2, "bit rot")
			s.power(2, 0)
			s.restart(2, 22)
			s.alter(wire.NoNode, ids(2), nil)
			s.alter(2, ids(2), nil)
			s.leads(2, 2, 0)
			return s
		}, Priced, "bit rot of b2"},
		{"an unclean election was allowed", func() *stage {
			s := staged(1)
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
			s.alter(0, ids(1, 2), nil)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), nil)
			s.leads(3, 1, 0)
			return s
		}, Priced, "unclean election allowed"},
		{"an unclean election was not allowed", func() *stage {
			s := staged(1)
			s.alter(0, ids(1, 2), nil)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), nil)
			s.leads(3, 1, 0)
			return s
		}, Violated, ""},
		{"an unclean election licenses only what it gave away", func() *stage {
			s := staged(1)
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
			s.committed(0, 0xA)
			s.alter(0, ids(1), nil)
			s.alter(3, ids(3), nil) // an unclean election, but b3 has all records
			s.leads(3, 1, 1)
			s.Truncated(s.p, s.p.Replica(3), 0, "")
			s.leads(3, 1, 1)
			return s
		}, Violated, ""},
		{"with ELR, fewer disks than min.insync.replicas are no excuse", func() *stage {
			s := staged(2).elr()
			s.committed(0, 0xA)
			s.alter(0, ids(2), nil) // b1 and b3 should be in the ELR, but are not
			s.power(2, 0)
			s.restart(2, 22)
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 0)
			return s
		}, Violated, ""},
		{"with ELR, an unclean election leaves one disk", func() *stage {
			s := staged(2).elr()
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
			s.committed(0, 0xA)
			s.alter(0, ids(1), nil)
			s.alter(3, ids(3), nil) // b3 has all records, and no other replica counts any more
			s.leads(3, 1, 1)
			s.power(3, 0)
			s.restart(3, 33)
			s.alter(wire.NoNode, ids(3), nil)
			s.alter(3, ids(3), nil)
			s.leads(3, 3, 0)
			return s
		}, Priced, "power loss of b3"},
		{"with ELR, min.insync.replicas disks are", func() *stage {
			s := staged(2).elr()
			s.committed(0, 0xA)
			s.alter(0, ids(2), ids(3))
			s.power(2, 0)
			s.power(3, 0)
			s.restart(2, 22)
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 0)
			return s
		}, Priced, "power loss of b3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := find(t, c.play().done(), "acked-durable")
			require.Equal(t, c.status, f.Status, f.Explanation+f.Clause)
			require.Contains(t, f.Clause, c.clause)
		})
	}
}

// M1 (KIP-101): a new follower truncates its log to its own high watermark, and becomes leader before it has fetched again.
func TestNoLicenceCoversTruncationToTheHighWatermark(t *testing.T) {
	s := staged(2)
	s.committed(0, 0xA)
	s.committed(1, 0xB)
	s.follows(2, 0, 1) // b2 learns of the high watermark one fetch too late
	s.Died(2)
	s.Started(2)
	s.register(2, 22)
	s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: -1})
	s.follows(2, 0, 1)
	s.Truncated(s.p, s.p.Replica(2), 1, "")
	s.Died(1) // kill -9, so its disk still has all records
	s.alter(2, ids(2, 3), nil)
	s.leads(2, 1, 1)
	f := find(t, s.done(), "acked-durable")
	require.Equal(t, Violated, f.Status)
	require.Contains(t, f.Explanation, "truncated it at step 21, to its own high watermark")
	require.Contains(t, f.Explanation, "b1 and b3 still have it")
	require.Equal(t, Fact{Subject{APartition, "orders-0"}, ByLeader, "elected from the ISR, " + cutByItself, 1}, f.Fact)
	require.Equal(t, "acked-durable acked-electable truncation-licensed", brokenBy(s.done()))
}

// M3 (KIP-320): a fetch of another epoch makes the leader believe that a follower has a record that it does not have.
func TestNoLicenceCoversAFetchThatIsNotFenced(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 2) // b3 has another record there, but the leader believes that b3's log ends at 1
	s.leads(1, 0, 1)
	s.ack(1, 0, -1)
	s.power(1, 0)
	s.power(2, 0)
	s.alter(3, ids(3), nil)
	s.leads(3, 1, 0)
	require.Equal(t, "acked-durable acked-electable hw-justified", brokenBy(s.done()))
	require.Contains(t, find(t, s.done(), "acked-durable").Explanation, "power loss of b1", "faults are named, though they excuse nothing")
}

// M24 (KIP-903): a follower joins the ISR because of its last incarnation's log.
func TestNoLicenceCoversAnISRMemberOfAnotherIncarnation(t *testing.T) {
	s := staged(2)
	s.alter(0, ids(1, 2), nil)
	s.write(0, 0, 0xA, 1, 2, 3)
	s.leads(1, 0, 1)
	s.ack(1, 0, -1)
	s.power(3, 0)
	s.restart(3, 33)
	s.alter(0, ids(1, 2, 3), nil) // the old proposal is accepted
	s.alter(3, ids(3), nil)
	s.leads(3, 1, 0)
	f := find(t, s.done(), "acked-durable")
	require.Equal(t, Violated, f.Status, f.Clause)
	require.Equal(t, "acked-durable acked-electable hw-justified isr-agreed leader-recoverable", brokenBy(s.done()))
}

// The finding restart-within-the-session: a broker crashes, and fetches again before it is registered again. Its copy
// counts for a promise, but the controller removes the broker from the ISR because of the earlier crash. Together with the
// loss of one more disk, two copies are gone. A crashed broker without a copy licenses nothing.
func TestARestartWithinTheSessionIsAnUncleanShutdown(t *testing.T) {
	for copies, want := range map[bool]Status{true: Priced, false: Violated} {
		s := staged(2).elr()
		s.alter(0, ids(1, 2), nil)
		s.tick()
		s.Died(2)
		s.Started(2)
		s.RegistrationAsked(2, wire.UUID{22}) // the controller refuses it, because the earlier session is alive
		s.tick()
		s.write(0, 0, 0xA, 1, 3)
		if copies {
			s.write(0, 0, 0xA, 2)
		}
		s.leads(1, 0, 1)
		s.ack(1, 0, -1)
		s.alter(0, ids(1), nil) // the controller notices the crash
		s.power(1, 0)
		f := find(t, s.done(), "leader-recoverable")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// M28: the ELR keeps a member whose shutdown was unclean.
func TestNoLicenceCoversAnELRMemberThatLostPower(t *testing.T) {
	s := staged(2).elr()
	s.committed(0, 0xA)
	s.alter(0, ids(1), ids(2, 3))
	s.power(3, 0)
	s.restart(3, 33)
	s.alter(3, ids(3), ids(1, 2))
	s.leads(3, 1, 0)
	f := find(t, s.done(), "acked-durable")
	require.Equal(t, Violated, f.Status, f.Clause)
	require.Contains(t, brokenBy(s.done()), "acked-electable")
}

// While min.insync.replicas was lower, the ISR shrank to one disk without an ELR. The record is then only on that disk,
// though min.insync.replicas was higher when the record was promised and is higher again.
func TestTheLeastThatWasDemandedCounts(t *testing.T) {
	for between, want := range map[string]Status{"1": Held, "3": Violated} {
		s := staged(3).elr()
		s.committed(0, 0xA)
		demand := func(n string) {
			s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "min.insync.replicas", Value: &n})
		}
		demand(between)
		s.alter(0, ids(1), nil)
		demand("3")
		s.power(1, 0)
		s.restart(1, 11)
		s.alter(wire.NoNode, ids(1), nil)
		require.Equal(t, want, find(t, s.done(), "leader-recoverable").Status, between)
	}
}

// A licensed loss is a price for readers too.
func TestReadersPayTheSamePrice(t *testing.T) {
	s := staged(1)
	s.alter(0, ids(1), nil)
	s.write(0, 0, 0xA, 1)
	s.leads(1, 0, 1)
	s.ack(1, 0, -1)
	s.HighWatermarkSent(s.p, s.p.Replica(1), 1)
	s.power(1, 0)
	s.restart(1, 11)
	s.alter(wire.NoNode, ids(1), nil)
	s.alter(1, ids(1), nil)
	s.leads(1, 2, 0)
	b := s.write(0, 2, 0xB, 1)
	s.leads(1, 2, 1)
	s.HighWatermarkSent(s.p, s.p.Replica(1), 1)
	s.BatchDelivered(s.p, s.p.Replica(1), b, 1)
	f := find(t, s.done(), "reads-stable")
	require.Equal(t, Priced, f.Status, f.Explanation)
	require.Contains(t, f.Clause, "power loss of b1")
	c := LostWrite.Reject(nil)
	c.History = []Op{sent("p1", "a", 0), sent("p1", "b", 0), polled("c1", "b", 0), drained("c1", 1)}
	c.View = s.View
	require.Equal(t, Priced, LostWrite.Judge(c).Status)
}

// A request for several partitions is answered when the last of them is committed. Here a full ISR committed the first
// partition earlier.
func TestTheISRAtTheCommitCounts(t *testing.T) {
	s := staged(3)
	s.write(0, 0, 0xA, 1, 2, 3)
	s.leads(1, 0, 1)
	s.alter(0, ids(1, 2), nil)
	s.leads(1, 0, 1)
	s.Acked(s.p, s.p.Replica(1), 0, -1, Given{InSync: 2, MinISR: 3})
	require.Equal(t, Held, find(t, s.done(), "ack-honest").Status)
}

// A broker that was in controlled shutdown, was fenced, and is unfenced by a late heartbeat may lead. Otherwise it must not
// join an ISR.
func TestAnUnfencedBrokerMayLead(t *testing.T) {
	for leads, want := range map[bool]Status{true: Held, false: Violated} {
		s := staged(2).elr()
		s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 3, InControlledShutdown: 1})
		s.alter(0, ids(1, 2), nil)
		s.fence(3)
		s.alter(wire.NoNode, []wire.NodeID{}, ids(3))
		r := wire.NewPartitionChange(ordersID, 0)
		r.ISR, r.ELR = ids(3), []wire.NodeID{}
		if leads {
			r.Leader = 3
		}
		s.tick()
		s.Committed(s.at, &wire.BrokerRegistrationChangeRecord{BrokerID: 3, Fenced: -1})
		s.Committed(s.at+1, r) // both records are in one batch
		require.Equal(t, want, find(t, s.done(), "isr-legal").Status)
	}
}

// A slow processor may send a response late. The response is judged by the leader's state when it was made.
func TestAnAnswerIsJudgedByWhenItWasGiven(t *testing.T) {
	for given, want := range map[Given]Status{
		{InSync: 3, MinISR: 3}: Held,     // the ISR has shrunk since
		{InSync: 2, MinISR: 0}: Held,     // the leader had not applied the config yet
		{InSync: 2, MinISR: 3}: Violated, // the leader had applied the config
	} {
		s := staged(3)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.alter(0, ids(1, 2), nil)
		s.leads(1, 0, 1)
		s.Acked(s.p, s.p.Replica(1), 0, -1, given)
		f := find(t, s.done(), "ack-honest")
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// A bit flip in bytes that no checksum covers may change the offset of a record for its readers. A lost write does not.
func TestReadersOfARottenLogMayBeMisled(t *testing.T) {
	for what, want := range map[string]Status{"bit rot": Priced, "lost write": Violated} {
		s := staged(2)
		s.committed(0, 0xA)
		s.DiskFaulted(1, what)
		a := sent("p1", "a", 0)
		a.Partition = orders
		b := from(0, polled("c1", "a", 8))
		b.Partition = orders
		require.Equal(t, want, ackedWhereTold.Judge(historyCase(s.View, a, b)).Status)
	}
}

// A leader that waits only for the committed ISR acknowledges records that a member of the proposed ISR does not have
// (M20). The controller may have accepted that ISR already. A change that it would refuse does not count, because of
// another incarnation, a fenced broker or an old partition epoch.
func TestAProposedMemberMustHaveEverything(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*stage, *State)
		want Status
	}{
		{"it would be accepted", func(*stage, *State) {}, Violated},
		{"it names no incarnation", func(_ *stage, b *State) { b.Proposed = []wire.BrokerEpoch{-1, -1, -1} }, Violated},
		{"another incarnation", func(_ *stage, b *State) { b.Proposed[2]-- }, Held},
		{"fenced", func(s *stage, _ *State) { s.fence(3) }, Held},
		{"of an old partition epoch", func(s *stage, b *State) { b.PartitionEpoch = s.p.assigned.PartitionEpoch - 1 }, Held},
		{"its disk was hit, and the controller does not know", func(s *stage, _ *State) { s.power(3, 0) }, Held},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			s.alter(0, ids(1, 2), nil)
			s.committedWith(0, 0xA, 1, 2)
			belief := State{Leads: true, HW: 1, ISR: ids(1, 2), Pending: ids(1, 2, 3), Proposed: []wire.BrokerEpoch{s.Registered(1), s.Registered(2), s.Registered(3)}}
			c.play(s, &belief)
			s.look(1, belief)
			f := find(t, s.done(), "acked-electable")
			require.Equal(t, c.want, f.Status, f.Explanation)
			if c.want == Violated {
				require.Contains(t, f.Explanation, "b3 is proposed for the ISR of orders-0")
			}
		})
	}
}

// A broker that the controller adds to the ISR must have all records below the leader's high watermark, even those that
// were not acknowledged (M6).
func TestANewISRMemberHasEverythingCommitted(t *testing.T) {
	s := staged(2)
	s.alter(0, ids(1, 2), nil)
	s.write(0, 0, 0xA, 1, 2)
	s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
	s.alter(0, ids(1, 2, 3), nil)
	require.Equal(t, "hw-justified", brokenBy(s.done()))
}

// All records below a leader's high watermark are committed, even those that were not acknowledged. A replica that
// truncates them removes a copy that counts.
func TestACommittedRecordMayNotBeTruncated(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 2, 3)
	s.leads(1, 0, 1)
	s.Truncated(s.p, s.p.Replica(2), 0, "")
	require.Equal(t, "truncation-licensed", brokenBy(s.done()))
}

// An acknowledgement to acks=all needs copies in the true logs, not only in the leader's count (M9).
func TestAnAnswerRestsOnCopies(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*stage)
		want Status
	}{
		"no other replica has it": {func(*stage) {}, Violated},
		"one has":                 {func(s *stage) { s.write(0, 0, 0xA, 2) }, Held},
		"one had":                 {func(s *stage) { s.write(0, 0, 0xA, 2); s.power(2, 0) }, Held},
		"it was acks=1":           {func(s *stage) { s.contract.MinISR = 1 }, Held},
	} {
		s := staged(2)
		s.write(0, 0, 0xA, 1)
		c.play(s)
		s.leads(1, 0, 1)
		s.ack(1, 0, -1)
		f := find(t, s.done(), "ack-honest")
		require.Equal(t, c.want, f.Status, name+": "+f.Explanation)
	}
}

// When ISR and ELR are empty, only the last known leader may be elected, and it must have all promised records.
func TestTheLastKnownLeaderHasEverything(t *testing.T) {
	s := staged(2).elr()
	s.committed(0, 0xA)
	s.power(3, 0)
	r := wire.NewPartitionChange(ordersID, 0)
	r.Leader, r.ISR, r.ELR, r.LastKnownELR = wire.NoNode, []wire.NodeID{}, []wire.NodeID{}, ids(3)
	s.commit(r) // b1 and b2 have all records
	f := find(t, s.done(), "leader-recoverable")
	require.Equal(t, Violated, f.Status, f.Explanation)
}

// Deleted records may still be in the file, and a power loss may destroy them. If the log of a
// broker still starts above them, the broker does not miss them.
func TestPowerMayTakeDeletedRecords(t *testing.T) {
	for begins, want := range map[wire.Offset]Status{1: Held, 0: Violated} {
		s := staged(3)
		s.committed(0, 0xA)
		if begins > 0 {
			s.DeletionAsked(s.p, begins)
			for node := wire.NodeID(1); node <= 3; node++ {
				s.look(node, State{Leads: node == 1, HW: 1, Start: begins, ISR: ids(1, 2, 3)})
			}
		}
		s.power(3, 0)
		s.restart(3, 33)
		s.look(3, State{Leader: 1, HW: begins, Start: begins})
		s.write(1, 0, 0xB, 1, 2, 3)
		s.leads(1, 0, 2)
		s.ack(1, 1, -1)
		s.power(1, 1)
		s.power(2, 1)
		s.alter(0, ids(1, 2, 3), nil)
		require.Equal(t, want, find(t, s.done(), "leader-recoverable").Status, begins)
	}
}

// DeleteRecords ends a promise for all replicas, even before they know of it, or after a restart that lost it. A batch that
// spans the new start stays promised.
func TestDeletedRecordsAreNotLost(t *testing.T) {
	for deleted, want := range map[wire.Offset]string{4: "", 2: "acked-durable acked-electable leader-recoverable"} {
		s := staged(2)
		s.tick()
		b := Batch{Next: 4, CRC: 0xA}
		for node := wire.NodeID(1); node <= 3; node++ {
			s.Appended(s.p, s.p.Replica(node), b)
		}
		s.leads(1, 0, 4)
		s.ack(1, 0, -1)
		s.DeletionAsked(s.p, deleted)
		s.look(1, State{Leads: true, HW: 4, Start: deleted, ISR: ids(1, 2, 3)})
		s.power(3, 0) // b3 does not know of the deletion
		s.restart(3, 33)
		s.alter(3, ids(3), nil)
		s.leads(3, 1, 0)
		require.Equal(t, want, brokenBy(s.done()), "deleted below %d", deleted)
	}
}
