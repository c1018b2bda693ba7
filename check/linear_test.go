package check

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// between sets the events between which an operation took effect.
func between[F Op](call, ret uint64, op F) F {
	op.Common().Called, op.Common().Returned = call, ret
	return op
}

// how sets an operation's outcome.
func how[F Op](o Outcome, op F) F { op.Common().Outcome = o; return op }

// models judges operations with a check that searches for an order.
func models(name string, ops ...Op) Result {
	return Named(name).Judge(&Case{History: ops, View: NewView(Contract{Machines: machines}, All())})
}

// byPorcupine decides a history with another search.
func byPorcupine[S comparable](m model[S], ops []timed) bool {
	var all []porcupine.Operation
	for _, o := range ops {
		all = append(all, porcupine.Operation{Input: o.op, Call: o.call, Return: o.ret})
	}
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return m.first },
		Step: func(state, input, _ any) (bool, any) {
			next, ok := m.step(state.(S), input.(Op))
			return ok, next
		},
	}, all)
}

// On small random histories the search decides as porcupine does.
func TestTheSearchAgreesWithAnother(t *testing.T) {
	verdicts := map[Status]int{}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var ops []timed
		for range 2 + r.IntN(8) {
			call := int64(r.IntN(30))
			ret := call + int64(r.IntN(12))
			outcome := [...]Outcome{OK, OK, OK, Failed, Indefinite, NeverDecided}[r.IntN(6)]
			var op Op
			if seed%2 == 0 {
				op = [...]Op{created("t", byte(1+r.IntN(2))), removed("t"), describedBy("t", byte(r.IntN(3)))}[r.IntN(3)]
			} else if op = Op(registered(byte(1+r.IntN(2)), wire.BrokerEpoch(r.IntN(4)), OK)); r.IntN(2) == 0 {
				op = heartbeat(wire.BrokerEpoch(r.IntN(4)))
			}
			if _, asks := op.(*DescribeTopic); asks {
				outcome = OK // without an answer it may never have taken effect, which the other search does not know
			}
			if op.Common().Outcome = outcome; outcome == Indefinite || outcome == NeverDecided {
				ret = forever
			}
			ops = append(ops, timed{op, call, ret})
		}
		var got Status
		var want bool
		if seed%2 == 0 {
			got, want = search(topicModel, ops), byPorcupine(topicModel, ops)
		} else {
			got, want = search(registrationModel, ops), byPorcupine(registrationModel, ops)
		}
		require.Equal(t, want, got == Held, "seed %d: %s", seed, describeOps(ops))
		verdicts[got]++
	}
	require.Greater(t, verdicts[Held], 300)
	require.Greater(t, verdicts[Violated], 300)
}

func describeOps(ops []timed) (text string) {
	for _, o := range ops {
		text += fmt.Sprintf("[%d,%d] %T %+v; ", o.call, o.ret, o.op, o.op)
	}
	return text
}

// The state at the end of one part of a history is the state at the beginning of the next, however long the history is.
func TestALongHistoryIsOneHistory(t *testing.T) {
	var ops []Op
	add := func(op Op) {
		n := uint64(2*len(ops) + 1)
		ops = append(ops, between(n, n+1, op))
	}
	for range 20_000 {
		add(created("t", 1))
		add(removed("t"))
	}
	add(created("t", 2))
	add(describedBy("t", 2))
	require.Equal(t, Held, models("metadata-linearizable", ops...).Status)
	add(describedBy("t", 1))
	require.Equal(t, Violated, models("metadata-linearizable", ops...).Status)
}

// Requests without an answer, however many, leave a model decided.
func TestManyUnansweredRequestsAreDecided(t *testing.T) {
	for last, want := range map[byte]Status{2: Held, 3: Violated} {
		ops := []Op{between(1, 2, created("t", 1))}
		for i := range uint64(25) {
			ops = append(ops, between(3+i, 0, how(Indefinite, created("t", 0))), between(3+i, 0, how(Indefinite, removed("t"))))
		}
		ops = append(ops, between(40, 41, describedBy("t", 2)), between(42, 43, describedBy("t", last)))
		if last == 3 { // between the two descriptions nothing is under way: all is done by the first
			for _, op := range ops[1:51] {
				op.Common().Outcome, op.Common().Returned = Failed, 39
			}
		}
		require.Equal(t, want, models("metadata-linearizable", ops...).Status)
	}
}

// A model with too many orders is skipped, which is said. The other subjects and the other checks carry the verdict.
func TestAModelWithTooManyOrdersIsSkipped(t *testing.T) {
	ops := []Op{between(1, 2, created("other", 1)), between(3, 4, removed("other"))}
	for i := range uint64(70) {
		ops = append(ops, between(10+i, 1000+i, created("busy", byte(i))))
	}
	r := models("metadata-linearizable", ops...)
	require.Equal(t, Unknown, r.Status)
	require.Contains(t, r.Explanation, "skipped for busy: too many requests overlap")
	require.Equal(t, Held, Verdict([]Finding{{Named("metadata-linearizable"), r}, {AckedDurable, Result{Status: Held}}}))
	ops = append(ops, between(2000, 2001, removed("other")))
	require.Equal(t, Violated, models("metadata-linearizable", ops...).Status, "a violation elsewhere counts")
}

// A search that has too many orders ends, whatever it finds.
func TestASearchEnds(t *testing.T) {
	var ops []timed
	for i := range 40 {
		ops = append(ops, timed{registered(byte(i), wire.BrokerEpoch(1+i%7), OK), int64(i), 1000})
	}
	require.Equal(t, Unknown, search(registrationModel, ops))
}

// crowd returns n sends of one producer that overlap, all of one value, and the reads of their records.
func crowd(n int) (ops []Op) {
	for i := range n {
		op := between(1, uint64(2*n+i), sent("p1", "v", wire.Offset(i)))
		op.Number = int64(i + 1)
		ops = append(ops, op)
	}
	for i := range n {
		read := between(5, uint64(4*n), polled("r1", "v", wire.Offset(i)))
		read.Record, read.Position = RecordID{"p1", int64(i + 1)}, wire.Offset(i)
		ops = append(ops, read)
	}
	return ops
}

// Any number of operations on a log is judged, although all of them overlap.
func TestAnyNumberOfRecordsIsJudged(t *testing.T) {
	const n = 20_000
	ops := crowd(n)
	c := &Case{History: ops}
	for _, k := range All() {
		if k.Judge != nil && !k.Liveness {
			require.Contains(t, []Status{Held, Unexercised}, k.Judge(c).Status, k.Name)
		}
	}
	require.Equal(t, Held, logLinearizable.Judge(c).Status)
	late := between(5*n, 5*n+1, sent("p2", "late", n-1)) // it was sent after all others were done
	late.Number = 1
	c = &Case{History: append(ops, late)}
	require.Equal(t, Violated, logLinearizable.Judge(c).Status)
	late.Offset = n
	require.Equal(t, Held, logLinearizable.Judge(&Case{History: c.History}).Status)
}

// The log orders what a fetch returned after what it did not: a fetch does not skip a record that was stored before.
func TestAFetchEndsBeforeWhatIsSentLater(t *testing.T) {
	a, b := between(1, 2, sent("p1", "a", 0)), between(9, 10, sent("p1", "b", 1))
	for offset, want := range map[wire.Offset]Status{0: Held, 1: Violated, 2: Violated} {
		read := between(3, 4, polled("r1", "x", offset))
		require.Equal(t, want, logLinearizable.Judge(steps(a, b, read)).Status, "the fetch returned before b was sent, and read up to %d", offset)
	}
}
