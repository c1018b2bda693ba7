package sim

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

func TestCallIsAnswered(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, env.Second, 7)
	l.RunUntil(at(100))
	l.want("3ms b1: got 7", "4ms p1: 7 answer 7") // SYN, SYNACK, request, response
	l.call("p1", link, env.Second, 8)
	l.RunUntil(at(200))
	l.want("101ms b1: got 8", "102ms p1: 8 answer 8")
}

// The server reads a request only after the answer to the previous request has left.
func TestOneRequestAtATime(t *testing.T) {
	l := newLab(t, nil)
	var parked env.Ticket
	l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
		n := r.(*kmsg.HeartbeatRequest).Generation
		l.note("got %d", n)
		if n == 1 {
			parked = tk
			e.Arm(env.Timer{Kind: 1}, 50*env.Millisecond)
			return
		}
		e.Reply(tk, pong(n))
	}, fire: func(e env.Env, _ env.Timer) {
		e.(*machine).spend(10 * env.Millisecond)
		e.Reply(parked, pong(1))
	}})
	l.client("p1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 1, 2, 3)
	other := l.dial("p1", "b1")
	l.call("p1", other, env.Second, 9)
	l.RunUntil(at(100))
	l.want("3ms got 1", "3ms got 9", "4ms p1: 9 answer 9",
		"63ms got 2", "63ms got 3", "64ms p1: 1 answer 1", "64ms p1: 2 answer 2", "64ms p1: 3 answer 3")
}

// Messages arrive in the order of sending, on any lane and at any disk cost: a message that waits for its sync is not
// overtaken by a later one that does not wait.
func TestOrderPerLinkUnderCosts(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	var link env.Link
	l.add("p1", &node{start: func(e env.Env) {
		link = e.Dial("b1", env.LaneClient)
		e.Arm(env.Timer{Kind: 1, Lane: env.LaneRaft}, 10*env.Millisecond)
		e.Arm(env.Timer{Kind: 2, Lane: env.LaneHeartbeat}, 12*env.Millisecond)
		e.Arm(env.Timer{Kind: 3, Lane: env.LaneFetcher}, 15*env.Millisecond) // the very instant 1 departs
	}, fire: func(e env.Env, tm env.Timer) {
		if tm.Kind == 1 {
			e.(*machine).spend(5 * env.Millisecond)
		}
		e.Call(link, env.Second, ping(int32(tm.Kind)), env.Token{})
	}})
	l.RunUntil(at(100))
	l.want("16ms b1: got 1", "16ms b1: got 2", "16ms b1: got 3")
}

// If a message that waits for its sync is lost, later messages on the link are lost too, because their order is fixed.
func TestNothingOvertakesADyingMessage(t *testing.T) {
	l, link := pair(t)
	l.do("p1", func(e env.Env) {
		e.(*machine).spend(5 * env.Millisecond)
		e.Call(link, 0, ping(1), env.Token{})
	})
	l.RunUntil(at(12))
	l.machines[1].stations[env.LaneBackground].busy[0] = 0 // as if it were another thread of the process
	l.call("p1", link, 0, 2)
	if f := l.Flights(); len(f) != 2 || f[0].Departs != at(15) || f[1].Departs != at(15) {
		t.Errorf("in flight: %+v, want both to depart at 15 ms", f)
	}
	l.RunUntil(at(14))
	l.Crash("p1")
	l.RunUntil(at(50))
	l.want()
}

// The next request is read after the answer has left, even if it arrives while the answer waits for its sync.
func TestReadWaitsForTheAnswerToLeave(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", func(e env.Env, n int32) {
		if n == 1 {
			e.(*machine).spend(20 * env.Millisecond)
		}
	})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 0, 1)
	l.RunUntil(at(10))
	l.call("p1", link, 0, 2)
	l.RunUntil(at(50))
	l.want("3ms b1: got 1", "23ms b1: got 2", "24ms p1: 1 answer 1", "24ms p1: 2 answer 2")
}

func TestRefused(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	l.Crash("b1")
	link := l.dial("p1", "b1")
	l.call("p1", link, env.Second, 1, 2)
	// The server comes back while the refusal is on its way: this incarnation stays dead, in both directions.
	l.RunUntil(Time(1_500_000))
	l.Start("b1")
	l.RunUntil(at(50))
	l.want("2ms p1: 1 connection refused", "2ms p1: 2 connection refused", "2ms p1: lost 1 connection refused")
	l.call("p1", link, env.Second, 3)
	l.RunUntil(at(100))
	l.want("50ms p1: 3 connection closed")
	l.call("p1", l.dial("p1", "b1"), env.Second, 4)
	l.RunUntil(at(200))
	l.want("103ms b1: got 4", "104ms p1: 4 answer 4")
	l.do("p1", func(e env.Env) { e.Call(e.Dial("b9", env.LaneClient), env.Second, ping(5), env.Token{A: 5}) })
	l.RunUntil(at(300))
	l.want("200ms p1: 5 connection refused", "200ms p1: lost 3 connection refused")
}

// A machine is not listening before its Start is paid for.
func TestStartTakesTime(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{
		start:   func(e env.Env) { e.(*machine).spend(20 * env.Millisecond) },
		receive: func(e env.Env, tk env.Ticket, r env.Request) { e.Reply(tk, pong(0)) },
	})
	l.client("p1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 1)
	l.RunUntil(at(30))
	l.want("2ms p1: 1 connection refused", "2ms p1: lost 1 connection refused")
	l.call("p1", l.dial("p1", "b1"), env.Second, 2)
	l.RunUntil(at(60))
	l.want("34ms p1: 2 answer 0")
}

func TestTimeoutClosesTheLink(t *testing.T) {
	l := newLab(t, nil)
	var tickets []env.Ticket
	l.add("b1", &node{receive: func(_ env.Env, tk env.Ticket, _ env.Request) { tickets = append(tickets, tk) }})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 100*env.Millisecond, 1)
	l.call("p1", link, 10*env.Second, 2)
	l.RunUntil(at(500))
	l.want("100ms p1: 1 timed out", "100ms p1: 2 timed out", "100ms p1: lost 1 timed out")
	if u := l.Unanswered(env.Millisecond); len(u) != 1 || u[0].Ticket != tickets[0] || u[0].Server != "b1" {
		t.Errorf("unanswered: %+v, want the ticket of request 1", u)
	}
	// The server still serves the requests that the client sent before its timeout, and drops the answers.
	l.do("b1", func(e env.Env) { e.Reply(tickets[0], pong(1)) })
	l.RunUntil(at(600))
	if len(tickets) != 2 {
		t.Fatalf("the server saw %d requests, want 2: what was sent may still be processed", len(tickets))
	}
	l.do("b1", func(e env.Env) { e.Reply(tickets[1], pong(2)) })
	l.RunUntil(at(700))
	l.want()
	l.wantFired(FaultZombie)
	if len(l.Unanswered(0)) != 0 || len(l.freeLinks) != len(l.links) {
		t.Errorf("%d of %d links were freed", len(l.freeLinks), len(l.links))
	}
}

// The server's kernel may also drop requests that were unread when the client closed. At DropPPM = 1e6 it always does.
func TestUnreadRequestsAreDropped(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Net.DropPPM = 1_000_000 })
	var tickets []env.Ticket
	l.add("b1", &node{receive: func(_ env.Env, tk env.Ticket, _ env.Request) { tickets = append(tickets, tk) }})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 100*env.Millisecond, 1)
	l.call("p1", link, 10*env.Second, 2)
	l.RunUntil(at(500))
	l.want("100ms p1: 1 timed out", "100ms p1: 2 timed out", "100ms p1: lost 1 timed out")
	l.do("b1", func(e env.Env) { e.Reply(tickets[0], pong(1)) })
	l.RunUntil(at(600))
	if len(tickets) != 1 {
		t.Errorf("the server saw %d requests, want the one that it had begun", len(tickets))
	}
	l.wantFired(FaultDrop)
	if len(l.freeLinks) != len(l.links) {
		t.Errorf("%d of %d links were freed", len(l.freeLinks), len(l.links))
	}
}

func TestShorterTimeoutComesFirst(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 10*env.Second, 1)
	l.call("p1", link, 50*env.Millisecond, 2)
	l.RunUntil(at(60))
	l.want("50ms p1: 1 timed out", "50ms p1: 2 timed out", "50ms p1: lost 1 timed out")
}

func TestCloseReturnsCalls(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	link := l.dial("p1", "b1")
	l.RunUntil(at(10))
	l.do("p1", func(e env.Env) {
		e.Call(link, 0, ping(1), env.Token{A: 1})
		e.Close(link)
		e.Close(link)
		e.Call(link, 0, ping(2), env.Token{A: 2})
	})
	l.RunUntil(at(20))
	l.want("10ms p1: 1 connection closed", "10ms p1: 2 connection closed", "11ms b1: got 1")
}

// A node that closes a link after it failed gets no Lost, but its calls return.
func TestCloseBeforeLost(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 0, 1)
	l.RunUntil(at(10))
	l.do("p1", func(e env.Env) {
		e.Arm(env.Timer{Kind: 1, Lane: env.LaneClient}, 0)
	})
	l.Reset(addrs("p1"), addrs("b1"))
	l.Do("p1", "", func(e env.Env, _ env.Node) { e.Close(link) })
	l.machines[1].stations[env.LaneClient].busy[0] = at(11) // the link's lane is busy while the background lane closes
	l.RunUntil(at(20))
	l.want("11ms p1: 1 connection reset")
}

func TestProduceWithoutAcksReturnsWhenWritten(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
		if _, ok := r.(*kmsg.ProduceRequest); ok {
			l.note("produce")
			e.NoReply(tk)
			return
		}
		e.Reply(tk, pong(r.(*kmsg.HeartbeatRequest).Generation))
	}})
	l.client("p1")
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks = 9, 0
	l.do("p1", func(e env.Env) {
		link := e.Dial("b1", env.LaneClient)
		e.Call(link, env.Second, produce, env.Token{A: 1})
		e.Call(link, env.Second, ping(2), env.Token{A: 2})
		e.(*machine).spend(30 * env.Millisecond)
		e.Call(link, env.Second, produce, env.Token{A: 3})
	})
	l.RunUntil(at(100))
	l.want("2ms p1: 1 written", "3ms produce", "4ms p1: 2 answer 2", "30ms p1: 3 written", "31ms produce")
}

// The server may close a connection, as Kafka does after an invalid request.
func TestServerCloses(t *testing.T) {
	l := newLab(t, nil)
	l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
		l.note("got %d", r.(*kmsg.HeartbeatRequest).Generation)
		e.Close(tk.Link)
	}})
	l.client("p1")
	l.call("p1", l.dial("p1", "b1"), env.Second, 1, 2)
	l.RunUntil(at(100))
	l.want("3ms got 1", "4ms p1: 1 connection reset", "4ms p1: 2 connection reset", "4ms p1: lost 1 connection reset")
	if len(l.freeLinks) != 1 {
		t.Error("the link is still held")
	}
}

// If the server closes a connection, a request in the queue of the request handlers is still served; later ones are not.
func TestServerClosesWhileARequestWaits(t *testing.T) {
	l := newLab(t, nil)
	var first env.Ticket
	l.Add(Machine{Addr: "b1", RequestThreads: 1, New: func() env.Node {
		return &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
			n := r.(*kmsg.HeartbeatRequest).Generation
			l.note("got %d", n)
			if n == 1 {
				first = tk
			}
			if n == 9 {
				e.(*machine).spend(50 * env.Millisecond)
			}
			e.Reply(tk, pong(n))
		}}
	}})
	l.Start("b1")
	l.RunUntil(0)
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, 0, 1)
	l.RunUntil(at(10))
	l.one("p1", "b1", env.LaneClient, 9)
	l.RunUntil(at(15))
	l.call("p1", link, 0, 2, 3)
	l.RunUntil(at(20))
	l.do("b1", func(e env.Env) { e.Close(first.Link) })
	l.RunUntil(at(200))
	l.want("3ms got 1", "4ms p1: 1 answer 1", "13ms got 9", "21ms p1: 2 connection reset", "21ms p1: 3 connection reset",
		"21ms p1: lost 1 connection reset", "63ms got 2", "64ms p1: 9 answer 9")
	l.do("p1", func(e env.Env) { e.Close(2) })
	l.RunUntil(at(300))
	if len(l.freeLinks) != len(l.links) {
		t.Error("the link is still held")
	}
}

func TestMisuseIsFound(t *testing.T) {
	for name, receive := range map[string]func(env.Env, env.Ticket, env.Request){
		"replied twice":  func(e env.Env, tk env.Ticket, _ env.Request) { e.Reply(tk, pong(1)); e.Reply(tk, pong(1)) },
		"wrong response": func(e env.Env, tk env.Ticket, _ env.Request) { e.Reply(tk, kmsg.NewPtrFetchResponse()) },
		"no reply":       func(e env.Env, tk env.Ticket, _ env.Request) { e.NoReply(tk) },
		"no such lane":   func(e env.Env, tk env.Ticket, _ env.Request) { e.Dial("b1", env.Lanes) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, nil)
			l.add("b1", &node{receive: receive})
			l.client("p1")
			l.call("p1", l.dial("p1", "b1"), env.Second, 1)
			defer func() {
				if m, ok := recover().(*Misuse); !ok || m.Machine != "b1" {
					t.Errorf("panic with %v, want a Misuse of b1", m)
				}
			}()
			l.RunUntil(at(100))
		})
	}
}

func TestEnvOutsideItsEvent(t *testing.T) {
	l := newLab(t, nil)
	var kept env.Env
	l.add("b1", &node{start: func(e env.Env) { kept = e }})
	defer func() {
		if _, ok := recover().(*Misuse); !ok {
			t.Error("an Env that was kept could be used")
		}
	}()
	kept.Now()
}

// Links are reused, but their numbers are not.
func TestLinksAreReused(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	seen := map[env.Link]bool{}
	for range 1000 {
		link := l.dial("p1", "b1")
		if seen[link] {
			t.Fatalf("link number %d came twice", link)
		}
		seen[link] = true
		l.call("p1", link, env.Second, 1)
		l.RunUntil(l.Now() + at(10))
		l.do("p1", func(e env.Env) { e.Close(link) })
		l.RunUntil(l.Now() + at(10))
	}
	if len(l.links) > 2 {
		t.Errorf("%d links were made for one at a time", len(l.links))
	}
	if n := len(l.machines[1].links); n > 64 {
		t.Errorf("the table of links has %d places", n)
	}
	if n := len(l.queue.heap); n > 0 {
		t.Errorf("%d entries are left in the queue", n)
	}
}
