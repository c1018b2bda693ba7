package coordinator

import (
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// Options has the settings of a runtime. With the zero value each op is appended at once in its own batch, and has no
// deadline.
type Options struct {
	// Linger is the time that an op waits for others to share its batch (group.coordinator.append.linger.ms). With 0 an op
	// does not wait; with Adaptive it waits until the events that are already queued have run.
	Linger env.Duration
	// Timeout is the deadline of an op's answers (offsets.commit.timeout.ms); 0 means none.
	Timeout env.Duration
	// Oracle compares the tip, the stable machine and replays of the log, and panics if they differ. It is for simulations
	// only, because it sometimes reads the whole log.
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
// Its states are in state.go. The controller has one runtime as long as its process lives, because a standby follows the
// log. A runtime of groups or transactions is loaded when its broker becomes leader of the partition, and closed when the
// broker is no longer the leader.
type Runtime[M Machine] struct {
	log     Log[M]
	host    Host
	make    func() M
	options Options
	state   State
	started bool // both machines contain the base of the log

	tip, stable M
	end         wire.Offset // the tip contains the log up to here, and the open batch
	written     wire.Offset // the end of the log, which is end without the open batch
	next        wire.Offset // the stable machine contains the log up to here, and all of that is committed
	committed   wire.Offset // the newest offset given to Committed; above next only during a load

	ahead  []Entry   // the entries of [next, end), which are in the tip but not in the stable machine
	open   openBatch // the records of [written, end), which are in the tip but not in the log
	parked []parked  // in the order of their field at
	keys   keyCounts // the keys that the parked ops write
	wake   wake
	react  func(tip M, whole bool) Result // the last reaction given to ImageChanged; it runs again after a load
	oracle oracle
}

// New returns a runtime in the state Standby that has read nothing of the log yet. The function make returns an empty
// machine.
func New[M Machine](log Log[M], host Host, make func() M, o Options) *Runtime[M] {
	return &Runtime[M]{log: log, host: host, make: make, options: o, tip: make(), stable: make(),
		keys: keyCounts{}, oracle: oracle{on: o.Oracle}}
}

// State returns the runtime's state.
func (r *Runtime[M]) State() State { return r.state }

// Next returns the end of the committed and applied records.
func (r *Runtime[M]) Next() wire.Offset { return r.next }

// End returns the end of the tip.
func (r *Runtime[M]) End() wire.Offset { return r.end }

// Stable returns the committed state, in any state of the runtime. Requests read it through Read.
func (r *Runtime[M]) Stable() M { return r.stable }

// Tip returns the newest state, which may contain records that will be lost.
func (r *Runtime[M]) Tip() M { return r.tip }

// Read calls f with the committed state. It returns an error if the coordinator is not active.
func (r *Runtime[M]) Read(f func(stable M)) error {
	err := r.state.refusal()
	if err == nil {
		f(r.stable)
	}
	return err
}

// Write runs an op. The op decides on the tip, its records are appended and applied, and its answers wait until they are
// committed. After ErrNotActive and ErrLoading the op did not run. Any other error comes from the log. Then every answer
// that depends on the append has been sent, and the runtime has failed unless the error is a Refused. If the undo of a
// refused batch fails, the runtime has failed too, and the error wraps both the Refused and the error of the undo. So a
// host must check State.
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
	// An op without records waits too, because it has read the tip, and its answer must not report state that may be lost.
	r.park(e, res.Answers, res.OnCommit, res.Keys)
	err := r.flushIfFull(e)
	r.completeParked(e)
	return err
}

// Committed tells the runtime that all records below an offset are committed. A standby then reads the records that it
// does not have. An error comes from the log and leaves the machines unchanged.
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

// advance applies committed entries to the stable machine, as far as the tip has them.
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

// apply applies entries to the tip; end is the offset after the last of them.
func (r *Runtime[M]) apply(entries []Entry, end wire.Offset) {
	for _, entry := range entries {
		r.tip.Apply(entry)
	}
	r.ahead, r.end = append(r.ahead, entries...), end
}

// ImageChanged runs a reaction to a change of the metadata image. A reaction is an op without a caller. On an active
// coordinator the reaction runs at once. In any other state, the newest reaction waits until a load is complete and then
// runs with whole set. The reaction must then read the whole image, because earlier changes were missed (Kafka's onLoaded
// and onMetadataUpdate). If its append is refused, the reaction is not repeated.
func (r *Runtime[M]) ImageChanged(e env.Env, react func(tip M, whole bool) Result) error {
	r.react = react
	if r.state != Active {
		return nil
	}
	return r.Write(e, func(tip M) Result { return react(tip, false) })
}
