package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// watcher is a judge that writes down the effects it sees, with their times.
type watcher struct {
	l    *lab
	list []string
	last Time
}

func (f *watcher) Changed(e *Effect) {
	if e.At < f.last {
		f.l.t.Errorf("told of %d after %d", e.At, f.last)
	}
	f.last = e.At
	if f.l.current != nil {
		f.l.t.Error("told inside an event")
	}
	s := ""
	switch e.Kind {
	case EffectDisk:
		s = fmt.Sprintf("disk %s %s", [...]string{"", "write", "truncate", "sync", "syncdir", "create", "mkdir", "rename", "remove"}[e.Disk.Op], e.Disk.Path)
	case EffectDeparted:
		s = fmt.Sprintf("departs to %s, arrives %s", e.Peer, ms(e.Arrives))
	case EffectDelivered:
		s = "delivered from " + string(e.Peer)
	case EffectNote:
		s = fmt.Sprintf("note %d", e.Note.Field[0])
	case EffectStarted:
		s = "started"
	case EffectDied:
		s = fmt.Sprintf("died power=%t", e.Power)
	}
	f.list = append(f.list, fmt.Sprintf("%s %s %s", ms(e.At), e.Node, s))
}

func (f *watcher) want(lines ...string) {
	f.l.t.Helper()
	log := f.l.log
	f.l.log = f.list
	f.l.want(lines...)
	f.l.log, f.list = log, nil
}

// voter takes a request, writes a vote, syncs it, notes it and answers.
func voter(cost env.Duration) *node {
	return &node{receive: func(e env.Env, tk env.Ticket, _ env.Request) {
		f, _ := e.Disk().Open("vote", true)
		_ = e.Disk().Append(f, []byte("for p1"))
		e.Note(noteHas, 1, 0, 0, 0)
		_ = e.Disk().Sync(f)
		e.Note(noteHas, 2, 0, 0, 0)
		e.Reply(tk, pong(1))
	}}
}

func voting(t *testing.T) (*lab, *watcher) {
	l := newLab(t, func(c *Config) { c.Disk = disk.Profile{Call: env.Millisecond, Sync: 10 * env.Millisecond} })
	l.add("b1", voter(0))
	l.client("p1")
	link := l.dial("p1", "b1")
	l.RunUntil(at(10))
	f := &watcher{l: l}
	l.Subscribe(f)
	l.call("p1", link, env.Second, 1)
	return l, f
}

// Judges see an effect when it is complete and not when the handler returns.
func TestFeedTellsOnCompletion(t *testing.T) {
	l, f := voting(t)
	l.RunUntil(at(100))
	f.want("10ms p1 departs to b1, arrives 11ms",
		"11ms b1 delivered from p1",
		"12ms b1 disk create vote", "13ms b1 disk write vote", "13ms b1 note 1",
		"24ms b1 disk sync vote", "24ms b1 note 2", "24ms b1 departs to p1, arrives 25ms",
		"25ms p1 delivered from b1")
}

// A feed recognises a request where it arrives, and its response at both ends, in every mode and although links and packets are reused.
func TestFeedRecognisesACall(t *testing.T) {
	for _, mode := range []Mode{Pointer, Wire, Guard} {
		l := newLab(t, func(c *Config) { c.Mode = mode })
		l.add("b1", voter(0))
		l.client("p1")
		l.client("p2")
		f := &calls{}
		l.Subscribe(f)
		l.call("p1", l.dial("p1", "b1"), env.Second, 1)
		l.call("p2", l.dial("p2", "b1"), env.Second, 2)
		l.RunUntil(at(100))
		l.call("p1", l.dial("p1", "b1"), env.Second, 3)
		l.RunUntil(at(200))
		if want := "p1 sends 1, p2 sends 2, b1 gets 1, b1 answers 1, b1 gets 2, b1 answers 2, p1 has 1, p2 has 2, " +
			"p1 sends 3, b1 gets 3, b1 answers 3, p1 has 3"; strings.Join(f.list, ", ") != want {
			t.Errorf("mode %v: %s; wanted %s", mode, strings.Join(f.list, ", "), want)
		}
	}
}

// calls is a feed that writes down the calls of requests.
type calls struct{ list []string }

func (f *calls) Changed(e *Effect) {
	switch {
	case e.Response != nil && e.Kind == EffectDeparted:
		f.list = append(f.list, fmt.Sprintf("%s answers %d", e.Node, e.Call))
	case e.Response != nil && e.Kind == EffectDelivered:
		f.list = append(f.list, fmt.Sprintf("%s has %d", e.Node, e.Call))
	case e.Request == nil:
	case e.Kind == EffectDeparted:
		f.list = append(f.list, fmt.Sprintf("%s sends %d", e.Node, e.Call))
	case e.Kind == EffectDelivered:
		f.list = append(f.list, fmt.Sprintf("%s gets %d", e.Node, e.Call))
	}
}

// If power fails inside the sync, the vote was never cast, and no judge must see it. A judge that looked when the handler
// returns would see it.
func TestFeedNeverTellsWhatDied(t *testing.T) {
	l, f := voting(t)
	l.RunUntil(at(20))
	l.PowerLoss("b1")
	l.RunUntil(at(100))
	f.want("10ms p1 departs to b1, arrives 11ms", "11ms b1 delivered from p1",
		"12ms b1 disk create vote", "13ms b1 disk write vote", "13ms b1 note 1", "20ms b1 died power=true")
	if n := len(l.Disk("b1").Files()); n != 0 {
		t.Errorf("%d files survived, and nothing was synced", n)
	}
	l.Start("b1")
	l.RunUntil(at(200))
	f.want("100ms b1 started")
}

// After a process crash inside the sync, the note and the answer never happen, but the device completes the sync.
func TestFeedAfterCrash(t *testing.T) {
	l, f := voting(t)
	l.RunUntil(at(20))
	l.Crash("b1")
	l.RunUntil(at(100))
	f.want("10ms p1 departs to b1, arrives 11ms", "11ms b1 delivered from p1",
		"12ms b1 disk create vote", "13ms b1 disk write vote", "13ms b1 note 1", "20ms b1 died power=false",
		"24ms b1 disk sync vote")
}

// A pause delays the effects that the process has not reached. The device completes a sync only if it was already called.
func TestFeedUnderPause(t *testing.T) {
	l, f := voting(t)
	l.RunUntil(at(12))
	l.Pause("b1")
	l.RunUntil(at(50))
	f.want("10ms p1 departs to b1, arrives 11ms", "11ms b1 delivered from p1",
		"12ms b1 disk create vote", "13ms b1 disk write vote")
	l.Resume("b1")
	l.RunUntil(at(100))
	f.want("50ms b1 note 1", "50ms b1 disk sync vote", "50ms b1 note 2", "50ms b1 departs to p1, arrives 25ms",
		"51ms p1 delivered from b1")

	l, f = voting(t)
	l.RunUntil(at(14))
	l.Pause("b1")
	l.RunUntil(at(50))
	f.want("10ms p1 departs to b1, arrives 11ms", "11ms b1 delivered from p1",
		"12ms b1 disk create vote", "13ms b1 disk write vote", "13ms b1 note 1", "24ms b1 disk sync vote")
	l.Resume("b1")
	l.RunUntil(at(100))
	f.want("50ms b1 note 2", "50ms b1 departs to p1, arrives 25ms", "51ms p1 delivered from b1")
}

// An AfterEvent hook may act on the world: here it cuts the power at a note.
func TestAfterEventActs(t *testing.T) {
	l, f := voting(t)
	l.AfterEvent(func(e *Event) {
		if e.Kind == Received && e.Node == "b1" {
			l.Crash("b1")
			if e.Kind != Received || len(e.Notes) != 2 {
				t.Error("the event changed under its hook")
			}
		}
	})
	l.RunUntil(at(100))
	f.want("10ms p1 departs to b1, arrives 11ms", "11ms b1 delivered from p1",
		"11ms b1 disk create vote", "11ms b1 disk write vote", "11ms b1 died power=false",
		"24ms b1 disk sync vote")
	l.want("12ms p1: 1 connection reset", "12ms p1: lost 1 connection reset")
}

// The trace: causes lead from event to event, steps count events with a note of the story.
func TestTrace(t *testing.T) {
	var list []Event
	l := newLab(t, func(c *Config) {
		c.Trace = sinkFunc(func(e *Event) {
			k := *e
			k.Notes = append([]Noted(nil), e.Notes...)
			list = append(list, k)
		})
	})
	l.add("b1", &node{start: func(e env.Env) { e.Note(noteBorn, 7, 0, 0, 0) },
		receive: func(e env.Env, tk env.Ticket, _ env.Request) {
			e.Arm(env.Timer{Kind: 3, A: 5}, 2*env.Millisecond)
			e.Reply(tk, pong(1))
		},
		fire: func(e env.Env, _ env.Timer) { e.Note(noteBorn, 8, 0, 0, 0); e.Note(noteHas, 9, 0, 0, 0) }})
	l.client("p1")
	link := l.dial("p1", "b1")
	l.call("p1", link, env.Second, 1)
	l.At(at(20), "crash b1", func() { l.Crash("b1") })
	l.RunUntil(at(100))
	want := []string{
		"e0 start b1 story 0",
		"e1 start p1",
		"e2 ask p1",
		"e3 ask p1",
		"e4 receive b1 by e3 from p1 link 1 correlation 0 key 12 v4 size 64",
		"e5 return p1 by e4 from b1 link 1 correlation 0 key 12 v4 size 64",
		"e6 fire b1 by e4 timer 3/5 story 1",
		"e7 control crash b1",
		"e8 died b1 by e7",
		"e9 lost p1 by e8 from b1 link 1",
	}
	for i, e := range list {
		s := fmt.Sprintf("e%d %s", e.Seq, e.Kind)
		if e.Node != "" {
			s += " " + string(e.Node)
		}
		if e.Kind == Control {
			s += " " + e.Label
		}
		if e.Cause != NoCause {
			s += fmt.Sprintf(" by e%d", e.Cause)
		}
		if e.Peer != "" {
			s += fmt.Sprintf(" from %s link %d", e.Peer, e.Link)
		}
		if e.Kind == Received || e.Kind == Returned {
			s += fmt.Sprintf(" correlation %d key %d v%d size %d", e.Correlation, e.Key, e.Version, e.Size)
		}
		if e.Kind == Fired {
			s += fmt.Sprintf(" timer %d/%d", e.Timer.Kind, e.Timer.A)
		}
		if e.Story {
			s += fmt.Sprintf(" story %d", e.Step)
		}
		if i >= len(want) || s != want[i] {
			t.Errorf("event %d is %q, want %q", i, s, append(want, "nothing")[min(i, len(want))])
		}
	}
	if len(list) != len(want) || l.Steps() != 2 || len(list[6].Notes) != 2 || list[6].Notes[1].Field[0] != 9 {
		t.Errorf("%d events, %d steps", len(list), l.Steps())
	}
}

type sinkFunc func(*Event)

func (f sinkFunc) Event(e *Event) { f(e) }

type deaf struct{ told uint64 }

func (d *deaf) Changed(*Effect) { d.told++ }

// The feed costs no allocation.
func TestFeedDoesNotAllocate(t *testing.T) {
	w := pingPong(Pointer, 0, ping(1), pong(1))
	d := &deaf{}
	w.Subscribe(d)
	for range 2000 {
		w.Step()
	}
	if n := testing.AllocsPerRun(5000, func() { w.Step() }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
	if d.told < 7000 {
		t.Errorf("told of %d effects", d.told)
	}
}

func BenchmarkRequestResponseFeed(b *testing.B) {
	w := pingPong(Pointer, 0, heartbeat(), pong(1))
	w.Subscribe(&deaf{})
	benchmarkRoundTrip(b, w)
}

func BenchmarkRequestResponseTraced(b *testing.B) {
	w := pingPong(Pointer, 0, heartbeat(), pong(1))
	w.config.Trace, w.observed = sinkFunc(func(*Event) {}), true
	benchmarkRoundTrip(b, w)
}

// peeker looks at the disk when it sees a write.
type peeker struct {
	l     *lab
	there []bool
}

func (p *peeker) Changed(e *Effect) {
	if e.Kind == EffectDisk && e.Disk.Op == disk.OpWrite {
		_, _, ok := p.l.Disk("b1").Peek(e.Disk.Path, 0, 1)
		p.there = append(p.there, ok)
	}
}

// A feed sees a write before anything that begins when it is complete: it finds the file under its name.
func TestToldBeforeWhatBeginsThen(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Disk = disk.Profile{Call: env.Millisecond} })
	p := &peeker{l: l}
	l.Subscribe(p)
	var f env.File
	l.add("b1", &node{
		start: func(e env.Env) {
			f, _ = e.Disk().Open("log", true)
			e.Arm(env.Timer{Kind: 1, Lane: env.LaneClient}, 10*env.Millisecond)
			e.Arm(env.Timer{Kind: 2, Lane: env.LaneBackground}, 11*env.Millisecond)
		},
		fire: func(e env.Env, k env.Timer) {
			if k.Kind == 1 {
				_ = e.Disk().Append(f, []byte("x"))
				return
			}
			_ = e.Disk().Rename("log", "log.deleted")
		},
	})
	l.RunUntil(at(100))
	if !slices.Equal(p.there, []bool{true}) {
		t.Errorf("the file was there when its writes were seen: %v, want [true]", p.there)
	}
}
