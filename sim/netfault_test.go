package sim

import (
	"testing"

	"samsa/sim/env"
)

// pair is a lab with a server and a client that has an open link; latency is 1 ms.
func pair(t *testing.T) (*lab, env.Link) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	link := l.dial("p1", "b1")
	l.RunUntil(at(10))
	return l, link
}

var p1, b1 = addrs("p1"), addrs("b1")

// Bytes that meet a cut cable are sent again after it heals, at TCP's next retransmission.
func TestCutDelays(t *testing.T) {
	l, link := pair(t)
	l.Cut(p1, b1)
	l.call("p1", link, 10*env.Second, 1)
	l.RunUntil(at(500))
	l.want()
	l.wantFired(FaultCut)
	l.Heal(p1, b1)
	l.RunUntil(at(2000))
	l.want("611ms b1: got 1", "612ms p1: 1 answer 1") // sent at 10, again at 210 and 610
}

// One direction can be cut alone: the server answers, but the answer does not arrive.
func TestAsymmetricCut(t *testing.T) {
	l, link := pair(t)
	l.Cut(b1, p1)
	l.call("p1", link, env.Second, 1)
	l.RunUntil(at(3000))
	l.want("11ms b1: got 1", "1010ms p1: 1 timed out", "1010ms p1: lost 1 timed out")
}

// A packet in the air when the cable is cut is lost, even if the cable is whole again when it would have arrived.
func TestCutHitsPacketsInFlight(t *testing.T) {
	l, link := pair(t)
	l.call("p1", link, 10*env.Second, 1)
	l.At(Time(10_200_000), "cut", func() { l.Cut(p1, b1) })
	l.At(Time(10_700_000), "heal", func() { l.Heal(p1, b1) })
	l.RunUntil(at(1000))
	l.want("211ms b1: got 1", "212ms p1: 1 answer 1")
	// Packets sent after the heal are not delayed.
	l.call("p1", link, 10*env.Second, 2)
	l.RunUntil(at(2000))
	l.want("1001ms b1: got 2", "1002ms p1: 2 answer 2")
}

// One lane can be cut and slowed alone. A heal of the path ends that, and sends again only what that lane has lost.
func TestFaultsOfOneLane(t *testing.T) {
	l, clients := pair(t)
	var heartbeats env.Link
	l.do("p1", func(e env.Env) { heartbeats = e.Dial("b1", env.LaneHeartbeat) })
	l.RunUntil(at(20))
	l.Cut(p1, b1, env.LaneHeartbeat)
	l.Latency(p1, b1, 5*env.Millisecond, env.LaneClient)
	l.call("p1", clients, 0, 1)
	l.call("p1", heartbeats, 0, 2)
	l.RunUntil(at(300))
	l.want("26ms b1: got 1", "27ms p1: 1 answer 1")
	l.wantFired(FaultCut)
	l.Heal(p1, b1)
	l.call("p1", clients, 0, 3)
	l.RunUntil(at(2000))
	l.want("301ms b1: got 3", "302ms p1: 3 answer 3", "621ms b1: got 2", "622ms p1: 2 answer 2") // sent at 20, again at 220 and 620
	l.Cut(p1, b1, env.LaneHeartbeat)
	l.Cut(p1, b1)
	l.Heal(p1, b1)
	l.call("p1", heartbeats, 0, 4)
	l.RunUntil(at(2100))
	l.want("2001ms b1: got 4", "2002ms p1: 4 answer 4")
}

// A link that its client closed during a partition still delivers its bytes after the heal.
func TestCutThenTimeoutThenHeal(t *testing.T) {
	l, link := pair(t)
	l.Partition(p1, b1)
	l.call("p1", link, 300*env.Millisecond, 1)
	l.RunUntil(at(1000))
	l.want("310ms p1: 1 timed out", "310ms p1: lost 1 timed out")
	l.HealAll()
	l.RunUntil(at(5000))
	l.want("1411ms b1: got 1")
	if len(l.freeLinks) != len(l.links) {
		t.Error("the link is still held")
	}
}

// In a partial partition two machines reach the third, but not each other.
func TestPartialPartition(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.echo("b2", nil)
	l.client("p1")
	l.Partition(p1, b1)
	l.call("p1", l.dial("p1", "b1"), 100*env.Millisecond, 1)
	l.call("p1", l.dial("p1", "b2"), 100*env.Millisecond, 2)
	l.RunUntil(at(1000))
	l.want("3ms b2: got 2", "4ms p1: 2 answer 2", "100ms p1: 1 timed out", "100ms p1: lost 1 timed out")
}

// A clogged direction holds its bytes and lets them go at once.
func TestClog(t *testing.T) {
	l, link := pair(t)
	l.Clog(b1, p1)
	l.call("p1", link, 10*env.Second, 1, 2)
	l.RunUntil(at(500))
	l.want("11ms b1: got 1", "11ms b1: got 2")
	l.wantFired(FaultClog)
	l.Heal(b1, p1)
	l.RunUntil(at(600))
	l.want("500ms p1: 1 answer 1", "500ms p1: 2 answer 2")
}

// A stall delays existing connections, and a new one overtakes them. The old request arrives late and is served.
func TestStallLetsNewConnectionsOvertake(t *testing.T) {
	l, link := pair(t)
	l.Stall(p1, b1, 300*env.Millisecond)
	l.do("p1", func(e env.Env) {
		e.Call(link, 0, ping(1), env.Token{A: 1})
		e.Close(link)
	})
	l.call("p1", l.dial("p1", "b1"), env.Second, 2)
	l.RunUntil(at(1000))
	l.want("10ms p1: 1 connection closed", "13ms b1: got 2", "14ms p1: 2 answer 2", "310ms b1: got 1")
	l.wantFired(FaultStall)
}

func TestReset(t *testing.T) {
	l, link := pair(t)
	l.call("p1", link, 0, 1)
	l.RunUntil(Time(10_500_000))
	l.Reset(p1, b1)
	l.RunUntil(at(50))
	l.want("10.5ms p1: 1 connection reset", "10.5ms p1: lost 1 connection reset") // and the request is lost on the way
	l.wantFired(FaultReset)
	l.call("p1", link, 0, 2)
	l.RunUntil(at(100))
	l.want("50ms p1: 2 connection closed")
}

// A request that the server has read already is served after the reset; its answer goes nowhere.
func TestResetAfterRead(t *testing.T) {
	l := newLab(t, nil)
	var got env.Ticket
	l.add("b1", &node{receive: func(_ env.Env, tk env.Ticket, _ env.Request) { got = tk; l.note("got %d", tk.Correlation) }})
	l.client("p1")
	l.call("p1", l.dial("p1", "b1"), 0, 1, 2)
	l.RunUntil(at(10))
	l.Reset(p1, b1)
	l.RunUntil(at(20))
	l.do("b1", func(e env.Env) { e.Reply(got, pong(1)) })
	l.RunUntil(at(50))
	l.want("3ms got 0", "10ms p1: 1 connection reset", "10ms p1: 2 connection reset", "10ms p1: lost 1 connection reset")
	if len(l.freeLinks) != len(l.links) {
		t.Error("the link is still held")
	}
}

// The first packets arrive, the others do not, and then both ends see a reset.
func TestPrefixThenCut(t *testing.T) {
	for keep, want := range map[int][]string{
		0: {"12ms p1: 1 connection reset", "12ms p1: 2 connection reset", "12ms p1: 3 connection reset", "12ms p1: lost 1 connection reset"},
		2: {"11ms b1: got 1", "11ms b1: got 2", "12ms p1: 1 connection reset", "12ms p1: 2 connection reset",
			"12ms p1: 3 connection reset", "12ms p1: lost 1 connection reset"},
	} {
		l, link := pair(t)
		l.call("p1", link, 0, 1, 2, 3)
		l.RunUntil(Time(10_999_999))
		l.PrefixThenCut(p1, b1, keep)
		l.RunUntil(at(100))
		for i := range want { // the client's reset takes a millisecond from the cut
			want[i] = replaceTime(want[i], "12ms p1", "11.999999ms p1")
		}
		l.want(want...)
		l.wantFired(FaultPrefix)
	}
}

func replaceTime(s, old, new string) string {
	if len(s) >= len(old) && s[:len(old)] == old {
		return new + s[len(old):]
	}
	return s
}

// On a half-open connection no packet arrives and neither end is notified; a new connection works.
func TestHalfOpen(t *testing.T) {
	l, link := pair(t)
	l.HalfOpen(p1, b1)
	l.call("p1", link, 500*env.Millisecond, 1)
	l.call("p1", l.dial("p1", "b1"), 0, 2)
	l.RunUntil(at(1000))
	l.want("13ms b1: got 2", "14ms p1: 2 answer 2", "510ms p1: 1 timed out", "510ms p1: lost 1 timed out")
	l.wantFired(FaultHalfOpen)
}

func TestRefuse(t *testing.T) {
	l, link := pair(t)
	l.Refuse(p1, b1, true)
	l.call("p1", link, 0, 1) // connections that exist work
	l.call("p1", l.dial("p1", "b1"), 0, 2)
	l.RunUntil(at(50))
	l.want("11ms b1: got 1", "12ms p1: 1 answer 1", "12ms p1: 2 connection refused", "12ms p1: lost 2 connection refused")
	l.wantFired(FaultRefuse)
	l.Refuse(p1, b1, false)
	l.call("p1", l.dial("p1", "b1"), 0, 3)
	l.RunUntil(at(100))
	l.want("53ms b1: got 3", "54ms p1: 3 answer 3")
}

// If a peer never answers, the connect timeout ends the link, with or without a call.
func TestConnectTimeout(t *testing.T) {
	l := newLab(t, nil)
	l.echo("b1", nil)
	l.client("p1")
	l.PowerLoss("b1")
	l.call("p1", l.dial("p1", "b1"), 0, 1)
	l.RunUntil(at(20_000))
	l.want("10000ms p1: 1 timed out", "10000ms p1: lost 1 timed out")
	if len(l.freeLinks) != len(l.links) {
		t.Error("the link is still held")
	}
}

func TestLatency(t *testing.T) {
	l, link := pair(t)
	l.Latency(p1, b1, 40*env.Second)
	l.call("p1", link, 0, 1)
	l.RunUntil(at(11))
	l.Latency(p1, b1, 0)
	l.call("p1", link, 0, 2) // cannot overtake
	if f := l.Flights(); len(f) != 2 || f[1].Arrives < f[0].Arrives {
		t.Errorf("in flight: %+v", f)
	}
	l.RunUntil(at(60_000))
	l.want("40011ms b1: got 1", "40011ms b1: got 2", "40012ms p1: 1 answer 1", "40012ms p1: 2 answer 2")
	l.wantFired(FaultLatency)
}

// A message of 64 bytes at 64000 bytes a second takes a millisecond, and the next waits for its turn.
func TestBandwidth(t *testing.T) {
	l, link := pair(t)
	l.Bandwidth(p1, b1, 64_000)
	l.call("p1", link, 0, 1, 2)
	l.RunUntil(at(100))
	l.want("12ms b1: got 1", "13ms b1: got 2", "13ms p1: 1 answer 1", "14ms p1: 2 answer 2")
	l.wantFired(FaultBandwidth)
}

// A lost packet comes one retransmission later, and the packets after it wait.
func TestLoss(t *testing.T) {
	l, link := pair(t)
	l.Loss(p1, b1, 1000)
	l.call("p1", link, 0, 1)
	l.RunUntil(at(11))
	l.Loss(p1, b1, 0)
	l.call("p1", link, 0, 2)
	l.RunUntil(at(5000))
	for _, delay := range []string{"211", "611", "1411"} { // lost once, twice or three times
		if len(l.log) == 4 && l.log[0] == delay+"ms b1: got 1" {
			if l.log[1] != delay+"ms b1: got 2" {
				t.Errorf("overtaken: %q", l.log)
			}
			l.wantFired(FaultLoss)
			return
		}
	}
	t.Errorf("not a retransmission: %q", l.log)
}

// Latency is fixed per pair, jitter is fixed per pair and bucket, and neither exceeds the profile.
func TestLatencyOfPairs(t *testing.T) {
	w := New(Config{Seed: 3})
	for _, a := range []env.Addr{"b1", "b2", "b3", "b4"} {
		w.Add(Machine{Addr: a, New: func() env.Node { return &node{} }})
	}
	p := LAN()
	seen := map[env.Duration]bool{}
	quiet, buckets := 0, 0
	for _, m := range w.machines {
		for _, path := range m.paths {
			if path.from == path.to {
				continue
			}
			seen[path.least] = true
			if path.least < p.Least || path.least >= p.Least+p.Spread {
				t.Errorf("%s to %s is %d ns", path.from.addr, path.to.addr, path.least)
			}
			for i := range Time(200) {
				j := w.jitter(path, i*Time(p.Bucket))
				if j != w.jitter(path, i*Time(p.Bucket)+Time(p.Bucket)-1) {
					t.Fatal("jitter changes within a bucket")
				}
				if j < 0 || j > p.Jitter {
					t.Fatalf("jitter %d", j)
				}
				if buckets++; j <= p.Jitter/20 {
					quiet++
				}
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d different distances of 12 pairs", len(seen))
	}
	if quiet < buckets/2 || quiet == buckets {
		t.Errorf("%d of %d buckets are quiet", quiet, buckets)
	}
}

// Two connections of a pair in one bucket keep the order of their messages: the pair's latency is the same for both.
func TestOrderAcrossLinksInABucket(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Net = LAN(); c.Net.Bandwidth = 0 })
	l.echo("b1", nil)
	l.client("p1")
	a, b := l.dial("p1", "b1"), l.dial("p1", "b1")
	l.RunUntil(at(101))
	l.call("p1", a, 0, 1)
	l.RunUntil(at(102))
	l.call("p1", b, 0, 2)
	l.RunUntil(at(200))
	if len(l.log) != 4 || l.log[0][len(l.log[0])-1] != '1' {
		t.Errorf("%q", l.log)
	}
}
