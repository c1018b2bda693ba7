package sim

import (
	"math/rand/v2"
	"testing"

	"samsa/sim/env"
)

// when is the inverse of read: the first instant at which the clock shows a value.
func TestClockWhen(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		c := clock{since: Time(r.Int64N(1e18)), value: r.Int64N(1e18), ppm: int32(r.IntN(1_900_000) - 950_000)}
		switch r.IntN(3) {
		case 0:
			c.ppm = 0
		case 1:
			c.ppm = int32(r.IntN(400) - 200)
		}
		v := c.value + r.Int64N(int64(1)<<uint(r.IntN(55)+1))
		at := c.when(v)
		if c.read(at) < v || at > c.since && c.read(at-1) >= v {
			t.Fatalf("%+v shows %d first at %d: reads %d there and %d before", c, v, at, c.read(at), c.read(at-1))
		}
	}
}

// A clock that is bent runs on from what it showed.
func TestClockBend(t *testing.T) {
	c := clock{value: 1000, ppm: 100_000}
	c.bend(1_000_000, 5, -100_000)
	if got := c.read(1_000_000); got != 1000+1_100_000+5 {
		t.Errorf("reads %d", got)
	}
	if got := c.read(2_000_000); got != 1000+1_100_000+5+900_000 {
		t.Errorf("reads %d", got)
	}
}

func TestClockFaults(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{})
	epoch := DefaultEpoch
	wall := func(want int64) {
		t.Helper()
		if got := int64(l.WallAt("b1") - epoch); got != want*int64(env.Millisecond) {
			t.Errorf("at %v the wall clock is %d ns after the epoch, want %d ms", ms(l.Now()), got, want)
		}
	}
	l.RunUntil(at(1000))
	wall(1000)
	l.SkewWall("b1", 500*env.Millisecond)
	wall(1500)
	l.StepWall("b1", -700*env.Millisecond)
	wall(800)
	l.DriftWall("b1", 100_000)
	l.RunUntil(at(2000))
	wall(1900)
	l.SkewWall("b1", 0)
	wall(2000)
	l.RunUntil(at(3000))
	wall(3100)
	for _, f := range []worldFault{FaultSkew, FaultStep, FaultDriftWall} {
		l.wantFired(f)
	}
}

// Timers and timeouts run on the machine's monotonic clock, also when it changes its speed under them.
func TestMonoDriftMovesTimers(t *testing.T) {
	l := newLab(t, nil)
	l.add("b2", &node{})
	l.add("b1", &node{start: func(e env.Env) {
		e.Arm(env.Timer{Kind: 1}, 100*env.Millisecond)
		link := e.Dial("b2", env.LaneClient)
		e.Call(link, 200*env.Millisecond, ping(1), env.Token{})
	}, fire: func(e env.Env, k env.Timer) { l.note("fire") },
		returned: func(_ env.Env, _ env.Token, _ env.Request, _ env.Response, err error) { l.note("%v", err) }})
	l.RunUntil(at(50))
	l.DriftMono("b1", -500_000) // half speed: the 50 ms that are left take 100
	l.RunUntil(at(1000))
	l.want("150ms fire", "350ms timed out")
	l.wantFired(FaultDriftMono)
}

// Clocks of a machine that drifts from the start, and the monotonic clock's own beginning per boot.
func TestClockOfMachine(t *testing.T) {
	l := newLab(t, nil)
	l.Add(Machine{Addr: "b1", New: func() env.Node { return &node{} }, WallSkew: env.Second, WallDriftPPM: 1000, MonoDriftPPM: 1000})
	l.Start("b1")
	l.RunUntil(0)
	from := l.MonoAt("b1")
	l.RunUntil(at(1000))
	if got, want := l.WallAt("b1"), DefaultEpoch+env.Time(2001*env.Millisecond); got != want {
		t.Errorf("wall clock %d, want %d", got, want)
	}
	if got := l.MonoAt("b1").Sub(from); got != 1001*env.Millisecond {
		t.Errorf("a second took %d ns", got)
	}
	l.Restart("b1")
	l.RunUntil(l.Now())
	if l.MonoAt("b1").Sub(from) != 1001*env.Millisecond {
		t.Error("a process restart moved the monotonic clock")
	}
	l.PowerLoss("b1")
	l.Start("b1")
	l.RunUntil(l.Now())
	if l.MonoAt("b1").Sub(from) == 1001*env.Millisecond {
		t.Error("a boot did not begin a new monotonic clock")
	}
}
