package disk

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsa/sim/env"
)

// states lists all states that a power loss could leave, sorted.
func states(d *Disk) []string {
	var list []string
	d.CrashStates(func(s *Disk) bool {
		list = append(list, tree(s.Files()))
		return true
	})
	slices.Sort(list)
	return list
}

func wantStates(t *testing.T, what string, d *Disk, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := states(d); !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestCrashStatesOfNames(t *testing.T) {
	d := New(Profile{})
	must(t, d.Mkdir("m"))
	open(t, d, "m/a")
	open(t, d, "m/b")
	wantStates(t, "a prefix of each directory", d, "", "m/", "m/ m/a=", "m/ m/a= m/b=")
	must(t, d.SyncDir(""))
	must(t, d.SyncDir("m"))
	wantStates(t, "all synced", d, "m/ m/a= m/b=")
	must(t, d.Rename("m/a", "m/b"))
	wantStates(t, "a rename is whole or not at all", d, "m/ m/a= m/b=", "m/ m/b=")
	must(t, d.SyncDir("m"))
	must(t, d.Rename("m/b", "c"))
	wantStates(t, "between directories too", d, "m/ m/b=", "c= m/")
	must(t, d.Remove("m"))
	wantStates(t, "and what follows stands on it", d, "m/ m/b=", "c= m/", "c=")
}

// If directories change places, no crash leaves one below itself.
func TestCrashStatesOfMovedDirectories(t *testing.T) {
	d := New(Profile{})
	for _, path := range []string{"p", "p/q", "r", "s"} {
		must(t, d.Mkdir(path))
	}
	must(t, d.Rename("s", "p/s"))
	must(t, d.SyncDir("p"))
	must(t, d.SyncDir(""))
	must(t, d.Rename("p/q", "r/q"))
	must(t, d.Rename("p", "r/q/p"))
	wantStates(t, "moved", d, "p/ p/q/ p/s/ r/", "p/ p/s/ r/ r/q/", "r/ r/q/ r/q/p/ r/q/p/s/")
}

func TestCrashStatesOfBytes(t *testing.T) {
	d := New(Profile{})
	f := open(t, d, "f")
	must(t, d.SyncDir(""))
	appendTo(t, d, f, "ab")
	appendTo(t, d, f, "c")
	// Length 0, 2 or 3; the sector written or not.
	wantStates(t, "appended", d, "f=", "f=ab", "f=abc", "f=\x00\x00", "f=\x00\x00\x00")
	must(t, d.Sync(f))
	must(t, d.WriteAt(f, 1, []byte("X")))
	must(t, d.WriteAt(f, 2, []byte("Y")))
	wantStates(t, "overwritten in order", d, "f=abc", "f=aXc", "f=aXY")
	must(t, d.Sync(f))
	must(t, d.Truncate(f, 1))
	appendTo(t, d, f, "z")
	wantStates(t, "cut and appended", d,
		"f=aXY", "f=a\x00\x00", "f=az\x00", // the length of before
		"f=a",                     // cut
		"f=aX", "f=a\x00", "f=az") // appended
}

func TestCrashStatesTearBetweenSectors(t *testing.T) {
	d := New(Profile{})
	f := open(t, d, "f")
	appendTo(t, d, f, strings.Repeat("a", 3*sector))
	must(t, d.Sync(f))
	must(t, d.SyncDir(""))
	must(t, d.WriteAt(f, sector/2, bytes.Repeat([]byte("b"), 2*sector)))
	got := map[string]bool{}
	d.CrashStates(func(s *Disk) bool {
		p := s.Files()[0].Bytes()
		got[string([]byte{p[sector/2], p[sector], p[2*sector]})] = true
		return true
	})
	if len(got) != 8 {
		t.Fatalf("three sectors survive in %d ways, want 8", len(got))
	}
}

// The way Kafka replaces its checkpoints, and quorum-state: write a temporary file, sync it, rename it, sync the
// directory. After every call and in every crash state the file is wholly old or wholly new, but not if a sync is left out.
func TestReplacingAFile(t *testing.T) {
	oldBytes, newBytes := strings.Repeat("old ", 200), strings.Repeat("new!", 300) // two and three sectors
	type call struct {
		what string
		do   func(d *Disk) error
	}
	protocol := []call{
		{"create", func(d *Disk) error { _, err := d.Open("m/f.tmp", true); return err }},
		{"write half", func(d *Disk) error { f, _ := d.Open("m/f.tmp", false); return d.Append(f, []byte(newBytes[:700])) }},
		{"write rest", func(d *Disk) error { f, _ := d.Open("m/f.tmp", false); return d.Append(f, []byte(newBytes[700:])) }},
		{"sync", func(d *Disk) error { f, _ := d.Open("m/f.tmp", false); return d.Sync(f) }},
		{"rename", func(d *Disk) error { return d.Rename("m/f.tmp", "m/f") }},
		{"sync directory", func(d *Disk) error { return d.SyncDir("m") }},
	}
	fresh := func() *Disk {
		d := New(CloudVolume())
		must(t, d.Mkdir("m"))
		f := open(t, d, "m/f")
		appendTo(t, d, f, oldBytes)
		must(t, d.Sync(f))
		must(t, d.SyncDir("m"))
		must(t, d.SyncDir(""))
		return d
	}
	// inspect counts the crash states in which the file is old, new and neither.
	inspect := func(d *Disk) (isOld, isNew, torn int) {
		d.CrashStates(func(s *Disk) bool {
			f, err := s.Open("m/f", false)
			must(t, err)
			switch p, _ := s.ReadAt(f, 0, 1<<20); string(p) {
			case oldBytes:
				isOld++
			case newBytes:
				isNew++
			default:
				torn++
			}
			return true
		})
		return isOld, isNew, torn
	}

	total := 0
	for n := range len(protocol) + 1 {
		d := fresh()
		for _, c := range protocol[:n] {
			must(t, c.do(d))
		}
		isOld, isNew, torn := inspect(d)
		total += isOld + isNew
		if torn > 0 {
			t.Fatalf("after %d calls %d crash states have neither the old nor the new file", n, torn)
		}
		if last := n == len(protocol); last != (isOld == 0) || n < 5 && isNew > 0 {
			t.Fatalf("after %d calls: %d states with the old file, %d with the new", n, isOld, isNew)
		}
	}
	t.Logf("%d crash states", total)

	for _, skip := range []int{3, 5} {
		d := fresh()
		for i, c := range protocol {
			if i != skip {
				must(t, c.do(d))
			}
		}
		isOld, isNew, torn := inspect(d)
		if skip == 3 && torn == 0 {
			t.Fatal("without the file's sync no crash state is torn")
		}
		if skip == 5 && isOld == 0 {
			t.Fatalf("without the directory's sync no crash state is old: %d new, %d torn", isNew, torn)
		}
	}
}

func TestCrashStatesStopWhenToldTo(t *testing.T) {
	d := New(Profile{})
	for i := range 5 {
		appendTo(t, d, open(t, d, fmt.Sprint(i)), "abc")
	}
	n, first := 0, ""
	for s := range d.CrashStates {
		if n == 0 {
			first = tree(s.Files())
		}
		if n++; n == 7 {
			break
		}
	}
	if n != 7 || first != "" {
		t.Fatalf("%d states, the first is %q", n, first)
	}
}

// A survivor is a disk of its own.
func TestCrashStatesShareNothing(t *testing.T) {
	d := New(Profile{})
	f := open(t, d, "f")
	appendTo(t, d, f, "abc")
	must(t, d.Sync(f))
	must(t, d.SyncDir(""))
	for s := range d.CrashStates {
		g := open(t, s, "f")
		appendTo(t, s, g, "from the survivor")
		must(t, s.WriteAt(g, 0, []byte("XYZ")))
		must(t, s.Sync(g))
		must(t, s.Remove("f"))
	}
	appendTo(t, d, f, "def")
	wantTree(t, "original", d.Files(), "f=abcdef")
}

// A survivor is made of chunks that readers of the old disk share.
func TestCrashStatesTouchNoReadersBytes(t *testing.T) {
	d := New(Profile{})
	f := open(t, d, "f")
	must(t, d.SyncDir(""))
	var got, want [][]byte
	for _, step := range []struct {
		off int64
		p   string
	}{{0, strings.Repeat("a", 1500)}, {512, strings.Repeat("b", 512)}, {256, strings.Repeat("c", 512)}} {
		must(t, d.WriteAt(f, step.off, []byte(step.p)))
		p, err := d.ReadAt(f, 0, 1500)
		must(t, err)
		got, want = append(got, p), append(want, bytes.Clone(p))
	}
	n := 0
	for range d.CrashStates {
		n++
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("crash state %d changed read %d", n, i)
			}
		}
	}
	if n < 20 {
		t.Fatalf("only %d states", n)
	}
}

// mess makes one random call on a small disk.
func mess(t *rapid.T, d *Disk, b *bench, i int) {
	names := []string{"a", "b", "m/a"}
	name := rapid.SampledFrom(names).Draw(t, "name")
	f, err := d.Open(name, rapid.Bool().Draw(t, "create"))
	if err != nil {
		return
	}
	size, _ := d.Size(f)
	switch rapid.IntRange(0, 11).Draw(t, "step") {
	case 0, 1, 2:
		d.Append(f, bytes.Repeat([]byte{byte('a' + i%26)}, rapid.IntRange(1, 700).Draw(t, "n")))
	case 3:
		d.WriteAt(f, rapid.Int64Range(0, size).Draw(t, "off"), bytes.Repeat([]byte{byte('a' + i%26)}, 100))
	case 4:
		d.Truncate(f, rapid.Int64Range(0, size+300).Draw(t, "size"))
	case 5:
		d.Rename(name, rapid.SampledFrom(names).Draw(t, "to"))
	case 6:
		d.Remove(name)
	case 7:
		d.Sync(f)
	case 8:
		d.SyncDir(rapid.SampledFrom([]string{"", "m"}).Draw(t, "dir"))
	case 9:
		b.later()
	case 10: // another lane, which waits for changes and for no sync
		b.lane = b.clock + Time(rapid.IntRange(0, 200).Draw(t, "paid"))
	case 11:
		d.Mkdir("k")
		d.Rename("m", "k/m")
	}
}

// A power loss by chance leaves one of the states that CrashStates lists, and keeps the synced bytes.
func TestPowerLossByChanceIsACrashState(t *testing.T) {
	torn, tried := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d, b := newBench()
		d.SetNoise(Noise{Torn: 1_000_000})
		if err := d.Mkdir("m"); err != nil {
			t.Fatal(err)
		}
		d.SyncDir("")
		b.later()
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			mess(t, d, b, i)
		}
		salt := rapid.Uint64().Draw(t, "salt")
		b.luck = func(site env.Site, ordinal, n uint64) uint64 {
			v := fold(fold(salt, ordinal), uint64(len(site))) % n
			if site == "disk.power.length" && v == lengthStale {
				return lengthFinal
			}
			return v
		}
		b.halted = rapid.Bool().Draw(t, "halted")
		b.clock += Time(rapid.IntRange(0, 200).Draw(t, "ran for"))
		all := map[string]bool{}
		for s := range d.CrashStates {
			if all[tree(s.Files())] = true; len(all) > 20_000 {
				return
			}
		}
		durable := d.DurableFiles()
		d.LosePower()
		got := tree(d.Files())
		if !all[got] {
			t.Fatalf("%q is none of %d crash states; durable was %q", got, len(all), tree(durable))
		}
		if tree(d.DurableFiles()) != got {
			t.Fatal("page cache and device differ after a power loss")
		}
		tried++
		if got != tree(durable) {
			torn++
		}
	})
	if torn*4 < tried {
		t.Fatalf("only %d of %d power losses left something unsynced", torn, tried)
	}
}

// Each way a file can come out of a power loss, pinned.
func TestWaysToSurvive(t *testing.T) {
	const n = 20 * sector
	for _, c := range []struct {
		what        string
		file, extra uint64 // values of disk.power.file and of what it draws next
		length      uint64
		fault       Fault
		check       func(p []byte) bool
	}{
		{"nothing", keepNothing, 0, 0, Fault{}, func(p []byte) bool { return len(p) == 0 }},
		{"all", keepAll, 0, 0, FaultKept, func(p []byte) bool { return bytes.Count(p, []byte("x")) == n }},
		{"first pages", keepFirstPages, 1, lengthOfBytes, FaultTorn, func(p []byte) bool { return string(p) == strings.Repeat("x", 8*sector) }},
		{"first sectors", keepFirstSectors, 3, lengthOfBytes, FaultTorn, func(p []byte) bool { return string(p) == strings.Repeat("x", 3*sector) }},
		{"first sectors and zeros", keepFirstSectors, 3, lengthFinal, FaultTorn, func(p []byte) bool {
			return len(p) == n && bytes.Count(p, []byte("x")) == 3*sector && bytes.Count(p, []byte{0}) == 17*sector
		}},
		{"first sectors and stale bytes", keepFirstSectors, 3, lengthStale, FaultStale, func(p []byte) bool {
			return len(p) == n && string(p[:3*sector]) == strings.Repeat("x", 3*sector) && bytes.Count(p[3*sector:], []byte{0}) < sector
		}},
		{"odd pages", keepSomePages, 99, lengthFinal, FaultTorn, func(p []byte) bool {
			return len(p) == n && p[0] == 0 && p[8*sector] == 'x' && p[16*sector-1] == 'x' && p[16*sector] == 0
		}},
		{"odd sectors", keepSomeSectors, 99, lengthFinal, FaultTorn, func(p []byte) bool {
			return len(p) == n && bytes.Count(p, []byte("x")) == n/2 && p[0] == 0 && p[sector] == 'x'
		}},
	} {
		d, b := newBench()
		f := open(t, d, "f")
		must(t, d.SyncDir(""))
		b.later()
		d.SetNoise(Noise{Torn: 500_000})
		b.luck = func(site env.Site, ordinal, n uint64) uint64 {
			switch site {
			case "disk.power.file":
				return c.file
			case "disk.power.length":
				return c.length
			case "disk.power.unit":
				return ordinal & 1
			}
			return c.extra
		}
		appendTo(t, d, f, strings.Repeat("x", n))
		d.LosePower()
		if p := d.Files()[0].Bytes(); !c.check(p) {
			t.Errorf("%s: %d bytes, %d written, %d zero", c.what, len(p), bytes.Count(p, []byte("x")), bytes.Count(p, []byte{0}))
		}
		if c.fault.Name != "" && b.fired[c.fault] != 1 {
			t.Errorf("%s: %v", c.what, b.fired)
		}
	}
}

func TestSomeNamesSurvive(t *testing.T) {
	d, b := newBench()
	d.SetNoise(Noise{Torn: 500_000})
	for _, name := range []string{"a", "b", "c"} {
		open(t, d, name)
	}
	b.luck = func(site env.Site, _, _ uint64) uint64 {
		if site == "disk.power.names" {
			return 2
		}
		return 0
	}
	d.LosePower()
	wantTree(t, "two of three", d.Files(), "a= b=")
	if b.fired[FaultNames] != 1 {
		t.Fatal(b.fired)
	}
}
