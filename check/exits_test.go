package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

func TestReasonsToEnd(t *testing.T) {
	ended := func(x Exit) Exit { x.Node, x.Ended = 1, true; return x }
	for name, c := range map[string]struct {
		Exit
		want Status
	}{
		"a clean shutdown on SIGTERM":            {ended(Exit{Asked: true, Registered: true}), Held},
		"a clean shutdown":                       {ended(Exit{Registered: true}), Violated},
		"an error on SIGTERM":                    {ended(Exit{Asked: true, Failed: true, Registered: true}), Violated},
		"a failed disk":                          {ended(Exit{Failed: true, Registered: true, Refused: 1}), Held},
		"not registered in time":                 {ended(Exit{Failed: true, Lasted: 60 * second}), Held},
		"not registered yet":                     {ended(Exit{Failed: true, Lasted: 59 * second}), Violated},
		"not registered, and its clock is wrong": {ended(Exit{Failed: true, Lasted: -1}), Held},
		"a controller is not registered":         {ended(Exit{Failed: true, Lasted: 60 * second, Controller: true}), Violated},
		"running on after a failed call":         {Exit{Node: 1, Refused: 1}, Violated},
	} {
		s := staged(2)
		c.Seen(s.View)
		require.Equal(t, c.want, find(t, s.done(), "ends-with-reason").Status, name)
	}
}

// A node may find its files unreadable if its own disk lost what it had stored, and may find committed metadata gone if the
// disk of a controller did.
func TestALostDiskIsAReasonToEnd(t *testing.T) {
	for node, want := range map[wire.NodeID]Status{1: Priced, 2: Violated, 101: Priced} {
		s := staged(2)
		s.active(101)
		s.DiskFaulted(node, "lost write")
		Exit{Node: 1, Ended: true, Failed: true, Registered: true}.Seen(s.View)
		require.Equal(t, want, find(t, s.done(), "ends-with-reason").Status, s.name(node))
	}
}
