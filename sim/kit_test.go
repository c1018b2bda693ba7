package sim

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// node is a node made of functions; a missing one does nothing.
type node struct {
	start    func(env.Env)
	receive  func(env.Env, env.Ticket, env.Request)
	returned func(env.Env, env.Token, env.Request, env.Response, error)
	lost     func(env.Env, env.Link, error)
	fire     func(env.Env, env.Timer)
	stop     func(env.Env)
}

func (n *node) Start(e env.Env) {
	if n.start != nil {
		n.start(e)
	}
}

func (n *node) Receive(e env.Env, t env.Ticket, r env.Request) {
	if n.receive != nil {
		n.receive(e, t, r)
	}
}

func (n *node) Returned(e env.Env, t env.Token, q env.Request, r env.Response, err error) {
	if n.returned != nil {
		n.returned(e, t, q, r, err)
	}
}

func (n *node) Lost(e env.Env, l env.Link, err error) {
	if n.lost != nil {
		n.lost(e, l, err)
	}
}

func (n *node) Fire(e env.Env, t env.Timer) {
	if n.fire != nil {
		n.fire(e, t)
	}
}

func (n *node) Stop(e env.Env) {
	if n.stop != nil {
		n.stop(e)
	} else {
		e.Exit(nil)
	}
}

// lab is a world of function nodes that writes down what happens.
type lab struct {
	*World
	t   *testing.T
	log []string
}

// newLab is a world without chance, latency or cost, but for what the test changes.
func newLab(t *testing.T, change func(*Config)) *lab {
	c := Config{Seed: 1, Net: Ideal(), CPU: -1, FIFO: true, Disk: disk.Profile{Capacity: 1 << 30}}
	c.Net.Least = env.Millisecond
	if change != nil {
		change(&c)
	}
	return &lab{World: New(c), t: t}
}

func (l *lab) note(format string, args ...any) {
	l.log = append(l.log, fmt.Sprintf("%v ", ms(l.Now()))+fmt.Sprintf(format, args...))
}

// add adds a machine with the same function node for every incarnation, and starts it.
func (l *lab) add(addr env.Addr, n *node) {
	l.Add(Machine{Addr: addr, New: func() env.Node { return n }})
	l.Start(addr)
	l.RunUntil(l.Now())
}

// client adds a machine that notes what returns and what is lost.
func (l *lab) client(addr env.Addr) {
	l.add(addr, &node{
		returned: func(e env.Env, t env.Token, q env.Request, r env.Response, err error) {
			if err != nil {
				l.note("%s: %d %v", addr, t.A, err)
			} else if r == nil {
				l.note("%s: %d written", addr, t.A)
			} else {
				l.note("%s: %d answer %d", addr, t.A, r.(*kmsg.HeartbeatResponse).ThrottleMillis)
			}
		},
		lost: func(e env.Env, k env.Link, err error) { l.note("%s: lost %d %v", addr, k, err) },
	})
}

// echo adds a server that answers each request with its number after some work.
func (l *lab) echo(addr env.Addr, work func(env.Env, int32)) {
	l.add(addr, &node{receive: func(e env.Env, t env.Ticket, r env.Request) {
		n := r.(*kmsg.HeartbeatRequest).Generation
		l.note("%s: got %d", addr, n)
		if work != nil {
			work(e, n)
		}
		e.Reply(t, pong(n))
	}})
}

// dial and call act for a client from outside.
func (l *lab) dial(from, to env.Addr) (link env.Link) {
	l.do(from, func(e env.Env) { link = e.Dial(to, env.LaneClient) })
	return link
}

func (l *lab) call(from env.Addr, link env.Link, timeout env.Duration, numbers ...int32) {
	l.do(from, func(e env.Env) {
		for _, n := range numbers {
			e.Call(link, timeout, ping(n), env.Token{A: int64(n)})
		}
	})
}

// do lets a node act now, on its background lane.
func (l *lab) do(addr env.Addr, f func(env.Env)) {
	l.t.Helper()
	done := false
	l.Do(addr, "", func(e env.Env, _ env.Node) { f(e); done = true })
	l.RunUntil(l.Now())
	if !done {
		l.t.Fatalf("%s is not able to act at %v", addr, ms(l.Now()))
	}
}

func ping(n int32) *kmsg.HeartbeatRequest {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Group, r.MemberID, r.Generation, r.Version = "g", "m", n, 4
	return r
}

func pong(n int32) *kmsg.HeartbeatResponse {
	r := kmsg.NewPtrHeartbeatResponse()
	r.ThrottleMillis = n
	return r
}

// ms is a time in milliseconds, as short as it goes.
func ms(t Time) string {
	return fmt.Sprintf("%gms", float64(t)/1e6)
}

// at is a time of so many milliseconds.
func at(millis int64) Time { return Time(millis) * Time(env.Millisecond) }

// want compares the log since the last want.
func (l *lab) want(lines ...string) {
	l.t.Helper()
	got := l.log
	l.log = nil
	for i := 0; i < max(len(got), len(lines)); i++ {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(lines) {
			w = lines[i]
		}
		if g != w {
			l.t.Errorf("line %d:\n got %s\nwant %s\nall of it: %q", i, g, w, got)
			return
		}
	}
}

// fired is how often a fault did something.
func (l *lab) wantFired(f worldFault) {
	l.t.Helper()
	if l.World.fired[f] == 0 {
		l.t.Errorf("fault %s never fired", worldFaults[f].Name)
	}
}

func addrs(a ...env.Addr) []env.Addr { return a }
