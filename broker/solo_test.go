package broker_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// solo is broker b1 alone. The test plays its controllers c1 to c3, the other brokers and the clients: it passes one
// event after the other to the broker and checks what the broker sends, answers, notes and closes. Time moves only when
// the test advances it. The disk is a simulated one that costs no time.
//
//	s := newSolo(t)
//	s.boot()                                     registered and unfenced
//	s.publish(s.topic("orders", 0, 1, 2)...)     b1 leads orders-0
//	n := s.receive(produce("orders", -1, batch("a")))
//	s.expect("…")                                what went out since the last expect
//	s.advance(env.Second)                        timers fire, calls time out
type solo struct {
	t     *testing.T
	w     *sim.World
	cfg   broker.Config
	b     *broker.Broker
	now   env.Instant
	disk  env.Disk // of the event under way
	lines []string // what went out since the last expect

	links  []peer // dialled ones; link n is links[n-1]
	calls  []*outCall
	timers map[env.Timer]env.Instant
	armed  map[env.Timer]int // in which order timers were armed
	arms   int

	tickets  []env.Ticket
	answers  map[int]env.Response
	closed   map[int]bool // by ticket: the client's connection was closed
	exited   bool
	reason   error
	metadata wire.Offset // the end of the metadata log
	auto     bool        // the controllers answer heartbeats at once, and fetches of the metadata after half a second
}

// peer is one end of a connection that the broker dialled.
type peer struct {
	to     env.Addr
	lane   env.Lane
	closed bool
}

func (p peer) String() string { return fmt.Sprintf("%s/%s", p.to, p.lane) }

// outCall is a request of the broker that has no answer yet.
type outCall struct {
	link     env.Link
	req      env.Request
	tok      env.Token
	sent     env.Instant
	deadline env.Instant
	failed   env.Error // comes back with this error after the event
}

// newSolo is a broker on an empty disk that has not started.
func newSolo(t *testing.T, settings ...string) *solo {
	return newSoloUnder(t, broker.CurrentRules(), settings...)
}

func newSoloUnder(t *testing.T, rules broker.Rules, settings ...string) *solo {
	t.Helper()
	static := config.New(config.Broker)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		var err error
		static, err = static.With(name, value)
		require.NoError(t, err)
	}
	s := &solo{t: t, cfg: broker.Config{Node: 1, ClusterID: "cluster", Controllers: []env.Addr{"c1", "c2", "c3"}, Static: static, Rules: rules}}
	s.w = sim.New(sim.Config{Seed: 1, Net: sim.Ideal(), CPU: -1, FIFO: true, Disk: disk.Profile{Capacity: 1 << 30}})
	t.Cleanup(s.w.Close)
	s.w.Add(sim.Machine{Addr: "b1", New: func() env.Node { return &asker{} }})
	s.w.Start("b1")
	s.w.RunUntil(0)
	s.renew()
	return s
}

// renew replaces the incarnation by a new one, as after a kill.
func (s *solo) renew() {
	s.b = broker.New(s.cfg)
	s.links, s.calls, s.lines, s.exited, s.reason = nil, nil, nil, false, nil
	s.timers, s.armed = map[env.Timer]env.Instant{}, map[env.Timer]int{}
	s.answers, s.closed = map[int]env.Response{}, map[int]bool{}
}

// event is one event of the broker, and then the calls that failed in it.
func (s *solo) event(what func(e env.Env)) {
	s.t.Helper()
	require.False(s.t, s.exited, "an event after the process ended")
	ran := false
	s.w.Do("b1", "event", func(e env.Env, _ env.Node) {
		s.disk, ran = e.Disk(), true
		what(soloEnv{s})
		s.disk = nil
	})
	s.w.RunUntil(s.w.Now())
	require.True(s.t, ran)
	for !s.exited {
		i := slices.IndexFunc(s.calls, func(c *outCall) bool { return c.failed != 0 })
		if i < 0 {
			return
		}
		c := s.calls[i]
		s.calls = slices.Delete(s.calls, i, i+1)
		s.event(func(e env.Env) { s.b.Returned(e, c.tok, c.req, nil, c.failed) })
	}
}

// start begins the incarnation.
func (s *solo) start() {
	s.t.Helper()
	s.event(func(e env.Env) { s.b.Start(e) })
}

// boot starts, applies the registrations of b1 to b3, registers and unfences. The broker epoch of b1 is 2 then.
func (s *solo) boot() {
	s.t.Helper()
	s.start()
	s.publish(s.registration(3), s.registration(2), s.registration(1))
	s.register(2)
	s.catchUp()
	s.unfence()
	s.advance(0)
	require.True(s.t, s.b.Serves())
	s.lines, s.auto = nil, true
}

// register answers the registration with a broker epoch.
func (s *solo) register(epoch int64) {
	s.t.Helper()
	answer(s, "heartbeat", func(_ *kmsg.BrokerRegistrationRequest, resp *kmsg.BrokerRegistrationResponse) {
		resp.BrokerEpoch = epoch
	})
}

// catchUp answers the first heartbeat: caught up and fenced. The broker then sends one that asks to be unfenced.
func (s *solo) catchUp() {
	s.t.Helper()
	s.advance(0)
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
		resp.IsCaughtUp, resp.IsFenced = true, true
	})
	s.advance(booting)
}

// booting is the time that boot takes.
const booting = 10 * env.Millisecond

// unfence answers the heartbeat: caught up and unfenced.
func (s *solo) unfence() {
	s.t.Helper()
	answer(s, "heartbeat", func(_ *kmsg.BrokerHeartbeatRequest, resp *kmsg.BrokerHeartbeatResponse) {
		resp.IsCaughtUp, resp.IsFenced = true, false
	})
}

// advance lets time pass: timers fire and calls time out, each at its time.
func (s *solo) advance(d env.Duration) {
	s.t.Helper()
	for until := s.now.Add(d); !s.exited; {
		if s.auto && s.autoAnswer(until) {
			continue
		}
		timer, at, ok := s.nextTimer()
		var late *outCall
		for _, c := range s.calls {
			if late == nil || c.deadline < late.deadline {
				late = c
			}
		}
		if late != nil && late.deadline <= until && (!ok || late.deadline < at) {
			s.now = late.deadline
			s.fail(late, env.ErrTimeout)
			continue
		}
		if !ok || at > until {
			s.now = until
			return
		}
		s.now = max(s.now, at)
		delete(s.timers, timer)
		s.event(func(e env.Env) { s.b.Fire(e, timer) })
	}
}

// autoAnswer sends the controllers' responses that are due before any timer and not after an instant.
func (s *solo) autoAnswer(until env.Instant) (did bool) {
	if c := s.call("heartbeat"); c != nil && c.req.Key() == (*kmsg.BrokerHeartbeatRequest)(nil).Key() {
		s.unfence()
		return true
	}
	c := s.call("raft")
	if c == nil {
		return false
	}
	due := c.sent.Add(halfSecond)
	if _, at, ok := s.nextTimer(); due > until || ok && at < due {
		return false
	}
	s.now = max(s.now, due)
	s.publish()
	return true
}

// nextTimer is the timer that fires first; of two at one time the one that was armed first.
func (s *solo) nextTimer() (first env.Timer, at env.Instant, ok bool) {
	for t, when := range s.timers {
		if !ok || cmp.Or(cmp.Compare(when, at), cmp.Compare(s.armed[t], s.armed[first])) < 0 {
			first, at, ok = t, when, true
		}
	}
	return first, at, ok
}

// fail ends a call with an error, and with it the connection.
func (s *solo) fail(c *outCall, err env.Error) {
	s.t.Helper()
	s.calls = slices.DeleteFunc(s.calls, func(x *outCall) bool { return x == c })
	s.links[c.link-1].closed = true
	s.event(func(e env.Env) { s.b.Returned(e, c.tok, c.req, nil, err) })
	if !s.exited {
		s.event(func(e env.Env) { s.b.Lost(e, c.link, err) })
	}
}

// call is the oldest request without an answer to an address, "b2", or on a lane, "heartbeat", or both, "b2/fetcher".
func (s *solo) call(to string) *outCall {
	for _, c := range s.calls {
		p := s.links[c.link-1]
		if to == p.String() || to == string(p.to) || to == p.lane.String() {
			return c
		}
	}
	return nil
}

// reset ends the connection of the oldest request to an address.
func (s *solo) reset(to string) {
	s.t.Helper()
	c := s.call(to)
	require.NotNil(s.t, c, "no request to %s", to)
	s.fail(c, env.ErrReset)
}

// answer answers the oldest request to an address; the response is filled in by the test.
func answer[Q env.Request, R env.Response](s *solo, to string, fill func(Q, R)) {
	s.t.Helper()
	c := s.call(to)
	require.NotNil(s.t, c, "no request to %s", to)
	req, ok := c.req.(Q)
	require.True(s.t, ok, "the request to %s is %T", to, c.req)
	resp := req.ResponseKind()
	fill(req, resp.(R))
	s.calls = slices.DeleteFunc(s.calls, func(x *outCall) bool { return x == c })
	s.event(func(e env.Env) { s.b.Returned(e, c.tok, c.req, decoded(s.t, resp, req.ResponseKind()), nil) })
}

// receive passes a request to the broker on a connection of its own; its number identifies the response.
func (s *solo) receive(req env.Request) int {
	s.t.Helper()
	n := len(s.tickets)
	t := env.Ticket{Link: env.Link(1000 + n), Correlation: int32(n), From: "p1", Lane: env.LaneClient, Key: req.Key(), Version: req.GetVersion()}
	s.tickets = append(s.tickets, t)
	again := kmsg.RequestForKey(req.Key())
	again.SetVersion(req.GetVersion())
	require.NoError(s.t, again.ReadFrom(req.AppendTo(nil)))
	s.event(func(e env.Env) { s.b.Receive(e, t, again) })
	return n
}

// got returns the response to a request that must have one by now.
func got[R env.Response](s *solo, n int) R {
	s.t.Helper()
	require.Contains(s.t, s.answers, n, "request %d has no answer", n)
	return s.answers[n].(R)
}

// waits reports whether a request has neither an answer nor a closed connection.
func (s *solo) waits(n int) bool { return s.answers[n] == nil && !s.closed[n] }

// expect compares the output since the last call and clears it. It ignores metadata fetches, because there is always one
// in flight, and heartbeats that the controllers answer by themselves.
func (s *solo) expect(want ...string) {
	s.t.Helper()
	lines := slices.DeleteFunc(s.lines, func(l string) bool {
		return strings.Contains(l, "/raft Fetch") || s.auto && strings.Contains(l, "BrokerHeartbeat")
	})
	require.Equal(s.t, strings.Join(want, "\n"), strings.Join(lines, "\n"))
	s.lines = nil
}

func (s *solo) line(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// soloEnv is the machine as the broker sees it during one event.
type soloEnv struct{ s *solo }

func (soloEnv) Self() env.Addr                 { return "b1" }
func (v soloEnv) Wall() env.Time               { return sim.DefaultEpoch + env.Time(v.s.now) }
func (v soloEnv) Now() env.Instant             { return v.s.now }
func (v soloEnv) Disk() env.Disk               { return v.s.disk }
func (soloEnv) NoReply(env.Ticket)             {}
func (v soloEnv) Disarm(t env.Timer)           { delete(v.s.timers, t) }
func (soloEnv) Choose(env.Site, uint64) uint64 { return 0 }

func (v soloEnv) Dial(to env.Addr, lane env.Lane) env.Link {
	v.s.links = append(v.s.links, peer{to: to, lane: lane})
	return env.Link(len(v.s.links))
}

func (v soloEnv) Call(l env.Link, timeout env.Duration, req env.Request, tok env.Token) {
	s := v.s
	c := &outCall{link: l, req: kmsg.RequestForKey(req.Key()), tok: tok, sent: s.now, deadline: s.now.Add(timeout)}
	c.req.SetVersion(req.GetVersion())
	require.NoError(s.t, c.req.ReadFrom(req.AppendTo(nil)))
	if s.calls = append(s.calls, c); s.links[l-1].closed {
		c.failed = env.ErrClosed
		return
	}
	s.line("%s %s", s.links[l-1], described(c.req))
}

func (v soloEnv) Close(l env.Link) {
	s := v.s
	if n := int(l) - 1000; n >= 0 {
		s.closed[n] = true
		s.line("close %d", n)
		return
	}
	s.links[l-1].closed = true
	s.line("close %s", s.links[l-1])
	for _, c := range s.calls {
		if c.link == l {
			c.failed = env.ErrClosed
		}
	}
}

func (v soloEnv) Reply(t env.Ticket, resp env.Response) {
	s := v.s
	n := int(t.Correlation)
	require.NotContains(s.t, s.answers, n, "two answers")
	resp.SetVersion(t.Version)
	again := kmsg.ResponseForKey(t.Key)
	again.SetVersion(t.Version)
	s.answers[n] = decoded(s.t, resp, again)
	s.line("reply %d %s", n, kmsg.NameForKey(t.Key))
}

func (v soloEnv) Arm(t env.Timer, after env.Duration) {
	v.s.timers[t] = v.s.now.Add(after)
	v.s.arms++
	v.s.armed[t] = v.s.arms
}

func (v soloEnv) Note(kind *env.NoteKind, a, b, c, d int64) { v.s.line("note %s", kind.Name) }

func (v soloEnv) Exit(reason error) {
	v.s.exited, v.s.reason = true, reason
	v.s.line("exit")
}

// decoded is what the other side reads of a response.
func decoded(t *testing.T, resp, again env.Response) env.Response {
	t.Helper()
	require.NoError(t, again.ReadFrom(resp.AppendTo(nil)))
	return again
}

// described is a request in a few words.
func described(req env.Request) string {
	name := kmsg.NameForKey(req.Key())
	switch r := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		return fmt.Sprintf("%s previous %d", name, r.PreviousBrokerEpoch)
	case *kmsg.BrokerHeartbeatRequest:
		wants := ""
		if r.WantFence {
			wants += " fence"
		}
		if r.WantShutdown {
			wants += " shutdown"
		}
		return fmt.Sprintf("%s epoch %d offset %d%s", name, r.BrokerEpoch, r.CurrentMetadataOffset, wants)
	case *kmsg.FetchRequest:
		var all []string
		for _, rt := range r.Topics {
			for _, rp := range rt.Partitions {
				all = append(all, fmt.Sprintf("%s-%d@%d", topicOf(rt.TopicID), rp.Partition, rp.FetchOffset))
			}
		}
		return name + " " + strings.Join(all, " ")
	case *kmsg.AlterPartitionRequest:
		var all []string
		for _, rt := range r.Topics {
			for _, rp := range rt.Partitions {
				isr := []int32{}
				for _, m := range rp.NewEpochISR {
					isr = append(isr, m.BrokerID)
				}
				all = append(all, fmt.Sprintf("%s-%d isr %v at %d", topicOf(rt.TopicID), rp.Partition, isr, rp.PartitionEpoch))
			}
		}
		return name + " " + strings.Join(all, ", ")
	case *kmsg.ListOffsetsRequest:
		return fmt.Sprintf("%s %s-%d %d", name, r.Topics[0].Topic, r.Topics[0].Partitions[0].Partition, r.Topics[0].Partitions[0].Timestamp)
	}
	return name
}
