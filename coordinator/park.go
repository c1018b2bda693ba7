package coordinator

import (
	"samsa/sim/env"
	"samsa/wire"
)

// parked is an op that waits for an offset.
type parked struct {
	at       wire.Offset // the op is completed when the stable machine reaches this offset
	deadline env.Instant // the deadline of the answers, if Options.Timeout is set
	answers  []Answer    // nil once they are sent
	effects  []env.Token
	keys     []string
}

// keyCounts counts the parked ops that write each key.
type keyCounts map[string]int

func (c keyCounts) add(keys []string, n int) {
	for _, k := range keys {
		if c[k] += n; c[k] == 0 {
			delete(c, k)
		}
	}
}

// wake is the call of Fire that the runtime has asked the host for.
type wake struct {
	asked bool
	at    env.Instant
}

// park adds an op that has read the current tip.
func (r *Runtime[M]) park(e env.Env, answers []Answer, effects []env.Token, keys []string) {
	p := parked{at: r.end, answers: answers, effects: effects, keys: keys}
	if r.options.Timeout > 0 {
		p.deadline = e.Now().Add(r.options.Timeout)
		if len(answers) > 0 && p.at > r.next {
			r.wakeAt(e, p.deadline)
		}
	}
	r.keys.add(keys, 1)
	r.parked = append(r.parked, p)
}

// Pending reports whether a write to a key is in flight. An op calls it if Kafka would answer CONCURRENT_TRANSACTIONS
// instead of deciding on uncommitted state. After its deadline an op no longer waits, but its write is still pending.
func (r *Runtime[M]) Pending(key string) bool { return r.keys[key] > 0 }

// completeParked answers each parked op if its offset is now committed. An effect may call Write, so the queue is
// consistent before each effect.
func (r *Runtime[M]) completeParked(e env.Env) {
	for len(r.parked) > 0 && r.parked[0].at <= r.next {
		p := r.parked[0]
		r.parked = r.parked[1:]
		r.keys.add(p.keys, -1)
		r.release(e, p.answers, nil)
		for _, t := range p.effects {
			r.host.Effect(e, t)
		}
	}
	if r.next == r.end && len(r.parked) == 0 {
		r.quiescent(e)
	}
}

// abandon answers all parked ops with an unknown outcome.
func (r *Runtime[M]) abandon(e env.Env, why Unknown) {
	waiting := r.parked
	r.parked, r.open, r.wake = nil, openBatch{}, wake{}
	clear(r.keys)
	for _, p := range waiting {
		r.release(e, p.answers, why)
	}
}

// release sends answers. If err is set, it replaces the responses.
func (r *Runtime[M]) release(e env.Env, answers []Answer, err error) {
	for _, a := range answers {
		if err != nil {
			a.Response, a.Err = nil, err
		}
		r.host.Answer(e, a)
	}
}

// wakeAt asks the host to call Fire at an instant, unless the host will already call it before that.
func (r *Runtime[M]) wakeAt(e env.Env, at env.Instant) {
	if !r.wake.asked || at <= r.wake.at {
		r.wake = wake{true, at}
		r.host.WakeAt(e, at)
	}
}

// Fire appends the open batch if it has lingered long enough, and answers the ops past their deadline. The records of
// these ops stay in the log and may still be committed. The host calls Fire at the instant of WakeAt, but may also call it
// at any other time. Fire returns errors as Write does.
func (r *Runtime[M]) Fire(e env.Env) error {
	now := e.Now()
	r.wake = wake{}
	var err error
	if len(r.open.records) > 0 && r.open.flushAt <= now {
		err = r.flush(e)
	}
	if r.options.Timeout > 0 {
		r.expire(e, now)
	}
	if len(r.open.records) > 0 {
		r.wakeAt(e, r.open.flushAt)
	}
	return err
}

// expire answers the ops past their deadline. All ops have the same timeout, so deadlines are in order.
func (r *Runtime[M]) expire(e env.Env, now env.Instant) {
	var late []Answer
	for i := range r.parked {
		p := &r.parked[i]
		if p.deadline > now {
			if len(p.answers) > 0 {
				r.wakeAt(e, p.deadline)
				break
			}
			continue
		}
		late = append(late, p.answers...)
		p.answers = nil
	}
	r.release(e, late, TimedOut)
}
