package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A kind is made of constants. It has no name, id or offset of one run; otherwise no two seeds would have the same
// fingerprint.
func TestKindsNameNothing(t *testing.T) {
	for i, k := range All() {
		f := k.result(k.Reject(NewView(Contract{}, All())), i).Fact
		require.Regexp(t, `^(leader|follower|controller|voter|broker|producer|consumer) of [a-z]+ [a-z ]+(: [a-zELRIS, ]+)?$`, f.Kind(), k.Name)
		require.NotEqual(t, NoSubject, f.Subject.Kind, k.Name)
	}
}

// The same failure at other offsets, on another partition, has the same kind. Another failure of the same check has another
// kind.
func TestKindsTellFailuresApart(t *testing.T) {
	play := func(name string, at wire.Offset, how func(s *stage)) Fact {
		s := staged(2)
		for before := range at {
			s.committed(before, 0xC)
		}
		s.p.TP.Topic = name
		how(s)
		s.ack(1, at, -1)
		s.restart(3, 33)
		s.alter(3, ids(3), nil)
		s.leads(3, 1, 0)
		return find(t, s.done(), "acked-durable").Fact
	}
	cut := func(at wire.Offset) func(s *stage) {
		return func(s *stage) {
			s.write(at, 0, 0xA, 1, 2, 3)
			s.leads(1, 0, at+1)
			s.Truncated(s.p, s.p.Replica(3), at, "")
		}
	}
	a, b := play("orders", 0, cut(0)), play("orders", 4, cut(4))
	require.NotEqual(t, a, b)
	require.Equal(t, a.Kind(), b.Kind())
	require.Equal(t, "leader of a partition: elected from the ISR, truncated it", a.Kind())
	other := play("orders", 0, func(s *stage) { s.write(0, 0, 0xA, 1, 2) })
	require.Equal(t, "leader of a partition: elected from the ISR, never had it", other.Kind())
}
