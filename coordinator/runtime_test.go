package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"samsa/sim/env"
	"samsa/wire"
)

// tally is a machine that counts words.
type tally struct {
	words  map[string]int
	digest uint64
}

func newTally() *tally { return &tally{words: map[string]int{}} }

func (t *tally) Apply(r wire.Record) {
	word := string(r.Value)
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

// memoryLog is a log that loses and keeps what the test says. It starts at a control record now and then, as real ones do.
type memoryLog struct {
	records []*wire.Record // nil is a control record
	fail    error          // of the next append
	written bool           // the failing append wrote all the same
	torn    error          // of the next scan, after its first record
}

func (l *memoryLog) End() wire.Offset { return wire.Offset(len(l.records)) }

func (l *memoryLog) Append(_ env.Env, records []wire.Record) (wire.Offset, error) {
	err := l.fail
	l.fail = nil
	if err == nil || l.written {
		for _, r := range records {
			r.Offset = l.End()
			l.records = append(l.records, &r)
		}
	}
	return l.End(), err
}

func (l *memoryLog) Scan(_ env.Env, from, to wire.Offset, apply func(wire.Record)) error {
	for _, r := range l.records[from:to] {
		if r != nil {
			apply(*r)
		}
		if err := l.torn; err != nil {
			l.torn = nil
			return err
		}
	}
	return nil
}

// ear is a host that remembers what it was told to do.
type ear struct {
	heard   []string
	applied []wire.Offset
}

func (h *ear) Answer(_ env.Env, a Answer) {
	word := fmt.Sprint(a.To.Ticket.Correlation)
	if a.Err != nil {
		word += " " + a.Err.Error()
	} else if a.Response == nil {
		word += " nothing"
	}
	h.heard = append(h.heard, word)
}

func (h *ear) Applied(_ env.Env, r wire.Record) { h.applied = append(h.applied, r.Offset) }
func (h *ear) Effect(_ env.Env, t env.Token)    { h.heard = append(h.heard, fmt.Sprint("effect ", t.A)) }
func (h *ear) took() (heard []string)           { heard, h.heard = h.heard, nil; return heard }
func unknown(n int) string                      { return fmt.Sprint(n, " ", ErrUnknown) }
func words(all ...string) (records []wire.Record) {
	for _, w := range all {
		records = append(records, wire.Record{Value: []byte(w)})
	}
	return records
}

func to(n int) Answer {
	return Answer{To: Caller{Ticket: env.Ticket{Correlation: int32(n)}}, Response: kmsg.NewPtrHeartbeatResponse()}
}

// start is an active runtime on an empty log.
func start(t interface {
	Fatal(...any)
	Helper()
}) (*Runtime[*tally], *memoryLog, *ear) {
	t.Helper()
	l, h := &memoryLog{}, &ear{}
	r := New[*tally](l, h, newTally, Options{Oracle: true})
	if err := r.Load(nil, 0); err != nil {
		t.Fatal(err)
	}
	return r, l, h
}

func (h *ear) want(t testing.TB, did string, want ...string) {
	t.Helper()
	if got := h.took(); !slices.Equal(got, want) {
		t.Errorf("%s: the host heard %q, wanted %q", did, got, want)
	}
}

// The first easy mistake: an op that wrote nothing answers at once, with what it saw in tip, and that is lost later.
func TestOpWithoutRecordsWaitsForWhatItRead(t *testing.T) {
	r, _, h := start(t)
	r.Write(nil, func(*tally) Result { return Result{Records: words("a", "b"), Answers: []Answer{to(1)}} })
	seen := 0
	r.Write(nil, func(tip *tally) Result { seen = tip.words["a"]; return Result{Answers: []Answer{to(2)}} })
	if seen != 1 {
		t.Fatalf("the second op saw %d times a in tip, wanted 1", seen)
	}
	h.want(t, "after two writes, nothing committed")
	r.Committed(nil, 1) // half of the batch: no log does this, and still nobody may be answered
	h.want(t, "after half of the first was committed")
	r.Committed(nil, 2)
	h.want(t, "after all was committed", "1", "2")
	r.Write(nil, func(*tally) Result { return Result{Answers: []Answer{to(3)}} })
	h.want(t, "an op without records when nothing is in flight", "3")
}

// The second: losing leadership fails what was parked, though the next leader may keep it.
func TestLosingLeadershipAnswersUnknownAndRebuilds(t *testing.T) {
	r, l, h := start(t)
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
	h.want(t, "on losing leadership", unknown(2), unknown(3))
	if r.Pending("k") {
		t.Error("nothing is in flight, Pending(k) says yes")
	}
	r.Peek(func(tip *tally) {
		if tip.words["lost"] != 0 || tip.words["kept"] != 1 {
			t.Errorf("after the loss tip holds %v, wanted kept only", tip.words)
		}
	})
	if err := r.Write(nil, func(*tally) Result { panic("ran") }); err != ErrNotLoaded {
		t.Errorf("a write on a standby: %v, wanted ErrNotLoaded", err)
	}

	// The new leader cut "lost" off and wrote something else; then we lead again.
	l.records = append(l.records[:1], nil)
	l.Append(nil, words("theirs"))
	r.Committed(nil, 3)
	if err := r.Load(nil, 3); err != nil {
		t.Fatal(err)
	}
	r.Read(func(stable *tally) {
		if stable.words["theirs"] != 1 || stable.words["lost"] != 0 {
			t.Errorf("after the other's term stable holds %v", stable.words)
		}
	})
}

// The third: an op releases others who waited in a room, and its append fails.
func TestFailedAppendAnswersEveryoneTheOpReleased(t *testing.T) {
	refusal := Refused{errors.New("too large")}
	for _, tc := range []struct {
		name    string
		err     error
		written bool
		want    []string
		active  bool
	}{
		{"refused", refusal, false, []string{"1 " + refusal.Error(), "2 " + refusal.Error()}, true},
		{"disk, nothing written", env.ErrIO, false, []string{unknown(9), unknown(1), unknown(2)}, false},
		{"disk, all written", env.ErrIO, true, []string{unknown(9), unknown(1), unknown(2)}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, l, h := start(t)
			r.Write(nil, func(*tally) Result { return Result{Records: words("x"), Answers: []Answer{to(9)}} })
			l.fail, l.written = tc.err, tc.written
			room := []Answer{to(1), to(2)}
			err := r.Write(nil, func(*tally) Result {
				released := room
				room = nil
				return Result{Records: words("y"), Answers: released}
			})
			if err == nil || r.Active() != tc.active {
				t.Errorf("a failing append: error %v, active %v, wanted an error and %v", err, r.Active(), tc.active)
			}
			h.want(t, "a failing append", tc.want...)
			if tc.active {
				r.Committed(nil, 1)
				h.want(t, "the write before it", "9")
			}
		})
	}
}

// A log that cannot be read when leadership is lost leaves a tip that holds a part only: the host is told, and the oracle
// does not take it for a broken invariant when the host ends.
func TestALogThatCannotBeReadBackIsNoFindingOfTheOracle(t *testing.T) {
	r, log, _ := start(t)
	for _, w := range []string{"a", "b"} {
		if err := r.Write(nil, func(*tally) Result { return Result{Records: words(w)} }); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Committed(nil, log.End()); err != nil {
		t.Fatal(err)
	}
	log.torn = errors.New("the disk is broken")
	if err := r.Unload(nil); err == nil {
		t.Error("the host was not told")
	}
	r.Check(nil)
}

func TestAnswersAreAddressedAndEffectsFollowCommit(t *testing.T) {
	r, _, h := start(t)
	r.Write(nil, func(*tally) Result { return Result{} }) // nobody yet
	r.Write(nil, func(*tally) Result {
		return Result{Records: words("a"), Answers: []Answer{to(4), to(2), to(3)}, OnCommit: []env.Token{{A: 1}, {A: 2}}}
	})
	h.want(t, "before the commit")
	r.Committed(nil, 1)
	h.want(t, "after it", "4", "2", "3", "effect 1", "effect 2")
	if !slices.Equal(h.applied, []wire.Offset{0}) {
		t.Errorf("the host heard of records %v, wanted 0", h.applied)
	}
}

// A coordinator of a partition is loaded while the log has records above the high watermark.
func TestLoadTakesTheUncommittedIntoTipOnly(t *testing.T) {
	l, h := &memoryLog{}, &ear{}
	l.records = append(l.records, nil)
	l.Append(nil, words("a", "b", "c"))
	r := New[*tally](l, h, newTally, Options{Oracle: true})
	r.Load(nil, 2)
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

// moody is a machine whose state depends on how often Apply ran in this process: what the oracle is for.
type moody struct {
	*tally
	applied *int
}

func (m moody) Apply(r wire.Record) {
	if *m.applied++; *m.applied == 4 {
		r.Value = []byte("something else")
	}
	m.tally.Apply(r)
}

func TestOracleNamesBothDigests(t *testing.T) {
	defer func() {
		got, _ := recover().(string)
		if !strings.Contains(got, "tip has digest") || !strings.Contains(got, "and stable") {
			t.Errorf("an impure machine: panic %q, wanted one with both digests", got)
		}
	}()
	n := 0
	l, h := &memoryLog{}, &ear{}
	r := New(l, h, func() moody { return moody{newTally(), &n} }, Options{Oracle: true})
	r.Load(nil, 0)
	for i := range 3 {
		r.Write(nil, func(moody) Result { return Result{Records: words(fmt.Sprint(i))} })
		r.Committed(nil, l.End())
	}
	t.Error("nobody noticed")
}

// TestModel runs random lives against a model: every answer comes exactly once, in order, "known" only if everything the
// op saw is committed, and what was answered is in the log for ever. The oracle watches all the time.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, l, h := start(nilT{t})
		hw := wire.Offset(0)
		type open struct {
			id int
			at wire.Offset
		}
		var parked []open
		ids := 0
		settle := func(did string, err error) {
			var want []string
			for len(parked) > 0 && (err != nil || parked[0].at <= hw) {
				if err != nil {
					want = append(want, unknown(parked[0].id))
				} else {
					want = append(want, fmt.Sprint(parked[0].id))
				}
				parked = parked[1:]
			}
			if got := h.took(); !slices.Equal(got, want) {
				t.Fatalf("%s: heard %q, wanted %q", did, got, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				if !r.Active() {
					t.Skip("standby")
				}
				n := rapid.IntRange(0, 3).Draw(t, "records")
				ids++
				if err := r.Write(nil, func(*tally) Result {
					return Result{Records: words([]string{"a", "b", "c"}[:n]...), Answers: []Answer{to(ids)}}
				}); err != nil {
					t.Fatal(err)
				}
				parked = append(parked, open{ids, l.End()})
				settle("write", nil)
			},
			"broken write": func(t *rapid.T) {
				if !r.Active() {
					t.Skip("standby")
				}
				l.fail, l.written = env.ErrIO, rapid.Bool().Draw(t, "written")
				ids++
				r.Write(nil, func(*tally) Result { return Result{Records: words("z"), Answers: []Answer{to(ids)}} })
				parked = append(parked, open{ids, 0})
				settle("a write that breaks", ErrUnknown)
			},
			"commit": func(t *rapid.T) {
				hw = wire.Offset(rapid.IntRange(int(hw), int(l.End())).Draw(t, "hw"))
				if err := r.Committed(nil, hw); err != nil {
					t.Fatal(err)
				}
				settle("commit", nil)
			},
			"lose": func(t *rapid.T) {
				r.Unload(nil)
				settle("loss", ErrUnknown)
				keep := rapid.IntRange(int(hw), int(l.End())).Draw(t, "kept")
				l.records = append(l.records[:keep], nil) // the new leader's first record
				l.Append(nil, words("theirs"))
			},
			"lead": func(t *rapid.T) {
				if r.Active() {
					t.Skip("leads")
				}
				if err := r.Load(nil, hw); err != nil {
					t.Fatal(err)
				}
				settle("load", nil)
			},
			"": func(t *rapid.T) {
				want := newTally()
				l.Scan(nil, 0, hw, want.Apply)
				r.Read(func(stable *tally) {
					if stable.Digest() != want.Digest() {
						t.Fatalf("at %d stable holds %v, the log %v", hw, stable.words, want.words)
					}
				})
			},
		})
		r.Check(nil)
	})
}

// nilT lets start report to rapid.
type nilT struct{ *rapid.T }

func (nilT) Helper() {}

// BenchmarkWrite is one op with one record, committed at once, without the oracle.
func BenchmarkWrite(b *testing.B) {
	l, h := &memoryLog{}, &ear{}
	r := New[*tally](l, h, newTally, Options{})
	if err := r.Load(nil, 0); err != nil {
		b.Fatal(err)
	}
	records := words("a")
	b.ReportAllocs()
	for b.Loop() {
		r.Write(nil, func(*tally) Result { return Result{Records: records} })
		r.Committed(nil, l.End())
	}
}
