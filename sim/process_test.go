package sim

import (
	"errors"
	"fmt"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// writer is a server that appends to a file, syncs it and answers: three disk operations, each of a millisecond.
func writer(l *lab) *node {
	return &node{start: func(e env.Env) {
		f, _ := e.Disk().Open("log", true)
		size, _ := e.Disk().Size(f)
		l.note("start with %d bytes", size)
	}, receive: func(e env.Env, tk env.Ticket, _ env.Request) {
		d := e.Disk()
		f, _ := d.Open("log", true)
		e.Note(noteHas, 0, 0, 0, 0)
		e1 := d.Append(f, []byte("abcd"))
		e.Note(noteHas, 1, 0, 0, 0)
		e2 := d.Sync(f)
		e.Note(noteHas, 2, 0, 0, 0)
		e3 := d.SyncDir("")
		e.Note(noteHas, 3, 0, 0, 0)
		l.note("append %v, sync %v, syncdir %v", e1, e2, e3)
		e.Arm(env.Timer{Kind: 1}, 0)
		e.Reply(tk, pong(1))
	}, fire: func(env.Env, env.Timer) { l.note("fire") }}
}

type noteSink []Noted

func (s *noteSink) Event(e *Event) {
	for _, n := range e.Notes {
		if n.Kind == noteHas {
			*s = append(*s, n)
		}
	}
}

// A process can die after any disk operation of an event. The effects before it happened, those after it did not:
// operations, notes, timers, messages.
func TestDieAfterAnyOperation(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for _, power := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d power=%t", n, power), func(t *testing.T) {
				var notes noteSink
				l := newLab(t, func(c *Config) {
					c.Trace = &notes
					c.Disk = disk.Profile{Call: env.Millisecond, Sync: env.Millisecond}
				})
				l.add("b1", writer(l))
				l.client("p1")
				l.RunUntil(at(10))
				l.DieAfter("b1", n, power)
				l.call("p1", l.dial("p1", "b1"), env.Second, 1)
				l.RunUntil(at(10_000))
				dead := env.ErrDead
				errs := [3]error{}
				for i := n; i < 3; i++ {
					errs[i] = dead
				}
				paid := 13 + 2*min(n, 3) // open and append cost 1 ms, each sync 2
				log := []string{"0ms start with 0 bytes",
					fmt.Sprintf("13ms append %v, sync %v, syncdir %v", errs[0], errs[1], errs[2])}
				switch {
				case n == 4: // there is no fourth operation: nothing dies
					log = append(log, "19ms fire", "20ms p1: 1 answer 1")
				case power:
					log = append(log, "1010ms p1: 1 timed out", "1010ms p1: lost 1 timed out")
				default: // the kernel closes the connection when the process ends
					log = append(log, fmt.Sprintf("%dms p1: 1 connection reset", paid+1), fmt.Sprintf("%dms p1: lost 1 connection reset", paid+1))
				}
				l.want(log...)
				if len(notes) != n {
					t.Errorf("%d notes, want %d", len(notes), n)
				}
				if alive := n == 4; l.Running("b1") != alive || l.Powered("b1") != (alive || !power) {
					t.Errorf("running %t, powered %t", l.Running("b1"), l.Powered("b1"))
				}
				if n == 4 {
					return
				}
				l.wantFired(FaultDieAfter)
				l.Restart("b1")
				l.RunUntil(at(20_000))
				size := 4
				if power && n < 3 {
					size = 0 // its bytes or its name had not been synced
				}
				l.want(fmt.Sprintf("10000ms start with %d bytes", size))
			})
		}
	}
}

// A node that goes on after its point of death may even panic: no effect is seen.
func TestPanicBehindDeath(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{fire: func(e env.Env, _ env.Timer) {
		if _, err := e.Disk().Open("f", true); err != nil {
			return
		}
		if e.Disk().Mkdir("d") == env.ErrDead {
			panic("a struct that is dropped")
		}
		panic("it is not dead")
	}})
	l.do("b1", func(e env.Env) { e.Arm(env.Timer{}, env.Millisecond) })
	l.DieAfter("b1", 1, false)
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	l.RunUntil(at(10))
	l.wantFired(FaultDieAfter)
}

// Packets that have not departed when their sender dies are lost. Those that have departed arrive, followed by the FIN.
func TestCrashBetweenDepartures(t *testing.T) {
	for _, power := range []bool{false, true} {
		l := newLab(t, nil)
		l.echo("b1", nil)
		var link env.Link
		l.add("p1", &node{start: func(e env.Env) { link = e.Dial("b1", env.LaneClient) }})
		l.RunUntil(at(10))
		l.do("p1", func(e env.Env) {
			for i := range int32(5) {
				e.Call(link, env.Second, ping(i), env.Token{})
				e.(*machine).spend(10 * env.Millisecond)
			}
		})
		l.RunUntil(at(35)) // 0, 1 and 2 have departed, at 10, 20 and 30
		if power {
			l.PowerLoss("p1")
		} else {
			l.Crash("p1")
		}
		l.RunUntil(at(1000))
		l.want("11ms b1: got 0", "21ms b1: got 1", "31ms b1: got 2")
		if len(l.freeLinks) != len(l.links) {
			t.Error("the link is still held")
		}
	}
}

// A crash closes connections, after the departed packets.
func TestCrashOfServer(t *testing.T) {
	l, link := pair(t)
	l.call("p1", link, env.Second, 1)
	l.RunUntil(at(11)) // the answer has just left
	l.Crash("b1")
	l.RunUntil(at(50))
	l.want("11ms b1: got 1", "12ms p1: 1 answer 1", "12ms p1: lost 1 connection reset")
	l.wantFired(FaultCrash)
	if l.Node("b1") != nil || l.Running("b1") {
		t.Error("it is still there")
	}
}

// Peers are not notified of a power loss. They detect it by a timeout, or when the machine runs again and resets the
// connection.
func TestPowerLossOfServer(t *testing.T) {
	l, link := pair(t)
	l.PowerLoss("b1")
	l.wantFired(FaultPower)
	l.RunUntil(at(100))
	l.want()
	l.call("p1", link, 10*env.Second, 1)
	l.RunUntil(at(1000))
	l.want()
	l.Start("b1")
	l.RunUntil(at(5000))
	l.want("1502ms p1: 1 connection reset", "1502ms p1: lost 1 connection reset") // sent at 100, 300, 700, 1500
	if len(l.freeLinks) != len(l.links) {
		t.Error("the link is still held")
	}
}

// A request of an old connection does not reach a new incarnation.
func TestOldLinkMeetsNewIncarnation(t *testing.T) {
	l, link := pair(t)
	l.call("p1", link, env.Second, 1)
	l.Restart("b1") // while the request is on its way
	l.RunUntil(at(50))
	l.want("11ms p1: 1 connection reset", "11ms p1: lost 1 connection reset")
}

// A ticket of an earlier incarnation is invalid, even that of a parked request.
func TestTicketOfEarlierIncarnation(t *testing.T) {
	l := newLab(t, nil)
	var old env.Ticket
	l.add("b1", &node{receive: func(_ env.Env, tk env.Ticket, _ env.Request) { old = tk }})
	l.client("p1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 1)
	l.RunUntil(at(10))
	l.Restart("b1")
	l.RunUntil(at(20))
	l.call("p1", l.dial("p1", "b1"), env.Second, 2)
	l.RunUntil(at(30))
	fresh := old
	stale := fresh
	stale.Incarnation--
	l.do("b1", func(e env.Env) { e.Reply(stale, pong(1)); e.Reply(fresh, pong(2)) })
	l.RunUntil(at(50))
	l.want("11ms p1: 1 connection reset", "11ms p1: lost 1 connection reset", "31ms p1: 2 answer 2")
	if l.Incarnation("b1") != 2 || fresh.Incarnation != 2 {
		t.Errorf("incarnation %d, ticket %+v", l.Incarnation("b1"), fresh)
	}
}

// Exit ends the process after the event's effects; the page cache survives.
func TestExit(t *testing.T) {
	reason := errors.New("log dir failed")
	l := newLab(t, func(c *Config) { c.Disk = disk.Profile{Call: env.Millisecond} })
	l.add("b1", &node{start: func(e env.Env) {
		f, err := e.Disk().Open("f", false)
		size, _ := e.Disk().Size(f)
		l.note("start %v %d", err, size)
	}, receive: func(e env.Env, tk env.Ticket, _ env.Request) {
		e.Exit(reason)
		f, _ := e.Disk().Open("f", true)
		_ = e.Disk().Append(f, []byte("four"))
		e.Reply(tk, pong(1))
		e.Arm(env.Timer{}, 0)
	}, fire: func(env.Env, env.Timer) { t.Error("a timer fired in a process that has left") }})
	l.client("p1")
	l.RunUntil(at(10))
	l.call("p1", l.dial("p1", "b1"), env.Second, 1, 2)
	l.RunUntil(at(100))
	l.want("0ms start no such file or directory 0", "16ms p1: 1 answer 1", "16ms p1: 2 connection reset", "16ms p1: lost 1 connection reset")
	if err, exited := l.Exited("b1"); !exited || err != reason {
		t.Errorf("exited %t with %v", exited, err)
	}
	l.Start("b1")
	l.RunUntil(at(200))
	l.want("100ms start <nil> 4")
	if _, exited := l.Exited("b1"); exited {
		t.Error("the new incarnation has not exited")
	}
}

func TestStop(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{stop: func(e env.Env) { l.note("stop"); e.Arm(env.Timer{}, 20*env.Millisecond) },
		fire: func(e env.Env, _ env.Timer) { l.note("exit"); e.Exit(nil) }})
	l.RunUntil(at(5))
	l.Stop("b1")
	l.RunUntil(at(100))
	l.Stop("b1")
	l.want("5ms stop", "25ms exit")
	if err, exited := l.Exited("b1"); !exited || err != nil || l.Running("b1") {
		t.Errorf("exited %t with %v", exited, err)
	}
	l.wantFired(FaultStop)
	l.Start("b1")
	l.Stop("b1") // before its first event
	l.RunUntil(at(200))
	l.want("100ms stop", "120ms exit")
}

func TestRack(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []struct {
		a env.Addr
		r string
	}{{"b1", "x"}, {"b2", "y"}, {"b3", "x"}} {
		l.Add(Machine{Addr: m.a, Rack: m.r, New: func() env.Node { return &node{} }})
		l.Start(m.a)
	}
	l.RunUntil(at(1))
	l.PowerLoss(l.Rack("x")...)
	if l.Running("b1") || !l.Running("b2") || l.Running("b3") {
		t.Error("the wrong machines have lost power")
	}
}

// Nodes must not use control actions.
func TestNodesCannotActOnTheWorld(t *testing.T) {
	l := newLab(t, nil)
	l.Add(Machine{Addr: "b1", New: func() env.Node { return &node{start: func(env.Env) { l.Crash("b1") }} }})
	l.Start("b1")
	defer func() {
		if recover() == nil {
			t.Error("a node crashed a machine")
		}
	}()
	l.RunUntil(at(1))
}

// A process that died inside an event is ending until the event is paid, and then it is down.
func TestEnding(t *testing.T) {
	w := New(Config{Seed: 1})
	w.Add(Machine{Addr: "b1", New: func() env.Node { return &opener{} }})
	w.Start("b1")
	w.DieAfter("b1", 1, false)
	seen := false
	for w.Step() {
		seen = seen || w.Ending("b1") && w.Running("b1")
	}
	if !seen || w.Ending("b1") || w.Running("b1") {
		t.Errorf("seen ending: %v; in the end ending: %v, running: %v", seen, w.Ending("b1"), w.Running("b1"))
	}
}

// opener makes a file when it starts.
type opener struct{ mute }

func (*opener) Start(e env.Env) { _, _ = e.Disk().Open("f", true) }

// mute does nothing.
type mute struct{}

func (mute) Receive(e env.Env, t env.Ticket, _ env.Request)                { e.NoReply(t) }
func (mute) Returned(env.Env, env.Token, env.Request, env.Response, error) {}
func (mute) Lost(env.Env, env.Link, error)                                 {}
func (mute) Fire(env.Env, env.Timer)                                       {}
func (mute) Stop(e env.Env)                                                { e.Exit(nil) }

// A Do before a process's first event runs after that event, even if a pause delays it.
func TestAskedBeforeTheStart(t *testing.T) {
	l := newLab(t, nil)
	l.Add(Machine{Addr: "b1", New: func() env.Node {
		return &node{start: func(env.Env) { l.note("start") }}
	}})
	l.Start("b1")
	l.Do("b1", "", func(env.Env, env.Node) { l.note("first") })
	l.Pause("b1")
	l.Do("b1", "", func(env.Env, env.Node) { l.note("second") })
	l.RunUntil(at(10))
	l.want()
	l.Resume("b1")
	l.RunUntil(at(20))
	l.want("10ms start", "10ms first", "10ms second")
}

// A process that has exited inside an event handles no more events, not even those that wait on its other lanes.
func TestNothingFollowsExit(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Disk = disk.CloudVolume() })
	fired := 0
	l.add("b1", &node{start: func(e env.Env) {
		for lane := env.LaneBackground; lane < env.Lanes; lane++ {
			e.Arm(env.Timer{Kind: 1, Lane: lane}, 10*env.Millisecond)
		}
	}, fire: func(e env.Env, k env.Timer) {
		f, _ := e.Disk().Open("log", true)
		_ = e.Disk().Append(f, []byte("x"))
		if fired++; fired == 2 { // the others have waited for the first, too
			l.note("exit")
			_ = e.Disk().Sync(f)
			e.Exit(nil)
		}
	}})
	l.RunUntil(at(100))
	l.want("10ms exit")
	if fired != 2 {
		t.Errorf("%d events were handled, want 2", fired)
	}
}
