package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/scenarios/cluster"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
)

// world is one of our clusters in a simulated world, with a machine that sends single requests.
type world struct {
	cluster.Cluster
	sim *sim.World
}

// asker is the machine that sends requests.
const asker env.Addr = "q1"

// watcher is an observer that looks at nothing.
type watcher struct{ cluster.Observer }

func (watcher) Event(*sim.Event)           {}
func (watcher) After(*sim.Event)           {}
func (watcher) Noted(env.Addr, *sim.Noted) {}

func (watcher) Span(env.Addr, string) (start, end wire.Offset) { return 0, 0 }

// newWorld assembles the cluster of a script and runs it until all brokers are unfenced.
func newWorld(t *testing.T, s *script) *world {
	t.Helper()
	w := &world{}
	o := cluster.Options{Seed: 1, Brokers: int32(s.brokers()), Controllers: int32(setting(s.cluster, "controllers"))}
	for _, word := range s.cluster {
		if name, value, _ := strings.Cut(word, "="); name != "brokers" && name != "controllers" && name != "own" {
			o.Configs = append(o.Configs, cluster.Setting{Name: name, Value: value})
		}
	}
	c, err := cluster.Assemble(o, func(in cluster.Inside) cluster.Observer {
		w.sim = in.World()
		return watcher{}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w.Cluster = c
	w.sim.Add(sim.Machine{Addr: asker, New: func() env.Node { return &sender{} }})
	w.sim.Start(asker)
	for range 600 {
		ready := true
		for _, m := range c.Machines() {
			ready = ready && (m.Role != "broker" || m.Up && !m.Fenced)
		}
		if ready {
			return w
		}
		w.pause(100 * time.Millisecond)
	}
	t.Fatal("the brokers of the simulated cluster are not unfenced")
	return nil
}

// ask implements target.
func (w *world) ask(node string, api *schema, version int16, body []byte) ([]byte, error) {
	req := kmsg.RequestForKey(api.key)
	req.SetVersion(min(version, api.valid.end-1))
	if err := req.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("our codec cannot read %x: %w", body, err)
	}
	req.SetVersion(version)
	s := w.sim.Node(asker).(*sender)
	s.done = false
	w.sim.Do(asker, "ask", func(e env.Env, _ env.Node) { s.ask(e, env.Addr(node), req) })
	for until := w.sim.Now() + sim.Time(patience); !s.done && w.sim.Now() < until && w.sim.Step(); {
	}
	switch {
	case !s.done:
		return nil, errMute
	case s.err == env.ErrReset || s.err == env.ErrClosed:
		return nil, errClosed
	case s.err != nil:
		return nil, s.err
	case s.resp == nil:
		if w.pause(time.Second); s.lost { // a broker that refuses the request closes the connection instead of answering
			return nil, errClosed
		}
		return nil, errSilent
	}
	if s.resp.GetVersion() > api.valid.end-1 {
		s.resp.SetVersion(0)
	}
	return s.resp.AppendTo(nil), nil
}

// endpoint implements target.
func (w *world) endpoint(id string) (host, port string) {
	if n, err := strconv.Atoi(id); err == nil && n > 100 {
		return fmt.Sprintf("c%d", n-100), "9093"
	}
	return "b" + id, "9092"
}

// id implements target.
func (w *world) id() string { return "c2Ftc2Etc2Ftc2Etc2Ftcw" }

// stop implements target.
func (w *world) stop(node string) error {
	w.Stop(env.Addr(node))
	for until := w.sim.Now() + sim.Time(10*env.Minute); w.sim.Running(env.Addr(node)); w.pause(10 * time.Millisecond) {
		if w.sim.Now() > until {
			return fmt.Errorf("%s does not end", node)
		}
	}
	return nil
}

// start implements target.
func (w *world) start(node string) error {
	w.Start(env.Addr(node))
	return nil
}

// pause implements target.
func (w *world) pause(d time.Duration) { w.sim.RunUntil(w.sim.Now() + sim.Time(d)) }

// sender is the node that sends one request at a time, each on a connection of its own.
type sender struct {
	link env.Link
	done bool
	lost bool
	resp env.Response
	err  error
}

func (s *sender) ask(e env.Env, to env.Addr, req env.Request) {
	*s = sender{link: e.Dial(to, env.LaneClient)}
	e.Call(s.link, env.Minute, req, env.Token{})
}

func (s *sender) Start(env.Env) {}

func (s *sender) Receive(e env.Env, t env.Ticket, _ env.Request) { e.NoReply(t) }

func (s *sender) Returned(e env.Env, _ env.Token, _ env.Request, resp env.Response, err error) {
	s.done, s.resp, s.err = true, resp, err
	if resp != nil {
		e.Close(s.link)
	}
}

func (s *sender) Lost(env.Env, env.Link, error) { s.lost = true }
func (s *sender) Fire(env.Env, env.Timer)       {}
func (s *sender) Stop(e env.Env)                { e.Exit(nil) }
