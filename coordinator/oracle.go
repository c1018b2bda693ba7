package coordinator

import (
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// oracle compares states that must be equal:
//
//	nothing in flight             tip = stable
//	after a load, an unload,      stable = the base and a replay of [base, next), and
//	by Check, and at one quiet    tip = the base and a replay of [base, end),
//	moment in 1000                      the open batch included
//
// Markers and stamps are part of a replay. A difference means that Apply depends on something that is not in the log, or
// that an entry was applied twice or never. It is a broken invariant: the panic has both digests, and the seed repeats
// it.
type oracle struct {
	on    bool
	quiet int64 // moments with nothing in flight, so far
}

// replayEvery is how many quiet moments pass between two replays of the whole log.
const replayEvery = 1000

// quiescent is called whenever nothing is in flight.
func (r *Runtime[M]) quiescent(e env.Env) {
	if !r.oracle.on || !r.started {
		return
	}
	same("tip", r.tip.Digest(), "stable", r.stable.Digest(), r.next)
	if r.oracle.quiet++; r.oracle.quiet%replayEvery == 0 {
		r.Check(e)
	}
}

// Check replays the whole log and compares. The host calls it at its end.
func (r *Runtime[M]) Check(e env.Env) {
	if !r.oracle.on || !r.started || r.state == Closed {
		return
	}
	replay := r.make()
	base, err := r.log.Base(e, replay)
	if err != nil || base > r.next {
		return // the log cannot be read, or was replaced: the host will notice
	}
	stable, reached := uint64(0), false
	apply := func(entry Entry) {
		if !reached && entry.Offset >= r.next {
			stable, reached = replay.Digest(), true
		}
		replay.Apply(entry)
	}
	if base < r.written {
		if _, err := r.log.Scan(e, base, r.written, 0, apply); err != nil {
			return
		}
	}
	for _, entry := range entries(Batch{Records: r.open.records}, r.written) {
		apply(entry)
	}
	if !reached {
		stable = replay.Digest()
	}
	same("stable", r.stable.Digest(), "a replay of the log", stable, r.next)
	same("tip", r.tip.Digest(), "a replay of the log", replay.Digest(), r.end)
}

func same(what string, a uint64, and string, b uint64, at wire.Offset) {
	if a != b {
		panic(fmt.Sprintf("coordinator: at offset %d %s has digest %016x and %s %016x", at, what, a, and, b))
	}
}
