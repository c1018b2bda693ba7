package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// begunAt builds a partition with two acknowledged records that all replicas have. After the given change, its leader's log
// begins above both.
func begunAt(before func(*stage)) *stage {
	s := staged(2)
	s.sized(0, 0xA)
	s.sized(1, 0xB)
	before(s)
	s.look(1, State{Leads: true, HW: s.p.Replica(1).Log.End(), Start: 2, ISR: ids(1, 2, 3)})
	return s
}

// sized appends a record of 100 bytes, as old as the run, on all replicas and acknowledges it.
func (s *stage) sized(at wire.Offset, crc uint32) {
	s.tick()
	for _, node := range ids(1, 2, 3) {
		s.Appended(s.p, s.p.Replica(node), Batch{Base: at, Next: at + 1, CRC: crc, Size: 100, Newest: s.now / 1e6})
	}
	s.leads(1, 0, at+1)
	s.ack(1, at, -1)
}

// limit sets the retention of a topic or, if the topic is "", of all brokers.
func (s *stage) limit(of, name, value string) {
	kind := wire.ConfigTopic
	if of == "" {
		kind = wire.ConfigBroker
	}
	s.commit(&wire.ConfigRecord{ResourceType: kind, ResourceName: of, Name: name, Value: &value})
}

func TestDeletionNeedsALicence(t *testing.T) {
	nothing := func(*stage) {}
	for name, c := range map[string]struct {
		before func(*stage)
		want   Status
	}{
		"no request":        {nothing, Violated},
		"an operator asked": {func(s *stage) { s.DeletionAsked(s.p, 2) }, Held},
		"for less":          {func(s *stage) { s.DeletionAsked(s.p, 1) }, Violated},
		"for another partition": {func(s *stage) {
			s.DeletionAsked(s.Partition(ordersID, wire.TopicPartition{Topic: "orders", Partition: 1}), 2)
		}, Violated},
		"retention by size":           {func(s *stage) { s.limit("orders", "retention.bytes", "0") }, Held},
		"of another topic":            {func(s *stage) { s.limit("bills", "retention.bytes", "0") }, Violated},
		"by a size that stays":        {func(s *stage) { s.limit("orders", "retention.bytes", "100"); s.sized(2, 0xC) }, Held},
		"by a size that is not left":  {func(s *stage) { s.limit("orders", "retention.bytes", "101"); s.sized(2, 0xC) }, Violated},
		"by age":                      {func(s *stage) { s.limit("orders", "retention.ms", "1") }, Held},
		"by no age at all":            {func(s *stage) { s.limit("orders", "retention.ms", "0") }, Held},
		"by an age that one has":      {func(s *stage) { s.limit("orders", "retention.ms", "6") }, Violated},
		"by the age of one, and size": {func(s *stage) { s.limit("orders", "retention.ms", "6"); s.limit("orders", "retention.bytes", "0") }, Held},
		"by a week, and a clock is on": {func(s *stage) {
			s.limit("orders", "retention.ms", "604800000")
			s.contract.Wall = func(wire.NodeID) int64 { return s.now/1e6 + 8*86400e3 }
		}, Held},
		"by a week":                    {func(s *stage) { s.limit("orders", "retention.ms", "604800000") }, Violated},
		"switched off":                 {func(s *stage) { s.limit("orders", "retention.ms", "-1") }, Violated},
		"switched off after it was on": {func(s *stage) { s.limit("orders", "retention.ms", "1"); s.limit("orders", "retention.ms", "-1") }, Held},
		"by what all brokers keep":     {func(s *stage) { s.limit("", "log.retention.bytes", "0") }, Held},
		"its disk was damaged":         {func(s *stage) { s.DiskFaulted(1, "bit rot") }, Held},
		"another's was":                {func(s *stage) { s.DiskFaulted(2, "bit rot") }, Violated},
		"it lost power":                {func(s *stage) { s.DiskFaulted(1, PowerLoss) }, Violated},
	} {
		require.Equal(t, c.want, find(t, begunAt(c.before).done(), "deletion-licensed").Status, name)
	}
}

// A leader that moves its log start without a licence must still have the records below. A leader with a licence need not
// have them.
func TestAStartWithoutLicenceExcusesNothing(t *testing.T) {
	for asked, want := range map[bool]string{false: "deletion-licensed", true: ""} {
		s := begunAt(func(s *stage) {
			if asked {
				s.DeletionAsked(s.p, 2)
			}
		})
		require.Equal(t, want, brokenBy(s.done()))
		require.Equal(t, asked, s.p.trimmed == 2)
		s.look(2, State{Leader: 1, HW: 2, Start: 2}) // a follower adopts the start
		require.Equal(t, asked, s.p.trimmed == 2)
	}
}

// Records that are gone from a log's start without a licence are lost: the replica misses them, and if it leads, an
// acknowledged record is lost. With a licence nothing is.
func TestALogStartWithoutLicenceLosesRecords(t *testing.T) {
	for asked, want := range map[bool]Status{false: Violated, true: Held} {
		s := staged(2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		if asked {
			s.DeletionAsked(s.p, 1)
		}
		s.tick()
		s.LogStartMoved(s.p, s.p.Replica(1), 1)
		s.leads(1, 0, 2)
		c := s.done()
		for _, name := range []string{"acked-durable", "deletion-licensed"} {
			require.Equal(t, want, find(t, c, name).Status, name)
		}
		require.True(t, s.p.Replica(1).Log.Has(Batch{Base: 1, Next: 2, CRC: 0xB}))
		require.False(t, s.p.Replica(1).Log.Has(Batch{Base: 0, Next: 1, CRC: 0xA}))
	}
}

// A batch may hold records below and above a deletion. Serving it from above is right, serving it from below is not, unless
// the broker died and lost the deletion.
func TestABatchAcrossADeletion(t *testing.T) {
	for name, c := range map[string]struct {
		first wire.Offset // the offset after the first record that is served
		died  bool
		want  Status
	}{
		"from above":                {4, false, Held},
		"from below":                {1, false, Violated},
		"from below, after a crash": {1, true, Priced},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			s.tick()
			for _, node := range ids(1, 2, 3) {
				s.Appended(s.p, s.p.Replica(node), Batch{Base: 0, Next: 4, CRC: 0xA})
			}
			s.leads(1, 0, 4)
			s.DeletionAsked(s.p, 3)
			s.RecordsDeleted(s.p, s.p.Replica(1), 3)
			if c.died {
				s.tick()
				s.Died(1)
				s.restart(1, 21)
			}
			s.tick()
			s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 4, First: c.first, Since: s.step})
			f := find(t, s.done(), "deleted-for-good")
			require.Equal(t, c.want, f.Status, f.Explanation)
			if c.died {
				require.Contains(t, f.Clause, "KIP-107")
			}
		})
	}
}

// A paused leader is deposed, and answers DeleteRecords as soon as it runs again. If its metadata has the new leader as fenced, it
// did not wait for it, and the new leader may serve the records. If its metadata has the new leader as unfenced, it had to wait.
func TestADeposedLeaderAnswersADeletion(t *testing.T) {
	for name, c := range map[string]struct {
		knows bool // the deposed leader has applied the record that unfences the new leader
		want  Status
	}{
		"the new leader is fenced in its metadata":   {false, Priced},
		"the new leader is unfenced in its metadata": {true, Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			s.committed(0, 0xA)
			s.committed(1, 0xB)
			s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: 1})
			s.Applied(1, s.at, -1, false)
			s.commit(&wire.BrokerRegistrationChangeRecord{BrokerID: 2, Fenced: -1})
			if c.knows {
				s.Applied(1, s.at, -1, false)
			}
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 2)
			s.RecordsDeleted(s.p, s.p.Replica(1), 2)
			s.tick()
			s.EndOffsetSent(s.p, s.p.Replica(2), EndOffset{End: 2, First: 1, Since: s.step})
			f := find(t, s.done(), "deleted-for-good")
			require.Equal(t, c.want, f.Status, f.Explanation)
			if !c.knows {
				require.Equal(t, "DeleteRecords waits for the replicas on unfenced brokers, and b2 was fenced in the metadata of b1, which answered", f.Clause)
			}
		})
	}
}
