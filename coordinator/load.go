package coordinator

import (
	"fmt"

	"samsa/sim/env"
	"samsa/wire"
)

// A load reads the part of the log that is not yet applied to the tip, and then makes the runtime active:
//
//	Load ──▶ LoadStep ──▶ LoadStep ··· ──▶ LoadStep: at the log's end ──▶ active
//	              ▲ the host calls LoadStep once per event, or several times in one event

// Load starts loading. All entries below the offset in the argument committed are committed. Later entries will be only
// in the tip, and no caller waits for them.
func (r *Runtime[M]) Load(e env.Env, committed wire.Offset) error {
	if r.state == Failed {
		r.started = false // read the log again from its base after a failure
	}
	r.state.transitionTo(Loading)
	r.committed = committed
	if err := r.start(e); err != nil {
		r.state.transitionTo(Failed)
		return err
	}
	return nil
}

// LoadStep reads one chunk of about budget bytes (offsets.load.buffer.size); a budget of 0 means the rest of the log. If
// it returns true, the load is complete and ops can run. After an error the runtime has failed.
func (r *Runtime[M]) LoadStep(e env.Env, budget int) (done bool, err error) {
	if r.state != Loading {
		panic(fmt.Sprintf("coordinator: a load step in state %s", r.state))
	}
	if err := r.read(e, r.log.End(), budget); err != nil {
		r.state.transitionTo(Failed)
		return false, err
	}
	r.advance(e)
	if r.end < r.log.End() {
		return false, nil
	}
	r.state.transitionTo(Active)
	r.Check(e)
	if r.react != nil {
		err := r.Write(e, func(tip M) Result { return r.react(tip, true) })
		if err != nil && r.state != Active {
			return false, err
		}
	}
	return true, nil
}

// Unload ends leadership, even during a load. It answers the parked ops that their outcome is unknown, and rebuilds the
// tip from the committed records, so that a standby can follow them. After an error the next load starts from the base.
func (r *Runtime[M]) Unload(e env.Env) error {
	r.state.transitionTo(Standby)
	return r.resetToCommitted(e, LeadershipLost)
}

// fail ends leadership because the log failed.
func (r *Runtime[M]) fail(e env.Env) error {
	r.state.transitionTo(Failed)
	return r.resetToCommitted(e, AppendFailed)
}

// resetToCommitted answers all parked ops and resets the tip to the committed records.
func (r *Runtime[M]) resetToCommitted(e env.Env, why Unknown) error {
	r.abandon(e, why)
	if !r.started {
		return nil
	}
	if err := r.rebuild(e, r.next); err != nil {
		r.started = false
		return err
	}
	r.Check(e)
	return nil
}

// Close ends a runtime that will not be used again. It is like Unload, but does not rebuild the tip.
func (r *Runtime[M]) Close(e env.Env) {
	r.state.transitionTo(Closed)
	r.abandon(e, LeadershipLost)
}

// Restart makes a standby read the log from its base, after a follower fetched a snapshot that replaced the log.
func (r *Runtime[M]) Restart() {
	if r.state != Standby {
		panic(fmt.Sprintf("coordinator: the log was replaced in state %s", r.state))
	}
	r.started = false
}

// start loads the log's base into both machines if they are still empty.
func (r *Runtime[M]) start(e env.Env) error {
	if r.started {
		return nil
	}
	tip, stable := r.make(), r.make()
	base, err := r.log.Base(e, tip)
	if err != nil {
		return err
	}
	if again, err := r.log.Base(e, stable); err != nil {
		return err
	} else if again != base {
		panic(fmt.Sprintf("coordinator: the base of the log ends at %d, and read again at %d", base, again))
	}
	r.tip, r.stable, r.ahead, r.started = tip, stable, nil, true
	r.end, r.written, r.next = base, base, base
	return nil
}

// read reads the log's entries from the end of the tip up to an offset, and applies them to the tip. It reads all of
// them before it applies the first, so that an error leaves the tip unchanged.
func (r *Runtime[M]) read(e env.Env, to wire.Offset, budget int) error {
	if r.end >= to {
		return nil
	}
	var entries []Entry
	next, err := r.log.Scan(e, r.end, to, budget, func(entry Entry) { entries = append(entries, entry) })
	if err != nil {
		return err
	}
	if next <= r.end {
		panic(fmt.Sprintf("coordinator: a scan of [%d, %d) ends at %d", r.end, to, next))
	}
	r.apply(entries, next)
	r.written = next
	return nil
}

// rebuild replays the log up to an offset into a new tip, because a machine cannot undo an entry.
func (r *Runtime[M]) rebuild(e env.Env, to wire.Offset) error {
	tip := r.make()
	base, err := r.log.Base(e, tip)
	if err != nil {
		return err
	}
	if base > r.next {
		panic(fmt.Sprintf("coordinator: the base of the log ends at %d, committed is %d", base, r.next))
	}
	if base < r.next {
		if _, err := r.log.Scan(e, base, r.next, 0, tip.Apply); err != nil {
			return err
		}
	}
	kept := r.ahead
	r.tip, r.ahead, r.end = tip, nil, r.next
	for len(kept) > 0 && kept[len(kept)-1].Offset >= to {
		kept = kept[:len(kept)-1]
	}
	r.apply(kept, to)
	r.written = to
	return nil
}
