package sim

import (
	"math/rand/v2"
	"testing"

	"samsa/sim/env"
)

// The table against a map, with keys that collide.
func TestTimersAgainstModel(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		var q queue
		var ts timers
		model := map[env.Timer]int32{}
		for range 3000 {
			key := env.Timer{Kind: uint16(r.IntN(3)), Lane: env.Lane(r.IntN(2)), A: int64(r.IntN(20)) << 32, B: int64(r.IntN(2))}
			switch r.IntN(3) {
			case 0:
				if ts.find(key) < 0 {
					model[key] = ts.add(key, &q, 0)
				}
			case 1:
				if p := ts.find(key); p >= 0 {
					ts.remove(p, &q)
					delete(model, key)
				}
			}
			if r.IntN(500) == 0 {
				ts.clear(&q)
				clear(model)
			}
			p, ok := model[key]
			if !ok {
				p = -1
			}
			if got := ts.find(key); got != p || ts.live != len(model) {
				t.Fatalf("seed %d: %v is at %d of %d, want %d of %d", seed, key, got, ts.live, p, len(model))
			}
		}
		for key, p := range model {
			if ts.find(key) != p {
				t.Fatalf("seed %d: lost %v", seed, key)
			}
		}
	}
}

// Timers against a model: each fires exactly at the time of its last Arm, unless it was disarmed.
func TestTimersFireAsArmed(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := newLab(t, nil)
		due := map[env.Timer]env.Instant{}
		act := func(e env.Env) {
			for range 5 {
				key := env.Timer{Kind: 1, Lane: env.Lane(r.IntN(int(env.Lanes))), A: int64(r.IntN(30))}
				if r.IntN(3) == 0 {
					e.Disarm(key)
					delete(due, key)
				} else {
					d := env.Duration(r.IntN(1000)) * env.Microsecond
					e.Arm(key, d)
					due[key] = e.Now().Add(d)
				}
			}
		}
		fired := 0
		l.add("b1", &node{start: act, fire: func(e env.Env, k env.Timer) {
			if due[k] != e.Now() {
				t.Fatalf("seed %d: %v fired at %d, want %d", seed, k, e.Now(), due[k])
			}
			delete(due, k)
			fired++
			act(e)
		}})
		for i := 0; i < 3000 && l.Step(); i++ {
			for _, d := range due {
				if d < l.MonoAt("b1") {
					t.Fatalf("seed %d: a timer due at %d has not fired at %d", seed, d, l.MonoAt("b1"))
				}
			}
		}
		if fired < 100 {
			t.Fatalf("seed %d: only %d timers fired", seed, fired)
		}
	}
}

// Re-arming and cancelling leave no garbage: at most two entries in the queue per timer that lives.
func TestNoStaleTimers(t *testing.T) {
	l := newLab(t, nil)
	most := 0
	l.add("b1", &node{start: func(e env.Env) { e.Arm(env.Timer{Kind: 9}, env.Millisecond) },
		fire: func(e env.Env, k env.Timer) {
			if k.Kind != 9 {
				t.Fatalf("%v fired, and was cancelled", k)
			}
			e.Arm(k, env.Millisecond)
			for i := range int64(20) { // re-armed later, re-armed sooner
				e.Arm(env.Timer{Kind: 1, A: i}, 30*env.Second+env.Duration(i))
				e.Arm(env.Timer{Kind: 2, A: i}, 30*env.Second)
				e.Arm(env.Timer{Kind: 2, A: i}, 20*env.Second)
			}
			for i := range int64(100) { // a request's timeout: a new key each time, cancelled soon
				e.Arm(env.Timer{Kind: 3, A: int64(e.Now()), B: i}, 30*env.Second)
				e.Disarm(env.Timer{Kind: 3, A: int64(e.Now()), B: i})
			}
		}})
	for range 5000 {
		l.Step()
		most = max(most, len(l.queue.heap))
	}
	if live := l.machines[0].timers.live; live != 41 || most > 2*live {
		t.Errorf("%d timers live, and the queue had up to %d entries", live, most)
	}
	if n := len(l.machines[0].timers.slab); n > 50 {
		t.Errorf("the slab has %d places for 41 timers", n)
	}
}

// A timer that is due but waits for its lane can still be stopped or moved.
func TestDueTimerCanBeStopped(t *testing.T) {
	l := newLab(t, nil)
	a, b, c := env.Timer{Kind: 1}, env.Timer{Kind: 2}, env.Timer{Kind: 3}
	l.add("b1", &node{start: func(e env.Env) {
		e.Arm(a, env.Millisecond)
		e.Arm(b, 2*env.Millisecond)
		e.Arm(c, 3*env.Millisecond)
		e.Arm(env.Timer{Kind: 4}, 4*env.Millisecond)
		e.Arm(env.Timer{Kind: 5, Lane: env.LaneRaft}, 8*env.Millisecond)
	}, fire: func(e env.Env, k env.Timer) {
		l.note("%d", k.Kind)
		if k == a {
			e.(*machine).spend(20 * env.Millisecond)
		}
		if k.Kind == 5 {
			e.Disarm(b)
			e.Arm(c, 30*env.Millisecond)
		}
	}})
	l.RunUntil(at(100))
	l.want("1ms 1", "8ms 5", "21ms 4", "38ms 3")
}

// Its own handler may arm a timer again, or stop it, or both.
func TestTimerInItsOwnHandler(t *testing.T) {
	l := newLab(t, nil)
	n := 0
	l.add("b1", &node{start: func(e env.Env) { e.Arm(env.Timer{Kind: 1}, env.Millisecond) },
		fire: func(e env.Env, k env.Timer) {
			n++
			l.note("fire")
			e.Disarm(k)
			if n < 3 {
				e.Arm(k, env.Millisecond)
			}
			if n == 2 {
				e.Disarm(k)
				e.Arm(k, 5*env.Millisecond)
			}
			if n == 3 {
				e.Arm(k, env.Millisecond)
				e.Disarm(k)
			}
		}})
	l.RunUntil(at(100))
	l.want("1ms fire", "2ms fire", "7ms fire")
	if l.machines[0].timers.live != 0 {
		t.Error("a timer is left")
	}
}

func TestTimersDieWithTheirIncarnation(t *testing.T) {
	l := newLab(t, nil)
	first := true
	l.add("b1", &node{start: func(e env.Env) {
		if first {
			e.Arm(env.Timer{Kind: 1}, env.Second)
			e.Arm(env.Timer{Kind: 2}, 10*env.Millisecond)
		}
		first = false
	}, fire: func(e env.Env, k env.Timer) { l.note("fire %d", k.Kind) }})
	l.RunUntil(at(20))
	l.Restart("b1")
	l.RunUntil(at(3000))
	l.want("10ms fire 2")
}
