package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A violation names the lost records and the reason why the leader does not have them.
func TestALossNamesItsRecords(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*stage)
		why  string
	}{
		"it was never there": {func(s *stage) {
			for at := range wire.Offset(5) {
				s.write(at, 0, uint32(at), 1, 2)
			}
		}, "It did not have the record when it was acknowledged, and was elected because the controller counted it as eligible: b2 and b3"},
		"it was cut": {func(s *stage) {
			for at := range wire.Offset(5) {
				s.write(at, 0, uint32(at), 1, 2, 3)
			}
			s.leads(1, 0, 5)
			s.Truncated(s.p, s.p.Replica(3), 1, "")
		}, "It had the record, and truncated it at step 17; b1 and b2 still have it"},
		"power took it": {func(s *stage) {
			for at := range wire.Offset(5) {
				s.write(at, 0, uint32(at), 1, 2, 3)
			}
			s.leads(1, 0, 5)
			s.power(3, 1)
		}, "A fault destroyed its copy, and it was elected nevertheless; b1 and b2 still have it; the power loss of b3"},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			c.play(s)
			for at := range wire.Offset(5) {
				s.ack(1, at, -1)
			}
			s.restart(3, 33)
			s.alter(2, ids(2, 3), nil)
			s.alter(3, ids(2, 3), nil)
			s.leads(3, 2, 1)
			f := find(t, historyCase(s.View, sent("p1", "a", 0), sent("p1", "b", 1), sent("p2", "c", 2), sent("p1", "d", 3), sent("p1", "e", 4)), "acked-durable")
			require.Equal(t, Violated, f.Status)
			require.Contains(t, f.Explanation, c.why)
			if name != "it was never there" {
				require.Contains(t, f.Explanation, `Acknowledged and lost: "b" of p1, "c" of p2, "d" of p1 and 1 more`)
			} else {
				require.Contains(t, f.Explanation, `"a" of p1, "b" of p1, "c" of p2 and 2 more`)
			}
		})
	}
}
