package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One check fails in several ways, and each has its own kind. The stories of one pair differ only in the way.
func TestWays(t *testing.T) {
	lost := func(how func(s *stage)) func(s *stage) {
		return func(s *stage) {
			how(s)
			s.ack(1, 0, -1)
			s.restart(3, 33)
			s.alter(3, ids(3), nil)
			s.leads(3, 1, 0)
		}
	}
	everywhere := func(s *stage) { s.write(0, 0, 0xA, 1, 2, 3); s.leads(1, 0, 1) }
	for _, c := range []struct {
		name, check, want string
		play              func(s *stage)
	}{
		{"a leader never had it", "acked-durable", "leader of a partition: elected from the ISR, never had it",
			lost(func(s *stage) { s.write(0, 0, 0xA, 1, 2) })},
		{"a leader truncated it", "acked-durable", "leader of a partition: elected from the ISR, truncated it",
			lost(func(s *stage) { everywhere(s); s.Truncated(s.p, s.p.Replica(3), 0, "") })},
		{"a leader lost it by a fault, with ELR", "acked-durable", "leader of a partition: elected from the ISR, a fault took it",
			lost(func(s *stage) { s.elr(); everywhere(s); s.power(3, 0) })},
		{"a leader from the ELR", "acked-durable", "leader of a partition: elected from the ELR, truncated it", func(s *stage) {
			s.elr()
			everywhere(s)
			s.ack(1, 0, -1)
			s.alter(0, ids(1), ids(2))
			s.Truncated(s.p, s.p.Replica(2), 0, "")
			s.alter(2, ids(2), nil)
			s.leads(2, 1, 0)
		}},
		{"a leader from outside", "acked-durable", "leader of a partition: elected from neither ISR nor ELR, never had it", func(s *stage) {
			s.alter(0, ids(1, 2), nil)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), nil)
			s.leads(3, 1, 0)
		}},
		{"a member of the ISR never had it", "acked-electable", "follower of a partition: in the ISR, never had it", func(s *stage) {
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
		}},
		{"a member of the ISR truncated it", "acked-electable", "follower of a partition: in the ISR, truncated it", func(s *stage) {
			everywhere(s)
			s.ack(1, 0, -1)
			s.Truncated(s.p, s.p.Replica(3), 0, "")
			s.alter(0, ids(1, 2, 3), nil)
		}},
		{"a high watermark rises above a follower's log", "hw-justified", "leader of a partition: in the ISR, never had it", func(s *stage) {
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
		}},
		{"a follower joins the ISR without it", "hw-justified", "leader of a partition: newly in the ISR, never had it", func(s *stage) {
			s.alter(0, ids(1, 2), nil)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.alter(0, ids(1, 2, 3), nil)
		}},
		{"a follower truncates what is committed", "truncation-licensed", "follower of a partition", func(s *stage) {
			everywhere(s)
			s.ack(1, 0, -1)
			s.Truncated(s.p, s.p.Replica(3), 0, "")
		}},
		{"logs differ at an offset", "logs-match", "follower of a partition: at one offset", func(s *stage) {
			s.write(0, 0, 0xA, 1, 2)
			s.write(0, 0, 0xF, 3)
		}},
		{"logs differ below equal records", "logs-match", "follower of a partition: below equal records", func(s *stage) {
			s.write(0, 0, 0xA, 1, 2)
			s.write(0, 1, 0xF, 3)
			s.write(1, 2, 0xB, 1, 2, 3)
		}},
		{"no eligible replica has it", "leader-recoverable", "controller of a partition: in the ISR, never had it", func(s *stage) {
			s.alter(0, ids(1, 2), nil)
			s.write(0, 0, 0xA, 1, 2)
			s.leads(1, 0, 1)
			s.ack(1, 0, -1)
			s.alter(3, ids(3), nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := staged(2)
			c.play(s)
			f := find(t, s.done(), c.check)
			require.Equal(t, Violated, f.Status, f.Clause)
			require.Equal(t, c.want, f.Fact.Kind(), f.Explanation)
		})
	}
}

// A metadata record that is missing from a later leader's log has the way in which the leader lost it.
func TestWaysOfMetadata(t *testing.T) {
	for by, want := range map[string]string{PowerLoss: takenByFault, "": cutByItself} {
		s := staged(2)
		s.appendMetadata(0, 1, 0xA, 101, 102)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1, HW: 1})
		if by != "" {
			s.DiskFaulted(102, by)
		}
		s.Truncated(s.Metadata(), s.Metadata().Replica(102), 0, by)
		s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 2})
		require.Equal(t, "voter of the metadata log: "+want, find(t, s.done(), "metadata-complete").Fact.Kind())
	}
}

// A history check that finds a loss in what clients saw has the way of the loss, and none if the logs have the record.
func TestWaysOfHistory(t *testing.T) {
	s := staged(2)
	s.write(0, 0, 0xA, 1, 2)
	s.leads(1, 0, 1)
	s.ack(1, 0, -1)
	require.Empty(t, wayOfLoss(s.View, place{TopicPartition: orders}, 0))
	s.alter(3, ids(3), nil)
	s.leads(3, 1, 0)
	c := s.done()
	c.History = []Op{sent("p1", "a", 0), drained("c1", 1)}
	require.Equal(t, "leader of a partition: elected from the ISR, never had it", find(t, c, "lost-write").Fact.Kind())
}
