package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A finding uses the machine names of the contract. A judge without names falls back to ids, and never names a wrong
// machine.
func TestMachinesAreNamed(t *testing.T) {
	v := NewView(Contract{}, nil)
	require.Equal(t, "node 2", v.name(2))
	require.Equal(t, "node 2", (*View)(nil).name(2))
	v.contract.Machines = machines
	require.Equal(t, "b2", v.name(2))
	require.Equal(t, "c3", v.name(103))
	require.Equal(t, "no broker", v.name(wire.NoNode))
	v.contract.Machines = func(wire.NodeID) string { return "" }
	require.Equal(t, "node 2", v.name(2), "no machine claims the id")
	v.contract.Machines = machines
	for want, ids := range map[string][]wire.NodeID{"empty": nil, "b1": ids(1), "b1 and b2": ids(1, 2), "b1, c1 and b3": ids(1, 101, 3)} {
		require.Equal(t, want, v.names(ids))
	}
}
