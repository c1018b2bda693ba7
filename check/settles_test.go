package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A replica that joins an ISR and leaves it before it has what the leader had then: below min.insync.replicas the high watermark
// stands still, so that is Kafka's price.
func TestAReplicaThatJoinsTooEarly(t *testing.T) {
	for name, c := range map[string]struct {
		minISR  int
		catches bool // it gets what the leader had when it joined
		removed bool // by the controller, and not by the leader
		want    Status
	}{
		"below min.insync.replicas":                 {3, false, false, Priced},
		"below min.insync.replicas, and catches up": {3, true, false, Held},
		"the controller removes it":                 {3, false, true, Unexercised},
		"enough were in sync":                       {2, false, false, Held},
	} {
		s := staged(c.minISR)
		s.committed(0, 0xA)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		s.alter(0, ids(1, 2), nil)
		was := s.tallyOf("isr-settles").seen
		s.leads(1, 0, 1)
		s.write(1, 0, 0xB, 1, 2)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		s.alter(0, ids(1, 2, 3), nil) // b3 has all below the high watermark, and not what came after
		s.leads(1, 0, 1)
		if c.catches {
			s.write(1, 0, 0xB, 3)
		}
		if !c.removed {
			s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2, 3), Pending: ids(1, 2)})
		}
		s.alter(0, ids(1, 2), nil)
		f := find(t, s.done(), "isr-settles")
		if c.want == Unexercised {
			require.Equal(t, was, s.tallyOf("isr-settles").seen, name)
			continue
		}
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
		if c.want == Priced {
			require.Contains(t, f.Clause, "KAFKA-19996")
		}
	}
}

// tallyOf returns the tally of a check.
func (s *stage) tallyOf(name string) *Tally {
	for i, k := range All() {
		if k.Name == name {
			return &s.tallies[i]
		}
	}
	return nil
}
