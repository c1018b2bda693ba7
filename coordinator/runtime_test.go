package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/sim/env"
	"samsa/wire"
)

// tally is a machine that counts words.
type tally struct {
	words  map[string]int
	digest uint64
}

func newTally() *tally { return &tally{words: map[string]int{}} }

func (t *tally) Apply(e Entry) {
	word := string(e.Value)
	t.digest += hash(word, t.words[word]+1) - hash(word, t.words[word])
	t.words[word]++
}

func (t *tally) Digest() uint64 { return t.digest }

func hash(word string, n int) uint64 {
	if n == 0 {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, b := range fmt.Sprintf("%s/%d", word, n) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// The first easy mistake is that an op that wrote nothing answers at once, with state of the tip that is lost later.
func TestOpWithoutRecordsWaitsForWhatItRead(t *testing.T) {
	r, _, h := start(t, newTally, Options{})
	r.Write(nil, func(*tally) Result { return Result{Records: words("a", "b"), Answers: []Answer{to(1)}} })
	seen := 0
	r.Write(nil, func(tip *tally) Result { seen = tip.words["a"]; return Result{Answers: []Answer{to(2)}} })
	if seen != 1 {
		t.Fatalf("the second op saw %d times a in tip, wanted 1", seen)
	}
	h.want(t, "after two writes, nothing committed")
	r.Committed(nil, 1) // half of the batch: no log does this, and still no op may be answered
	h.want(t, "after half of the first was committed")
	r.Committed(nil, 2)
	h.want(t, "after all was committed", "1", "2")
	r.Write(nil, func(*tally) Result { return Result{Answers: []Answer{to(3)}} })
	h.want(t, "an op without records when nothing is in flight", "3")
}

// The second easy mistake is to fail the parked ops when leadership is lost, although the next leader may keep their records.
func TestLosingLeadershipAnswersUnknownAndRebuilds(t *testing.T) {
	r, l, h := start(t, newTally, Options{})
	r.Write(nil, func(*tally) Result { return Result{Records: words("kept"), Answers: []Answer{to(1)}} })
	r.Committed(nil, 1)
	r.Write(nil, func(*tally) Result {
		return Result{Records: words("lost"), Answers: []Answer{to(2)}, OnCommit: []env.Token{{A: 7}}, Keys: []string{"k"}}
	})
	r.Write(nil, func(*tally) Result { return Result{Answers: []Answer{to(3)}} })
	if !r.Pending("k") {
		t.Error("a write about k is in flight, Pending says no")
	}
	h.took()
	r.Unload(nil)
	h.want(t, "on losing leadership", answer(2, LeadershipLost), answer(3, LeadershipLost))
	if r.Pending("k") {
		t.Error("nothing is in flight, Pending(k) says yes")
	}
	if tip := r.Tip(); tip.words["lost"] != 0 || tip.words["kept"] != 1 {
		t.Errorf("after the loss tip holds %v, wanted kept only", tip.words)
	}
	if err := r.Write(nil, func(*tally) Result { panic("ran") }); err != ErrNotActive {
		t.Errorf("a write on a standby: %v, wanted ErrNotActive", err)
	}

	// The new leader truncated "lost" and wrote something else; then we lead again.
	l.cut(1)
	l.gap()
	l.add(Batch{Records: words("theirs")})
	r.Committed(nil, 3)
	if err := load(r, 3); err != nil {
		t.Fatal(err)
	}
	if stable := r.Stable(); stable.words["theirs"] != 1 || stable.words["lost"] != 0 {
		t.Errorf("after the other's term stable holds %v", stable.words)
	}
}

// The third easy mistake: an op answers callers that were waiting, and its append fails.
func TestFailedAppendAnswersEveryCallerTheOpReleased(t *testing.T) {
	refusal := Refused{errors.New("too large")}
	for _, tc := range []struct {
		name    string
		err     error
		written bool
		want    []string
		state   State
	}{
		{"refused", refusal, false, []string{answer(1, refusal), answer(2, refusal)}, Active},
		{"disk, nothing written", env.ErrIO, false, []string{answer(9, AppendFailed), answer(1, AppendFailed), answer(2, AppendFailed)}, Failed},
		{"disk, all written", env.ErrIO, true, []string{answer(9, AppendFailed), answer(1, AppendFailed), answer(2, AppendFailed)}, Failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, l, h := start(t, newTally, Options{})
			r.Write(nil, func(*tally) Result { return Result{Records: words("x"), Answers: []Answer{to(9)}} })
			l.fail, l.written = tc.err, tc.written
			room := []Answer{to(1), to(2)}
			err := r.Write(nil, func(*tally) Result {
				released := room
				room = nil
				return Result{Records: words("y"), Answers: released}
			})
			if err == nil || r.State() != tc.state {
				t.Errorf("a failing append: error %v, state %s, wanted an error and %s", err, r.State(), tc.state)
			}
			h.want(t, "a failing append", tc.want...)
			if tc.state == Active {
				r.Committed(nil, 1)
				h.want(t, "the write before it", "9")
				return
			}
			// The log may be readable again in a later term. Then it is read from its base.
			if err := load(r, 1); err != nil {
				t.Fatal(err)
			}
			if tip := r.Tip(); (tip.words["y"] == 1) != tc.written {
				t.Errorf("after the next load tip holds %v", tip.words)
			}
		})
	}
}

// A log that cannot be read when leadership is lost leaves a tip that holds a part only: the host gets the error, and the
// oracle does not report a broken invariant when the host ends.
func TestALogThatCannotBeReadBackIsNoFindingOfTheOracle(t *testing.T) {
	r, log, _ := start(t, newTally, Options{})
	for _, w := range []string{"a", "b"} {
		if err := r.Write(nil, func(*tally) Result { return Result{Records: words(w)} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Committed(nil, log.End()); err != nil {
		t.Fatal(err)
	}
	r.Write(nil, func(*tally) Result { return Result{Records: words("lost")} })
	log.torn = []bool{false, true} // the base is read, the records after it are not
	if err := r.Unload(nil); err != errTorn {
		t.Errorf("the host got the error %v", err)
	}
	r.Check(nil)
	log.cut(2)
	log.add(Batch{Records: words("c")})
	log.add(Batch{Records: words("d")})
	if err := r.Committed(nil, log.End()); err != nil || fmt.Sprint(r.Stable().words) != "map[a:1 b:1 c:1 d:1]" {
		t.Errorf("following again from the base: error %v, stable holds %v", err, r.Stable().words)
	}
}

func TestAnswersAreAddressedAndEffectsFollowCommit(t *testing.T) {
	r, _, h := start(t, newTally, Options{})
	r.Write(nil, func(*tally) Result { return Result{} }) // no answer yet
	r.Write(nil, func(*tally) Result {
		return Result{Records: words("a"), Answers: []Answer{to(4), to(2), to(3)}, OnCommit: []env.Token{{A: 1}, {A: 2}}}
	})
	h.want(t, "before the commit")
	r.Committed(nil, 1)
	h.want(t, "after it", "4", "2", "3", "effect 1", "effect 2")
	if !slices.Equal(h.applied, []wire.Offset{0}) {
		t.Errorf("the host got the records %v, wanted 0", h.applied)
	}
}

// The table in state.go, row by row: the host's legal calls, and the next states.
func TestStates(t *testing.T) {
	type runtime = *Runtime[*tally]
	into := map[State]func(runtime, *memoryLog[*tally]){
		Standby: func(runtime, *memoryLog[*tally]) {},
		Loading: func(r runtime, _ *memoryLog[*tally]) { r.Load(nil, 0) },
		Active:  func(r runtime, _ *memoryLog[*tally]) { load(r, 0) },
		Failed:  func(r runtime, l *memoryLog[*tally]) { l.torn = []bool{true}; r.Load(nil, 0) },
		Closed:  func(r runtime, _ *memoryLog[*tally]) { r.Close(nil) },
	}
	const illegal = "panics"
	for _, row := range []struct {
		from                                    State
		load, step, unload, breaks, close, asks string
	}{
		{Standby, "loading", illegal, illegal, "standby", "closed", ErrNotActive.Error()},
		{Loading, illegal, "active", "standby", "loading", "closed", ErrLoading.Error()},
		{Active, illegal, illegal, "standby", "failed", "closed", "ran"},
		{Failed, "loading", illegal, "standby", "failed", "closed", ErrNotActive.Error()},
		{Closed, illegal, illegal, illegal, "closed", illegal, ErrNotActive.Error()},
	} {
		try := func(what, want string, act func(runtime, *memoryLog[*tally])) {
			t.Helper()
			l := newLog[*tally]()
			r := New(l, &recorder{}, newTally, Options{Oracle: true})
			into[row.from](r, l)
			if r.State() != row.from {
				t.Fatalf("state %s, wanted %s", r.State(), row.from)
			}
			got := func() (got string) {
				defer func() {
					if recover() != nil {
						got = illegal
					}
				}()
				act(r, l)
				return r.State().String()
			}()
			if got != want {
				t.Errorf("%s, then %s: %s, wanted %s", row.from, what, got, want)
			}
		}
		try("Load", row.load, func(r runtime, _ *memoryLog[*tally]) { r.Load(nil, 0) })
		try("LoadStep", row.step, func(r runtime, _ *memoryLog[*tally]) { r.LoadStep(nil, 0) })
		try("Unload", row.unload, func(r runtime, _ *memoryLog[*tally]) { r.Unload(nil) })
		try("Close", row.close, func(r runtime, _ *memoryLog[*tally]) { r.Close(nil) })
		try("a broken append", row.breaks, func(r runtime, l *memoryLog[*tally]) {
			l.fail = env.ErrIO
			r.Write(nil, func(*tally) Result { return Result{Records: words("x")} })
		})
		l := newLog[*tally]()
		r := New(l, &recorder{}, newTally, Options{})
		into[row.from](r, l)
		for what, err := range map[string]error{
			"a write":  r.Write(nil, func(*tally) Result { return Result{} }),
			"a read":   r.Read(func(*tally) {}),
			"a marker": r.ApplyMarker(nil, Marker{Result: Commit}),
		} {
			if got := fmt.Sprint(err); got != row.asks && (err != nil || row.asks != "ran") {
				t.Errorf("%s in state %s: %s, wanted %s", what, row.from, got, row.asks)
			}
		}
	}
}

// moody is a machine whose state depends on how often Apply ran in this process: a mistake that the oracle finds.
type moody struct {
	*tally
	applied *int
}

func (m moody) Apply(e Entry) {
	if *m.applied++; *m.applied == 4 {
		e.Value = []byte("something else")
	}
	m.tally.Apply(e)
}

func TestOracleNamesBothDigests(t *testing.T) {
	defer func() {
		got, _ := recover().(string)
		if !strings.Contains(got, "tip has digest") || !strings.Contains(got, "and stable") {
			t.Errorf("an impure machine: panic %q, wanted one with both digests", got)
		}
	}()
	n := 0
	r, l, _ := start(t, func() moody { return moody{newTally(), &n} }, Options{})
	for i := range 3 {
		r.Write(nil, func(moody) Result { return Result{Records: words(fmt.Sprint(i))} })
		r.Committed(nil, l.End())
	}
	t.Error("the oracle saw nothing")
}

// BenchmarkWrite is one op with one record, committed at once, without the oracle.
func BenchmarkWrite(b *testing.B) {
	l := newLog[*tally]()
	r := New(l, &recorder{}, newTally, Options{})
	if err := load(r, 0); err != nil {
		b.Fatal(err)
	}
	records := words("a")
	b.ReportAllocs()
	for b.Loop() {
		r.Write(nil, func(*tally) Result { return Result{Records: records} })
		r.Committed(nil, l.End())
	}
}
