package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

func TestEveryCheckAcceptsAndRejects(t *testing.T) {
	seen := map[string]bool{}
	for i, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			require.False(t, seen[k.Name], "two checks of one name")
			seen[k.Name] = true
			require.NotEmpty(t, k.Doc)
			require.NotEmpty(t, k.Numbers)
			require.True(t, (k.See == nil) != (k.Judge == nil), "exactly one of See and Judge")
			good := k.result(k.Accept(NewView(Contract{}, All())), i)
			require.Equal(t, Held, good.Status, good.Explanation)
			bad := k.result(k.Reject(NewView(Contract{}, All())), i)
			require.Equal(t, Violated, bad.Status, bad.Explanation)
			require.NotZero(t, bad.Step)
			require.NotEmpty(t, bad.Explanation)
			require.NotEqual(t, Fact{}, bad.Fact, "a finding must say what it is about")
			require.Equal(t, Unexercised, k.result(&Case{}, i).Status)
		})
	}
}

// No invariant reports a violation in a case that another check accepts.
func TestAcceptedCasesAreInOrder(t *testing.T) {
	for _, k := range All() {
		for _, f := range Judge(k.Accept(NewView(Contract{}, All()))) {
			if f.Status == Violated && f.Check.Judge == nil {
				t.Errorf("the case that %s accepts: %s: %s", k.Name, f.Check.Name, f.Explanation)
			}
		}
	}
}

// Every number of checks.md that this package claims is claimed once.
func TestNumbersAreClaimedOnce(t *testing.T) {
	claimed := map[string]string{}
	for _, k := range All() {
		for _, n := range strings.Fields(k.Numbers) {
			require.Empty(t, claimed[n], "%s is claimed by %s and %s", n, claimed[n], k.Name)
			claimed[n] = k.Name
		}
	}
	require.Equal(t, AckedDurable, Named("acked-durable"))
	require.Nil(t, Named("acked"))
}

func TestAcksOneIsPriced(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1)
	s.ack(1, 0, 1)
	s.alter(2, ids(2, 3), nil)
	s.leads(2, 1, 0)
	f := find(t, s.done(), "acked-durable")
	require.Equal(t, Priced, f.Status)
	require.Contains(t, f.Clause, "acks=1")

	c := LostWrite.Reject(nil)
	for op := range of[*Produce](c.History) {
		op.Acks = 1
	}
	r := LostWrite.Judge(c)
	require.Equal(t, Priced, r.Status)
	require.Contains(t, r.Clause, "acks=1")
}

func find(t *testing.T, c *Case, name string) Finding {
	t.Helper()
	for _, f := range Judge(c) {
		if f.Check.Name == name {
			return f
		}
	}
	t.Fatalf("no check %s", name)
	return Finding{}
}

func TestVerdict(t *testing.T) {
	verdict := func(s ...Status) Status {
		var f []Finding
		for _, x := range s {
			f = append(f, Finding{AckedDurable, Result{Status: x}})
		}
		return Verdict(f)
	}
	require.Equal(t, Held, verdict(Held, Priced, Unexercised))
	require.Equal(t, Held, verdict(Held, Unknown), "the other checks carry the verdict")
	require.Equal(t, Unknown, verdict(Unexercised, Unknown))
	require.Equal(t, Held, verdict(Unexercised))
	require.Equal(t, Violated, verdict(Unknown, Violated, Held))
}

// staged builds a stage with all checks.
func staged(minISR int) *stage { return newStage(NewView(Contract{}, All()), minISR) }

// A producer with acks=0 cannot know that its first send is served after its second, on another connection.
func TestOrderIsPricedWithoutAnswers(t *testing.T) {
	for acks, want := range map[int16]Status{0: Priced, 1: Violated, -1: Violated} {
		c := producerOrder.Reject(NewView(Contract{}, All()))
		for op := range of[*Produce](c.History) {
			op.Acks = acks
		}
		require.Equal(t, want, producerOrder.Judge(c).Status)
	}
}

// If a disk fault has permanently damaged a partition, it is a price that the partition does not recover. If the fault hit
// another node's disk, it is a violation.
func TestADamagedPartitionNeedNotHeal(t *testing.T) {
	heals := Named("heals")
	for node, want := range map[wire.NodeID]Status{2: Priced, 9: Violated} {
		c := heals.Reject(NewView(Contract{}, All()))
		c.View.DiskFaulted(node, "bit rot")
		require.Equal(t, want, heals.Judge(c).Status)
	}
}

// A leader appends in the epoch that it leads. Records of an older epoch that appear in its log while it runs are a
// violation, unless its disk wrote to a wrong location.
func TestALeaderAppendsInItsOwnEpoch(t *testing.T) {
	for what, want := range map[string]Status{"misdirected write": Priced, PowerLoss: Violated} {
		s := staged(2)
		s.alter(1, ids(1, 2, 3), nil)
		s.leads(1, 1, 0)
		s.DiskFaulted(1, what)
		s.write(0, 0, 0xA, 1)
		require.Equal(t, want, find(t, s.done(), "one-leader-per-epoch").Status)
	}
}

// A partition that needs an unclean election waits for the controller's next interval, and no longer.
func TestAnUncleanElectionMayWait(t *testing.T) {
	for late, want := range map[bool]Status{false: Held, true: Violated} {
		s := staged(2).elr()
		s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
		s.alter(wire.NoNode, []wire.NodeID{}, []wire.NodeID{})
		s.contract.UncleanEvery = 10 * s.contract.caughtUp()
		s.tick()
		s.FaultsOver(s.now)
		wait := 2 * s.contract.caughtUp()
		if late {
			wait += s.contract.UncleanEvery + s.contract.Session
		}
		s.Clock(s.step+1, s.now+int64(wait))
		require.Equal(t, want, Named("heals").Judge(s.done()).Status)
	}
}

// At the end of the batch that fences a broker, no ISR contains the broker. Without ELR, the last member stays in the ISR
// and does not lead.
func TestAFencedBrokerLeavesTheISR(t *testing.T) {
	for name, c := range map[string]struct {
		isr    []wire.NodeID
		leader wire.NodeID
		want   Status
	}{
		"it has left":                       {ids(1, 2), 1, Held},
		"it stays":                          {ids(1, 3), 1, Violated},
		"it is the last, and does not lead": {ids(3), wire.NoNode, Held},
		"it is the last, and leads":         {ids(3), 3, Violated},
	} {
		s := staged(1)
		r := wire.NewPartitionChange(ordersID, 0)
		r.Leader, r.ISR = c.leader, c.isr
		s.tick()
		s.Committed(s.at, r)
		s.Committed(s.at+1, &wire.BrokerRegistrationChangeRecord{BrokerID: 3, Fenced: 1})
		s.CommittedTo(s.at + 2)
		require.Equal(t, c.want, find(t, s.done(), "isr-legal").Status, name)
	}
}

// No broker epoch is granted twice, not even to two brokers.
func TestBrokerEpochsRiseForAll(t *testing.T) {
	s := staged(2)
	s.commit(&wire.RegisterBrokerRecord{BrokerID: 3, IncarnationID: wire.UUID{33}, BrokerEpoch: s.Registered(2), Fenced: true})
	require.Equal(t, Violated, find(t, s.done(), "broker-epochs").Status)
}

// A controlled shutdown ends within its bound, to which only time without faults counts.
func TestAControlledShutdownEnds(t *testing.T) {
	for name, c := range map[string]struct {
		play func(s *stage, bound int64)
		want Status
	}{
		"in time":  {func(s *stage, bound int64) { s.Clock(s.step, s.now+bound/2); s.Died(2) }, Held},
		"too late": {func(s *stage, bound int64) { s.Clock(s.step, s.now+2*bound); s.Died(2) }, Violated},
		"too late, and it is down": {func(s *stage, bound int64) {
			s.Clock(s.step, s.now+2*bound)
			s.FaultActive()
			s.Died(2)
			s.FaultsOver(s.now)
		}, Violated},
		"never":     {func(s *stage, bound int64) { s.Clock(s.step, s.now+2*bound) }, Violated},
		"under way": {func(s *stage, bound int64) { s.fence(2); s.Clock(s.step, s.now+bound/2) }, Held},
		"while something was wrong": {func(s *stage, bound int64) {
			s.FaultActive()
			s.Clock(s.step, s.now+2*bound)
			s.FaultsOver(s.now)
			s.Clock(s.step, s.now+bound/2)
			s.Died(2)
		}, Held},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			s.FaultsOver(s.now)
			bound := int64(s.contract.unfenced())
			s.Clock(s.step, s.now+2*bound)
			s.ShutdownAsked(2)
			c.play(s, bound)
			s.Clock(s.step, s.now+3*bound)
			if name == "under way" || name == "while something was wrong" {
				s.Clock(s.step, s.now-3*bound)
			}
			f := find(t, s.done(), "brokers-return")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}

// A quorum that still elects leaders while no fault is active has not settled (K6).
func TestAQuorumThatNeverRests(t *testing.T) {
	for late, want := range map[bool]Status{false: Held, true: Violated} {
		s := staged(2)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1})
		s.FaultsOver(s.now)
		bound := int64(s.contract.quorumLed())
		if late {
			s.Clock(s.step, s.now+2*bound)
		}
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 2})
		s.Clock(s.step, s.now+3*bound)
		require.Equal(t, want, find(t, s.done(), "quorum-settles").Status)
	}
}

// A topic that is created again under its name does not take over the log of the deleted topic (M37).
func TestALogOfAnotherTopicOfThatName(t *testing.T) {
	for home, want := range map[wire.TopicID]Status{ordersID: Held, {9: 9}: Violated} {
		s := staged(2)
		s.DirectoryInUse(s.p, s.p.Replica(2), home)
		require.Equal(t, want, find(t, s.done(), "one-directory").Status)
	}
}

// The numbers of liveness checks begin with L.
func TestLivenessIsMarked(t *testing.T) {
	for _, k := range All() {
		require.Equal(t, strings.HasPrefix(k.Numbers, "L"), k.Liveness, k.Name)
	}
}
