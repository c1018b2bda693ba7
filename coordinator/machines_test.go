package coordinator

import (
	"errors"
	"slices"
	"testing"

	"samsa/sim/env"
	"samsa/wire"
)

// op returns an op with an answer that writes the given records.
func op[M Machine](n int, records ...wire.Record) func(M) Result {
	return func(M) Result { return Result{Records: records, Answers: []Answer{to(n)}} }
}

func (g *groupMachine) offset(topic string) string { return g.offsets[topic].value }

// Offsets of a transaction are seen when the marker is committed, never before, and after an abort not at all. An offset
// that was committed later without a transaction stays.
func TestTransactionalOffsetsFollowTheMarker(t *testing.T) {
	r, l, h := start(t, newGroups, Options{})
	txn := func(p wire.ProducerID, topic, value string) {
		r.Write(nil, func(*groupMachine) Result {
			return Result{Stamp: producer(p), Records: []wire.Record{offset(topic, value)}}
		})
	}
	txn(1, "a", "5")
	txn(1, "b", "6")
	txn(2, "a", "7")
	r.Write(nil, op[*groupMachine](1, offset("b", "8")))
	r.Committed(nil, l.End())
	h.want(t, "an offset without a transaction", "1")
	if got := r.Stable().offset("a"); got != "" {
		t.Errorf("before the marker offset a is %q", got)
	}
	r.ApplyMarker(nil, Marker{Producer: 1, Result: Commit}, to(2))
	r.ApplyMarker(nil, Marker{Producer: 2, Result: Abort}, to(3))
	h.want(t, "before the markers are committed")
	if got := r.Stable().offset("a"); got != "" {
		t.Errorf("before the marker is committed offset a is %q", got)
	}
	r.Committed(nil, l.End()-1)
	h.want(t, "the first marker is committed", "2")
	if a, b := r.Stable().offset("a"), r.Stable().offset("b"); a != "5" || b != "8" {
		t.Errorf("after the marker the offsets are a %q and b %q, wanted 5 and 8", a, b)
	}
	r.Committed(nil, l.End())
	h.want(t, "the second", "3")
	if len(r.Stable().pending) != 0 {
		t.Errorf("after all markers pending is %v", r.Stable().pending)
	}
}

// A marker in the log that a load, a standby or a rebuild reads ends the transaction as the one that was written.
func TestMarkersInTheLog(t *testing.T) {
	l := newLog[*groupMachine]()
	l.add(Batch{Stamp: producer(1), Records: []wire.Record{offset("a", "5")}})
	l.add(Batch{Stamp: producer(2), Records: []wire.Record{offset("b", "6")}})
	l.add(Batch{Stamp: producer(1), Marker: Marker{Result: Commit}})
	l.add(Batch{Stamp: producer(2), Marker: Marker{Result: Abort}})
	r := New(l, &recorder{}, newGroups, Options{Oracle: true})
	if err := r.Committed(nil, 2); err != nil || len(r.Stable().pending) != 2 {
		t.Fatalf("a standby in the middle: error %v, pending %v", err, r.Stable().pending)
	}
	r.Load(nil, 3)
	for done := false; !done; {
		done, _ = r.LoadStep(nil, 1)
	}
	if tip, stable := r.Tip(), r.Stable(); tip.offset("a") != "5" || tip.offset("b") != "" || len(tip.pending) != 0 || len(stable.pending) != 1 {
		t.Errorf("loaded: tip has offsets %v and pending %v, stable pending %v", tip.offsets, tip.pending, stable.pending)
	}
	r.Unload(nil)
	if len(r.Tip().pending) != 1 {
		t.Errorf("after the loss of the marker, which was not committed, tip has pending %v", r.Tip().pending)
	}
}

// A refused marker changes nothing, so the transaction is still open, in the log and in the machine.
func TestRefusedMarker(t *testing.T) {
	r, l, h := start(t, newGroups, Options{})
	r.Write(nil, func(*groupMachine) Result {
		return Result{Stamp: producer(1), Records: []wire.Record{offset("a", "5")}}
	})
	fenced := Refused{errors.New("an older coordinator")}
	l.fail = fenced
	if err := r.ApplyMarker(nil, Marker{Producer: 1, Result: Commit}, to(1)); !errors.Is(err, fenced) {
		t.Errorf("the error is %v", err)
	}
	h.want(t, "a refused marker", answer(1, fenced))
	if len(r.Tip().pending) != 1 || l.End() != 1 {
		t.Errorf("pending %v, the log ends at %d", r.Tip().pending, l.End())
	}
}

// A change of the image removes the members of hosts that are down: at once on an active coordinator, and after a load
// by reading the whole newest image.
func TestSessionsExpireByImage(t *testing.T) {
	r, l, _ := start(t, newGroups, Options{})
	r.Write(nil, op[*groupMachine](1, member("m1", "h1"), member("m2", "h2"), member("m3", "h3")))
	var wholes []bool
	see := func(alive string) error {
		return r.ImageChanged(nil, func(tip *groupMachine, whole bool) Result {
			wholes = append(wholes, whole)
			return expire(alive)(tip, whole)
		})
	}
	if err := see("h1 h2"); err != nil {
		t.Fatal(err)
	}
	if got := r.Tip().members; len(got) != 2 || got["m3"] != "" {
		t.Errorf("h3 is gone: members are %v", got)
	}
	r.Committed(nil, l.End())
	r.Unload(nil)
	see("h2")
	see("h1")
	if err := load(r, l.End()); err != nil || len(r.Tip().members) != 1 || r.Tip().members["m1"] != "h1" {
		t.Errorf("after the load: error %v, members are %v, wanted m1", err, r.Tip().members)
	}
	if !slices.Equal(wholes, []bool{false, true}) {
		t.Errorf("the reactions saw whole = %v, wanted one while active and one after the load", wholes)
	}
}

func startTxns(t *testing.T) (*txnHost, *memoryLog[*txnMachine]) {
	l, h := newLog[*txnMachine](), &txnHost{recorder: &recorder{}}
	h.rt = New(l, h, newTxns, Options{Oracle: true, Timeout: 10})
	if err := load(h.rt, 0); err != nil {
		t.Fatal(err)
	}
	return h, l
}

// A transaction from begin to complete: a write in flight blocks the next request, and markers are sent when the decision
// is committed, not when it is appended.
func TestTransactionLife(t *testing.T) {
	h, l := startTxns(t)
	e := &clock{}
	h.addPartition(e, 1, "x", "t0")
	h.addPartition(e, 2, "x", "t1")
	h.addPartition(e, 3, "y", "t9")
	h.want(t, "two requests about x, one about y", "2 busy")
	h.rt.Committed(e, l.End())
	h.addPartition(e, 4, "x", "t1")
	h.rt.Committed(e, l.End())
	h.endTxn(e, 5, "x")
	h.want(t, "the partitions are committed, the decision is not", "1", "3", "4")
	if len(h.markers) != 0 {
		t.Errorf("markers %q were sent before the decision was committed", h.markers)
	}
	h.rt.Committed(e, l.End())
	h.want(t, "it is", "5")
	if !slices.Equal(h.markers, []string{"x: Prepare t0,t1"}) {
		t.Errorf("markers %q", h.markers)
	}
	h.written(e, "x")
	h.rt.Committed(e, l.End())
	if got := h.rt.Stable().txns; len(got) != 1 || got["y"] != "Ongoing t9" {
		t.Errorf("at the end the transactions are %v", got)
	}
}

// A deadline answers the request; the decision stays in flight, so the next request is still busy, and its markers are
// sent when it is committed at last.
func TestDeadlineEndsTheAnswerOnly(t *testing.T) {
	h, l := startTxns(t)
	e := &clock{}
	h.addPartition(e, 1, "x", "t0")
	h.rt.Committed(e, l.End())
	h.took()
	h.endTxn(e, 2, "x")
	if !h.asked || h.at != 10 {
		t.Fatalf("the host was asked for a call: %v, at %d, wanted at 10", h.asked, h.at)
	}
	e.now = 9
	h.rt.Fire(e)
	h.want(t, "before the deadline")
	e.now = 10
	h.rt.Fire(e)
	h.want(t, "at the deadline", answer(2, TimedOut))
	h.addPartition(e, 3, "x", "t1")
	h.want(t, "the next request", "3 busy")
	h.rt.Committed(e, l.End())
	h.want(t, "the commit comes late")
	if len(h.markers) != 1 {
		t.Errorf("markers %q", h.markers)
	}
}

// The coordinator crashes between the decision and the markers. The next one finds them in its log and sends them, once.
func TestPreparedTransactionSurvivesTheCoordinator(t *testing.T) {
	h, l := startTxns(t)
	e := &clock{}
	h.addPartition(e, 1, "x", "t0")
	h.endTxn(e, 2, "x")
	h.took() // busy
	h.rt.Committed(e, l.End())
	h.endTxn(e, 3, "x")
	h.rt.Close(e)
	h.want(t, "leadership is lost", "1", answer(3, LeadershipLost))
	next := &txnHost{recorder: &recorder{}}
	next.rt = New(l, next, newTxns, Options{Oracle: true})
	next.rt.Load(e, 1)
	for done := false; !done; {
		if err := next.addPartition(e, 4, "x", "t1"); err != ErrLoading {
			t.Errorf("a request in the middle of the load: %v", err)
		}
		done, _ = next.rt.LoadStep(e, 1)
	}
	next.loaded()
	if !slices.Equal(next.markers, []string{"x: Prepare t0"}) || len(h.markers) != 0 {
		t.Errorf("markers %q of the new coordinator, %q of the old", next.markers, h.markers)
	}
}

// lingering is a runtime whose ops wait 5 for each other, or only for the events that are already queued.
func lingering(t *testing.T, linger env.Duration) (*Runtime[*groupMachine], *memoryLog[*groupMachine], *recorder, *clock) {
	r, l, h := start(t, newGroups, Options{Linger: linger, Timeout: 20})
	return r, l, h, &clock{now: 100}
}

// Ops within the linger share a batch, each seeing the ones before it; the host is asked for one call.
func TestOpsShareABatch(t *testing.T) {
	for _, tc := range []struct {
		linger env.Duration
		at     env.Instant
	}{{5, 105}, {Adaptive, 100}} {
		r, l, h, e := lingering(t, tc.linger)
		r.Write(e, op[*groupMachine](1, member("m1", "h1")))
		e.now++
		r.Write(e, op[*groupMachine](2, member("m2", "h1")))
		r.Write(e, func(tip *groupMachine) Result {
			if len(tip.members) != 2 {
				t.Errorf("the third op sees %v", tip.members)
			}
			return Result{Answers: []Answer{to(3)}}
		})
		if l.End() != 0 || !h.asked || h.at != tc.at {
			t.Errorf("linger %d: the log ends at %d, a call at %d, wanted 0 and %d", tc.linger, l.End(), h.at, tc.at)
		}
		r.Check(e)
		e.now = max(e.now, tc.at)
		r.Fire(e)
		if l.End() != 2 || l.offsets[0].last {
			t.Errorf("linger %d: the log ends at %d, of one batch %v", tc.linger, l.End(), !l.offsets[0].last)
		}
		h.want(t, "the batch is appended")
		r.Committed(e, 2)
		h.want(t, "and committed", "1", "2", "3")
	}
}

// Batches that must be alone are appended after the open batch, at once: a transactional op, a marker, an op that fills
// a batch.
func TestWhatIsAloneFollowsTheOpenBatch(t *testing.T) {
	big := wire.Record{Key: []byte("o/big"), Value: make([]byte, 113)} // 61 + 21 + 5 + 113 = 200
	for name, alone := range map[string]func(r *Runtime[*groupMachine], e env.Env) error{
		"a transactional op": func(r *Runtime[*groupMachine], e env.Env) error {
			return r.Write(e, func(*groupMachine) Result {
				return Result{Stamp: producer(1), Records: []wire.Record{offset("a", "1")}}
			})
		},
		"a marker": func(r *Runtime[*groupMachine], e env.Env) error {
			return r.ApplyMarker(e, Marker{Producer: 1, Result: Commit})
		},
		"a full batch": func(r *Runtime[*groupMachine], e env.Env) error {
			return r.Write(e, op[*groupMachine](2, big))
		},
	} {
		r, l, _, e := lingering(t, 5)
		r.Write(e, op[*groupMachine](1, member("m1", "h1")))
		if err := alone(r, e); err != nil {
			t.Fatal(err)
		}
		if l.End() != 2 || !l.offsets[0].last {
			t.Errorf("%s: the log ends at %d, wanted two batches", name, l.End())
		}
	}
}

// A batch without room for an op is appended before it; the op starts the next one.
func TestABatchIsBounded(t *testing.T) {
	r, l, h, e := lingering(t, 5)
	fill := func() { // 61 + 4 * 36
		for n := range 4 {
			r.Write(e, op[*groupMachine](n, member("m1", "12345678901")))
		}
	}
	for l.max = 204; l.max <= 206; l.max++ {
		fill()
		end := map[int]wire.Offset{204: 3, 205: 4, 206: 0}[l.max]
		if l.End() != end || r.End() != 4 {
			t.Errorf("bound %d: the log ends at %d and tip at %d, wanted %d and 4", l.max, l.End(), r.End(), end)
		}
		max := l.max
		r, l, h, e = lingering(t, 5)
		l.max = max
	}
	l.max = 204
	fill()
	huge := wire.Record{Key: []byte("o/big"), Value: make([]byte, 500)}
	err := r.Write(e, op[*groupMachine](9, huge))
	if !errors.As(err, new(Refused)) || r.State() != Active || l.End() != 4 {
		t.Errorf("an op that no batch holds: error %v, %s, the log ends at %d", err, r.State(), l.End())
	}
	r.Committed(e, 4)
	h.want(t, "all", answer(9, err), "0", "1", "2", "3")
}

// If a batch fails, every op in it is undone, and so is the op that read its records.
func TestFailedBatchUndoesAllItsOps(t *testing.T) {
	refused := Refused{errors.New("too few replicas")}
	for _, tc := range []struct {
		name string
		err  error
		torn bool
		want []string
	}{
		{"refused", refused, false, []string{answer(2, refused), answer(3, refused), answer(4, refused)}},
		{"refused, and the log cannot be read", refused, true,
			[]string{answer(1, AppendFailed), answer(2, refused), answer(3, refused), answer(4, refused)}},
		{"the disk failed", env.ErrIO, false, []string{answer(1, AppendFailed), answer(2, AppendFailed), answer(3, AppendFailed), answer(4, AppendFailed)}},
	} {
		r, l, h, e := lingering(t, 5)
		r.Write(e, op[*groupMachine](1, member("m1", "h1")))
		e.now = 105
		r.Fire(e)
		r.Write(e, func(*groupMachine) Result {
			return Result{Records: []wire.Record{member("m2", "h1")}, Answers: []Answer{to(2)}, Keys: []string{"k"}, OnCommit: []env.Token{{A: 1}}}
		})
		r.Write(e, op[*groupMachine](3))
		l.fail = tc.err
		if tc.torn {
			l.torn = []bool{true}
		}
		// The marker has to go after the batch, so it fails with it.
		err := r.ApplyMarker(e, Marker{Producer: 1, Result: Commit}, to(4))
		h.want(t, tc.name, tc.want...)
		failed := tc.err != error(refused) || tc.torn
		if err == nil || (r.State() == Failed) != failed || r.Pending("k") {
			t.Errorf("%s: error %v, state %s, pending %v", tc.name, err, r.State(), r.Pending("k"))
		}
		if failed {
			continue
		}
		if got := r.Tip().members; len(got) != 1 || r.End() != 1 {
			t.Errorf("%s: tip has members %v and ends at %d", tc.name, got, r.End())
		}
		r.Committed(e, 1)
		h.want(t, "what was written before", "1")
	}
}

// Leadership is lost while a batch is open: its ops are answered, and their records are in no log.
func TestLeadershipLostWithAnOpenBatch(t *testing.T) {
	r, l, h, e := lingering(t, 5)
	r.Write(e, op[*groupMachine](1, member("m1", "h1")))
	r.Unload(e)
	h.want(t, "the loss", answer(1, LeadershipLost))
	e.now = 105
	r.Fire(e)
	if l.End() != 0 || len(r.Tip().members) != 0 {
		t.Errorf("the log ends at %d, tip has members %v", l.End(), r.Tip().members)
	}
}

// The host has one timer. The runtime asks for it again for the next time: the next deadline, and a linger that is
// longer than a deadline; and after leadership was lost, for those of the next term.
func TestTheHostIsAskedAgain(t *testing.T) {
	r, l, h := start(t, newGroups, Options{Linger: 5, Timeout: 3})
	e := &clock{}
	at := func(did string, want env.Instant) {
		t.Helper()
		if !h.asked || h.at != want {
			t.Errorf("%s: a call at %d (%v), wanted at %d", did, h.at, h.asked, want)
		}
		h.asked = false
	}
	r.Write(e, op[*groupMachine](1, member("m1", "h1")))
	at("an op in a batch", 3)
	e.now = 1
	r.Write(e, op[*groupMachine](2, member("m2", "h1")))
	e.now = 3
	r.Fire(e)
	at("the first deadline", 4)
	e.now = 4
	r.Fire(e)
	at("the second", 5)
	h.want(t, "two deadlines", answer(1, TimedOut), answer(2, TimedOut))
	e.now = 5
	r.Fire(e)
	if h.asked || l.End() != 2 {
		t.Errorf("nothing waits: asked %v, the log ends at %d", h.asked, l.End())
	}
	r.Committed(e, 2)
	r.Write(e, op[*groupMachine](3, member("m3", "h1")))
	r.Unload(e)
	load(r, 2)
	h.asked, e.now = false, 7
	r.Write(e, op[*groupMachine](4, member("m3", "h1")))
	at("an op of the next term", 10)
}
