package disk

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsa/sim/env"
)

// bench is a machine for one disk: the test moves the clock and decides the draws.
type bench struct {
	clock, lane Time
	changed     Time // when the last change is complete: no lane makes another before
	isDead      bool
	halted      bool // the process has not come further than the clock
	changes     []Change
	flushes     []string
	fired       map[Fault]int
	refused     map[Calls]int
	luck        func(site env.Site, ordinal, n uint64) uint64
	onChange    func()
}

func (b *bench) Dead() bool { return b.isDead }
func (b *bench) Spend(c env.Duration) Time {
	b.lane = max(b.lane, b.clock, b.changed) + Time(c)
	return b.lane
}
func (b *bench) Operated(c Change) {
	if c.Op != OpSync && c.Op != OpSyncDir {
		b.changed = c.Completes
	}
	b.changes = append(b.changes, c)
	if b.onChange != nil {
		b.onChange()
	}
}
func (b *bench) Flushed(at Time, tok env.Token, err error) {
	b.flushes = append(b.flushes, fmt.Sprintf("%d at %d: %v", tok.A, at, err))
}
func (b *bench) Now() Time { return b.clock }
func (b *bench) Ran() Time {
	if b.halted {
		return b.clock
	}
	return max(b.lane, b.clock)
}
func (b *bench) Chance(site env.Site, ordinal uint64, ppm uint32, n uint64) uint64 {
	if b.luck == nil || ppm == 0 {
		return 0
	}
	return b.luck(site, ordinal, n) % n
}
func (b *bench) Activated(f Fault)                { b.fired[f]++ }
func (b *bench) Refused(op Calls)                 { b.refused[op]++ }
func (b *bench) Ordered(string, string, ...int64) {}

// newBench is a disk with simple costs: a call 1, a sync 100, and per KiB 1 to copy and 10 to sync.
func newBench() (*Disk, *bench) {
	b := &bench{fired: map[Fault]int{}, refused: map[Calls]int{}}
	return NewIn(Profile{Call: 1, CopyKiB: 1, Sync: 100, SyncKiB: 10}, b), b
}

// later ends the event and completes all that it waits for.
func (b *bench) later() { b.clock = max(b.lane, b.clock) + 1_000_000; b.lane = b.clock }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, d *Disk, path string) env.File {
	t.Helper()
	f, err := d.Open(path, true)
	must(t, err)
	return f
}

func appendTo(t testing.TB, d *Disk, f env.File, s string) {
	t.Helper()
	must(t, d.Append(f, []byte(s)))
}

// tree is a view as text: "dir/ dir/file=bytes".
func tree(files []File) string {
	var parts []string
	for _, f := range files {
		if f.Dir {
			parts = append(parts, f.Path+"/")
		} else {
			parts = append(parts, f.Path+"="+string(f.Bytes()))
		}
	}
	return strings.Join(parts, " ")
}

func wantTree(t testing.TB, what string, files []File, want string) {
	t.Helper()
	if got := tree(files); got != want {
		t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func TestNamesFollowTheContract(t *testing.T) {
	d, b := newBench()
	must(t, d.Mkdir("a"))
	wantErr(t, "mkdir again", d.Mkdir("a"), env.ErrExist)
	wantErr(t, "mkdir without parent", d.Mkdir("x/y"), env.ErrNotExist)
	for _, path := range []string{"", "/a", "a/", "a//b", ".", "..", "a/.."} {
		if _, err := d.Open(path, true); err == nil {
			t.Fatalf("open %q worked", path)
		}
	}
	_, err := d.Open("a", false)
	wantErr(t, "open a directory", err, env.ErrBadFile)
	_, err = d.Open("a/f", false)
	wantErr(t, "open what is not there", err, env.ErrNotExist)
	f := open(t, d, "a/f")
	appendTo(t, d, f, "one")
	_, err = d.Open("a/f/g", true)
	wantErr(t, "open below a file", err, env.ErrNotExist)
	wantErr(t, "remove a full directory", d.Remove("a"), env.ErrNotEmpty)
	wantErr(t, "rename into itself", d.Rename("a", "a/b"), env.ErrExist)
	wantErr(t, "rename nothing", d.Rename("z", "y"), env.ErrNotExist)

	g := open(t, d, "g")
	appendTo(t, d, g, "two")
	wantErr(t, "rename a file over a directory", d.Rename("g", "a"), env.ErrExist)
	wantErr(t, "rename a directory over a file", d.Rename("a", "g"), env.ErrExist)
	must(t, d.Rename("g", "a/f")) // replaces; both handles stay
	appendTo(t, d, g, "+")
	appendTo(t, d, f, "-")
	must(t, d.Rename("a", "b"))
	must(t, d.Rename("b", "b"))
	wantTree(t, "after renames", d.Files(), "b/ b/f=two+")
	appendTo(t, d, g, "+")
	if c := b.changes[len(b.changes)-1]; c.Path != "b/f" || c.Off != 4 || c.Len != 1 || c.Op != OpWrite {
		t.Fatalf("the host saw %+v", c)
	}
	p, err := d.ReadAt(f, 0, 100)
	if string(p) != "one-" || err != nil {
		t.Fatalf("replaced file by its handle: %q, %v", p, err)
	}
	must(t, d.Remove("b/f"))
	must(t, d.Remove("b"))
	list, err := d.List("")
	if len(list) != 0 || err != nil {
		t.Fatalf("root has %v, %v", list, err)
	}
	_, err = d.List("b")
	wantErr(t, "list what is gone", err, env.ErrNotExist)
	wantErr(t, "sync what is gone", d.SyncDir("b"), env.ErrNotExist)
}

func TestHandlesDieWithTheProcessAndTheCacheStays(t *testing.T) {
	d, _ := newBench()
	f := open(t, d, "f")
	appendTo(t, d, f, "kept")
	d.CrashProcess()
	_, err := d.Size(f)
	wantErr(t, "old handle", err, env.ErrBadFile)
	g := open(t, d, "f")
	if g == f {
		t.Fatal("a handle came back")
	}
	wantTree(t, "cache", d.Files(), "f=kept")
	wantTree(t, "device", d.DurableFiles(), "")
	must(t, d.Close(g))
	wantErr(t, "close twice", d.Close(g), env.ErrBadFile)
	wantErr(t, "no handle", d.Append(0, nil), env.ErrBadFile)
}

func TestDeadMachineDoesNothing(t *testing.T) {
	d, b := newBench()
	f := open(t, d, "f")
	b.isDead = true
	before, digest := len(b.changes), d.Digest()
	_, openErr := d.Open("g", true)
	_, sizeErr := d.Size(f)
	_, readErr := d.ReadAt(f, 0, 1)
	_, listErr := d.List("")
	_, _, spaceErr := d.Space()
	for what, err := range map[string]error{
		"open": openErr, "size": sizeErr, "read": readErr, "list": listErr, "space": spaceErr,
		"append": d.Append(f, []byte("x")), "write": d.WriteAt(f, 0, []byte("x")), "truncate": d.Truncate(f, 9),
		"sync": d.Sync(f), "syncdir": d.SyncDir(""), "rename": d.Rename("f", "g"), "remove": d.Remove("f"),
		"mkdir": d.Mkdir("m"), "close": d.Close(f),
	} {
		wantErr(t, what, err, env.ErrDead)
	}
	d.Flush(f, env.Token{})
	if len(b.changes) != before || len(b.flushes) != 0 || d.Digest() != digest {
		t.Fatal("a dead machine changed its disk")
	}
}

// A file's name and its bytes need separate syncs.
func TestPowerLossKeepsWhatWasSynced(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(d *Disk, f env.File)
		want string
	}{
		{"nothing synced", func(d *Disk, f env.File) {}, ""},
		{"bytes synced", func(d *Disk, f env.File) { d.Sync(f) }, ""},
		{"name synced", func(d *Disk, f env.File) { d.SyncDir("") }, "f="},
		{"both synced", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir("") }, "f=abc"},
		{"more after", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Append(f, []byte("d")) }, "f=abc"},
		{"cut after", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Truncate(f, 1) }, "f=abc"},
		{"overwritten after", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.WriteAt(f, 1, []byte("X")) }, "f=abc"},
		{"cut and synced", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Truncate(f, 1); d.Sync(f) }, "f=a"},
		{"renamed after", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Rename("f", "g") }, "f=abc"},
		{"removed after", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Remove("f") }, "f=abc"},
		{"removed and synced", func(d *Disk, f env.File) { d.Sync(f); d.SyncDir(""); d.Remove("f"); d.SyncDir("") }, ""},
		{"made again", func(d *Disk, f env.File) {
			d.Sync(f)
			d.SyncDir("")
			d.Remove("f")
			g, _ := d.Open("f", true)
			d.Append(g, []byte("new"))
			d.Sync(g)
		}, "f=abc"},
		{"in an unsynced directory", func(d *Disk, f env.File) {
			d.Mkdir("m")
			d.Rename("f", "m/f")
			d.Sync(f)
		}, ""},
		// The rename is one change of root and m, and the root's earlier changes made m.
		{"moved into a synced directory", func(d *Disk, f env.File) {
			d.Mkdir("m")
			d.Rename("f", "m/f")
			d.Sync(f)
			d.SyncDir("m")
		}, "m/ m/f=abc"},
		{"moved, source synced", func(d *Disk, f env.File) {
			d.Mkdir("m")
			d.Sync(f)
			d.SyncDir("")
			d.Rename("f", "m/f")
			d.SyncDir("")
		}, "m/ m/f=abc"},
		{"directory removed with synced content", func(d *Disk, f env.File) {
			d.Mkdir("m")
			d.Rename("f", "m/f")
			d.Sync(f)
			d.SyncDir("m")
			d.Remove("m/f")
			d.SyncDir("m")
			d.Remove("m")
		}, "m/"},
	} {
		d, b := newBench()
		f := open(t, d, "f")
		appendTo(t, d, f, "abc")
		c.do(d, f)
		b.later()
		wantTree(t, c.what+": device", d.DurableFiles(), c.want)
		d.LosePower()
		wantTree(t, c.what+": after power loss", d.Files(), c.want)
		_, err := d.Size(f)
		wantErr(t, "old handle", err, env.ErrBadFile)
	}
}

func TestASyncTakesEffectWhenItCompletes(t *testing.T) {
	d, b := newBench()
	f := open(t, d, "f")
	must(t, d.SyncDir(""))
	b.later()
	appendTo(t, d, f, strings.Repeat("x", 1024))
	must(t, d.Sync(f))
	appendTo(t, d, f, "late")
	c := b.changes[len(b.changes)-2]
	if c.Op != OpSync || c.Len != 1024 || c.Completes != b.clock+2+1+110 {
		t.Fatalf("sync: %+v at %d", c, b.clock)
	}
	for _, early := range []bool{true, false} {
		e, h := newBench()
		f := open(t, e, "f")
		must(t, e.SyncDir(""))
		h.later()
		appendTo(t, e, f, "abc")
		must(t, e.Sync(f))
		appendTo(t, e, f, "late")
		done := h.changes[len(h.changes)-2].Completes
		if early {
			h.clock = done - 1
			e.LosePower()
			wantTree(t, "power lost inside the sync", e.Files(), "f=")
		} else {
			h.clock = done
			e.LosePower()
			wantTree(t, "power lost after the sync", e.Files(), "f=abc")
		}
	}
}

func TestFlushesQueueOnTheDevice(t *testing.T) {
	d, b := newBench()
	f, g := open(t, d, "f"), open(t, d, "g") // lane at 2
	d.Flush(f, env.Token{A: 1})              // 3..103
	d.Flush(g, env.Token{A: 2})              // 103..203
	d.Flush(99, env.Token{A: 3})
	want := "[1 at 103: <nil> 2 at 203: <nil> 3 at 5: bad file handle]"
	if got := fmt.Sprint(b.flushes); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	must(t, d.Sync(f)) // waits for both
	if b.lane != 303 {
		t.Fatalf("the lane was busy until %d, want 303", b.lane)
	}
}

// The machine may die inside Operated; the call must not touch the disk afterwards.
func TestPowerLossInsideACall(t *testing.T) {
	d, b := newBench()
	f := open(t, d, "f")
	must(t, d.SyncDir(""))
	b.later()
	b.onChange = func() {
		b.isDead = true
		d.LosePower()
	}
	must(t, d.Append(f, []byte("abc")))
	wantErr(t, "next call", d.Append(f, []byte("def")), env.ErrDead)
	wantTree(t, "after", d.Files(), "f=")
	if d.used != 0 {
		t.Fatalf("%d bytes used", d.used)
	}
}

// No change of a file changes the bytes that a reader got.
func TestBytesHandedOutNeverChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(Profile{})
		f, _ := d.Open("f", true)
		type seen struct{ got, want []byte }
		var reads []seen
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			size, _ := d.Size(f)
			switch rapid.IntRange(0, 8).Draw(t, "step") {
			case 0, 1, 2:
				d.Append(f, bytes.Repeat([]byte{byte(i + 1)}, rapid.SampledFrom([]int{1, 100, 511, 5000, 70_000}).Draw(t, "n")))
			case 3:
				d.WriteAt(f, rapid.Int64Range(0, size).Draw(t, "off"), bytes.Repeat([]byte{byte(i + 1)}, 700))
			case 4:
				d.Truncate(f, rapid.Int64Range(0, size+200_000).Draw(t, "size"))
			case 5:
				d.Sync(f)
				d.SyncDir("")
			case 6:
				if size > 0 {
					d.RotBit("f", rapid.Int64Range(0, size-1).Draw(t, "rot"), 3)
				}
			case 7:
				d.DropCache()
			case 8:
				d.Sync(f)
				d.SyncDir("")
				d.LosePower()
				f, _ = d.Open("f", true)
			}
			size, _ = d.Size(f)
			off := rapid.Int64Range(0, size).Draw(t, "read")
			p, err := d.ReadAt(f, off, rapid.IntRange(0, 100_000).Draw(t, "n"))
			if err != nil {
				t.Fatal(err)
			}
			p = append(p, 0xff)[:len(p)] // a careless reader must not reach what follows
			reads = append(reads, seen{p, bytes.Clone(p)})
			for j, r := range reads {
				if !bytes.Equal(r.got, r.want) {
					t.Fatalf("read %d of %d changed", j, len(reads))
				}
			}
		}
	})
}

func TestClonesGoTheirOwnWays(t *testing.T) {
	var a content
	a.append([]byte("abc"))
	b := a.clone()
	b.append([]byte("B"))
	a.append([]byte("A"))
	c := a.clone()
	c.flip(0, 0)
	c.resize(2)
	c.append([]byte("C"))
	for want, got := range map[string]*content{"abcA": &a, "abcB": &b, "`bC": &c} {
		if p := string(got.read(0, int(got.size))); p != want {
			t.Errorf("got %q, want %q", p, want)
		}
	}
}

// Without faults a disk is a map from names to bytes, in the page cache and, one sync later, on the device.
func TestDiskIsAMapOfBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := New(CloudVolume())
		model := map[string][]byte{}
		durable := map[string][]byte{} // bytes that were synced, by name; names are synced with them
		names := []string{"a", "b", "c", "d"}
		for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			old, there := model[name]
			f, err := d.Open(name, false)
			if (err == nil) != there {
				t.Fatalf("open %s: %v, there is %v", name, err, there)
			}
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2, 3:
				f, _ = d.Open(name, true)
				p := bytes.Repeat([]byte{byte(i + 1)}, rapid.SampledFrom([]int{0, 1, 300, 3000, 66_000}).Draw(t, "n"))
				d.Append(f, p)
				model[name] = append(bytes.Clone(old), p...)
			case 4:
				if there {
					off := rapid.IntRange(0, len(old)).Draw(t, "off")
					p := bytes.Repeat([]byte{byte(i + 1)}, 600)
					d.WriteAt(f, int64(off), p)
					fresh := bytes.Clone(old)
					fresh = append(fresh[:off], p...)
					if off+len(p) < len(old) {
						fresh = append(fresh, old[off+len(p):]...)
					}
					model[name] = fresh
				}
			case 5:
				if there {
					size := rapid.IntRange(0, len(old)+70_000).Draw(t, "size")
					d.Truncate(f, int64(size))
					fresh := make([]byte, size)
					copy(fresh, old)
					model[name] = fresh
				}
			case 6:
				if d.Remove(name) == nil != there {
					t.Fatalf("remove %s", name)
				}
				delete(model, name)
			case 7:
				to := rapid.SampledFrom(names).Draw(t, "to")
				if d.Rename(name, to) == nil != there {
					t.Fatalf("rename %s %s", name, to)
				}
				if there && to != name {
					model[to] = old
					delete(model, name)
				}
			case 8:
				for n := range model {
					g, _ := d.Open(n, false)
					d.Sync(g)
				}
				d.SyncDir("")
				durable = map[string][]byte{}
				for n, p := range model {
					durable[n] = p
				}
			case 9:
				d.LosePower()
				model = map[string][]byte{}
				for n, p := range durable {
					model[n] = p
				}
			}
			same(t, d, model, rapid.Bool().Draw(t, "log"))
			if d.used > 20<<20 {
				break
			}
		}
	})
}

// same compares a disk with the model. A look at the log of dirty writes closes the open one, so it is not taken always.
func same(t *rapid.T, d *Disk, model map[string][]byte, log bool) {
	files := d.Files()
	if len(files) != len(model) {
		t.Fatalf("got %d files, want %d", len(files), len(model))
	}
	for _, f := range files {
		if want, ok := model[f.Path]; !ok || !bytes.Equal(f.Bytes(), want) {
			t.Fatalf("%s has %d bytes, want %d; or they differ", f.Path, f.Size, len(want))
		}
		if !log {
			continue
		}
		node := d.walk(f.Path)
		node.freeze()
		if b := node.recovered(node.whole()); !bytes.Equal(b.read(0, int(b.size)), f.Bytes()) {
			t.Fatalf("%s: device and dirty writes do not make the page cache", f.Path)
		}
	}
}

func TestLongLogsReachTheDeviceUnasked(t *testing.T) {
	d, b := newBench()
	f := open(t, d, "f")
	appendTo(t, d, f, "....")
	for i := range 5 * mostDirtyWrites {
		must(t, d.WriteAt(f, int64(i%4), []byte{byte('a' + i%26)}))
	}
	if n := len(d.walk("f").dirty); n > mostDirtyWrites {
		t.Fatalf("%d dirty writes", n)
	}
	for i := range 2 * mostNameEdits {
		open(t, d, fmt.Sprintf("n%05d", i))
	}
	if n := len(d.nameLog); n > mostNameEdits {
		t.Fatalf("%d name changes", n)
	}
	want := tree(d.Files()[:1])
	must(t, d.Sync(f))
	must(t, d.SyncDir(""))
	b.later()
	wantTree(t, "device", d.DurableFiles()[:1], want)
}

func TestDigestSeesEveryKindOfChange(t *testing.T) {
	d, b := newBench()
	seen := map[uint64]string{d.Digest(): "empty"}
	f := open(t, d, "f")
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"create", func() error { return nil }},
		{"append", func() error { return d.Append(f, []byte("abc")) }},
		{"overwrite", func() error { return d.WriteAt(f, 0, []byte("x")) }},
		{"sync name", func() error { return d.SyncDir("") }},
		{"sync", func() error { return d.Sync(f) }},
		{"cut", func() error { return d.Truncate(f, 2) }},
		{"extend", func() error { return d.Truncate(f, 3) }},
		{"rename", func() error { return d.Rename("f", "g") }},
		{"rot", func() error { return d.RotBit("g", 0, 1) }},
		{"mkdir", func() error { return d.Mkdir("m") }},
	} {
		must(t, step.do())
		b.later()
		h := d.Digest()
		if was, ok := seen[h]; ok {
			t.Fatalf("%s looks like %s", step.what, was)
		}
		if h != d.Digest() {
			t.Fatalf("%s: looking changed it", step.what)
		}
		seen[h] = step.what
	}
}

func TestExportIsWhatProcessesSee(t *testing.T) {
	d, _ := newBench()
	must(t, d.Mkdir("m"))
	appendTo(t, d, open(t, d, "m/f"), "abc")
	appendTo(t, d, open(t, d, "e"), "def")
	var got []string
	must(t, d.Export(func(path string, dir bool, p []byte) error {
		got = append(got, fmt.Sprintf("%s %v %s", path, dir, p))
		return nil
	}))
	if fmt.Sprint(got) != "[e false def m true  m/f false abc]" {
		t.Fatal(got)
	}
}
