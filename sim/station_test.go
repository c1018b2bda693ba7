package sim

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// laneServer answers everything; a request with one of the given numbers takes that long.
func (l *lab) laneServer(addr env.Addr, threads int, cost map[int32]env.Duration) {
	l.Add(Machine{Addr: addr, RequestThreads: threads, New: func() env.Node {
		return &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
			n := r.(*kmsg.HeartbeatRequest).Generation
			l.note("got %d", n)
			e.(*machine).spend(cost[n])
			e.Reply(tk, pong(n))
		}, fire: func(e env.Env, k env.Timer) { l.note("fire %d on %s", k.Kind, k.Lane) }}
	}})
	l.Start(addr)
	l.RunUntil(l.Now())
}

// one dials a link per request.
func (l *lab) one(from, to env.Addr, lane env.Lane, n int32) {
	l.do(from, func(e env.Env) {
		e.Call(e.Dial(to, lane), 10*env.Second, ping(n), env.Token{A: int64(n)})
	})
}

// RequestThreads handlers serve requests in the order of arrival; a request waits if none is free.
func TestRequestHandlers(t *testing.T) {
	l := newLab(t, nil)
	l.laneServer("b1", 2, map[int32]env.Duration{1: 10 * env.Millisecond, 2: 20 * env.Millisecond})
	l.client("p1")
	for i, lane := range []env.Lane{env.LaneClient, env.LaneCoordinator, env.LaneFetcher, env.LaneMarkers, env.LaneAlterPartition} {
		l.one("p1", "b1", lane, int32(i+1))
	}
	l.RunUntil(at(12))
	l.want("3ms got 1", "3ms got 2") // both handlers are busy
	l.RunUntil(at(100))
	l.want("13ms got 3", "13ms got 4", "13ms got 5",
		"14ms p1: 1 answer 1", "14ms p1: 3 answer 3", "14ms p1: 4 answer 4", "14ms p1: 5 answer 5", "24ms p1: 2 answer 2")
}

// lanes is a broker with a timer on each lane at 50 ms, and a log that a heartbeat request numbered 1 is appended to.
func (l *lab) lanes(append func(env.Env, env.File)) {
	var log env.File
	l.Add(Machine{Addr: "b1", RequestThreads: 1, New: func() env.Node {
		return &node{start: func(e env.Env) {
			log, _ = e.Disk().Open("log", true)
			for lane := env.LaneBackground; lane < env.Lanes; lane++ {
				e.Arm(env.Timer{Kind: 1, Lane: lane}, 50*env.Millisecond)
			}
		}, receive: func(e env.Env, tk env.Ticket, r env.Request) {
			n := r.(*kmsg.HeartbeatRequest).Generation
			l.note("got %d", n)
			if n == 1 {
				append(e, log)
			}
			e.Reply(tk, pong(n))
		}, fire: func(e env.Env, k env.Timer) { l.note("fire %s", k.Lane) }}
	}})
	l.Start("b1")
	l.RunUntil(0)
	l.client("p1")
}

// A handler that waits for a sync keeps neither raft nor timers of other lanes waiting: the state "disk dead, broker
// alive" can be reached.
func TestSlowSyncStopsOnlyItsLane(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Disk = disk.CloudVolume(); c.Disk.Sync = env.Second })
	l.lanes(func(e env.Env, f env.File) {
		_ = e.Disk().Append(f, []byte("x"))
		_ = e.Disk().Sync(f)
	})
	l.one("p1", "b1", env.LaneClient, 1)
	l.RunUntil(at(10))
	l.one("p1", "b1", env.LaneFetcher, 2)
	l.one("p1", "b1", env.LaneHeartbeat, 3)
	l.one("p1", "b1", env.LaneRaft, 4)
	l.RunUntil(at(100))
	l.want("3ms got 1", "13ms got 3", "13ms got 4", "14ms p1: 3 answer 3", "14ms p1: 4 answer 4",
		"50ms fire background", "50ms fire client", "50ms fire coordinator", "50ms fire fetcher", "50ms fire raft",
		"50ms fire heartbeat", "50ms fire alter-partition", "50ms fire markers")
	l.RunUntil(at(3000))
	l.want("1003.004006ms got 2", "1004.004006ms p1: 1 answer 1", "1004.004006ms p1: 2 answer 2")
}

// No other lane sees a handler's changes before its writes are in the page cache. A stalled write holds a lock, and all
// lanes wait for it except the heartbeat lane.
func TestStalledWriteLeavesOnlyTheHeartbeat(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Disk = disk.CloudVolume() })
	l.lanes(func(e env.Env, f env.File) { _ = e.Disk().Append(f, []byte("x")) })
	l.Disk("b1").Stall(at(1000))
	l.one("p1", "b1", env.LaneClient, 1)
	l.RunUntil(at(10))
	l.one("p1", "b1", env.LaneRaft, 2)
	l.RunUntil(at(999))
	l.want("3ms got 1", "50ms fire heartbeat")
	l.RunUntil(at(3000))
	l.want("1000ms got 2", "1000ms fire background", "1000ms fire client", "1000ms fire coordinator", "1000ms fire fetcher",
		"1000ms fire alter-partition", "1000ms fire markers", "1000ms fire raft",
		"1001ms p1: 1 answer 1", "1001ms p1: 2 answer 2")
}

// A long poll delays only later requests on its own connection, because each lane has its own connection.
func TestLongPollBlocksOnlyItsLink(t *testing.T) {
	l := newLab(t, nil)
	var parked env.Ticket
	l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
		n := r.(*kmsg.HeartbeatRequest).Generation
		if n == 1 {
			e.Arm(env.Timer{Kind: 1, A: int64(tk.Link), B: int64(tk.Correlation)}, 500*env.Millisecond)
			parked = tk
			return
		}
		l.note("got %d", n)
		e.Reply(tk, pong(n))
	}, fire: func(e env.Env, k env.Timer) { e.Reply(parked, pong(1)) }})
	l.client("p1")
	fetch := l.dial("p1", "b1")
	l.call("p1", fetch, env.Second, 1, 2)
	l.RunUntil(at(10))
	l.one("p1", "b1", env.LaneHeartbeat, 3)
	l.RunUntil(at(1000))
	l.want("13ms got 3", "14ms p1: 3 answer 3", "503ms got 2", "504ms p1: 1 answer 1", "504ms p1: 2 answer 2")
}

// Events of one lane wait, in order, until the cost of earlier events is paid.
func TestLaneServesInOrder(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{start: func(e env.Env) {
		for i := range uint16(6) {
			e.Arm(env.Timer{Kind: i, Lane: env.LaneRaft}, env.Duration(10+i)*env.Millisecond)
		}
		e.Arm(env.Timer{Kind: 9, Lane: env.LaneRaft}, 20*env.Millisecond) // due when the lane is free, after those that wait
	}, fire: func(e env.Env, k env.Timer) {
		l.note("fire %d", k.Kind)
		e.(*machine).spend(10 * env.Millisecond)
	}})
	l.RunUntil(at(1000))
	l.want("10ms fire 0", "20ms fire 1", "30ms fire 2", "40ms fire 3", "50ms fire 4", "60ms fire 5", "70ms fire 9")
}

// CPU cost: each event keeps its lane busy, more of it on a slow machine, and what it sends leaves after.
func TestSlowCPU(t *testing.T) {
	l := newLab(t, func(c *Config) { c.CPU = env.Millisecond })
	l.echo("b1", nil)
	l.client("p1")
	l.RunUntil(at(10))
	l.one("p1", "b1", env.LaneClient, 1)
	l.RunUntil(at(30))
	l.want("14ms b1: got 1", "16ms p1: 1 answer 1") // the dialler's event, SYN, SYNACK, request; the server's event, response
	l.SlowCPU("b1", 5000)
	l.call("p1", 1, env.Second, 2)
	l.RunUntil(at(60))
	l.want("32ms b1: got 2", "38ms p1: 2 answer 2")
	l.wantFired(FaultSlowCPU)
}

// While a machine is paused nothing happens on it and its clocks run; then everything happens in order. What arrived
// in time beats the deadline that passed meanwhile, as it does in Kafka's network client.
func TestPause(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.add("p1", &node{start: func(e env.Env) {
		e.Arm(env.Timer{Kind: 1, Lane: env.LaneClient}, 20*env.Millisecond)
		e.Arm(env.Timer{Kind: 2, Lane: env.LaneClient}, 30*env.Millisecond)
	}, fire: func(e env.Env, k env.Timer) {
		l.note("fire %d at %d", k.Kind, e.Now()/env.Instant(env.Millisecond)%1000)
	},
		returned: func(e env.Env, k env.Token, _ env.Request, r env.Response, err error) {
			l.note("returned %d %v", k.A, err)
		},
		lost: func(_ env.Env, _ env.Link, err error) { l.note("lost %v", err) }})
	a := l.dial("p1", "b1")
	l.RunUntil(at(10))
	l.do("p1", func(e env.Env) {
		e.Call(a, 50*env.Millisecond, ping(1), env.Token{A: 1})
		e.(*machine).spend(5 * env.Millisecond)
		e.Call(a, 15*env.Millisecond, ping(2), env.Token{A: 2}) // not sent when the pause comes
	})
	l.RunUntil(Time(10_500_000))
	l.Pause("p1")
	l.RunUntil(at(100))
	l.want("11ms b1: got 1")
	if !l.Running("p1") {
		t.Error("a paused process does not run")
	}
	mono := l.MonoAt("p1") / env.Instant(env.Millisecond) % 1000
	l.Resume("p1")
	l.RunUntil(at(200))
	l.want("100ms returned 1 <nil>", "100ms fire 1 at "+itoa(mono), "100ms fire 2 at "+itoa(mono),
		"100ms returned 2 timed out", "100ms lost timed out", "101ms b1: got 2")
	l.wantFired(FaultPause)
}

func itoa(i env.Instant) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + string(rune('0'+i%10))
}

// A paused server still accepts connections: its kernel does. Requests wait.
func TestPausedServer(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	l.Pause("b1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 1)
	l.RunUntil(at(50))
	l.want()
	l.Resume("b1")
	l.RunUntil(at(100))
	l.want("50ms b1: got 1", "51ms p1: 1 answer 1")
	l.Pause("b1")
	l.Crash("b1")
	l.Start("b1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 2)
	l.RunUntil(at(200))
	l.want("101ms p1: lost 1 connection reset", "103ms b1: got 2", "104ms p1: 2 answer 2")
}

// No handler ever runs inside another one.
func TestNoReentrancy(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Net.Least = 0; c.Net.Self = 0 })
	depth, calls := 0, 0
	in := func() func() {
		depth++
		calls++
		if depth > 1 {
			t.Fatal("an event inside an event")
		}
		return func() { depth-- }
	}
	var self env.Link
	l.add("b1", &node{
		start: func(e env.Env) {
			defer in()()
			self = e.Dial("b1", env.LaneClient)
			e.Call(self, env.Second, ping(1), env.Token{})
			e.Arm(env.Timer{}, 0)
			f, _ := e.Disk().Open("f", true)
			e.Disk().Flush(f, env.Token{})
		},
		receive:  func(e env.Env, tk env.Ticket, _ env.Request) { defer in()(); e.Reply(tk, pong(1)) },
		returned: func(e env.Env, _ env.Token, _ env.Request, _ env.Response, _ error) { defer in()() },
		fire: func(e env.Env, k env.Timer) {
			defer in()()
			e.Call(99, 0, ping(1), env.Token{})
			if calls < 50 {
				e.Arm(k, 0)
				e.Call(self, 0, ping(1), env.Token{})
			} else {
				e.Close(self)
			}
		},
	})
	l.RunUntil(at(1000))
	if calls < 50 {
		t.Errorf("only %d events", calls)
	}
}
