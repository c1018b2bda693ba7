package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"samsa/sim/env"
	"samsa/wire"
)

// TestModel applies random actions to a group coordinator, for each kind of linger, and compares it with a model that
// predicts every answer. The actions load in chunks, write alone, in shared batches and in transactions, end
// transactions, let time pass, change the image, break the log in every way and lose leadership in every state. The
// oracle is on throughout. This is 100,000 runs:
//
//	go test ./coordinator -run TestModel -rapid.checks=33334
func TestModel(t *testing.T) {
	for _, linger := range []env.Duration{0, Adaptive, 5} {
		t.Run(fmt.Sprint("linger ", linger), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := newModel(t, linger)
				t.Repeat(map[string]func(*rapid.T){
					"write":       m.write,
					"write more":  m.write,
					"transaction": m.transaction,
					"marker":      m.marker,
					"ask":         m.ask,
					"commit":      m.commit,
					"commit more": m.commit,
					"wait":        m.wait,
					"wait more":   m.wait,
					"image":       m.image,
					"others":      m.others,
					"load":        m.load,
					"load step":   m.loadStep,
					"load on":     m.loadStep,
					"lose":        m.lose,
					"close":       m.close,
					"snapshot":    m.snapshot,
					"":            m.compare,
				})
				m.finish(t)
			})
		})
	}
}

// model predicts the runtime: from the log, which it reads, and from its own list of ops.
type model struct {
	e       *clock
	o       Options
	r       *Runtime[*groupMachine]
	l       *memoryLog[*groupMachine]
	h       *recorder
	state   State
	hw      wire.Offset // what the log has committed, known to the runtime or not
	told    wire.Offset // what the runtime knows of it
	next    wire.Offset // what it has of that
	read    wire.Offset // how far it has read the log
	log     wire.Offset // the log's end, as the model predicts it
	fresh   bool        // the next read begins at the base
	ops     []modelOp   // parked
	open    []wire.Record
	bytes   int // of open
	flushAt env.Instant
	react   func(*groupMachine, bool) Result
	fail    error // of the next append
	written bool  // all the same
	torn    bool  // the next read fails
	want    []string
	refused map[string]bool // values that must be in no log
	ids     int
}

type modelOp struct {
	id       int // 0 has no answer
	at       wire.Offset
	value    string // of its last record, if it wrote
	deadline env.Instant
	answered bool
	effect   bool
	key      bool
}

// newModel begins with a standby, or with an active coordinator on an empty log.
func newModel(t *rapid.T, linger env.Duration) *model {
	m := &model{e: &clock{now: 1000}, l: newLog[*groupMachine](), refused: map[string]bool{}}
	m.o = Options{Oracle: true, Linger: linger, Timeout: rapid.SampledFrom([]env.Duration{3, 12, 0}).Draw(t, "timeout")}
	m.renew()
	if rapid.IntRange(0, 3).Draw(t, "standby") < 3 {
		m.state, m.fresh = Active, false
		if err := load(m.r, 0); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// renew is a new runtime on the log as it is. Its effects write again.
func (m *model) renew() {
	m.h = &recorder{}
	m.r = New(m.l, m.h, newGroups, m.o)
	r := m.r
	m.h.effect = func(e env.Env, t env.Token) {
		r.Write(e, func(*groupMachine) Result { return Result{Records: []wire.Record{effectRecord(int(t.A))}} })
	}
	m.state, m.told, m.next, m.read, m.fresh, m.react = Standby, 0, 0, 0, true, nil
}

func effectRecord(id int) wire.Record { return offset("e", fmt.Sprint("effect of ", id)) }

// begin draws the results of the next append and the next read.
func (m *model) begin(t *rapid.T) {
	m.log, m.want, m.fail, m.written, m.torn = m.l.End(), nil, nil, false, false
	switch rapid.IntRange(0, 23).Draw(t, "breaks") {
	case 15:
		m.fail = env.ErrIO
	case 14:
		m.fail, m.written = env.ErrIO, true
	case 12, 13:
		m.fail = Refused{errors.New("too few replicas")}
	case 11:
		m.fail, m.torn = Refused{errors.New("too few replicas")}, true
	case 10:
		m.torn = true
	}
	m.l.fail, m.l.written, m.l.torn = m.fail, m.written, []bool{m.torn}
}

// append predicts one append of n records: the error, and the log's end.
func (m *model) append(n, size int) error {
	err := m.fail
	if err == nil && batchOverhead+size > m.l.max {
		err = Refused{kerr.MessageTooLarge}
	}
	if err == nil || m.fail != nil && m.written {
		m.log += wire.Offset(n)
	}
	m.fail = nil
	return err
}

// failed predicts the end of leadership, when every waiting op is answered.
func (m *model) failed(why Unknown) {
	for _, op := range m.ops {
		if !op.answered {
			m.want = append(m.want, answer(op.id, why))
		}
	}
	m.ops, m.open, m.read = nil, nil, m.next
	m.fresh = m.fresh || m.tear()
}

// tear predicts whether a read fails now.
func (m *model) tear() bool {
	torn := m.torn
	m.torn = false
	return torn
}

func (m *model) flush() error {
	if len(m.open) == 0 {
		return nil
	}
	base, records := m.log, m.open
	m.open = nil
	err := m.append(len(records), m.bytes-batchOverhead)
	switch {
	case err == nil:
	case errors.As(err, new(Refused)):
		for _, rec := range records {
			m.refused[string(rec.Value)] = rec.Value != nil
		}
		n := slices.IndexFunc(m.ops, func(op modelOp) bool { return op.at > base })
		undone := m.ops[n:]
		m.ops = m.ops[:n:n]
		broken := m.tear()
		if broken {
			m.state = Failed
			m.failed(AppendFailed)
		}
		for _, op := range undone {
			if !op.answered {
				m.want = append(m.want, answer(op.id, err))
			}
		}
		if !broken {
			m.complete()
		}
	default:
		m.state = Failed
		m.failed(AppendFailed)
	}
	return err
}

// predict predicts one op, which decides res, or a marker.
func (m *model) predict(op modelOp, res Result, marker bool) error {
	switch m.state {
	case Active:
	case Loading:
		return ErrLoading
	default:
		return ErrNotActive
	}
	own := func(err error) error {
		if op.id > 0 {
			m.want = append(m.want, answer(op.id, answerFor(err)))
		}
		for _, rec := range res.Records {
			m.refused[string(rec.Value)] = rec.Value != nil && errors.As(err, new(Refused))
		}
		return err
	}
	n, size := len(res.Records), sizeOf(res.Records)
	alone := marker || res.Stamp.Transactional || m.o.Linger == 0 || batchOverhead+size >= m.l.max
	switch {
	case n == 0 && !marker:
	case alone:
		if err := m.flush(); err != nil {
			return own(err)
		}
		if err := m.append(max(n, 1), size); errors.As(err, new(Refused)) {
			return own(err)
		} else if err != nil {
			m.state = Failed
			m.failed(AppendFailed)
			return own(err)
		}
	default:
		if len(m.open) > 0 && m.bytes+size > m.l.max {
			if err := m.flush(); err != nil {
				return own(err)
			}
		}
		if len(m.open) == 0 {
			m.bytes, m.flushAt = batchOverhead, m.e.now.Add(max(m.o.Linger, 0))
		}
		m.open, m.bytes = append(m.open, res.Records...), m.bytes+size
	}
	op.at, op.deadline, op.answered = m.log+wire.Offset(len(m.open)), m.e.now.Add(m.o.Timeout), op.id == 0
	if n > 0 {
		op.value = string(res.Records[n-1].Value)
	}
	m.ops = append(m.ops, op)
	var err error
	if len(m.open) > 0 && m.bytes >= m.l.max {
		err = m.flush()
	}
	m.complete()
	return err
}

// complete predicts the answers to committed ops, and the writes of their effects.
func (m *model) complete() {
	for len(m.ops) > 0 && m.ops[0].at <= m.next {
		op := m.ops[0]
		m.ops = m.ops[1:]
		if !op.answered {
			m.want = append(m.want, answer(op.id, nil))
		}
		if op.value != "" && string(m.l.offsets[op.at-1].entry.Value) != op.value {
			panic(fmt.Sprintf("op %d is answered, and offset %d of the log is %q", op.id, op.at-1, m.l.offsets[op.at-1].entry.Value))
		}
		if op.effect {
			m.want = append(m.want, fmt.Sprint("effect ", op.id))
			m.predict(modelOp{}, Result{Records: []wire.Record{effectRecord(op.id)}}, false)
		}
	}
}

// replay returns the machine at an offset of the log.
func (m *model) replay(to wire.Offset) *groupMachine {
	g := newGroups()
	for _, s := range m.l.offsets[:to] {
		if s.data {
			g.Apply(s.entry)
		}
	}
	return g
}

// tip returns the machine with the open batch.
func (m *model) tip() *groupMachine {
	g := m.replay(m.l.End())
	for _, entry := range entries(Batch{Records: m.open}, m.l.End()) {
		g.Apply(entry)
	}
	return g
}

// did compares the runtime with the prediction.
func (m *model) did(t *rapid.T, what string, err, want error) {
	if (err == nil) != (want == nil) || want != nil && !errors.Is(err, want) {
		t.Fatalf("%s: error %v, wanted %v", what, err, want)
	}
	if got := m.h.took(); !slices.Equal(got, m.want) {
		t.Fatalf("%s: the host got %q, wanted %q", what, got, m.want)
	}
	if m.l.End() != m.log {
		t.Fatalf("%s: the log ends at %d, wanted %d", what, m.l.End(), m.log)
	}
}

func (m *model) records(t *rapid.T) (records []wire.Record) {
	for range rapid.IntRange(1, 3).Draw(t, "records") {
		m.ids++
		value := fmt.Sprint("v", m.ids)
		if rapid.IntRange(0, 9).Draw(t, "size") == 9 {
			value += strings.Repeat(".", rapid.IntRange(50, 150).Draw(t, "more"))
		}
		if rapid.Bool().Draw(t, "member") {
			records = append(records, member(rapid.SampledFrom([]string{"m1", "m2", "m3"}).Draw(t, "name"), rapid.SampledFrom([]string{"h1", "h2"}).Draw(t, "host")+value))
		} else {
			records = append(records, offset(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "topic"), value))
		}
	}
	return records
}

func (m *model) op(t *rapid.T, what string, res Result) {
	m.begin(t)
	m.ids++
	op := modelOp{id: m.ids, effect: rapid.IntRange(0, 4).Draw(t, "effect") == 4, key: rapid.Bool().Draw(t, "key")}
	res.Answers = []Answer{to(op.id)}
	if op.effect {
		res.OnCommit = []env.Token{{A: int64(op.id)}}
	}
	if op.key {
		res.Keys = []string{"k"}
	}
	want := m.predict(op, res, false)
	m.did(t, what, m.r.Write(m.e, func(*groupMachine) Result { return res }), want)
}

func (m *model) write(t *rapid.T) { m.op(t, "write", Result{Records: m.records(t)}) }
func (m *model) ask(t *rapid.T)   { m.op(t, "an op without records", Result{}) }

func (m *model) transaction(t *rapid.T) {
	m.op(t, "a transactional write", Result{Stamp: drawProducer(t), Records: m.records(t)})
}

func drawProducer(t *rapid.T) Stamp {
	return producer(wire.ProducerID(rapid.IntRange(0, 2).Draw(t, "producer")))
}

func (m *model) marker(t *rapid.T) {
	m.begin(t)
	m.ids++
	p := drawProducer(t)
	marker := Marker{Producer: p.Producer, Result: TransactionResult(rapid.IntRange(1, 2).Draw(t, "result"))}
	want := m.predict(modelOp{id: m.ids}, Result{}, true)
	m.did(t, "marker", m.r.ApplyMarker(m.e, marker, to(m.ids)), want)
}

func (m *model) image(t *rapid.T) {
	m.begin(t)
	m.react = expire(rapid.SampledFrom([]string{"h1", "h2", "h1 h2"}).Draw(t, "alive"))
	var want error
	if m.state == Active {
		want = m.predict(modelOp{}, m.react(m.tip(), false), false)
	}
	m.did(t, "image", m.r.ImageChanged(m.e, m.react), want)
}

func (m *model) commit(t *rapid.T) {
	m.begin(t)
	m.hw = wire.Offset(rapid.IntRange(int(m.hw), int(m.l.End())).Draw(t, "hw"))
	var want error
	switch {
	case m.hw <= m.next || m.state == Failed:
	case m.state == Standby && (m.fresh || m.read < m.hw) && m.tear():
		want = errTorn
	case m.state == Standby:
		m.fresh, m.told, m.read, m.next = false, m.hw, m.hw, m.hw
	default:
		m.told = m.hw
		m.next = min(m.told, max(m.read, m.active()))
		m.complete()
	}
	m.did(t, "commit", m.r.Committed(m.e, m.hw), want)
}

// active is the log's end if the runtime knows it.
func (m *model) active() wire.Offset {
	if m.state == Active {
		return m.log
	}
	return 0
}

func (m *model) wait(t *rapid.T) {
	m.begin(t)
	m.e.now += env.Instant(rapid.IntRange(0, 8).Draw(t, "wait"))
	due := func(op modelOp) bool { return !op.answered && m.o.Timeout > 0 && op.deadline <= m.e.now }
	for m.h.asked && m.h.at <= m.e.now {
		m.h.asked = false
		var want error
		if len(m.open) > 0 && m.flushAt <= m.e.now {
			want = m.flush()
		}
		for i, op := range m.ops {
			if due(op) {
				m.want = append(m.want, answer(op.id, TimedOut))
				m.ops[i].answered = true
			}
		}
		m.did(t, "wait", m.r.Fire(m.e), want)
		m.want = nil
	}
	if slices.ContainsFunc(m.ops, due) || len(m.open) > 0 && m.flushAt <= m.e.now {
		t.Fatalf("at %d something is due, and the host was not asked for a call", m.e.now)
	}
}

func (m *model) load(t *rapid.T) {
	if m.state != Standby && m.state != Failed {
		t.Skip("leads")
	}
	m.begin(t)
	m.fresh = m.fresh || m.state == Failed
	m.state, m.told = Loading, max(m.told, m.hw)
	var want error
	if m.fresh {
		if m.tear() {
			m.state, want = Failed, errTorn
		} else {
			m.fresh, m.read, m.next = false, m.l.begin, m.l.begin
		}
	}
	m.did(t, "load", m.r.Load(m.e, m.hw), want)
}

func (m *model) loadStep(t *rapid.T) {
	if m.state != Loading {
		t.Skip("does not load")
	}
	m.begin(t)
	budget := rapid.IntRange(0, 150).Draw(t, "budget")
	var want error
	if m.read < m.l.End() {
		if m.tear() {
			m.state, want = Failed, errTorn
		} else {
			m.read = m.l.stop(m.read, m.l.End(), budget)
			m.next = max(m.next, min(m.told, m.read))
		}
	}
	if want == nil && m.read == m.l.End() {
		m.torn = false // the oracle reads too, and keeps quiet about it
		m.state = Active
		if m.react != nil {
			if err := m.predict(modelOp{}, m.react(m.tip(), true), false); m.state != Active {
				want = err
			}
		}
	}
	done, err := m.r.LoadStep(m.e, budget)
	m.did(t, "load step", err, want)
	if done != (m.state == Active) {
		t.Fatalf("load step: done %v, state %s", done, m.state)
	}
}

// lose ends leadership, or a load of it, and others lead.
func (m *model) lose(t *rapid.T) {
	if m.state == Standby {
		t.Skip("does not lead")
	}
	m.begin(t)
	m.h.asked = false
	var want error
	was := m.fresh
	if m.fresh {
		m.torn = false
	}
	m.state = Standby
	m.failed(LeadershipLost)
	if m.fresh && !was {
		want = errTorn
	}
	m.did(t, "lose", m.r.Unload(m.e), want)
	m.others(t)
}

// others are other leaders: they truncate the uncommitted records, and write.
func (m *model) others(t *rapid.T) {
	if m.state != Standby {
		t.Skip("leads")
	}
	m.l.cut(wire.Offset(rapid.IntRange(int(m.hw), int(m.l.End())).Draw(t, "kept")))
	m.l.gap()
	for range rapid.IntRange(0, 4).Draw(t, "batches") {
		switch rapid.IntRange(0, 2).Draw(t, "batch") {
		case 0:
			m.l.add(Batch{Records: m.records(t)})
		case 1:
			m.l.add(Batch{Stamp: drawProducer(t), Records: m.records(t)})
		case 2:
			m.l.add(Batch{Stamp: drawProducer(t), Marker: Marker{Result: TransactionResult(rapid.IntRange(1, 2).Draw(t, "result"))}})
		}
	}
	m.hw = wire.Offset(rapid.IntRange(int(m.hw), int(m.l.End())).Draw(t, "hw"))
}

// close drops the runtime, in any state; a new one comes.
func (m *model) close(t *rapid.T) {
	m.begin(t)
	m.failed(LeadershipLost)
	m.r.Close(m.e)
	m.did(t, "close", nil, nil)
	m.renew()
}

// snapshot moves the base. A standby that has not read up to there restarts.
func (m *model) snapshot(t *rapid.T) {
	limit := m.next
	if m.fresh || m.state == Standby {
		limit = m.hw
	}
	m.l.begin = wire.Offset(rapid.IntRange(int(m.l.begin), int(max(limit, m.l.begin))).Draw(t, "base"))
	if m.state == Standby && m.l.begin > m.read {
		m.r.Restart()
		m.fresh = true
	}
}

// compare looks at both machines after every step.
func (m *model) compare(t *rapid.T) {
	if m.r.State() != m.state {
		t.Fatalf("state %s, wanted %s", m.r.State(), m.state)
	}
	if !m.fresh {
		if m.r.Next() != m.next || m.r.Stable().Digest() != m.replay(m.next).Digest() {
			t.Fatalf("stable is at %d, wanted %d, with offsets %v", m.r.Next(), m.next, m.r.Stable().offsets)
		}
	}
	want := m.tip()
	if m.state == Loading || m.state == Standby && !m.fresh {
		want = m.replay(m.read)
	}
	if (m.state != Failed && !m.fresh) && m.r.Tip().Digest() != want.Digest() {
		t.Fatalf("tip is at %d with %v, wanted %v", m.r.End(), m.r.Tip(), want)
	}
	refusal := map[State]error{Active: nil, Loading: ErrLoading, Standby: ErrNotActive, Failed: ErrNotActive}[m.state]
	if err := m.r.Read(func(*groupMachine) {}); err != refusal {
		t.Fatalf("a read in state %s: error %v, wanted %v", m.state, err, refusal)
	}
	if got := m.r.Pending("k"); got != slices.ContainsFunc(m.ops, func(op modelOp) bool { return op.key }) {
		t.Fatalf("Pending says %v", got)
	}
	for at, s := range m.l.offsets {
		if m.refused[string(s.entry.Value)] && s.data {
			t.Fatalf("%q was refused, and is at offset %d of the log", s.entry.Value, at)
		}
	}
}

// finish commits everything, and then no answer is missing.
func (m *model) finish(t *rapid.T) {
	m.l.fail, m.l.torn = nil, nil
	m.r.Check(m.e)
	m.want, m.log, m.fail = nil, m.l.End(), nil
	m.failed(LeadershipLost)
	m.r.Close(m.e)
	m.did(t, "the end", nil, nil)
}
