package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// Retention empties a log up to offset 3. Its broker then follows an uncleanly elected leader, and the log of that leader ends at 2. The
// broker's log now begins at 2, and no byte on its disk says so. A broker that believes an empty log to have records is a
// violation.
func TestAnEmptyLogEndsWhereItsBrokerSays(t *testing.T) {
	for start, want := range map[wire.Offset]Status{2: Held, 1: Violated} {
		s := staged(1)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.write(1, 0, 0xB, 1, 2, 3)
		s.write(2, 0, 0xC, 2)
		r := s.p.Replica(2)
		s.LogStartMoved(s.p, r, 3)
		s.leads(1, 0, 2)
		s.follows(3, 0, 2)
		s.tick()
		s.ReplicaChanged(s.p, r, State{Leader: 1, PartitionEpoch: s.p.assigned.PartitionEpoch, Start: start, End: 2, HW: 2})
		s.tick()
		s.FaultsOver(s.now)
		s.Clock(s.step+1, s.now+2*int64(s.contract.caughtUp()))
		f := Named("heals").Judge(s.done())
		require.Equal(t, want, f.Status, f.Explanation)
	}
}

// A leader that was elected uncleanly may end below the offsets that other replicas have deleted, and then its readers find
// no record there.
func TestReadersDoNotFindDeletedRecords(t *testing.T) {
	for deleted, want := range map[bool]Status{true: Priced, false: Violated} {
		s := staged(2)
		s.committed(0, 0xA)
		if deleted {
			s.DeletionAsked(s.p, 1)
			s.LogStartMoved(s.p, s.p.Replica(2), 1)
		}
		f := readsFresh.Judge(historyCase(s.View, sent("p1", "a", 0), drained("c1", 0)))
		require.Equal(t, want, f.Status, f.Explanation)
	}
}
