package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// record sets the record that a consumer read, as the observer does.
func record(client string, number int64, attempt int, op *Consume) *Consume {
	op.Record, op.Attempt = RecordID{client, number}, attempt
	return op
}

// judged returns what some checks find in a history, as "name status".
func judged(ops []Op, names ...string) string {
	c := historyCase(NewView(Contract{}, All()), ops...)
	var all []string
	for _, name := range names {
		all = append(all, name+" "+Named(name).Judge(c).Status.String())
	}
	return strings.Join(all, ", ")
}

// Records with equal values are different records: none is a duplicate or lost, none is out of order, and none is where
// another one should be.
func TestEqualValuesAreNoAccusation(t *testing.T) {
	for name, ops := range map[string][]Op{
		"one producer": {
			sent("p1", "a", 0), sent("p1", "a", 1), sent("p1", "b", 2), sent("p1", "a", 3),
			record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 2, 1, polled("r1", "a", 1)), record("p1", 3, 1, polled("r1", "b", 2)), record("p1", 4, 1, polled("r1", "a", 3)),
		},
		"two producers": {
			sent("p1", "a", 0), sent("p2", "a", 1), sent("p1", "b", 2), sent("p2", "b", 3),
			record("p1", 1, 1, polled("r1", "a", 0)), record("p2", 1, 1, polled("r1", "a", 1)), record("p1", 2, 1, polled("r1", "b", 2)), record("p2", 2, 1, polled("r1", "b", 3)),
		},
		"the observer does not know which": {
			sent("p1", "a", 0), sent("p1", "a", 1), sent("p2", "a", 2), polled("r1", "a", 0), polled("r1", "a", 1), polled("r1", "a", 2),
		},
	} {
		for _, k := range All() {
			if k.Judge == nil || k.Liveness {
				continue
			}
			r := k.Judge(historyCase(NewView(Contract{}, All()), ops...))
			require.Contains(t, []Status{Held, Unexercised}, r.Status, "%s: %s: %s", name, k.Name, r.Explanation)
		}
	}
}

// What is wrong with one of several records with equal values is found, although the value alone looks right.
func TestEqualValuesHideNothing(t *testing.T) {
	failed := sent("p1", "a", -1)
	failed.Outcome = Failed
	for name, c := range map[string]struct {
		ops  []Op
		want string
	}{
		"the second of two is lost, and a third is read": {
			[]Op{sent("p1", "a", 0), sent("p1", "a", 1), sent("p1", "a", 2), record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 3, 1, polled("r1", "a", 2))},
			"lost-write violated",
		},
		"one is lost, and a later one has its offset": {
			[]Op{sent("p1", "a", 0), sent("p2", "a", 0), record("p2", 1, 1, polled("r1", "a", 0))},
			"lost-write violated, log-linearizable violated",
		},
		"one request stored its record twice": {
			[]Op{sent("p1", "a", 0), sent("p1", "a", 2), record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 1, 1, polled("r1", "a", 1)), record("p1", 2, 1, polled("r1", "a", 2))},
			"no-duplicate violated",
		},
		"a retry stored it again, without idempotence": {
			[]Op{sent("p1", "a", 1), sent("p1", "a", 2), record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 1, 2, polled("r1", "a", 1)), record("p1", 2, 1, polled("r1", "a", 2))},
			"no-duplicate priced",
		},
		"two readers find different records at an offset": {
			[]Op{sent("p1", "a", 0), sent("p1", "a", 1), record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 2, 1, polled("r2", "a", 0))},
			"one-value-per-offset violated",
		},
		"they are in the wrong order": {
			[]Op{sent("p1", "a", 1), sent("p1", "a", 0), record("p1", 2, 1, polled("r1", "a", 0)), record("p1", 1, 1, polled("r1", "a", 1))},
			"producer-order violated",
		},
		"each is where the other should be": {
			[]Op{sent("p1", "a", 0), sent("p2", "a", 1), record("p2", 1, 1, polled("r1", "a", 0)), record("p1", 1, 1, polled("r1", "a", 1))},
			"acked-where-told violated",
		},
		"one was never stored": {
			[]Op{sent("p1", "a", 0), failed, record("p1", 1, 1, polled("r1", "a", 0)), record("p1", 2, 1, polled("r1", "a", 1))},
			"records-intact violated",
		},
		"it has another value by now": {
			[]Op{sent("p1", "a", 0), sent("p1", "b", 1), record("p1", 1, 1, polled("r1", "b", 0))},
			"records-intact violated",
		},
		"one is from the deleted topic": {
			[]Op{writes(1, sent("p1", "a", 0)), writes(2, sent("p2", "a", 0)), reading(2, record("p1", 1, 1, polled("r1", "a", 0)))},
			"topics-apart violated",
		},
		"it is read before it is sent": {
			[]Op{sent("p1", "a", 0), record("p2", 1, 1, polled("r1", "a", 1)), sent("p2", "a", 1)},
			"log-linearizable violated",
		},
	} {
		var names []string
		for _, one := range strings.Split(c.want, ", ") {
			names = append(names, strings.Fields(one)[0])
		}
		require.Equal(t, c.want, judged(c.ops, names...), name)
	}
}

// A record without a known id is the only one with its value.
func TestAValueDecidesIfNothingElseDoes(t *testing.T) {
	lost := []Op{sent("p1", "a", 0), sent("p1", "b", 1), sent("p1", "a", 2), polled("r1", "a", 0), polled("r1", "a", 2)}
	require.Equal(t, "lost-write violated", judged(lost, "lost-write"))
	require.Equal(t, "records-intact violated", judged([]Op{sent("p1", "a", 0), polled("r1", "x", 0)}, "records-intact"))
	again := []Op{sent("p1", "a", 0), polled("r1", "a", 0), polled("r1", "a", 1)}
	require.Equal(t, "no-duplicate priced", judged(again, "no-duplicate"))
}

// A batch has the records of the attempt that the leader's log got it by, on every replica and after the log cleaner.
func TestABatchKnowsItsRecords(t *testing.T) {
	s := staged(2)
	b := Batch{Base: 5, Next: 8, CRC: 0xA}
	Wrote(s.p, b, Send{"p1", []int64{4, 9, 10}, 2})
	s.Appended(s.p, s.p.Replica(1), b)
	at := func(b Batch, at wire.Offset) string {
		r, n := RecordAt(s.p, b, at)
		return r.Client + itoa(r.Number) + "/" + itoa(n)
	}
	require.Equal(t, "p14/2", at(b, 5))
	require.Equal(t, "p110/2", at(b, 7))
	require.Equal(t, "0/0", at(b, 8), "outside the batch")
	require.Equal(t, "0/0", at(Batch{Base: 5, Next: 8, CRC: 0xB}, 5), "other bytes")
	require.Equal(t, "0/0", at(Batch{Base: 5, Next: 8, Epoch: 1, CRC: 0xA}, 5), "of another leader")
	s.p.Replica(1).Reencoded(s.p, 5, 0xC)
	require.Equal(t, "p19/2", at(Batch{Base: 5, Next: 8, CRC: 0xC}, 6), "the log cleaner has encoded it again")
}

// acked-durable names the records that are lost, and no others: neither a later record at a lost offset, nor a record of
// which another copy is there, nor one of an earlier topic of that name.
func TestOnlyLostRecordsAreNamed(t *testing.T) {
	s := staged(2)
	s.committed(0, 0xA)
	s.write(1, 0, 0xB, 1, 2, 3)
	Wrote(s.p, Batch{Base: 1, Next: 2, CRC: 0xB}, Send{"p1", []int64{1}, 1})
	s.leads(1, 0, 2)
	s.ack(1, 1, -1)
	s.write(2, 0, 0xC, 1, 2, 3)
	Wrote(s.p, Batch{Base: 2, Next: 3, CRC: 0xC}, Send{"p2", []int64{7}, 1})
	s.leads(1, 0, 3)
	s.ack(1, 2, -1)
	s.Truncated(s.p, s.p.Replica(2), 1, "")
	s.alter(2, ids(2, 3), nil)
	s.leads(2, 1, 1) // both are lost
	s.write(1, 1, 0xD, 2, 3)
	Wrote(s.p, Batch{Base: 1, Next: 2, Epoch: 1, CRC: 0xD}, Send{"p2", []int64{7}, 2}) // a copy of p2's record
	s.write(2, 1, 0xE, 2, 3)
	Wrote(s.p, Batch{Base: 2, Next: 3, Epoch: 1, CRC: 0xE}, Send{"p3", []int64{1}, 1}) // at a lost offset
	s.leads(2, 1, 3)
	s.ack(2, 1, -1)
	s.ack(2, 2, -1)
	lost, copied, later := sent("p1", "a", 1), sent("p2", "a", 1), sent("p3", "a", 2)
	lost.Number, copied.Number, later.Number = 1, 7, 1
	other := sent("p4", "a", 1)
	other.Number, other.Topic = 1, wire.TopicID{9}
	c := &Case{View: s.View}
	for _, op := range []*Produce{other, lost, copied, later} {
		if op != other {
			op.Topic = ordersID
		}
		c.History = append(c.History, op)
	}
	f := find(t, c, "acked-durable")
	require.Equal(t, Violated, f.Status)
	require.Contains(t, f.Explanation, `Acknowledged and lost: "a" of p1. `)
}

// A retry stores two records again, and readers have found only one of the first copies. Their order is that of the first copies,
// which the leaders' logs have. If the log never had a first copy, the records are in the wrong order.
func TestAFirstCopyThatWasNotRead(t *testing.T) {
	for first, want := range map[int64]Status{1: Held, 3: Violated} {
		v := NewView(Contract{}, All())
		Wrote(v.Partition(ordersID, orders), Batch{Base: 0, Next: 2, CRC: 0xA}, Send{"p1", []int64{first, 2}, 1})
		c := historyCase(v, sent("p1", "a", 2), sent("p1", "b", 3),
			record("p1", 2, 1, polled("r1", "b", 1)), record("p1", 1, 2, polled("r1", "a", 2)), record("p1", 2, 2, polled("r1", "b", 3)))
		require.Equal(t, want, Named("producer-order").Judge(c).Status)
	}
}
