package coordinator

import (
	"fmt"
	"testing"

	"samsa/wire"
)

// logOf returns a log with one batch for each word.
func logOf(all ...string) *memoryLog[*tally] {
	l := newLog[*tally]()
	for _, w := range all {
		l.add(Batch{Records: words(w)})
	}
	return l
}

// A coordinator of a partition is loaded while the log has records above the high watermark.
func TestLoadPutsTheUncommittedIntoTipOnly(t *testing.T) {
	l, h := newLog[*tally](), &recorder{}
	l.gap()
	l.add(Batch{Records: words("a", "b", "c")})
	r := New(l, h, newTally, Options{Oracle: true})
	load(r, 2)
	r.Write(nil, func(tip *tally) Result {
		if len(tip.words) != 3 {
			t.Errorf("tip holds %v, wanted a, b and c", tip.words)
		}
		return Result{Answers: []Answer{to(1)}}
	})
	r.Read(func(stable *tally) {
		if len(stable.words) != 1 {
			t.Errorf("stable holds %v, wanted a", stable.words)
		}
	})
	h.want(t, "an op that read b and c, which are not committed")
	r.Committed(nil, 4)
	h.want(t, "after they are", "1")
}

// Each step reads a chunk; records that are committed meanwhile count, and ops are refused until the end of the log is
// reached, which may move too.
func TestLoadInChunks(t *testing.T) {
	l := logOf("a", "b", "c", "d", "e")
	r := New(l, &recorder{}, newTally, Options{Oracle: true})
	if err := r.Load(nil, 1); err != nil {
		t.Fatal(err)
	}
	step := func(want bool, next, end wire.Offset) {
		t.Helper()
		done, err := r.LoadStep(nil, 50)
		if err != nil || done != want || r.Next() != next || r.End() != end {
			t.Errorf("a step: done %v, error %v, stable to %d, tip to %d, wanted %v, %d, %d", done, err, r.Next(), r.End(), want, next, end)
		}
	}
	step(false, 1, 2)
	r.Committed(nil, 4)
	if r.Next() != 2 {
		t.Errorf("stable is at %d, though the log was read up to 2 only", r.Next())
	}
	step(false, 4, 4)
	l.gap()
	if err := r.Write(nil, func(*tally) Result { panic("ran") }); err != ErrLoading {
		t.Errorf("a write in the middle of a load: %v", err)
	}
	step(true, 4, 6)
	if r.State() != Active || len(r.Tip().words) != 5 {
		t.Errorf("after the load: %s, tip holds %v", r.State(), r.Tip().words)
	}
}

// Leadership is lost between two chunks, and the next leader's log has a different tail.
func TestLeadershipLostInTheMiddleOfALoad(t *testing.T) {
	l := logOf("a", "b", "c", "d")
	r := New(l, &recorder{}, newTally, Options{Oracle: true})
	r.Load(nil, 1)
	r.LoadStep(nil, 80)
	if err := r.Unload(nil); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Tip().words, r.End(), r.State()); got != "map[a:1] 1 standby" {
		t.Errorf("after the loss: %s", got)
	}
	l.cut(1)
	l.add(Batch{Records: words("theirs")})
	if err := load(r, 2); err != nil || fmt.Sprint(r.Tip().words) != "map[a:1 theirs:1]" {
		t.Errorf("loaded again: error %v, tip holds %v", err, r.Tip().words)
	}
}

// A chunk that cannot be read fails the load. The next one begins at the base.
func TestFailedLoad(t *testing.T) {
	l := logOf("a", "b", "c")
	r := New(l, &recorder{}, newTally, Options{Oracle: true})
	r.Load(nil, 1)
	r.LoadStep(nil, 20)
	l.torn = []bool{true}
	if done, err := r.LoadStep(nil, 20); done || err != errTorn || r.State() != Failed {
		t.Errorf("a chunk that cannot be read: done %v, error %v, %s", done, err, r.State())
	}
	l.cut(1)
	l.add(Batch{Records: words("theirs")})
	if err := load(r, 2); err != nil || fmt.Sprint(r.Stable().words) != "map[a:1 theirs:1]" {
		t.Errorf("loaded again: error %v, stable holds %v", err, r.Stable().words)
	}
}

// A load, a loss and the oracle read from the base on; the log no longer has the records below it.
func TestBaseInPlaceOfTheLogFromZero(t *testing.T) {
	l := logOf("a", "b", "c", "d")
	l.begin = 2
	r := New(l, &recorder{}, newTally, Options{Oracle: true})
	if err := load(r, 3); err != nil || len(r.Tip().words) != 4 || len(r.Stable().words) != 3 {
		t.Fatalf("error %v, tip holds %v, stable %v", err, r.Tip().words, r.Stable().words)
	}
	l.begin = 3
	r.Check(nil)
	if err := r.Unload(nil); err != nil || len(r.Tip().words) != 3 {
		t.Errorf("after a loss: error %v, tip holds %v", err, r.Tip().words)
	}
	// A standby that lags too far fetches a snapshot.
	l.cut(3)
	for _, w := range []string{"e", "f", "g"} {
		l.add(Batch{Records: words(w)})
	}
	l.begin = 5
	r.Restart()
	if err := r.Committed(nil, 6); err != nil || r.Next() != 6 || len(r.Stable().words) != 6 {
		t.Errorf("after a snapshot: error %v, stable to %d holds %v", err, r.Next(), r.Stable().words)
	}
}
