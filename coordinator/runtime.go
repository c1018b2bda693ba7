package coordinator

import (
	"errors"
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// Machine is hard state: what follows from the records of a log and from nothing else.
type Machine interface {
	// Apply takes one record in. It is the only place where hard state changes, and it is the same whether the
	// record was just decided here or is read back years later. It cannot refuse.
	Apply(r wire.Record)
	// Digest is a fingerprint of the whole state, kept up to date by Apply: equal states, equal digests.
	Digest() uint64
}

// Log is what the runtime needs of a replicated log.
type Log interface {
	// Append writes the records of one op as one batch that survives whole or not at all, from End on. The result is
	// the new end. An error that is a Refused says that nothing was written; after any other nobody knows.
	Append(e env.Env, records []wire.Record) (end wire.Offset, err error)
	// End is where the next record goes.
	End() wire.Offset
	// Scan hands over the data records in [from, to) in order.
	Scan(e env.Env, from, to wire.Offset, apply func(wire.Record)) error
}

// Host is who owns the runtime.
type Host interface {
	// Answer sends an answer out. With Err set there is no Response: the host makes the one that says so.
	Answer(e env.Env, a Answer)
	// Applied hears of every record that the active coordinator wrote, once it is committed.
	Applied(e env.Env, r wire.Record)
	// Effect does what an op put into Result.OnCommit.
	Effect(e env.Env, t env.Token)
}

// Caller is who waits for an answer, and what it asked.
type Caller struct {
	Ticket  env.Ticket
	Request env.Request
}

// Answer is addressed: an op may answer its caller, others who waited before, or nobody yet.
type Answer struct {
	To       Caller
	Response env.Response
	Err      error // nil, ErrUnknown, or a Refused
}

// Result is what an op decided.
type Result struct {
	Records  []wire.Record // Key, Value, Timestamp and Headers count; offsets are given by the log
	Answers  []Answer      // held until everything tip contains, these records included, is committed
	OnCommit []env.Token   // effects that may only happen then; lost with leadership, so whoever loads must find them again
	Keys     []string      // what the write is about, see Pending
}

// ErrUnknown says that the outcome of an op is not known: its records may be committed or lost.
var ErrUnknown = errors.New("the outcome is unknown: leadership was lost before it was committed")

// ErrNotLoaded says that this coordinator is not active: the op was not run.
var ErrNotLoaded = errors.New("this coordinator is not active")

// Refused is an append that certainly did not happen.
type Refused struct{ Cause error }

// Error names the cause.
func (r Refused) Error() string { return "the append was refused: " + r.Cause.Error() }

// Unwrap is the cause.
func (r Refused) Unwrap() error { return r.Cause }

// Runtime keeps two machines on one log.
//
//	standby ──Load──▶ active ──Unload──▶ standby
//
// A standby follows with Committed alone; a coordinator that only exists while it leads is loaded once, and dropped
// after Unload. Ops run on an active runtime only.
type Runtime[M Machine] struct {
	log  Log
	host Host
	make func() M

	tip, stable M
	end         wire.Offset // tip holds [0, end); at or above next
	next        wire.Offset // stable holds [0, next), all of it committed
	active      bool

	ahead  []wire.Record  // in tip and not in stable: the records in [next, end)
	parked []parked       // in order of at, which never falls
	keys   map[string]int // how many parked ops are about a key
	oracle oracle
}

// parked is an op that waits for an offset.
type parked struct {
	at      wire.Offset // released when next reaches it
	answers []Answer
	effects []env.Token
	keys    []string
}

// Options are a runtime's settings.
type Options struct {
	// Oracle compares tip, stable and replays of the log all the time, and panics where they differ. For simulations:
	// it reads the whole log now and then.
	Oracle bool
}

// New is a standby before the first record. make makes a machine that has seen nothing.
func New[M Machine](log Log, host Host, make func() M, o Options) *Runtime[M] {
	return &Runtime[M]{log: log, host: host, make: make, tip: make(), stable: make(), keys: map[string]int{}, oracle: oracle{on: o.Oracle}}
}

// Active tells whether ops run here.
func (r *Runtime[M]) Active() bool { return r.active }

// Next is the end of what is committed and applied.
func (r *Runtime[M]) Next() wire.Offset { return r.next }

// End is the end of what tip holds.
func (r *Runtime[M]) End() wire.Offset { return r.end }

// Read looks at what is committed.
func (r *Runtime[M]) Read(f func(stable M)) { f(r.stable) }

// Peek looks at the newest state. What is seen may yet be lost: decide with it, tell nobody.
func (r *Runtime[M]) Peek(f func(tip M)) { f(r.tip) }

// Pending tells whether a write about a key is in flight. Where Kafka answers CONCURRENT_TRANSACTIONS instead of deciding
// on uncommitted state, the op asks this first.
func (r *Runtime[M]) Pending(key string) bool { return r.keys[key] > 0 }

// Load makes the runtime active. Everything below committed is committed; what the log has above it is in tip, without
// anybody waiting for it. On an error (the log cannot be read) the runtime stays a standby.
func (r *Runtime[M]) Load(e env.Env, committed wire.Offset) error {
	if err := r.Committed(e, committed); err != nil {
		return err
	}
	err := r.log.Scan(e, r.end, r.log.End(), func(rec wire.Record) {
		r.tip.Apply(rec)
		r.ahead = append(r.ahead, rec)
	})
	if err != nil {
		return errors.Join(err, r.rebuild(e))
	}
	r.end, r.active = r.log.End(), true
	r.check(e)
	return nil
}

// Unload ends activity: leadership is lost, or about to be handed over. Whoever waits is told that the outcome is
// unknown, and tip goes back to what is committed.
func (r *Runtime[M]) Unload(e env.Env) error {
	r.active = false
	waiting := r.parked
	r.parked = nil
	clear(r.keys)
	for _, p := range waiting {
		r.release(e, p.answers, ErrUnknown)
	}
	if err := r.rebuild(e); err != nil {
		return err
	}
	r.check(e)
	return nil
}

// rebuild makes tip what stable is, by replay: nothing can be taken out of a machine. After an error tip holds a part only:
// the host must end, and there is nothing to compare any more.
func (r *Runtime[M]) rebuild(e env.Env) error {
	r.ahead = nil
	r.tip = r.make()
	r.end = r.next
	err := r.log.Scan(e, 0, r.next, r.tip.Apply)
	if err != nil {
		r.oracle.on = false
	}
	return err
}

// Write runs an op: it decides on tip, its records are appended and applied, its answers are held until they are
// committed. ErrNotLoaded is the only error that means the op did not run. Any other is the log's: then everybody is
// answered already, and unless it is a Refused the runtime has unloaded itself, for nobody knows what the log holds.
func (r *Runtime[M]) Write(e env.Env, op func(tip M) Result) error {
	if !r.active {
		return ErrNotLoaded
	}
	res := op(r.tip)
	if len(res.Records) > 0 {
		if err := r.append(e, res.Records); err != nil {
			return r.failed(e, res, err)
		}
	}
	// Also without records: the op has read tip, and must not tell of what may be lost.
	for _, k := range res.Keys {
		r.keys[k]++
	}
	r.parked = append(r.parked, parked{r.end, res.Answers, res.OnCommit, res.Keys})
	r.settle(e)
	return nil
}

// append writes the records and takes them into tip, numbered as the log numbers them.
func (r *Runtime[M]) append(e env.Env, records []wire.Record) error {
	first := r.log.End()
	if first != r.end {
		panic(fmt.Sprintf("coordinator: the log ends at %d and tip at %d: somebody else wrote", first, r.end))
	}
	end, err := r.log.Append(e, records)
	if err != nil {
		return err
	}
	if end != first+wire.Offset(len(records)) {
		panic(fmt.Sprintf("coordinator: %d records from %d on end at %d", len(records), first, end))
	}
	for i, rec := range records {
		rec.Offset = first + wire.Offset(i)
		r.tip.Apply(rec)
		r.ahead = append(r.ahead, rec)
	}
	r.end = end
	return nil
}

// failed answers everybody an op was about to answer, after its append failed.
func (r *Runtime[M]) failed(e env.Env, res Result, err error) error {
	var refused Refused
	if errors.As(err, &refused) {
		r.release(e, res.Answers, refused)
		return err
	}
	if undone := r.Unload(e); undone != nil {
		err = errors.Join(err, undone)
	}
	r.release(e, res.Answers, ErrUnknown)
	return err
}

// Committed says that everything below an offset is committed. A standby reads what it does not have yet; an error is
// the log's, and then nothing was taken in beyond Next.
func (r *Runtime[M]) Committed(e env.Env, offset wire.Offset) error {
	if offset <= r.next {
		return nil
	}
	if offset > r.end {
		if r.active {
			panic(fmt.Sprintf("coordinator: [..%d) is committed and tip ends at %d: somebody else wrote", offset, r.end))
		}
		var read []wire.Record
		if err := r.log.Scan(e, r.end, offset, func(rec wire.Record) { read = append(read, rec) }); err != nil {
			return err
		}
		for _, rec := range read {
			r.tip.Apply(rec)
		}
		r.ahead, r.end = append(r.ahead, read...), offset
	}
	for len(r.ahead) > 0 && r.ahead[0].Offset < offset {
		rec := r.ahead[0]
		r.ahead = r.ahead[1:]
		r.stable.Apply(rec)
		if r.active {
			r.host.Applied(e, rec)
		}
	}
	r.next = offset
	r.settle(e)
	return nil
}

// settle answers whoever waits for what is committed now. An answer's effect may write again: the queue is whole
// whenever it is left.
func (r *Runtime[M]) settle(e env.Env) {
	for len(r.parked) > 0 && r.parked[0].at <= r.next {
		p := r.parked[0]
		r.parked = r.parked[1:]
		for _, k := range p.keys {
			if r.keys[k]--; r.keys[k] == 0 {
				delete(r.keys, k)
			}
		}
		r.release(e, p.answers, nil)
		for _, t := range p.effects {
			r.host.Effect(e, t)
		}
	}
	if r.next == r.end && len(r.parked) == 0 {
		r.quiescent(e)
	}
}

// release sends answers out: as they are, or with an error in place of the response.
func (r *Runtime[M]) release(e env.Env, answers []Answer, err error) {
	for _, a := range answers {
		if err != nil {
			a.Response, a.Err = nil, err
		}
		r.host.Answer(e, a)
	}
}
