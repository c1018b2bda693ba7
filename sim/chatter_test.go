package sim

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// chatter is a small busy cluster for tests of the world: three servers that write, sync, flush, park, fetch from one
// another and note, and four clients that pipeline requests over several links, give up, close and dial again. Both
// sides check what TCP and the contract promise, and panic when it is broken.
func chatter(c Config) *World {
	w := New(c)
	for _, a := range []env.Addr{"b1", "b2", "b3"} {
		w.Add(Machine{Addr: a, Rack: "r" + string(a[1:]), RequestThreads: 2, New: func() env.Node { return newTalker() }})
		w.Start(a)
	}
	for _, a := range []env.Addr{"p1", "p2", "p3", "p4"} {
		double := env.Addr("")
		if a == "p4" {
			double = "p3" // a caller has no identity, so nothing but the count tells
		}
		w.Add(Machine{Addr: a, Double: double, New: func() env.Node { return newCaller() }})
		w.Start(a)
	}
	return w
}

var (
	noteBorn = &env.NoteKind{Name: "talker.born", Fields: [4]string{"id", "size"}, Text: "is born", Story: true}
	noteHas  = &env.NoteKind{Name: "talker.has", Fields: [4]string{"n"}, Text: "has {n}"}
)

// talker is a server.
type talker struct {
	file   env.File
	seen   map[env.Link]int32
	parked map[int64]env.Ticket
	next   int64
	peer   env.Link
}

func newTalker() *talker { return &talker{seen: map[env.Link]int32{}, parked: map[int64]env.Ticket{}} }

func (n *talker) Start(e env.Env) {
	f, err := e.Disk().Open("log", true)
	if err == nil {
		n.file = f
	}
	size, _ := e.Disk().Size(f)
	_ = e.Disk().SyncDir("")
	e.Note(noteBorn, int64(e.Choose("talker.id", 1<<40)), size, 0, 0)
	e.Arm(env.Timer{Kind: 1, Lane: env.LaneBackground}, 7*env.Millisecond)
}

func (n *talker) park(t env.Ticket) int64 {
	n.next++
	n.parked[n.next] = t
	return n.next
}

func (n *talker) answer(e env.Env, at int64) {
	t, ok := n.parked[at]
	if !ok {
		panic(fmt.Sprintf("%s: ticket %d was answered before", e.Self(), at))
	}
	delete(n.parked, at)
	e.Reply(t, pong(int32(at)))
}

func (n *talker) Receive(e env.Env, t env.Ticket, r env.Request) {
	if p, ok := r.(*kmsg.ProduceRequest); ok {
		_ = e.Disk().Append(n.file, []byte{byte(p.TimeoutMillis)})
		e.NoReply(t)
		return
	}
	h := r.(*kmsg.HeartbeatRequest)
	if h.Generation <= n.seen[t.Link] {
		panic(fmt.Sprintf("%s: request %d behind request %d on link %d", e.Self(), h.Generation, n.seen[t.Link], t.Link))
	}
	n.seen[t.Link] = h.Generation
	switch h.Generation % 6 {
	case 0:
		e.Reply(t, pong(h.Generation))
	case 1:
		_ = e.Disk().Append(n.file, []byte("abcdefgh"))
		if e.Disk().Sync(n.file) != nil {
			e.Exit(env.ErrIO)
			return
		}
		e.Note(noteHas, int64(h.Generation), 0, 0, 0)
		e.Reply(t, pong(h.Generation))
	case 2:
		e.Arm(env.Timer{Kind: 2, A: n.park(t), Lane: env.LaneFetcher}, env.Duration(e.Choose("talker.park", 20))*env.Millisecond)
	case 3:
		_ = e.Disk().Append(n.file, []byte("flushed"))
		e.Disk().Flush(n.file, env.Token{Kind: 1, A: n.park(t)})
	case 4:
		to := env.Addr(fmt.Sprintf("b%d", 1+e.Choose("talker.peer", 3)))
		l := e.Dial(to, env.LaneFetcher)
		e.Call(l, 200*env.Millisecond, ping(6), env.Token{Kind: 2, A: n.park(t), B: int64(l)})
	case 5:
		at := n.park(t)
		e.Arm(env.Timer{Kind: 2, A: at}, env.Second)
		e.Arm(env.Timer{Kind: 2, A: at}, 5*env.Millisecond)
	}
}

func (n *talker) Returned(e env.Env, t env.Token, _ env.Request, _ env.Response, err error) {
	n.answer(e, t.A)
	if t.Kind == 2 {
		e.Close(env.Link(t.B))
	}
}

func (n *talker) Lost(env.Env, env.Link, error) {}

func (n *talker) Fire(e env.Env, t env.Timer) {
	if t.Kind == 2 {
		n.answer(e, t.A)
		return
	}
	_ = e.Disk().Append(n.file, []byte("tick"))
	e.Arm(t, 7*env.Millisecond)
}

func (n *talker) Stop(e env.Env) {
	_ = e.Disk().Sync(n.file)
	e.Exit(nil)
}

// caller is a client with one conversation per server.
type caller struct {
	idle
	talks map[env.Link]*talk
}

type talk struct {
	to             env.Addr
	sent, returned int32
}

func newCaller() *caller { return &caller{talks: map[env.Link]*talk{}} }

func (n *caller) Start(e env.Env) {
	for i := range 3 {
		n.dial(e, env.Addr(fmt.Sprintf("b%d", i+1)))
	}
}

func (n *caller) dial(e env.Env, to env.Addr) {
	l := e.Dial(to, env.LaneClient)
	n.talks[l] = &talk{to: to}
	for range 3 {
		n.call(e, l)
	}
}

func (n *caller) call(e env.Env, l env.Link) {
	t := n.talks[l]
	t.sent++
	if t.sent%16 == 0 {
		p := kmsg.NewPtrProduceRequest()
		p.Version, p.TimeoutMillis = 9, t.sent
		e.Call(l, env.Second, p, env.Token{A: int64(l), B: -1})
	}
	e.Call(l, 300*env.Millisecond, ping(t.sent), env.Token{A: int64(l), B: int64(t.sent)})
}

func (n *caller) Returned(e env.Env, tok env.Token, q env.Request, r env.Response, err error) {
	l := env.Link(tok.A)
	t := n.talks[l]
	if tok.B < 0 {
		return
	}
	if t == nil || int32(tok.B) != t.returned+1 || (r == nil) == (err == nil) {
		panic(fmt.Sprintf("%s: call %v returned out of order or twice (%v, %v)", e.Self(), tok, r, err))
	}
	t.returned++
	if err != nil {
		return
	}
	if t.sent == 200 {
		e.Close(l)
		to := t.to
		t.to = ""
		n.dial(e, to)
	} else if t.to != "" {
		n.call(e, l)
	}
}

func (n *caller) Lost(e env.Env, l env.Link, _ error) {
	t := n.talks[l]
	if t.returned != t.sent {
		panic(fmt.Sprintf("%s: link %d is lost, and %d of %d calls have returned", e.Self(), l, t.returned, t.sent))
	}
	delete(n.talks, l)
	e.Arm(env.Timer{Kind: 1, A: int64(t.to[1] - '0')}, 20*env.Millisecond)
}

func (n *caller) Fire(e env.Env, t env.Timer) { n.dial(e, env.Addr(fmt.Sprintf("b%d", t.A))) }

// mayhem lets everything happen that the world can do, decided by the seed.
func mayhem(w *World, until Time) {
	r := func(site env.Site, i, n uint64) uint64 { return w.chance.choose(newSite(site), 0, i, n) }
	all := w.Machines()
	pick := func(i uint64) []env.Addr { return all[r("test.who", i, uint64(len(all))):][:1] }
	for i := uint64(0); Time(i)*at(11) < until; i++ {
		a, b := pick(2*i), pick(2*i+1)
		do := []func(){
			func() { w.Restart(a[0]) },
			func() { w.Crash(a[0]) },
			func() { w.PowerLoss(a[0]) },
			func() { w.Stop(a[0]) },
			func() { w.Pause(a[0]) },
			func() { w.DieAfter(a[0], int(1+r("test.n", i, 20)), i%2 == 0) },
			func() { w.SlowCPU(a[0], 20_000) },
			func() { w.Cut(a, all) },
			func() { w.Partition(a, b) },
			func() { w.Clog(a, b) },
			func() { w.Stall(all, b, 100*env.Millisecond) },
			func() { w.Reset(all, b) },
			func() { w.PrefixThenCut(all, b, int(r("test.n", i, 3))) },
			func() { w.HalfOpen(all, b) },
			func() { w.Refuse(all, b, true) },
			func() { w.Latency(all, b, 10*env.Millisecond) },
			func() { w.Bandwidth(all, b, 20_000) },
			func() { w.Loss(all, b, 200) },
			func() { w.SkewWall(a[0], env.Second) },
			func() { w.StepWall(a[0], -env.Second) },
			func() { w.DriftWall(a[0], 500) },
			func() { w.DriftMono(a[0], 50_000) },
		}[r("test.what", i, 22)]
		w.At(Time(i)*at(11), fmt.Sprint("harm ", r("test.what", i, 22), a, b), do)
		if i%8 == 7 {
			w.At(Time(i)*at(11)+at(5), "heal", func() {
				w.HealAll()
				for _, m := range all {
					w.Resume(m)
					w.SlowCPU(m, 1000)
					w.Start(m)
				}
			})
		}
	}
}
