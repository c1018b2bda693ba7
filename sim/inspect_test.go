package sim

import (
	"slices"
	"testing"

	"samsa/sim/env"
)

func TestFlights(t *testing.T) {
	l, link := pair(t)
	l.do("p1", func(e env.Env) {
		e.Call(link, 0, ping(1), env.Token{})
		e.(*machine).spend(5 * env.Millisecond)
		e.Call(link, 0, ping(2), env.Token{})
	})
	want := []Flight{
		{From: "p1", To: "b1", Lane: env.LaneClient, Key: 12, Departs: at(10), Arrives: at(11), Cause: 3},
		{From: "p1", To: "b1", Lane: env.LaneClient, Key: 12, Departs: at(15), Arrives: at(16), Cause: 3},
	}
	if got := l.Flights(); !slices.Equal(got, want) {
		t.Errorf("in flight: %+v, want %+v", got, want)
	}
	if busy := l.Lanes("p1")[env.LaneBackground]; busy.Busy != at(15) || busy.Waiting != 0 {
		t.Errorf("background lane: %+v, want busy until 15 ms", busy)
	}
	l.RunUntil(at(11))
	l.Cut(b1, p1)
	l.RunUntil(at(14))
	got := l.Flights()
	if len(got) != 2 || !got[1].Response || !got[1].Held || got[1].To != "p1" || got[0].Held {
		t.Errorf("in flight: %+v, want the second request and a response that is held", got)
	}
}

func TestActingIsTheCulprit(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{fire: func(env.Env, env.Timer) { panic("a bug") }})
	l.do("b1", func(e env.Env) { e.Arm(env.Timer{}, env.Millisecond) })
	if l.Acting() != "" {
		t.Errorf("%s acts between events", l.Acting())
	}
	defer func() {
		if recover() == nil || l.Acting() != "b1" || l.Now() != at(1) {
			t.Errorf("the panic was of %q at %v", l.Acting(), ms(l.Now()))
		}
	}()
	l.RunUntil(at(5))
}
