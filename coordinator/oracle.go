package coordinator

import (
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// oracle compares what must be equal:
//
//	nothing in flight            tip = stable
//	Load, Unload, Check,         stable = replay of [0, next), and
//	and one quiet moment in 1000    tip = replay of [0, end)
//
// A difference means that Apply depends on something that is not in the log, or that a record was applied twice or never.
// It is a broken invariant: the panic names both digests, and in a simulation the seed finds it again.
type oracle struct {
	on    bool
	quiet int64 // moments with nothing in flight, so far
}

// replayEvery is how many quiet moments pass between two replays of the whole log.
const replayEvery = 1000

// quiescent is called whenever nothing is in flight.
func (r *Runtime[M]) quiescent(e env.Env) {
	if !r.oracle.on {
		return
	}
	r.same("tip", r.tip.Digest(), "stable", r.stable.Digest(), r.next)
	if r.oracle.quiet++; r.oracle.quiet%replayEvery == 0 {
		r.check(e)
	}
}

// Check replays the whole log and compares. The host calls it at its end.
func (r *Runtime[M]) Check(e env.Env) { r.check(e) }

func (r *Runtime[M]) check(e env.Env) {
	if !r.oracle.on {
		return
	}
	replay, stable := r.make(), uint64(0)
	reached := r.next == 0
	if reached {
		stable = replay.Digest()
	}
	err := r.log.Scan(e, 0, r.end, func(rec wire.Record) {
		if !reached && rec.Offset >= r.next {
			stable, reached = replay.Digest(), true
		}
		replay.Apply(rec)
	})
	if err != nil {
		return // the log cannot be read: the host finds out by itself, and there is nothing to compare with
	}
	if !reached {
		stable = replay.Digest()
	}
	r.same("stable", r.stable.Digest(), "a replay of the log", stable, r.next)
	r.same("tip", r.tip.Digest(), "a replay of the log", replay.Digest(), r.end)
}

func (r *Runtime[M]) same(what string, a uint64, and string, b uint64, at wire.Offset) {
	if a != b {
		panic(fmt.Sprintf("coordinator: at offset %d %s has digest %016x and %s %016x", at, what, a, and, b))
	}
}
