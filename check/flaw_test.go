package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// met returns the violated checks of a case, each with its finding.
func met(c *Case) map[string]string {
	all := map[string]string{}
	for _, f := range Judge(c) {
		if f.Status == Violated {
			all[f.Check.Name] = f.Known
		}
	}
	return all
}

// skipped plays skipped-epoch: b1 leads epochs 0 and 2, b2 leads epoch 1 without the record, b3 truncates it there, and b1 commits it.
func skipped(saw, cut bool) *stage {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 3)
	s.leads(1, 0, 0)
	s.alter(2, ids(1, 2, 3), nil)
	if cut {
		s.tick()
		s.Truncated(s.p, s.p.Replica(3), 0, "")
	}
	if saw {
		s.follows(1, 1, 0)
	}
	s.alter(1, ids(1, 3), nil)
	s.leads(1, 2, 1)
	if !cut {
		s.tick()
		s.Truncated(s.p, s.p.Replica(3), 0, "") // only now, and no epoch of another leader explains it
	}
	s.ack(1, 0, -1)
	s.alter(3, ids(3), nil)
	s.leads(3, 3, 0)
	return s
}

// A leader that never saw the epoch between is the finding, and everything that follows from it is known.
func TestASkippedEpochIsKnown(t *testing.T) {
	s := skipped(false, true)
	require.Equal(t, map[string]string{"hw-justified": "skipped-epoch", "acked-electable": "skipped-epoch", "ack-honest": "skipped-epoch", "acked-durable": "skipped-epoch",
		"leader-recoverable": "skipped-epoch"}, met(s.done()))
	f := find(t, s.done(), "acked-durable")
	require.Equal(t, "b1 led in epoch 0 and, from step 17 on, in epoch 2, and never saw the leader between", f.Clause)
	require.Contains(t, f.Explanation, "b1 still has it", "the finding is no licence, so the copies are named")
}

// The same checks without the mark are news: the leader saw the epoch between, or the follower truncated at another time.
func TestASkippedEpochExplainsNothingElse(t *testing.T) {
	for name, s := range map[string]*stage{"the leader saw it": skipped(true, true), "the follower truncated later": skipped(false, false)} {
		found := met(s.done())
		require.NotEmpty(t, found, name)
		for check, known := range found {
			require.Empty(t, known, "%s: %s", name, check)
		}
	}
}

// A run with a known violation may have another one of the same check, which is reported.
func TestAKnownViolationHidesNoOther(t *testing.T) {
	s := skipped(false, true)
	require.Equal(t, "skipped-epoch", find(t, s.done(), "acked-durable").Known)
	s.write(0, 3, 0xB, 3)
	s.leads(3, 3, 1)
	s.ack(3, 0, 1)
	s.loseAnother(0xC)
	f := find(t, s.done(), "acked-durable")
	require.Empty(t, f.Known)
	require.Contains(t, f.Explanation, "offset 1 of orders-0")
}

// loseAnother commits a record of b3 on all replicas, which b1 then loses although no fault hits it, and makes b1 leader.
func (s *stage) loseAnother(crc uint32) {
	for _, node := range ids(1, 2) {
		s.tick()
		s.Truncated(s.p, s.p.Replica(node), 0, "")
		s.write(0, 3, 0xB, node)
	}
	s.alter(0, ids(1, 2, 3), nil)
	s.write(1, 3, crc, 1, 2, 3)
	s.leads(3, 3, 2)
	s.ack(3, 1, -1)
	s.tick()
	s.Truncated(s.p, s.p.Replica(1), 1, "")
	s.alter(1, ids(1, 2), nil)
	s.leads(1, 4, 1)
}

// staysInELR plays elr-off-and-on: b3 is in the ELR, min.insync.replicas falls, and a record is committed without b3.
func staysInELR(off bool) *stage {
	s := staged(3).elr()
	s.committed(0, 0xA)
	s.alter(0, ids(1, 2), ids(3))
	if off {
		s.commit(&wire.FeatureLevelRecord{Name: elrVersion, Level: 0})
	}
	lower := "2"
	s.commit(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "min.insync.replicas", Value: &lower})
	s.elr()
	s.Applied(1, s.at, -1, false)
	s.write(1, 0, 0xB, 1, 2)
	s.leads(1, 0, 2)
	s.ack(1, 1, -1)
	s.alter(3, ids(3), ids(1, 2))
	s.leads(3, 1, 1)
	return s
}

// A replica that is in the ELR since before the feature was off is the finding; one that the controller forgot to remove is not.
func TestAnELRThatOutlivesItsFeatureIsKnown(t *testing.T) {
	for off, want := range map[bool]string{true: "elr-off-and-on", false: ""} {
		found := met(staysInELR(off).done())
		require.Equal(t, map[string]string{"hw-justified": want, "acked-electable": want, "acked-durable": want}, found, off)
	}
}

// recreated plays recreated-while-away: b2 had a deleted topic of this name, with a log start, and its new log begins there.
func recreated(start wire.Offset, restarted bool) *stage {
	s := staged(2)
	old := s.Partition(wire.TopicID{0: 9}, orders)
	s.DeletionAsked(old, 1)
	s.Appended(old, old.Replica(2), Batch{Base: 0, Next: 1, CRC: 0xD})
	s.LogStartMoved(old, old.Replica(2), 1)
	s.noteStart(old, old.Replica(2), 1)
	s.Deleted(old, old.Replica(2))
	s.committed(0, 0xA)
	s.committed(1, 0xB)
	s.tick()
	if restarted {
		s.Died(2)
		s.restart(2, 22)
	}
	s.LogStartMoved(s.p, s.p.Replica(2), start)
	s.alter(2, ids(2, 3), nil)
	s.leads(2, 1, max(2, start))
	return s
}

// A log that begins at the log start of the deleted topic is the finding. A log that begins elsewhere, or without a start of the
// broker that reads the checkpoint, is news.
func TestAnInheritedLogStartIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		start     wire.Offset
		restarted bool
		want      string
	}{
		"at its log start":      {1, true, "recreated-while-away"},
		"above its log start":   {2, true, ""},
		"without another start": {1, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := met(recreated(c.start, c.restarted).done())
			for _, name := range []string{"deletion-licensed", "acked-durable", "acked-electable", "truncation-licensed"} {
				known, violated := found[name]
				require.True(t, violated, name)
				require.Equal(t, c.want, known, name)
			}
		})
	}
}

// The clause of a finding is no licence.
func TestAFindingIsNoLicence(t *testing.T) {
	clause := flaw("skipped-epoch", "b1 led: twice")
	require.Equal(t, "skipped-epoch", findingIn(clause))
	require.False(t, licenses(clause))
	require.True(t, licenses("an operator asked for the deletion"))
	require.False(t, licenses(""))
	r := Result{Status: Violated, Clause: clause}
	r.mark()
	require.Equal(t, Result{Status: Violated, Clause: "b1 led: twice", Known: "skipped-epoch"}, r)
}
