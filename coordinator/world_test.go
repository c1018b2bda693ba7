package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// memoryLog is a log that loses and keeps the records that the test chooses.
type memoryLog[M Machine] struct {
	offsets []slot
	begin   wire.Offset // of the log; the base stands for what was before it
	max     int
	fail    error  // of the next append
	written bool   // the failing append wrote all the same
	torn    []bool // the next scans and bases fail where it is true
	reads   int
}

// slot is one offset. A slot that is not data is a record that no machine sees, such as a new leader's first one.
type slot struct {
	entry Entry
	data  bool
	bytes int
	last  bool // of its batch
}

var errTorn = errors.New("the disk is broken")

func newLog[M Machine]() *memoryLog[M] { return &memoryLog[M]{max: 200} }

func (l *memoryLog[M]) End() wire.Offset { return wire.Offset(len(l.offsets)) }
func (l *memoryLog[M]) MaxBytes() int    { return l.max }

func (l *memoryLog[M]) Append(_ env.Env, b Batch) (wire.Offset, error) {
	err, written := l.fail, l.written
	l.fail, l.written = nil, false
	if err == nil && batchOverhead+sizeOf(b.Records) > l.max {
		err = Refused{kerr.MessageTooLarge}
	}
	if err == nil || written {
		l.add(b)
	}
	return l.End(), err
}

func (l *memoryLog[M]) add(b Batch) {
	if b.Marker.Result != NoMarker {
		b.Records = make([]wire.Record, 1)
	}
	for _, rec := range b.Records {
		rec.Offset = l.End()
		l.offsets = append(l.offsets, slot{entry: Entry{rec, b.Stamp, b.Marker.Result}, data: true, bytes: 30})
	}
	l.offsets[len(l.offsets)-1].last = true
}

// gap appends a record that no machine sees.
func (l *memoryLog[M]) gap() { l.offsets = append(l.offsets, slot{bytes: 30, last: true}) }

// cut truncates the log as a new leader that has only a part of it.
func (l *memoryLog[M]) cut(to wire.Offset) {
	l.offsets = l.offsets[:to]
	if to > 0 {
		l.offsets[to-1].last = true
	}
}

// broken reports whether this read is one that fails.
func (l *memoryLog[M]) broken() bool {
	l.reads++
	if len(l.torn) == 0 {
		return false
	}
	torn := l.torn[0]
	l.torn = l.torn[1:]
	return torn
}

func (l *memoryLog[M]) Base(_ env.Env, into M) (wire.Offset, error) {
	if l.broken() {
		return 0, errTorn
	}
	for _, s := range l.offsets[:l.begin] {
		if s.data {
			into.Apply(s.entry)
		}
	}
	return l.begin, nil
}

func (l *memoryLog[M]) Scan(_ env.Env, from, to wire.Offset, budget int, apply func(Entry)) (wire.Offset, error) {
	if from < l.begin || from >= to {
		panic(fmt.Sprintf("a scan of [%d, %d) in a log that begins at %d", from, to, l.begin))
	}
	torn, end := l.broken(), l.stop(from, to, budget)
	for _, s := range l.offsets[from:end] {
		if s.data {
			apply(s.entry)
		}
		if torn {
			return 0, errTorn
		}
	}
	return end, nil
}

// stop returns the offset at which a scan ends.
func (l *memoryLog[M]) stop(from, to wire.Offset, budget int) wire.Offset {
	for at, left := from, budget; at < to && budget > 0; at++ {
		if left -= l.offsets[at].bytes; left <= 0 && l.offsets[at].last {
			return at + 1
		}
	}
	return to
}

// recorder is a host that remembers the calls of the runtime.
type recorder struct {
	calls   []string
	applied []wire.Offset
	asked   bool // for a call of Fire
	at      env.Instant
	effect  func(env.Env, env.Token)
}

func (h *recorder) Answer(_ env.Env, a Answer) {
	word := fmt.Sprint(a.To.Ticket.Correlation)
	if a.Err != nil {
		word += " " + a.Err.Error()
	} else if a.Response == nil {
		word += " nothing"
	}
	h.calls = append(h.calls, word)
}

func (h *recorder) Applied(_ env.Env, entry Entry) { h.applied = append(h.applied, entry.Offset) }

func (h *recorder) Effect(e env.Env, t env.Token) {
	h.calls = append(h.calls, fmt.Sprint("effect ", t.A))
	if h.effect != nil {
		h.effect(e, t)
	}
}

func (h *recorder) WakeAt(_ env.Env, at env.Instant) { h.asked, h.at = true, at }

func (h *recorder) took() (calls []string) { calls, h.calls = h.calls, nil; return calls }

func (h *recorder) want(t testing.TB, did string, want ...string) {
	t.Helper()
	if got := h.took(); !slices.Equal(got, want) {
		t.Errorf("%s: the host got %q, wanted %q", did, got, want)
	}
}

// clock is an Env that has only a time.
type clock struct {
	env.Env
	now env.Instant
}

func (c *clock) Now() env.Instant { return c.now }

func answer(n int, err error) string {
	if err == nil {
		return fmt.Sprint(n)
	}
	return fmt.Sprint(n, " ", err)
}

func words(all ...string) (records []wire.Record) {
	for _, w := range all {
		records = append(records, wire.Record{Value: []byte(w)})
	}
	return records
}

func to(n int) Answer {
	return Answer{To: Caller{Ticket: env.Ticket{Correlation: int32(n)}}, Response: kmsg.NewPtrHeartbeatResponse()}
}

// load drives a load in one event.
func load[M Machine](r *Runtime[M], committed wire.Offset) error {
	err := r.Load(nil, committed)
	if err == nil {
		_, err = r.LoadStep(nil, 0)
	}
	return err
}

// start returns an active runtime on an empty log.
func start[M Machine](t testing.TB, make func() M, o Options) (*Runtime[M], *memoryLog[M], *recorder) {
	t.Helper()
	l, h := newLog[M](), &recorder{}
	o.Oracle = true
	r := New(l, h, make, o)
	if err := load(r, 0); err != nil {
		t.Fatal(err)
	}
	return r, l, h
}
