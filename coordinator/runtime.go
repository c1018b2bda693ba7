package coordinator

import (
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// Options are a runtime's settings. The zero value appends each op at once, as a batch of its own, without deadlines.
type Options struct {
	// Linger is how long an op waits for others to share its batch (group.coordinator.append.linger.ms): 0 is not at
	// all, Adaptive until the events that are already queued have run.
	Linger env.Duration
	// Timeout is the deadline of an op's answers (offsets.commit.timeout.ms); 0 is none.
	Timeout env.Duration
	// Oracle compares tip, stable and replays of the log, and panics if they differ. For simulations: it sometimes reads
	// the whole log.
	Oracle bool
}

// Runtime keeps two machines on one log.
//
//	base        next        written       end
//	│ committed │ in flight │ open batch  │
//	└── stable ─┘           │             │
//	└── the log ────────────┘             │
//	└── tip ──────────────────────────────┘
//
// Its states are in state.go. The controller has one runtime as long as its process lives: a standby follows the log. A
// runtime of groups or transactions exists only while its broker leads the partition: it is loaded once, then closed.
type Runtime[M Machine] struct {
	log     Log[M]
	host    Host
	make    func() M
	options Options
	state   State
	started bool // both machines contain the base of the log

	tip, stable M
	end         wire.Offset // tip contains the log up to here, the open batch included
	written     wire.Offset // the log's end as the runtime knows it: end, without the open batch
	next        wire.Offset // stable contains the log up to here, all of it committed
	committed   wire.Offset // the newest offset given to Committed; above next only while a load reads

	ahead  []Entry   // in tip and not in stable: the entries of [next, end)
	open   openBatch // in tip and not in the log: the records of [written, end)
	parked []parked  // in order of at
	keys   keyCounts // of all parked ops
	wake   wake
	react  func(tip M, whole bool) Result // to the newest image
	oracle oracle
}

// New is a standby before the first record. make makes an empty machine.
func New[M Machine](log Log[M], host Host, make func() M, o Options) *Runtime[M] {
	return &Runtime[M]{log: log, host: host, make: make, options: o, tip: make(), stable: make(),
		keys: keyCounts{}, oracle: oracle{on: o.Oracle}}
}

// State is the runtime's row in the table of state.go.
func (r *Runtime[M]) State() State { return r.state }

// Next is the end of what is committed and applied.
func (r *Runtime[M]) Next() wire.Offset { return r.next }

// End is the end of tip.
func (r *Runtime[M]) End() wire.Offset { return r.end }

// Stable is the committed state, in any runtime state. Requests read it through Read.
func (r *Runtime[M]) Stable() M { return r.stable }

// Tip is the newest state, part of which may still be lost.
func (r *Runtime[M]) Tip() M { return r.tip }

// Read calls f with the committed state, on an active coordinator.
func (r *Runtime[M]) Read(f func(stable M)) error {
	err := r.state.refusal()
	if err == nil {
		f(r.stable)
	}
	return err
}

// Write runs an op: it decides on tip, its records are appended and applied, and its answers wait until they are
// committed. After ErrNotActive and ErrLoading the op did not run. Any other error is the log's: then every answer that
// depends on it has been sent, and unless the error is a Refused the runtime has failed.
func (r *Runtime[M]) Write(e env.Env, op func(tip M) Result) error {
	if err := r.state.refusal(); err != nil {
		return err
	}
	res := op(r.tip)
	if len(res.Records) > 0 {
		if err := r.add(e, res); err != nil {
			r.release(e, res.Answers, answerFor(err))
			return err
		}
	}
	// Also without records: the op has read tip, and its answer must not report state that may be lost.
	r.park(e, res.Answers, res.OnCommit, res.Keys)
	err := r.flushIfFull(e)
	r.completeParked(e)
	return err
}

// Committed says that everything below an offset is committed. A standby reads the part that it lacks; an error is the
// log's, and leaves the machines unchanged.
func (r *Runtime[M]) Committed(e env.Env, offset wire.Offset) error {
	if offset <= r.next || r.state == Failed || r.state == Closed {
		return nil
	}
	if r.state == Standby {
		if err := r.start(e); err != nil {
			return err
		}
		if err := r.read(e, offset, 0); err != nil {
			return err
		}
	}
	r.committed = max(r.committed, offset)
	if r.state == Active && offset > r.written {
		panic(fmt.Sprintf("coordinator: the log is committed up to %d and its end is %d: another writer", offset, r.written))
	}
	r.advance(e)
	r.completeParked(e)
	return nil
}

// advance applies committed entries to stable, as far as tip has them.
func (r *Runtime[M]) advance(e env.Env) {
	to := min(r.committed, r.end)
	for len(r.ahead) > 0 && r.ahead[0].Offset < to {
		entry := r.ahead[0]
		r.ahead = r.ahead[1:]
		r.stable.Apply(entry)
		if r.state == Active {
			r.host.Applied(e, entry)
		}
	}
	r.next = max(r.next, to)
}

// apply adds entries to tip that end at an offset.
func (r *Runtime[M]) apply(entries []Entry, end wire.Offset) {
	for _, entry := range entries {
		r.tip.Apply(entry)
	}
	r.ahead, r.end = append(r.ahead, entries...), end
}

// ImageChanged gives the machine a change of the metadata image. The reaction is an op without a caller; it runs at once
// on an active coordinator. In any other state the newest reaction waits, and runs when a load is complete, then with
// whole set: earlier changes were missed, so it must look at the whole image (Kafka's onLoaded and onMetadataUpdate). If
// its append is refused it is not repeated.
func (r *Runtime[M]) ImageChanged(e env.Env, react func(tip M, whole bool) Result) error {
	r.react = react
	if r.state != Active {
		return nil
	}
	return r.Write(e, func(tip M) Result { return react(tip, false) })
}
