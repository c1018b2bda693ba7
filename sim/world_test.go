package sim

import (
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// roughWorld runs the chatter with every fault.
func roughWorld(c Config) *World {
	c.Net = Rough()
	w := chatter(c)
	mayhem(w, at(2000))
	w.RunUntil(at(2500))
	return w
}

// The same seed is the same run in every mode, and different seeds are different runs.
func TestSeedDecides(t *testing.T) {
	seen := map[uint64]uint64{}
	events := uint64(0)
	for seed := range uint64(25) {
		w := roughWorld(Config{Seed: seed})
		events += w.Events()
		if other, ok := seen[w.Hash()]; ok {
			t.Errorf("seeds %d and %d have the hash %x", seed, other, w.Hash())
		}
		seen[w.Hash()] = seed
		for _, mode := range []Mode{Pointer, Wire, Guard} {
			again := roughWorld(Config{Seed: seed, Mode: mode})
			if again.Hash() != w.Hash() || again.Events() != w.Events() || again.Steps() != w.Steps() {
				t.Fatalf("seed %d: hash %x after %d events by pointer, %x after %d by %s",
					seed, w.Hash(), w.Events(), again.Hash(), again.Events(), mode)
			}
			if v := again.GuardViolation(); v != nil {
				t.Fatalf("seed %d: %v", seed, v)
			}
		}
	}
	if events < 25*5000 {
		t.Errorf("only %d events in 25 worlds", events)
	}
	t.Logf("%d events per world", events/25)
}

// Runs that differ only in written bytes or in a file's name have different hashes.
func TestHashSeesWhatIsWritten(t *testing.T) {
	run := func(name, text string) uint64 {
		l := newLab(t, nil)
		l.add("b1", &node{start: func(e env.Env) {
			f, err := e.Disk().Open(name, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Disk().Append(f, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := e.Disk().Rename(name, name+".old"); err != nil {
				t.Fatal(err)
			}
		}})
		return l.Hash()
	}
	hash := run("a", "one")
	if again := run("a", "one"); again != hash {
		t.Errorf("the same run has the hashes %x and %x", hash, again)
	}
	if run("a", "two") == hash {
		t.Error("other bytes give the same hash")
	}
	if run("b", "one") == hash {
		t.Error("another name gives the same hash")
	}
}

// The hash covers each field and the kind of a note, and each value of Choose.
func TestHashSeesWhatIsSaid(t *testing.T) {
	run := func(site env.Site, kind *env.NoteKind, a, b, c, d int64) uint64 {
		l := newLab(t, nil)
		l.add("b1", &node{start: func(e env.Env) {
			e.Choose(site, 1<<40)
			e.Note(kind, a, b, c, d)
		}})
		return l.Hash()
	}
	other := &env.NoteKind{Name: noteHas.Name + "-not"}
	seen := map[uint64]string{}
	for what, hash := range map[string]uint64{
		"as it is": run("x", noteHas, 0, 0, 0, 0), "another choice": run("y", noteHas, 0, 0, 0, 0), "another kind": run("x", other, 0, 0, 0, 0),
		"a": run("x", noteHas, 1, 0, 0, 0), "b": run("x", noteHas, 0, 1, 0, 0), "c": run("x", noteHas, 0, 0, 1, 0), "d": run("x", noteHas, 0, 0, 0, 1),
	} {
		if seen[hash] != "" {
			t.Errorf("%q and %q have one hash", what, seen[hash])
		}
		seen[hash] = what
	}
}

type tally struct{ events, notes, effects uint64 }

func (c *tally) Event(e *Event)  { c.events++; c.notes += uint64(len(e.Notes)) }
func (c *tally) Changed(*Effect) { c.effects++ }

// Observers change nothing.
func TestWatchersChangeNothing(t *testing.T) {
	for seed := range uint64(5) {
		plain := roughWorld(Config{Seed: seed})
		var c tally
		w := chatter(Config{Seed: seed, Net: Rough(), Trace: &c, Decisions: &decidedSink{}})
		w.Subscribe(&c)
		after := uint64(0)
		w.AfterEvent(func(*Event) { after++ })
		mayhem(w, at(2000))
		w.RunUntil(at(2500))
		if w.Hash() != plain.Hash() {
			t.Errorf("seed %d: hash %x, watched %x", seed, plain.Hash(), w.Hash())
		}
		if c.events != w.Events() || after != w.Events() || c.notes == 0 || c.effects < c.events {
			t.Errorf("seed %d: %d events, told of %d, %d notes, %d effects, %d hooks", seed, w.Events(), c.events, c.notes, c.effects, after)
		}
	}
}

// Every fault of the world fires in a short campaign.
func TestEveryFaultFires(t *testing.T) {
	sum := map[string]uint64{}
	for seed := range uint64(12) {
		for _, a := range roughWorld(Config{Seed: seed}).Activations() {
			sum[a.Name] += a.Count
		}
	}
	for _, f := range worldFaults {
		if sum[f.Name] == 0 {
			t.Errorf("%s never fired", f.Name)
		}
		if f.Doc == "" {
			t.Errorf("%s has no doc", f.Name)
		}
	}
	if len(sum) != len(worldFaults)+len(disk.Faults()) {
		t.Errorf("%d faults are counted, want %d", len(sum), len(worldFaults)+len(disk.Faults()))
	}
}

// When all processes have ended, the links are free and the queue is empty.
func TestNothingLeaks(t *testing.T) {
	for seed := range uint64(10) {
		w := roughWorld(Config{Seed: seed})
		w.HealAll()
		for _, a := range w.Machines() {
			w.Crash(a)
			w.Start(a) // a machine that was off tells its peers that it has forgotten them
			w.RunUntil(w.Now())
			w.Crash(a)
		}
		w.RunUntil(w.Now() + Time(300*env.Second))
		if len(w.queue.heap) != 0 || len(w.freeLinks) != len(w.links) {
			t.Errorf("seed %d: %d entries in the queue, %d of %d links held", seed, len(w.queue.heap), len(w.links)-len(w.freeLinks), len(w.links))
		}
	}
}

func TestGoroutinesAreFlat(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range uint64(10_000) {
		w := New(Config{Seed: seed, Net: Ideal(), CPU: -1})
		w.Add(Machine{Addr: "b1", New: func() env.Node { return &ponger{resp: pong(1)} }})
		w.Add(Machine{Addr: "p1", New: func() env.Node { return &pinger{to: "b1", req: ping(1)} }})
		w.Start("b1")
		w.Start("p1")
		for range 10 {
			w.Step()
		}
		w.Close()
		if w.Step() {
			t.Fatal("a closed world moves")
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after 10000 worlds", before, after)
	}
}

// A node that changes a message after it was sent may not change the hash in any mode, but guard mode finds it.
func TestGuardFindsSharedMemory(t *testing.T) {
	run := func(mode Mode, change func(env.Request)) (*World, *GuardViolation) {
		l := newLab(t, func(c *Config) { c.Mode = mode })
		l.echo("b1", nil)
		l.client("p1")
		link := l.dial("p1", "b1")
		l.do("p1", func(e env.Env) {
			r := ping(1)
			e.Call(link, env.Second, r, env.Token{})
			change(r)
		})
		l.RunUntil(at(100))
		return l.World, l.GuardViolation()
	}
	hash, v := run(Guard, func(r env.Request) { r.(*kmsg.HeartbeatRequest).MemberID = "other" })
	if v == nil || v.Key != 12 || v.From != "p1" || v.To != "b1" || v.Response {
		t.Errorf("violation %v, want one of a Heartbeat from p1 to b1", v)
	}
	if again, _ := run(Wire, func(r env.Request) { r.(*kmsg.HeartbeatRequest).MemberID = "other" }); again.Hash() != hash.Hash() {
		t.Error("the hash alone would have told: this test proves nothing")
	}
	if _, v := run(Guard, func(env.Request) {}); v != nil {
		t.Errorf("no message was changed: %v", v)
	}
}

// A violation is found some hundred messages later, not only at the end.
func TestGuardLooksAgain(t *testing.T) {
	w := pingPong(Guard, -1, ping(1), pong(1))
	for range 100 {
		w.Step()
	}
	var r env.Request
	for _, g := range w.guard.watched {
		if g.req != nil {
			r = g.req
		}
	}
	r.(*kmsg.HeartbeatRequest).MemberID = "other"
	for range 10 * guardDelay {
		w.Step()
	}
	if w.guard.violation == nil {
		t.Error("the change was not noticed")
	}
}

// A field that the version does not carry is lost on the wire, and the hashes differ.
func TestWireFindsWhatTheCodecLoses(t *testing.T) {
	run := func(mode Mode) uint64 {
		l := newLab(t, func(c *Config) { c.Mode = mode })
		l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
			id := r.(*kmsg.HeartbeatRequest).InstanceID // since version 3
			if id != nil {
				e.Note(noteHas, int64(len(*id)), 0, 0, 0)
			}
			e.Reply(tk, pong(1))
		}})
		l.client("p1")
		link := l.dial("p1", "b1")
		l.do("p1", func(e env.Env) {
			r, id := ping(1), "instance"
			r.InstanceID, r.Version = &id, 2
			e.Call(link, env.Second, r, env.Token{})
		})
		l.RunUntil(at(100))
		return l.Hash()
	}
	if run(Pointer) == run(Wire) {
		t.Error("the loss was not noticed")
	}
}

// In wire mode the receiver gets a message of its own.
func TestWireCopies(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Mode = Wire })
	sent := ping(1)
	var got *kmsg.HeartbeatRequest
	l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
		got = r.(*kmsg.HeartbeatRequest)
		if tk.Version != 4 || tk.Key != 12 || tk.From != "p1" {
			t.Errorf("ticket %+v", tk)
		}
		e.Reply(tk, pong(7))
	}})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.do("p1", func(e env.Env) { e.Call(link, env.Second, sent, env.Token{A: 1}) })
	l.RunUntil(at(100))
	l.want("4ms p1: 1 answer 7")
	if got == sent || got.MemberID != "m" || got.Version != 4 {
		t.Errorf("got %p %+v of %p", got, got, sent)
	}
}

func TestReplyStampsTheVersion(t *testing.T) {
	for mode := Pointer; mode <= Guard; mode++ {
		l := newLab(t, func(c *Config) { c.Mode = mode })
		l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
			resp := kmsg.NewPtrApiVersionsResponse()
			if r.GetVersion() > 3 {
				resp.ErrorCode = 35
			}
			e.Reply(tk, resp)
		}})
		var got []int16
		l.add("p1", &node{start: func(e env.Env) {
			link := e.Dial("b1", env.LaneClient)
			for v := range int16(5) {
				r := kmsg.NewPtrApiVersionsRequest()
				r.Version = v
				e.Call(link, env.Second, r, env.Token{})
			}
		}, returned: func(_ env.Env, _ env.Token, _ env.Request, r env.Response, _ error) {
			got = append(got, r.GetVersion())
		}})
		l.RunUntil(at(100))
		if len(got) != 5 || got[1] != 1 || got[3] != 3 || got[4] != 0 {
			t.Errorf("%s: versions %v, want 0 1 2 3 and 0 for the one we do not know", mode, got)
		}
	}
}

// Adding a machine that does nothing changes no decision for other machines.
func TestNewMachineMovesNothing(t *testing.T) {
	run := func(extra bool) []Time {
		l := newLab(t, func(c *Config) { c.Net, c.FIFO, c.CPU = Rough(), false, 0 })
		var seen []Time
		if extra {
			l.add("x9", &node{})
		}
		l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
			seen = append(seen, l.Now())
			e.Reply(tk, pong(1))
		}})
		l.Add(Machine{Addr: "p1", New: func() env.Node { return &pinger{to: "b1", req: ping(1)} }})
		l.Start("p1")
		l.RunUntil(at(1000))
		return seen
	}
	a, b := run(false), run(true)
	if len(a) < 50 || len(a) != len(b) {
		t.Fatalf("%d and %d requests", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("request %d at %d and at %d", i, a[i], b[i])
		}
	}
}

func TestAtAndRunUntil(t *testing.T) {
	l := newLab(t, nil)
	l.At(at(5), "b", func() { l.note("b") })
	l.At(at(3), "a", func() {
		l.note("a")
		l.At(0, "now", func() { l.note("now") })
	})
	l.At(at(5), "c", func() { l.note("c") })
	l.RunUntil(at(4))
	if l.Now() != at(4) {
		t.Errorf("time is %v", l.Now())
	}
	l.want("3ms a", "3ms now")
	if !l.Step() || !l.Step() || l.Step() {
		t.Error("want two steps more")
	}
	l.want("5ms b", "5ms c")
	if l.Events() != 4 {
		t.Errorf("%d events", l.Events())
	}
}
