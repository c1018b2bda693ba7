package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryCheckAcceptsAndRejects(t *testing.T) {
	for _, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			require.NotEmpty(t, k.Doc)
			good := k.Judge(k.Accept())
			require.Equal(t, Held, good.Status, good.Explanation)
			bad := k.Judge(k.Reject())
			require.Equal(t, Violated, bad.Status, bad.Explanation)
			require.NotZero(t, bad.Step)
			require.Equal(t, Unexercised, k.Judge(&Case{}).Status)
		})
	}
}

func TestALossIsPricedOnlyIfEveryCopyWasHitAfterTheAck(t *testing.T) {
	held := fixture{1: {1: 0xB}, 2: {1: 0xB}}.led(1)
	gone := fixture{1: {}, 2: {}}.led(2)
	lose := func(hits ...Hit) Result {
		var c Case
		c.Ledger.Acked(Ack{Client: "p1", Partition: orders, Base: 1, CRC: 0xB, Acks: -1, Step: 3}, held)
		for _, h := range hits {
			c.Ledger.Struck(h)
		}
		c.Ledger.Look(orders, gone, 9)
		return AckedDurable.Judge(&c)
	}
	both := lose(Hit{1, "power loss", 4}, Hit{2, "power loss", 5})
	require.Equal(t, Priced, both.Status)
	require.Contains(t, both.Clause, "power loss of broker 2 at step 5")
	require.Equal(t, Violated, lose(Hit{1, "power loss", 4}).Status, "broker 2 was never hit")
	require.Equal(t, Violated, lose(Hit{1, "power loss", 4}, Hit{2, "power loss", 2}).Status, "broker 2 was hit before the ack")
	require.Equal(t, Violated, lose().Status)
}

func TestAcksOneIsPriced(t *testing.T) {
	for _, k := range All() {
		c := k.Reject()
		for i := range c.History {
			c.History[i].Acks = 1
		}
		for i := range c.Ledger.losses {
			c.Ledger.losses[i].Ack.Acks = 1
		}
		r := k.Judge(c)
		require.Equal(t, Priced, r.Status, k.Name)
		require.Contains(t, r.Clause, "acks=1")
	}
}

func TestVerdict(t *testing.T) {
	of := func(s ...Status) Status {
		var f []Finding
		for _, x := range s {
			f = append(f, Finding{AckedDurable, Result{Status: x}})
		}
		return Verdict(f)
	}
	require.Equal(t, Held, of(Held, Priced, Unexercised))
	require.Equal(t, Unknown, of(Held, Unknown))
	require.Equal(t, Violated, of(Unknown, Violated, Held))
}
