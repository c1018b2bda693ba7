package sim

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// replacer replaces a file over and over in one handler, as Kafka replaces its checkpoints: write another one, sync it,
// rename it, sync the directory. Version n of the file is n, as text, many times.
func replacer(times int) *node {
	return &node{start: func(e env.Env) {
		d := e.Disk()
		for n := range times {
			f, _ := d.Open("f.tmp", true)
			_ = d.Truncate(f, 0)
			_ = d.Append(f, version(n)[:300])
			_ = d.Append(f, version(n)[300:])
			_ = d.Sync(f)
			_ = d.Close(f)
			_ = d.Rename("f.tmp", "f")
			_ = d.SyncDir("")
		}
	}}
}

func version(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%04d", n), 400) } // four sectors

// versionOn returns the version of the file on a disk, or -1 for no file. A file that is no version fails the test.
func versionOn(t *testing.T, what string, d *disk.Disk) int {
	t.Helper()
	p, size, ok := d.Peek("f", 0, 1<<20)
	if !ok {
		return -1
	}
	n := -1
	if size == 1600 {
		fmt.Sscanf(string(p[:4]), "%d", &n)
	}
	if n < 0 || !bytes.Equal(p, version(n)) {
		t.Fatalf("%s: the file has %d bytes and is no version: %.40q", what, size, p)
	}
	return n
}

// replacing is a world in which one machine replaces a file, on a disk that tears at a power loss.
func replacing(t *testing.T, seed uint64, times int) *lab {
	l := newLab(t, func(c *Config) {
		c.Seed = seed
		c.Disk = disk.Profile{Call: 2 * env.Microsecond, Sync: 500 * env.Microsecond, Noise: disk.Noise{Torn: 500_000}}
	})
	l.Add(Machine{Addr: "b1", New: func() env.Node { return replacer(times) }})
	return l
}

// ledger counts the renames of versions that have begun, and those that a sync of the directory has made durable. The feed
// sees the whole handler at once, so it writes down times.
type ledger struct{ renamed, durable []Time }

func (g *ledger) Changed(e *Effect) {
	if e.Kind == EffectDisk && e.Disk.Op == disk.OpSyncDir {
		g.durable = append(g.durable, e.Disk.Completes)
	}
	if e.Kind == EffectDisk && e.Disk.Op == disk.OpRename {
		g.renamed = append(g.renamed, e.Disk.Begins)
	}
}

func upTo(times []Time, t Time) int {
	n := 0
	for n < len(times) && times[n] <= t {
		n++
	}
	return n
}

// Power may fail at any time before a handler's cost is paid. The file is then wholly old or wholly new, and its version
// was renamed by then and is not older than the last durable one.
func TestPowerLossInsideAHandler(t *testing.T) {
	const times = 8
	g := &ledger{}
	whole := replacing(t, 0, times)
	whole.Subscribe(g)
	whole.Start("b1")
	whole.RunUntil(at(100))
	if len(g.renamed) != times || len(g.durable) != times {
		t.Fatalf("%d renames, %d syncs of the directory", len(g.renamed), len(g.durable))
	}
	older, newer, half := 0, 0, 0
	for seed := range uint64(20) {
		for when := Time(0); when < g.durable[times-1]+at(1); when += Time(50 * env.Microsecond) {
			l := replacing(t, seed, times)
			l.Start("b1")
			l.RunUntil(when)
			what := fmt.Sprintf("seed %d, power fails at %v", seed, ms(when))
			least, most := upTo(g.durable, when)-1, upTo(g.renamed, when)-1
			if seed == 0 {
				for s := range l.Disk("b1").CrashStates {
					if n := versionOn(t, what+", a crash state", s); n < least || n > most {
						t.Fatalf("%s: a crash state has version %d, which is not in [%d, %d]", what, n, least, most)
					}
				}
			}
			l.PowerLoss("b1")
			n := versionOn(t, what, l.Disk("b1"))
			if n < least || n > most {
				t.Fatalf("%s: version %d survived, which is not in [%d, %d]", what, n, least, most)
			}
			if least < most && n == least {
				older++
			} else if least < most {
				newer++
			}
			if p, _, ok := l.Disk("b1").Peek("f.tmp", 0, 1); ok && len(p) > 0 {
				half++
			}
		}
	}
	if older == 0 || newer == 0 || half == 0 {
		t.Errorf("of what was under way %d times the old version survived, %d times the new one, %d times some of its bytes", older, newer, half)
	}
}

// A process that is killed inside a sync leaves in the page cache all that its handler did: it was quick. The sync was,
// too: if power fails before the device would have been done, the rename after the sync is not there without the bytes.
func TestProcessCrashInsideAHandler(t *testing.T) {
	const times = 4
	for seed := range uint64(20) {
		for when := Time(0); when < at(5); when += Time(70 * env.Microsecond) {
			l := replacing(t, seed, times)
			l.Start("b1")
			l.RunUntil(when)
			l.Crash("b1")
			what := fmt.Sprintf("seed %d, killed at %v", seed, ms(when))
			if n := versionOn(t, what, l.Disk("b1")); n != times-1 {
				t.Fatalf("%s: version %d is in the page cache", what, n)
			}
			l.RunUntil(when + Time(30*env.Microsecond))
			l.PowerLoss("b1")
			// All but the last sync of the directory have others after them.
			if n := versionOn(t, what+", then power fails", l.Disk("b1")); n < times-2 {
				t.Fatalf("%s: only version %d survived the power loss", what, n)
			}
		}
	}
}

// A paused process makes no calls. After a power loss during the pause its remaining calls have no effect; after a resume
// they have.
func TestPowerLossOfAPausedProcess(t *testing.T) {
	const times = 4
	for seed := range uint64(20) {
		for _, resume := range []bool{false, true} {
			l := replacing(t, seed, times)
			g := &ledger{}
			l.Subscribe(g)
			l.Start("b1")
			l.RunUntil(Time(700 * env.Microsecond)) // in the first sync of the directory
			l.Pause("b1")
			l.RunUntil(at(50))
			what := fmt.Sprintf("seed %d, resumed %t", seed, resume)
			if len(g.renamed) != 1 || len(g.durable) != 1 {
				t.Fatalf("%s: judges know of %d renames, %d of them durable", what, len(g.renamed), len(g.durable))
			}
			want := 0
			if resume {
				l.Resume("b1")
				l.RunUntil(at(51))
				want = times - 1
				if len(g.durable) != times {
					t.Fatalf("%s: judges know of %d durable renames", what, len(g.durable))
				}
			}
			l.PowerLoss("b1")
			if n := versionOn(t, what, l.Disk("b1")); n != want {
				t.Fatalf("%s: version %d survived", what, n)
			}
		}
	}
}

// If a paused process is killed, all its calls count as made, as for any other process.
func TestJudgesSeeWhatAKilledProcessLeft(t *testing.T) {
	l := replacing(t, 1, 3)
	g := &ledger{}
	l.Subscribe(g)
	l.Start("b1")
	l.RunUntil(Time(700 * env.Microsecond))
	l.Pause("b1")
	l.RunUntil(at(50))
	l.Crash("b1")
	if n := versionOn(t, "killed", l.Disk("b1")); n != 2 || len(g.renamed) != 3 || len(g.durable) != 3 {
		t.Errorf("version %d is on the disk, judges know of %d renames and %d syncs", n, len(g.renamed), len(g.durable))
	}

	l = replacing(t, 1, 3)
	g = &ledger{}
	l.Subscribe(g)
	l.Start("b1")
	l.RunUntil(Time(700 * env.Microsecond))
	l.Crash("b1")
	if len(g.renamed) != 3 || len(g.durable) != 2 { // nothing follows the last sync: the device goes on with it
		t.Errorf("judges know of %d renames and %d syncs at the crash", len(g.renamed), len(g.durable))
	}
}

// A heartbeat takes no lock, but it waits at the disk like every other lane, so its sync covers the whole of a write in
// progress.
func TestAHeartbeatWaitsAtTheDisk(t *testing.T) {
	l := newLab(t, func(c *Config) {
		c.Disk = disk.Profile{Call: 1, CopyKiB: 20 * env.Millisecond, Sync: env.Millisecond}
	})
	var f env.File
	l.add("b1", &node{
		start: func(e env.Env) {
			f, _ = e.Disk().Open("f", true)
			_ = e.Disk().SyncDir("")
			e.Arm(env.Timer{Kind: 1, Lane: env.LaneClient}, 10*env.Millisecond)
			e.Arm(env.Timer{Kind: 2, Lane: env.LaneHeartbeat}, 11*env.Millisecond)
		},
		fire: func(e env.Env, tm env.Timer) {
			l.note("fire %s", tm.Lane)
			switch tm.Kind {
			case 1:
				g, _ := e.Disk().Open("g", true)
				_ = e.Disk().Append(g, make([]byte, 1<<10)) // 20 ms
				_ = e.Disk().Append(f, []byte("behind the long one"))
				_ = e.Disk().Rename("g", "h")
			case 2:
				_ = e.Disk().WriteAt(f, 0, []byte("BEHIND"))
				_ = e.Disk().Sync(f)
				_ = e.Disk().SyncDir("")
			}
		},
	})
	l.RunUntil(at(30))
	l.want("10ms fire client", "11ms fire heartbeat")
	for s := range l.Disk("b1").CrashStates {
		if p, _, _ := s.Peek("f", 0, 100); len(p) > 0 {
			t.Fatalf("%q is there before it was written", p)
		}
		if _, _, ok := s.Peek("h", 0, 0); ok {
			t.Fatal("a file has its new name before it got it")
		}
	}
	l.RunUntil(at(31))
	if n := l.Disk("b1").DurableSize("f"); n > 0 {
		t.Fatalf("%d bytes are durable before the sync is done", n)
	}
	l.RunUntil(at(33))
	var durable []string
	for _, file := range l.Disk("b1").DurableFiles() {
		durable = append(durable, file.Path+"="+string(file.Bytes()))
	}
	if want := []string{"f=BEHIND the long one", "h="}; !slices.Equal(durable, want) {
		t.Fatalf("both syncs are done, %q is durable, want %q", durable, want)
	}
}

// The device handles syncs in order, so a sync also waits for an earlier one that a paused process has not issued.
func TestASyncBehindOneThatIsNotCalled(t *testing.T) {
	l := newLab(t, func(c *Config) { c.Disk = disk.Profile{Sync: env.Millisecond} })
	w := &watcher{l: l}
	var files [3]env.File
	l.add("b1", &node{
		start: func(e env.Env) {
			for i := range files {
				files[i], _ = e.Disk().Open(fmt.Sprint(i), true)
			}
			e.Arm(env.Timer{Kind: 0, Lane: env.LaneClient}, 1000*env.Microsecond)
			e.Arm(env.Timer{Kind: 2, Lane: env.LaneFetcher}, 1500*env.Microsecond)
		},
		fire: func(e env.Env, tm env.Timer) {
			mine := files[:2] // two syncs one after the other, and one of another lane after them
			if tm.Kind == 2 {
				mine = files[2:]
			}
			for _, f := range mine {
				_ = e.Disk().Append(f, []byte("x"))
			}
			for _, f := range mine {
				_ = e.Disk().Sync(f)
			}
		},
	})
	l.Subscribe(w)
	durable := func() (n [3]int64) {
		for i := range n {
			n[i] = l.Disk("b1").DurableSize(fmt.Sprint(i))
		}
		return n
	}
	l.RunUntil(Time(1700 * env.Microsecond))
	l.Pause("b1")
	l.RunUntil(at(50))
	w.want("1ms b1 disk write 0", "1ms b1 disk write 1", "1.5ms b1 disk write 2", "2ms b1 disk sync 0")
	if n := durable(); n != [3]int64{1, 0, 0} {
		t.Errorf("%d bytes are durable while the process stands still", n)
	}
	l.Resume("b1")
	l.RunUntil(at(60))
	w.want("50ms b1 disk sync 1", "50ms b1 disk sync 2")
	if n := durable(); n != [3]int64{1, 1, 1} {
		t.Errorf("%d bytes are durable when it goes on", n)
	}
}

// scribe changes its disk on all lanes, by one way or another, for as long as it lives.
type scribe struct {
	idle
	made *[]string // what it changed, in the order of its calls
}

const scribeLog = "log"

func (n *scribe) Start(e env.Env) {
	for lane := range env.Lanes {
		e.Arm(env.Timer{Lane: lane}, env.Millisecond)
	}
}

func (n *scribe) Fire(e env.Env, tm env.Timer) {
	d := e.Disk()
	for range e.Choose("scribe.calls", 5) {
		f, err := d.Open(scribeLog, false)
		if err != nil {
			if f, err = d.Open(scribeLog, true); err == nil {
				*n.made = append(*n.made, "create log")
			}
		}
		size, _ := d.Size(f)
		what := ""
		switch e.Choose("scribe.what", 7) {
		case 0, 1:
			what, err = fmt.Sprintf("write %d", size), d.Append(f, []byte("x"))
		case 2:
			name := fmt.Sprintf("%d", len(*n.made))
			_, err = d.Open(name, true)
			what = "create " + name
		case 3:
			_, err = d.ReadAt(f, 0, 1<<20)
		case 4:
			err = d.Sync(f)
		case 5:
			err = d.SyncDir("")
		case 6:
			d.Flush(f, env.Token{})
		}
		if err == nil && what != "" {
			*n.made = append(*n.made, what)
		}
		_ = d.Close(f)
	}
	e.Arm(tm, env.Duration(1+e.Choose("scribe.pause", 40))*100*env.Microsecond)
}

// reader remembers the changes that it sees.
type reader struct {
	t    *testing.T
	told []string
	last disk.Change
}

func (r *reader) Changed(e *Effect) {
	c := e.Disk
	switch {
	case e.Kind == EffectStarted: // a process that was killed was quicker than its disk
		r.last = disk.Change{}
	case e.Kind != EffectDisk || c.Op == disk.OpSync || c.Op == disk.OpSyncDir:
	case c.Begins < r.last.Completes:
		r.t.Errorf("%s changes at %d, inside a change that lasts until %d", c.Path, c.Begins, r.last.Completes)
	default:
		r.last = c
		if c.Op == disk.OpWrite {
			r.told = append(r.told, fmt.Sprintf("write %d", c.Off))
		} else {
			r.told = append(r.told, "create "+c.Path)
		}
	}
}

// Changes keep the order in which handlers made them, on all lanes, even if the disk is slow or stalls, or the process is
// paused or dies. A power loss removes only the last ones.
func TestChangesComeInOrder(t *testing.T) {
	stalled := uint64(0)
	for seed := range uint64(40) {
		var made []string
		r := &reader{t: t}
		noise := disk.Noise{Slow: 100_000, Stall: 20_000}
		w := New(Config{Seed: seed, Disk: disk.Profile{Call: 50 * env.Microsecond, CopyKiB: env.Millisecond, Sync: env.Millisecond, Noise: noise}})
		w.Subscribe(r)
		w.Add(Machine{Addr: "b1", New: func() env.Node { return &scribe{made: &made} }})
		w.Start("b1")
		draw := func(i uint64, n uint64) uint64 { return finish(seed*golden^i) % n }
		for i := range uint64(300) {
			w.RunUntil(w.Now() + Time(draw(2*i, 40))*Time(env.Millisecond))
			switch draw(2*i+1, 12) {
			case 0:
				w.Restart("b1")
			case 1:
				w.PowerLoss("b1")
				made = made[:len(r.told)] // what was not told is never told
				w.Start("b1")
			case 2, 3:
				w.Pause("b1")
			default:
				w.Resume("b1")
			}
		}
		w.Resume("b1")
		w.RunUntil(w.Now() + at(1))
		w.Crash("b1")
		if !slices.Equal(r.told, made) {
			t.Fatalf("seed %d: told of %q, made were %q", seed, r.told, made)
		}
		for _, a := range w.Activations() {
			if a.Name == disk.FaultStalled.Name {
				stalled += a.Count
			}
		}
		if len(made) < 100 {
			t.Errorf("seed %d: only %d changes", seed, len(made))
		}
	}
	if stalled == 0 {
		t.Error("no disk stalled")
	}
}
