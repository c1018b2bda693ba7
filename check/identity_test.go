package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A leader's cleaner encodes an acknowledged batch again, and a follower that was down copies it, is elected and serves it.
// That copy is the promised batch, and no check reports it as lost or different. If no cleaner wrote them, the same bytes
// at that offset are a different batch.
func TestABatchThatWasEncodedAnewIsTheSame(t *testing.T) {
	for cleaned, want := range map[bool]string{
		true:  "",
		false: "acked-durable logs-match acked-electable hw-justified reads-stable leader-recoverable",
	} {
		s := staged(2)
		s.alter(0, ids(1, 2), nil)
		s.committedWith(0, 0xA, 1, 2)
		s.HighWatermarkSent(s.p, s.p.Replica(1), 1)
		if cleaned {
			s.p.Replica(1).Reencoded(s.p, 0, 0xA1)
		}
		copied := s.write(0, 0, 0xA1, 3)
		s.look(1, State{Leads: true, HW: 1, ISR: ids(1, 2), Pending: ids(1, 2, 3)})
		s.alter(0, ids(1, 2, 3), nil)
		s.alter(3, ids(3), nil)
		s.leads(3, 1, 1)
		s.BatchDelivered(s.p, s.p.Replica(3), copied, 1)
		require.Equal(t, want, brokenBy(s.done()))
	}
}

// Two brokers' cleaners run at different times, and a second pass encodes the batches of the first pass again.
func TestIdentitySurvivesEveryPass(t *testing.T) {
	s := staged(2)
	b := s.write(0, 0, 0xA, 1, 2)
	s.p.Replica(1).Reencoded(s.p, 0, 0xA1)
	s.p.Replica(1).Reencoded(s.p, 0, 0xA2)
	s.p.Replica(2).Reencoded(s.p, 0, 0xA3)
	s.p.Replica(2).Reencoded(s.p, 7, 0xA4) // there is no such batch
	for _, node := range []wire.NodeID{1, 2} {
		now, _ := s.p.Replica(node).Log.At(0)
		require.True(t, now.Same(b))
		require.NotEqual(t, b.CRC, now.CRC)
		require.True(t, s.p.Replica(node).Log.Has(b))
	}
	for _, crc := range []uint32{0xA, 0xA1, 0xA2, 0xA3} {
		require.True(t, s.p.known(Batch{Next: 1, CRC: crc}).Same(b), "%x", crc)
	}
	require.False(t, s.p.known(Batch{Next: 1, CRC: 0xA4}).Same(b))
	require.False(t, s.p.known(Batch{Next: 1, Epoch: 1, CRC: 0xA1}).Same(b), "a retry in another epoch is another batch")
}

// The producer's checksum is compared with the checksum at append, so a response that is sent after the log cleaner ran is
// honest.
func TestBytesAreThoseOfTheAppend(t *testing.T) {
	for crc, want := range map[uint32]Status{0xA: Held, 0xA1: Violated} {
		s := staged(2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 1)
		s.p.Replica(1).Reencoded(s.p, 0, 0xA1)
		s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: crc, InSync: 3, MinISR: 2})
		require.Equal(t, want, find(t, s.done(), "stored-as-sent").Status)
	}
}
