package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A leader proposes to remove a replica that has everything, which breaks the promise. The controller removes the replicas of a
// broker that shuts down in the record before the one that fences the broker, and no leader proposed that.
func TestOnlyAProposedRemovalCounts(t *testing.T) {
	for name, c := range map[string]struct {
		pending []wire.NodeID
		want    Status
	}{
		"the leader proposes it":                        {ids(1, 2), Violated},
		"the controller removes it":                     {nil, Unexercised},
		"the controller removes it during another wish": {ids(1, 2, 3), Unexercised},
	} {
		s := staged(2)
		s.FaultsOver(s.now)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.Clock(s.step+1, s.now+2*int64(s.contract.Lag+s.contract.fetched()))
		s.look(1, State{Leads: true, ISR: ids(1, 2, 3), Pending: ids(c.pending...)})
		s.alter(0, ids(1, 2), nil)
		require.Equal(t, c.want, find(t, s.done(), "isr-kept").Status, name)
	}
}
