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
//	by Check, and once in 1000    tip = the base and a replay of [base, end),
//	times with nothing in flight        including the open batch
//
// Markers and stamps are part of a replay. A difference means that Apply depends on state outside the log, or that an
// entry was applied twice or never. That is a broken invariant, so the oracle panics with both digests; the same seed
// repeats the panic.
type oracle struct {
	on    bool
	quiet int64 // calls of quiescent so far
}

// replayEvery is the number of calls of quiescent between two replays of the whole log.
const replayEvery = 1000

// quiescent compares the machines. It is called whenever nothing is in flight.
func (r *Runtime[M]) quiescent(e env.Env) {
	if !r.oracle.on || !r.started {
		return
	}
	same("tip", r.tip.Digest(), "stable", r.stable.Digest(), r.next)
	if r.oracle.quiet++; r.oracle.quiet%replayEvery == 0 {
		r.Check(e)
	}
}

// Check replays the whole log and compares both machines with the replay. The host calls it when it shuts down.
func (r *Runtime[M]) Check(e env.Env) {
	if !r.oracle.on || !r.started || r.state == Closed {
		return
	}
	replay := r.make()
	base, err := r.log.Base(e, replay)
	if err != nil || base > r.next {
		return // the log cannot be read or was replaced; the host will notice that
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
