package controller_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// caller sends each request to one controller after the other until one responds, as brokers and admins do.
type caller struct {
	to    []env.Addr
	at    int
	link  env.Link
	turn  int64
	req   env.Request
	next  func(env.Env, env.Response) env.Request // nil request: ask again later
	pause env.Duration
}

func (c *caller) Start(e env.Env) {
	e.Arm(env.Timer{}, env.Duration(1+e.Choose("test.start", 50))*env.Millisecond)
}
func (c *caller) Receive(e env.Env, t env.Ticket, _ env.Request) { e.NoReply(t) }
func (c *caller) Stop(e env.Env)                                 { e.Exit(nil) }
func (c *caller) Lost(_ env.Env, l env.Link, _ error) {
	if l == c.link {
		c.link = 0
	}
}

func (c *caller) Fire(e env.Env, _ env.Timer) {
	if c.req == nil {
		c.req = c.next(e, nil)
	}
	if c.link == 0 {
		c.link = e.Dial(c.to[c.at], env.LaneHeartbeat)
	}
	c.turn++
	e.Call(c.link, 150*env.Millisecond, c.req, env.Token{A: c.turn})
}

func (c *caller) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	if tok.A != c.turn {
		return
	}
	wait := c.pause
	if err != nil || slices.Contains(codes(resp), kerr.NotController.Code) {
		c.at, wait = (c.at+1)%len(c.to), 5*env.Millisecond
		if c.link != 0 {
			e.Close(c.link)
			c.link = 0
		}
	} else {
		c.req = c.next(e, resp)
	}
	e.Arm(env.Timer{}, wait)
}

// simCluster is controllers, brokers that only register and send heartbeats, and an admin that creates topics; and their
// responses.
type simCluster struct {
	*sim.World
	controllers []env.Addr
	fouls       []string
	marks       map[string]int

	topics   []string        // confirmed
	sessions map[int32]int64 // the newest broker epoch that was given out
	owners   map[int64]string
}

func (w *simCluster) foul(check, format string, args ...any) {
	w.fouls = append(w.fouls, fmt.Sprintf("%s at %d ms: ", check, env.Duration(w.Now())/env.Millisecond)+fmt.Sprintf(format, args...))
}

func newSimCluster(seed uint64, n int, change func(*controller.Config)) *simCluster {
	disk := disk.CloudVolume()
	disk.Sync = 500 * env.Microsecond
	w := &simCluster{World: sim.New(sim.Config{Seed: seed, Disk: disk}), marks: map[string]int{}, sessions: map[int32]int64{}, owners: map[int64]string{}}
	w.Subscribe(w)
	var voters []raft.Voter
	for i := range n {
		voters = append(voters, raft.Voter{ID: wire.NodeID(101 + i), Addr: env.Addr(fmt.Sprint("c", i+1))})
	}
	for _, v := range voters {
		w.controllers = append(w.controllers, v.Addr)
		w.Add(sim.Machine{Addr: v.Addr, New: func() env.Node {
			cfg := controller.DefaultConfig(v.ID, voters)
			cfg.ClusterID, cfg.Oracle, cfg.SessionTimeout = "samsa", true, 600*env.Millisecond
			q := &cfg.Quorum
			q.ElectionTimeout, q.FetchTimeout, q.RequestTimeout = 100*env.Millisecond, 200*env.Millisecond, 200*env.Millisecond
			q.RetryBackoff, q.BackoffMax, q.FetchWait = 5*env.Millisecond, 100*env.Millisecond, 50*env.Millisecond
			if change != nil {
				change(&cfg)
			}
			return controller.New(cfg)
		}})
		w.World.Start(v.Addr)
	}
	for id := int32(1); id <= 3; id++ {
		addr := env.Addr(fmt.Sprint("b", id))
		w.Add(sim.Machine{Addr: addr, New: func() env.Node { return &caller{to: w.controllers, next: w.broker(id), pause: 50 * env.Millisecond} }})
		w.World.Start(addr)
	}
	w.Add(sim.Machine{Addr: "op", New: func() env.Node { return &caller{to: w.controllers, next: w.admin(), pause: 10 * env.Millisecond} }})
	w.World.Start("op")
	return w
}

// broker registers and sends heartbeats.
func (w *simCluster) broker(id int32) func(env.Env, env.Response) env.Request {
	epoch, incarnation := int64(-1), byte(0)
	return func(e env.Env, resp env.Response) env.Request {
		switch r := resp.(type) {
		case *kmsg.BrokerRegistrationResponse:
			if r.ErrorCode == 0 {
				epoch = r.BrokerEpoch
				w.registered(id, epoch, fmt.Sprint(id, "/", incarnation, "/", w.Incarnation(e.Self())))
			}
		case *kmsg.BrokerHeartbeatResponse:
			if r.ErrorCode == kerr.StaleBrokerEpoch.Code {
				epoch = -1
			}
		}
		if epoch < 0 {
			incarnation = byte(w.Incarnation(e.Self()))
			return registration(id, incarnation, -1)
		}
		return heartbeat(id, epoch, 1<<40)
	}
}

// registered checks that broker epochs only rise, and that no two incarnations share one.
func (w *simCluster) registered(id int32, epoch int64, owner string) {
	if epoch < w.sessions[id] {
		w.foul("broker-epochs", "broker %d got epoch %d after %d", id, epoch, w.sessions[id])
	}
	if was, ok := w.owners[epoch]; ok && was != owner {
		w.foul("broker-epochs", "epoch %d was given to %s and to %s", epoch, was, owner)
	}
	w.sessions[id], w.owners[epoch] = epoch, owner
}

// admin creates one topic after the other. TOPIC_ALREADY_EXISTS confirms a topic as a success does: the controller sends
// either only when the topic is committed.
func (w *simCluster) admin() func(env.Env, env.Response) env.Request {
	n, name := 0, ""
	return func(e env.Env, resp env.Response) env.Request {
		if r, ok := resp.(*kmsg.CreateTopicsResponse); ok {
			if c := r.Topics[0].ErrorCode; c == 0 || c == kerr.TopicAlreadyExists.Code {
				w.topics = append(w.topics, name)
				name = ""
			}
		}
		if name == "" {
			n++
			name = fmt.Sprint("t", w.Incarnation("op"), "-", n)
		}
		return topic(name, 1, 1)
	}
}

// Changed records the controllers' notes.
func (w *simCluster) Changed(f *sim.Effect) {
	if f.Kind != sim.EffectNote {
		return
	}
	w.marks[f.Note.Kind.Name]++
	if f.Note.Kind.Name == "controller.active" {
		w.knows(f.Node)
	}
}

// knows checks that a controller's image has every confirmed topic.
func (w *simCluster) knows(addr env.Addr) {
	c, ok := w.Node(addr).(*controller.Controller)
	if !ok {
		return
	}
	for _, name := range w.topics {
		if c.Image().TopicNamed(name) == nil {
			w.foul("reply-after-commit", "%s is active in epoch %d, and topic %s, which was confirmed, does not exist", addr, c.Epoch(), name)
			return
		}
	}
}

// run runs the world; a panic is a violation, for example of the coordinator's oracle.
func (w *simCluster) run(until sim.Time) {
	defer func() {
		if r := recover(); r != nil {
			w.foul("PANIC", "%v", r)
		}
	}()
	w.RunUntil(until)
}

const second = sim.Time(env.Second)

// live is one seed: faults for five seconds, two quiet ones, and a check of all images.
func live(seed uint64, n int, change func(*controller.Config)) *simCluster {
	w := newSimCluster(seed, n, change)
	r := rand.New(rand.NewSource(int64(seed)))
	start := func(a env.Addr) func() {
		return func() {
			if !w.Running(a) {
				w.World.Start(a)
			}
		}
	}
	for t := second / 2; t < 5*second; t += sim.Time(env.Duration(10+r.Intn(250)) * env.Millisecond) {
		x := w.controllers[r.Intn(n)]
		if r.Intn(8) == 0 {
			x = env.Addr(fmt.Sprint("b", 1+r.Intn(3)))
		}
		back := t + sim.Time(env.Duration(1+r.Intn(400))*env.Millisecond)
		switch r.Intn(7) {
		case 0:
			w.At(t, "crash", func() { w.Crash(x) })
			w.At(back, "start", start(x))
		case 1:
			w.At(t, "power", func() { w.PowerLoss(x) })
			w.At(back, "start", start(x))
		case 2:
			w.At(t, "power of all", func() { w.PowerLoss(w.controllers...) })
			for _, a := range w.controllers {
				w.At(back+sim.Time(r.Intn(50))*sim.Time(env.Millisecond), "start", start(a))
			}
		case 3:
			k := 1 + r.Intn(max(1, n/2))
			side := slices.Clone(w.controllers)
			r.Shuffle(n, func(i, j int) { side[i], side[j] = side[j], side[i] })
			some := side[:min(k, n-1)]
			w.At(t, "cut", func() { w.Partition(some, side[len(some):]) })
			w.At(back, "heal", func() { w.HealAll() })
		case 4:
			w.At(t, "pause", func() { w.Pause(x) })
			w.At(back, "resume", func() { w.Resume(x) })
		case 5:
			die := 1 + r.Intn(9)
			w.At(t, "die", func() {
				if w.Running(x) {
					w.DieAfter(x, die, r.Intn(2) == 0)
				}
			})
			w.At(back, "start", start(x))
		case 6:
			w.At(t, "stop", func() {
				if w.Running(x) {
					w.World.Stop(x)
				}
			})
			w.At(back, "restart", func() { w.Restart(x) })
		}
	}
	w.At(5*second, "peace", func() {
		w.HealAll()
		for _, a := range w.Machines() {
			w.Resume(a)
			if w.Running(a) {
				w.DieAfter(a, 0, false)
			} else {
				w.World.Start(a)
			}
		}
	})
	w.run(5 * second)
	before := len(w.topics)
	w.run(8 * second)
	if len(w.fouls) == 0 {
		w.converged(before)
	}
	return w
}

// converged checks, after three quiet seconds, that the cluster works and that all images at one offset are equal.
func (w *simCluster) converged(before int) {
	active := 0
	digests := map[wire.Offset]uint64{}
	for _, a := range w.controllers {
		c, ok := w.Node(a).(*controller.Controller)
		if !ok || !w.Running(a) {
			w.foul("quorum-settles", "%s does not run", a)
			continue
		}
		if c.Active() {
			active++
			w.knows(a)
			for id := wire.NodeID(1); id <= 3; id++ {
				if b := c.Image().Broker(id); b == nil || b.Fenced {
					w.foul("brokers-return", "broker %d is not let in", id)
				}
			}
		}
		_, stable := c.Digests()
		if was, ok := digests[c.Image().Next]; ok && was != stable {
			w.foul("images-agree", "two images at offset %d differ", c.Image().Next)
		}
		digests[c.Image().Next] = stable
	}
	if active != 1 || len(w.topics) <= before {
		w.foul("quorum-settles", "%d active controllers, %d topics, then %d", active, before, len(w.topics))
	}
}

func TestChaos(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	marks, topics := map[string]int{}, 0
	for seed := range seeds {
		n := []int{3, 5, 1, 3}[seed%4]
		w := live(seed, n, nil)
		topics += len(w.topics)
		for k, v := range w.marks {
			marks[k] += v
		}
		if len(w.fouls) > 0 {
			t.Errorf("seed %d, %d controllers: %s", seed, n, strings.Join(w.fouls[:min(3, len(w.fouls))], "\n  "))
		}
	}
	t.Log(topics, "topics;", marks)
	for _, name := range []string{"controller.active", "controller.inactive", "broker.registered", "broker.fenced", "partition.leaderless"} {
		if marks[name] < 20 {
			t.Errorf("%s happened %d times: the trouble is not worth its name", name, marks[name])
		}
	}
}

// A response before the commit is found by seeds whose plans do not know of it (K22).
func TestEarlyAnswerIsFound(t *testing.T) {
	for seed := range uint64(60) {
		w := live(seed, 3, use("K22", true))
		if i := slices.IndexFunc(w.fouls, func(f string) bool { return strings.HasPrefix(f, "reply-after-commit") }); i >= 0 {
			t.Logf("seed %d: %s", seed, w.fouls[i])
			return
		}
	}
	t.Error("no seed of 60 found it")
}
