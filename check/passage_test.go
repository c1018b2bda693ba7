package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// A reader has passed what lies between its position and what it found there, and nothing else.
func TestReadersPassWhatTheyLookAt(t *testing.T) {
	acked := func(ops ...Op) []Op { // offsets 0 to 9
		var all []Op
		for i := range 10 {
			all = append(all, writes(1, sent("p1", "v"+itoa(i), wire.Offset(i))))
		}
		return append(all, ops...)
	}
	for name, c := range map[string]struct {
		ops  []Op
		want Status
	}{
		"from the middle":                          {acked(polled("r1", "v3", 3), polled("r1", "v4", 4)), Held},
		"from the middle to the end":               {acked(polled("r1", "v8", 8), polled("r1", "v9", 9), drained("r1", 10)), Held},
		"at the end, without a record":             {acked(drained("r1", 10)), Unexercised},
		"twice, and never below 3":                 {acked(polled("r1", "v3", 3), again(polled("r1", "v7", 7))), Held},
		"reset to the end":                         {acked(polled("r1", "v0", 0), moved("r1", PositionReset, 1), polled("r1", "v9", 9)), Held},
		"in a topic made again":                    {acked(reading(2, polled("r1", "w", 9)), writes(2, sent("p2", "w", 9))), Held}, // of the deleted topic no reader has passed anything
		"over a record":                            {acked(polled("r1", "v3", 3), polled("r1", "v5", 5)), Violated},
		"over the first record":                    {acked(from(3, polled("r1", "v4", 4))), Violated},
		"over all to the end":                      {acked(from(3, drained("r1", 10))), Violated},
		"from the log start, which is not 0":       {acked(first(polled("r1", "v3", 3))), Violated},
		"from the log start, where nothing is":     {acked(first(drained("r1", 10))), Violated},
		"over a record that another reader has":    {acked(polled("r1", "v3", 3), polled("r1", "v5", 5), polled("r2", "v4", 4)), Held},
		"over a record, after a seek to the start": {acked(polled("r1", "v3", 3), again(first(polled("r1", "v0", 0))), again(polled("r1", "v2", 2))), Violated},
	} {
		for op := range of[*Consume](c.ops) {
			if op.Topic == (wire.TopicID{}) {
				op.Topic = wire.TopicID{1}
			}
		}
		got := LostWrite.Judge(historyCase(NewView(Contract{}, All()), c.ops...))
		require.Equal(t, c.want, got.Status, "%s: %s", name, got.Explanation)
	}
}

// Records that retention or an operator deleted below the log start are a price for a reader that asks for the log start. A
// deletion in another topic of that name is no excuse.
func TestReadersFindDeletedRecordsGone(t *testing.T) {
	for topic, want := range map[byte]Status{ordersID[0]: Priced, 9: Violated} {
		s := staged(2)
		s.committed(0, 0xA)
		s.committed(1, 0xB)
		s.DeletionAsked(s.p, 1)
		s.look(1, State{Leads: true, HW: 2, Start: 1, ISR: ids(1, 2, 3)})
		c := historyCase(s.View, writes(topic, sent("p1", "a", 0)), writes(topic, sent("p1", "b", 1)), reading(topic, first(polled("r1", "b", 1))))
		require.Equal(t, want, LostWrite.Judge(c).Status)
	}
}

// A position may be out of range if the log never reached it. If a client knows that the log reached it, a record is gone.
func TestAPositionAboveTheEnd(t *testing.T) {
	unsure := sent("p1", "a", 7)
	unsure.Acks = 1
	for name, c := range map[string]struct {
		ops  []Op
		want Status
	}{
		"nothing is known":                   {[]Op{moved("r1", PositionReset, 5)}, Unexercised},
		"the log ended below":                {[]Op{polled("r2", "a", 3), moved("r1", PositionReset, 5)}, Held},
		"it was read":                        {[]Op{polled("r1", "a", 4), moved("r1", PositionReset, 5)}, Violated},
		"another reader read it":             {[]Op{polled("r2", "a", 4), moved("r1", PositionReset, 5)}, Violated},
		"another reader found the end there": {[]Op{drained("r2", 5), moved("r1", PositionReset, 5)}, Violated},
		"it was acknowledged":                {[]Op{sent("p1", "a", 7), moved("r1", PositionReset, 5)}, Violated},
		"only its leader acknowledged it":    {[]Op{unsure, moved("r1", PositionReset, 5)}, Unexercised},
		"in another topic of that name":      {[]Op{reading(1, polled("r1", "a", 4)), reading(2, moved("r1", PositionReset, 5))}, Held},
		"it was truncated":                   {[]Op{polled("r1", "a", 4), moved("r1", PositionTruncated, 3)}, Violated},
		"what was truncated is not known":    {[]Op{polled("r1", "a", 2), moved("r1", PositionTruncated, 3)}, Held},
	} {
		got := resetsLicensed.Judge(historyCase(NewView(Contract{}, All()), c.ops...))
		require.Equal(t, c.want, got.Status, "%s: %s", name, got.Explanation)
	}
	late := historyCase(NewView(Contract{}, All()), polled("r2", "a", 4), moved("r1", PositionReset, 5))
	late.History[1].Common().Called = 1 // the fetch was sent before the record was read
	require.Equal(t, Held, resetsLicensed.Judge(late).Status)
}

// A reader that begins in the middle, and skips a record there, skips a record.
func TestReadersFromTheMiddleSkipNothing(t *testing.T) {
	for name, c := range map[string]struct {
		reader Op
		want   Status
	}{
		"begins above":   {polled("r1", "c", 2), Held},
		"begins below":   {from(1, polled("r1", "c", 2)), Violated},
		"finds the end":  {from(1, drained("r1", 2)), Violated},
		"asks for start": {first(polled("r1", "c", 2)), Held}, // what lies below the log start is judged by lost-write
	} {
		ops := []Op{polled("r2", "a", 0), polled("r2", "b", 1), polled("r2", "c", 2), c.reader}
		require.Equal(t, c.want, readsComplete.Judge(historyCase(NewView(Contract{}, All()), ops...)).Status, name)
	}
}

func TestPassages(t *testing.T) {
	g := &passage{steps: []passing{{5, 7, 1}, {0, 2, 2}, {1, 4, 3}, {7, 8, 4}, {6, 7, 5}}}
	g.unite()
	require.Equal(t, []passing{{0, 4, 2}, {5, 8, 1}}, g.all)
	for at, want := range []uint64{2, 2, 3, 3, 0, 1, 1, 4, 0} {
		require.Equal(t, want > 0, g.has(wire.Offset(at)), at)
		require.Equal(t, want, g.stepOf(wire.Offset(at)), at)
	}
	require.False(t, (*passage)(nil).has(0))
}

// A deposed leader may call a position out of range that the reader was given, because Kafka's consumer validates only
// positions with a leader epoch. A position that the reader has reached itself has an epoch, and with one leader nothing
// excuses the reset.
func TestAGivenPositionMayMeetADeposedLeader(t *testing.T) {
	for name, c := range map[string]struct {
		leaders int
		ops     []Op
		want    Status
	}{
		"given, two leaders":   {2, []Op{sent("p1", "a", 7), moved("r1", PositionReset, 5)}, Priced},
		"given, one leader":    {1, []Op{sent("p1", "a", 7), moved("r1", PositionReset, 5)}, Violated},
		"reached, two leaders": {2, []Op{polled("r1", "a", 4), moved("r1", PositionReset, 5)}, Violated},
		"reached by another":   {2, []Op{polled("r2", "a", 4), moved("r1", PositionReset, 5)}, Priced},
	} {
		v := NewView(Contract{}, All())
		s := newStage(v, 2)
		for i := range c.leaders {
			s.leads(wire.NodeID(i+1), wire.Epoch(i), 0)
		}
		if got := resetsLicensed.Judge(historyCase(v, c.ops...)); got.Status != c.want {
			t.Errorf("%s: %v, want %v: %s", name, got.Status, c.want, got.Explanation)
		}
	}
}
