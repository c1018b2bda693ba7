package disk

import (
	"slices"
	"strings"
	"testing"

	"samsa/sim/env"
)

// synced is a disk with one durable file "f" of these bytes.
func synced(t *testing.T, content string) (*Disk, *bench, env.File) {
	t.Helper()
	d, b := newBench()
	f := open(t, d, "f")
	appendTo(t, d, f, content)
	must(t, d.Sync(f))
	must(t, d.SyncDir(""))
	b.later()
	b.changes = nil
	return d, b, f
}

func wantFired(t *testing.T, b *bench, f Fault, n int) {
	t.Helper()
	if b.fired[f] != n {
		t.Fatalf("%s fired %d times, want %d; all: %v", f.Name, b.fired[f], n, b.fired)
	}
}

func TestFailOnce(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.FailOnce("f", OnWrite)
	p, err := d.ReadAt(f, 0, 3)
	if string(p) != "abc" || err != nil {
		t.Fatalf("a read: %q, %v", p, err)
	}
	wantErr(t, "first append", d.Append(f, []byte("x")), env.ErrIO)
	must(t, d.Append(f, []byte("y")))
	wantTree(t, "file", d.Files(), "f=abcy")
	wantFired(t, b, FaultError, 1)
	if len(b.changes) != 1 {
		t.Fatalf("%d changes seen by the host, want the second append's", len(b.changes))
	}

	d.FailOnce("f", OnSync)
	wantErr(t, "sync", d.Sync(f), env.ErrIO)
	must(t, d.Sync(f)) // nothing was forgotten
	b.later()
	wantTree(t, "device", d.DurableFiles(), "f=abcy")

	for _, op := range []struct {
		what string
		do   func() error
	}{
		{"mkdir", func() error { return d.Mkdir("m") }},
		{"create", func() error { _, err := d.Open("g", true); return err }},
		{"rename", func() error { return d.Rename("f", "g") }},
		{"remove", func() error { return d.Remove("f") }},
		{"truncate", func() error { return d.Truncate(f, 0) }},
		{"syncdir", func() error { return d.SyncDir("") }},
		{"list", func() error { _, err := d.List(""); return err }},
	} {
		d.FailOnce("", OnAny)
		wantErr(t, op.what, op.do(), env.ErrIO)
		wantTree(t, op.what, d.Files(), "f=abcy")
	}
	if b.refused[OnWrite] != 2 || b.refused[OnSync] != 2 || b.refused[OnRead] != 1 || b.refused[OnNames] != 4 {
		t.Errorf("the host was told of %v", b.refused)
	}
}

func TestBreakLastsUntilHeal(t *testing.T) {
	d, b, f := synced(t, "abc")
	g := open(t, d, "g")
	d.Break("f", OnAny)
	for range 3 {
		wantErr(t, "append", d.Append(f, []byte("x")), env.ErrIO)
		_, err := d.ReadAt(f, 0, 1)
		wantErr(t, "read", err, env.ErrIO)
		must(t, d.Append(g, []byte("x")))
	}
	wantFired(t, b, FaultBroken, 6)
	d.Flush(f, env.Token{A: 7})
	if !strings.HasSuffix(b.flushes[0], "input/output error") {
		t.Fatal(b.flushes)
	}
	d.Heal()
	must(t, d.Append(f, []byte("y")))
	d.Break("", OnAny)
	wantErr(t, "the whole disk", d.Append(g, []byte("x")), env.ErrIO)
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "a/b", true}, {"a", "a", true}, {"a", "a/b", true}, {"a", "ab", false}, {"a/*.log", "a/0.log", true},
		{"a/*.log", "a/0.index", false}, {"*", "a/b", false}, {"[", "a", false}, {"abc", "a", false},
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.path, got)
		}
	}
}

func TestFullDisk(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.SetCapacity(8)
	must(t, d.Append(f, []byte("de")))
	must(t, d.WriteAt(f, 0, []byte("ABC"))) // takes no room
	wantErr(t, "append", d.Append(f, []byte("fghi")), env.ErrNoSpace)
	wantTree(t, "what fits was written", d.Files(), "f=ABCdefgh")
	if c := b.changes[len(b.changes)-1]; c.Off != 5 || c.Len != 3 {
		t.Fatalf("the host saw %+v", c)
	}
	wantErr(t, "append", d.Append(f, []byte("i")), env.ErrNoSpace)
	wantErr(t, "extend", d.Truncate(f, 9), env.ErrNoSpace)
	wantErr(t, "write over the end", d.WriteAt(f, 7, []byte("HI")), env.ErrNoSpace)
	wantTree(t, "a prefix", d.Files(), "f=ABCdefgH")
	wantFired(t, b, FaultFull, 4)
	space := func(want int64) {
		t.Helper()
		if free, total, err := d.Space(); free != want || total != 8 || err != nil {
			t.Fatalf("free %d of %d, %v; want %d", free, total, err, want)
		}
	}
	space(0)
	must(t, d.Truncate(f, 6))
	space(2)
	g := open(t, d, "g")
	appendTo(t, d, g, "z")
	must(t, d.Remove("f"))
	space(1) // the handle holds it
	must(t, d.Close(f))
	space(7)
	must(t, d.Rename("g", "h"))
	f = open(t, d, "f")
	appendTo(t, d, f, "123")
	must(t, d.Rename("h", "f")) // replaces it
	space(4)
	d.CrashProcess() // its last handle
	space(7)
	d.SetCapacity(0)
	wantErr(t, "append to less than nothing", d.Append(open(t, d, "f"), []byte("4567890")), env.ErrNoSpace)
	must(t, d.WriteAt(open(t, d, "f"), 0, []byte("1")))
	if free, _, _ := d.Space(); free != 0 {
		t.Fatalf("%d free of nothing", free)
	}
	d.SetCapacity(8)
	d.LosePower() // the durable f is back
	space(5)
}

func TestSlow(t *testing.T) {
	d, b, f := synced(t, "abc")
	start := b.lane
	must(t, d.Append(f, []byte("x"))) // a call 1, a KiB or part of one 1
	usual := b.lane - start
	d.Slow(5000)
	start = b.lane
	must(t, d.Append(f, []byte("x")))
	if got := b.lane - start; got != 5*usual || usual == 0 {
		t.Fatalf("took %d, usually %d", got, usual)
	}
	start = b.lane
	must(t, d.Sync(f))
	if got := b.lane - start; got != 5*1+5*101 {
		t.Fatalf("sync took %d", got)
	}
	if b.fired[FaultSlow] == 0 {
		t.Fatal("not counted")
	}
}

func TestDelay(t *testing.T) {
	d, b, f := synced(t, "abc")
	cost := func(what string, do func() error) Time {
		t.Helper()
		start := b.lane
		if err := do(); err != nil {
			t.Fatal(what, err)
		}
		return b.lane - start
	}
	calls := []struct {
		what string
		do   func() error
	}{
		{"append", func() error { return d.Append(f, []byte("x")) }},
		{"read", func() error { _, err := d.ReadAt(f, 0, 1); return err }},
		{"list", func() error { _, err := d.List(""); return err }},
		{"sync", func() error { return d.Sync(f) }},
		{"syncdir", func() error { return d.SyncDir("") }},
		{"rename", func() error { return d.Rename("f", "f") }},
	}
	var usual, delayed, slowed []Time
	round := func(to *[]Time) {
		for _, c := range calls {
			*to = append(*to, cost(c.what, c.do))
			b.later()
		}
	}
	round(&usual)
	wantFired(t, b, FaultSlow, 0)
	d.Delay(7000)
	round(&delayed)
	wantFired(t, b, FaultSlow, len(calls))
	d.Slow(3000)
	round(&slowed)
	for i, c := range calls {
		if delayed[i] != usual[i]+7000 || slowed[i] != 3*usual[i]+7000 {
			t.Errorf("%s took %d delayed and %d slowed too, usually %d", c.what, delayed[i], slowed[i], usual[i])
		}
	}
	d.Heal()
	var healed []Time
	round(&healed)
	if !slices.Equal(healed, usual) {
		t.Errorf("healed calls took %v, usually %v", healed, usual)
	}
}

func TestFillLastsUntilHeal(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.SetCapacity(100)
	d.Fill()
	wantErr(t, "append", d.Append(f, []byte("x")), env.ErrNoSpace)
	wantErr(t, "extend", d.Truncate(f, 4), env.ErrNoSpace)
	must(t, d.Truncate(f, 2))
	wantErr(t, "append to what was freed", d.Append(f, []byte("x")), env.ErrNoSpace)
	must(t, d.WriteAt(f, 0, []byte("z"))) // takes no room
	if free, total, _ := d.Space(); free != 0 || total != 100 {
		t.Fatalf("%d free of %d", free, total)
	}
	wantFired(t, b, FaultFull, 3)
	d.Heal()
	must(t, d.Append(f, []byte("x")))
	if free, total, _ := d.Space(); free != 97 || total != 100 {
		t.Fatalf("healed, %d free of %d: the capacity is not Fill's to change", free, total)
	}
	wantTree(t, "file", d.Files(), "f=zbx")
}

func TestStall(t *testing.T) {
	d, b, f := synced(t, "abc")
	until := b.clock + 5000
	d.Stall(until)
	must(t, d.Append(f, []byte("x")))
	must(t, d.Append(f, []byte("y")))
	if got := b.changes[0].Completes; got != until {
		t.Fatalf("first append completes at %d, want %d", got, until)
	}
	if got := b.lane; got != until+2 {
		t.Fatalf("two appends end at %d: the second waits no second time", got-until)
	}
	d, b, f = synced(t, "abc")
	until = b.clock + 5000
	appendTo(t, d, f, "x")
	d.Stall(until)
	d.Flush(f, env.Token{})
	b.clock = until - 1
	d.LosePower()
	wantTree(t, "a sync in a stall is not done", d.Files(), "f=abc")
	wantFired(t, b, FaultStalled, 1)
}

func TestLieOnce(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.LieOnce("f")
	appendTo(t, d, f, "d")
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "device after the lie", d.DurableFiles(), "f=abc")
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "device after the truth", d.DurableFiles(), "f=abcd")
	wantFired(t, b, FaultSyncLies, 1)
}

func TestLyingSync(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.LieOnSync(true)
	appendTo(t, d, f, "d")
	open(t, d, "g")
	must(t, d.Sync(f))
	must(t, d.SyncDir(""))
	b.later()
	if c := b.changes[len(b.changes)-1]; !c.Lied || c.Op != OpSyncDir {
		t.Fatalf("the host saw %+v", c)
	}
	wantTree(t, "device", d.DurableFiles(), "f=abc")
	wantFired(t, b, FaultSyncLies, 2)
	d.LieOnSync(false)
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "an honest sync brings what the lie kept", d.DurableFiles(), "f=abcd")
}

// As PostgreSQL found in 2018, the second fsync succeeds although the data are lost.
func TestForgetfulSync(t *testing.T) {
	d, b, f := synced(t, "abc")
	appendTo(t, d, f, "def")
	must(t, d.Sync(f)) // on its way: it still arrives
	appendTo(t, d, f, "ghi")
	d.ForgetOnSync("f")
	wantErr(t, "first sync", d.Sync(f), env.ErrIO)
	must(t, d.Sync(f))
	wantTree(t, "reads do not show it", d.Files(), "f=abcdefghi")
	b.later()
	wantTree(t, "device", d.DurableFiles(), "f=abcdef\x00\x00\x00")
	wantFired(t, b, FaultSyncForgets, 1)
	must(t, d.WriteAt(f, 6, []byte("GHI"))) // written again, it is dirty again
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "device", d.DurableFiles(), "f=abcdefGHI")
}

func TestBitRot(t *testing.T) {
	d, b, f := synced(t, "abc")
	before, _ := d.ReadAt(f, 0, 3)
	must(t, d.RotBit("f", 1, 0))
	wantTree(t, "cache", d.Files(), "f=acc")
	wantTree(t, "device", d.DurableFiles(), "f=acc")
	if string(before) != "abc" {
		t.Fatal("bytes in a reader's hands rotted")
	}
	wantErr(t, "no such byte", d.RotBit("f", 3, 0), env.ErrNotExist)
	wantErr(t, "no such file", d.RotBit("g", 0, 0), env.ErrNotExist)
	wantFired(t, b, FaultBitRot, 1)
	if len(b.changes) != 0 {
		t.Fatal("the disk reports an error")
	}
	appendTo(t, d, f, "d")
	must(t, d.RotBit("f", 3, 0)) // not stored yet: what is stored later is whole
	wantTree(t, "cache", d.Files(), "f=acce")
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "device", d.DurableFiles(), "f=accd")
}

func TestLostWrite(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.LoseWrite("f")
	must(t, d.WriteAt(f, 1, []byte("XYZ")))
	appendTo(t, d, f, "!")
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "reads do not show it", d.Files(), "f=aXYZ!")
	wantTree(t, "device", d.DurableFiles(), "f=abc\x00!")
	wantFired(t, b, FaultLostWrite, 1)
	d.DropCache()
	wantTree(t, "read from the device", d.Files(), "f=abc\x00!")
	appendTo(t, d, f, "more")
	d.DropCache()
	wantTree(t, "what is dirty stays", d.Files(), "f=abc\x00!more")
}

func TestMisdirectedWrite(t *testing.T) {
	d, b, f := synced(t, "abc")
	g := open(t, d, "g")
	appendTo(t, d, g, "0123456789")
	must(t, d.Sync(g))
	must(t, d.SyncDir(""))
	b.later()
	d.Misdirect("f", "g", 8)
	appendTo(t, d, f, "DEF")
	must(t, d.Sync(f))
	b.later()
	wantTree(t, "reads do not show it", d.Files(), "f=abcDEF g=0123456789")
	wantTree(t, "device", d.DurableFiles(), "f=abc\x00\x00\x00 g=01234567DE")
	wantFired(t, b, FaultMisdirected, 1)
	d.Misdirect("f", "f", 0) // the same file
	appendTo(t, d, f, "G")
	d.Misdirect("f", "nowhere", 0)
	appendTo(t, d, f, "H")
	d.LosePower()
	wantTree(t, "after power loss", d.Files(), "f=Gbc\x00\x00\x00 g=01234567DE")
}

func TestShortWrite(t *testing.T) {
	d, b, f := synced(t, "abc")
	d.CutShort("f")
	wantErr(t, "append", d.Append(f, []byte("defg")), env.ErrIO)
	wantTree(t, "a prefix", d.Files(), "f=abcde")
	if c := b.changes[0]; c.Off != 3 || c.Len != 2 {
		t.Fatalf("the host saw %+v", c)
	}
	wantFired(t, b, FaultShort, 1)
}

// Each decision of the noise, taken alone, does what its fault says, and is drawn once in a tick.
func TestNoise(t *testing.T) {
	for _, c := range []struct {
		site  env.Site
		noise Noise
		fault Fault
		do    func(d *Disk, f env.File) error
		err   error
		files string // page cache afterwards
		kept  string // device afterwards
	}{
		{"disk.read.error", Noise{ReadError: 1}, FaultError, read, env.ErrIO, "f=abcdefgh", "f=abcdefgh"},
		{"disk.write.error", Noise{WriteError: 1}, FaultError, write, env.ErrIO, "f=abcdefgh", "f=abcdefgh"},
		{"disk.sync.error", Noise{SyncError: 1}, FaultError, writeSync, env.ErrIO, "f=abcdefgh12345678", "f=abcdefgh"},
		{"disk.names.error", Noise{NamesError: 1}, FaultError, func(d *Disk, f env.File) error { return d.Mkdir("m") }, env.ErrIO, "f=abcdefgh", "f=abcdefgh"},
		{"disk.broken", Noise{Broken: 1}, FaultBroken, read, env.ErrIO, "f=abcdefgh", "f=abcdefgh"},
		{"disk.full", Noise{Full: 1}, FaultFull, write, env.ErrNoSpace, "f=abcdefgh1", "f=abcdefgh"},
		{"disk.short-write", Noise{Short: 1}, FaultShort, write, env.ErrIO, "f=abcdefgh1", "f=abcdefgh"},
		{"disk.sync-lies", Noise{SyncLies: 1}, FaultSyncLies, writeSync, nil, "f=abcdefgh12345678", "f=abcdefgh"},
		{"disk.sync-forgets", Noise{SyncForgets: 1}, FaultSyncForgets, writeSync, env.ErrIO, "f=abcdefgh12345678", "f=abcdefgh"},
		{"disk.lost-write", Noise{LostWrite: 1}, FaultLostWrite, writeSync, nil, "f=abcdefgh12345678", "f=abcdefgh\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"disk.bit-rot", Noise{BitRot: 1}, FaultBitRot, read, nil, "f=`bcdefgh", "f=`bcdefgh"},
		{"disk.slow", Noise{Slow: 1}, FaultSlow, read, nil, "f=abcdefgh", "f=abcdefgh"},
		{"disk.stalled", Noise{Stall: 1}, FaultStalled, read, nil, "f=abcdefgh", "f=abcdefgh"},
	} {
		d, b, f := synced(t, "abcdefgh")
		d.SetNoise(c.noise)
		draws := 0
		b.luck = func(site env.Site, ordinal, n uint64) uint64 {
			if site != c.site || ordinal != uint64(b.clock/noiseTick) {
				t.Fatalf("%s: drew %s %d", c.site, site, ordinal)
			}
			draws++
			return 1
		}
		if err := c.do(d, f); err != c.err {
			t.Errorf("%s: %v, want %v", c.site, err, c.err)
		}
		if draws != 1 || b.fired[c.fault] == 0 {
			t.Errorf("%s: %d draws, fired %v", c.site, draws, b.fired)
		}
		d.completeSyncs(b.lane)
		if cache, device := tree(d.Files()), tree(d.DurableFiles()); cache != c.files || device != c.kept {
			t.Errorf("%s: page cache %q, device %q", c.site, cache, device)
		}
		if c.fault == FaultBroken || c.fault == FaultSlow || c.fault == FaultStalled {
			continue // these last
		}
		c.do(d, f)
		if b.fired[c.fault] != 1 {
			t.Errorf("%s: fired %d times in a tick", c.site, b.fired[c.fault])
		}
	}
}

func TestNoiseDamage(t *testing.T) {
	// Misdirected writes need a sector to hit.
	d, b, f := synced(t, strings.Repeat("a", sector)+strings.Repeat("b", sector))
	d.SetNoise(Noise{Misdirected: 1})
	b.luck = func(_ env.Site, _, n uint64) uint64 {
		if n != 3 {
			t.Fatalf("one of %d sectors", n-1)
		}
		return 2
	}
	appendTo(t, d, f, "XY")
	d.LosePower()
	wantTree(t, "second sector hit", d.Files(), "f="+strings.Repeat("a", sector)+"XY"+strings.Repeat("b", sector-2))
	wantFired(t, b, FaultMisdirected, 1)
}

func read(d *Disk, f env.File) error  { _, err := d.ReadAt(f, 0, 8); return err }
func write(d *Disk, f env.File) error { return d.Append(f, []byte("12345678")) }
func writeSync(d *Disk, f env.File) error {
	if err := write(d, f); err != nil {
		return err
	}
	return d.Sync(f)
}

func TestEveryDiskFaultHasANameAndADoc(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Faults() {
		if !strings.HasPrefix(f.Name, "disk.") || f.Doc == "" || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
}
