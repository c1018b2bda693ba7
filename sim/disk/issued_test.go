package disk

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsa/sim/env"
)

// deed is one call of a script that two disks run.
type deed struct {
	what, file, size int
}

func (k deed) do(d *Disk, files []env.File) {
	names := []string{"a", "b", "m/a"}
	f := files[k.file]
	switch k.what {
	case 0, 1, 2:
		_ = d.Append(f, bytes.Repeat([]byte{byte('a' + k.size%26)}, k.size))
	case 3:
		size, _ := d.Size(f)
		_ = d.WriteAt(f, min(size, int64(k.size)), []byte("overwritten"))
	case 4:
		_ = d.Truncate(f, int64(k.size))
	case 5:
		_ = d.Rename(names[k.file], names[k.size%3])
	case 6:
		_ = d.Remove(names[k.file])
	case 7:
		_ = d.Sync(f)
	case 8:
		_ = d.SyncDir([]string{"", "m"}[k.size%2])
	case 9:
		d.Flush(f, env.Token{})
	case 10:
		_ = d.Rename("m", "k/m")
	}
}

// At time t a power loss leaves the same states as if the process had made only the calls that begin by then.
func TestCallsThatAreNotIssuedLeaveNothing(t *testing.T) {
	cut, tried := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(deeds(), 0, 2).Draw(t, "paid")
		script := rapid.SliceOfN(deeds(), 1, 6).Draw(t, "script")
		prepare := func() (*Disk, *bench, []env.File) {
			d, b := newBench()
			_ = d.Mkdir("m")
			_ = d.Mkdir("k")
			var files []env.File
			for _, name := range []string{"a", "b", "m/a"} {
				f, _ := d.Open(name, true)
				files = append(files, f)
			}
			_ = d.SyncDir("m")
			_ = d.SyncDir("")
			for _, k := range before {
				k.do(d, files)
			}
			b.later()
			b.halted = true
			return d, b, files
		}
		d, b, files := prepare()
		start := b.clock
		for _, k := range script {
			k.do(d, files)
		}
		b.clock = start + Time(rapid.Int64Range(0, int64(b.lane-start)).Draw(t, "ran for"))
		only, c, files := prepare()
		for _, k := range script {
			if c.lane > b.clock {
				cut++
				break
			}
			k.do(only, files)
		}
		c.clock = b.clock
		got, want := someStates(d), someStates(only)
		if len(want) > 3000 {
			return
		}
		tried++
		if !slices.Equal(got, want) {
			t.Fatalf("%d crash states, want %d:\n got %.300q\nwant %.300q", len(got), len(want), got, want)
		}
	})
	if cut*3 < tried {
		t.Errorf("only %d of %d scripts were cut", cut, tried)
	}
}

func deeds() *rapid.Generator[deed] {
	return rapid.Custom(func(t *rapid.T) deed {
		return deed{rapid.IntRange(0, 10).Draw(t, "what"), rapid.IntRange(0, 2).Draw(t, "file"), rapid.IntRange(1, 300).Draw(t, "size")}
	})
}

// someStates is states, but stops at some thousands.
func someStates(d *Disk) []string {
	var list []string
	for s := range d.CrashStates {
		if list = append(list, tree(s.Files())); len(list) > 3000 {
			break
		}
	}
	slices.Sort(list)
	return list
}

// Appends of one event join those of earlier ones, and are cut off again: inside a chunk and across its border.
func TestJoinedAppendsAreCut(t *testing.T) {
	for _, size := range []int{100, chunkSize - 50, chunkSize, 2*chunkSize + 7} {
		for _, synced := range []bool{false, true} {
			d, b := newBench()
			f := open(t, d, "f")
			must(t, d.SyncDir(""))
			b.later()
			appendTo(t, d, f, strings.Repeat("x", size))
			b.later()
			b.halted = true
			appendTo(t, d, f, "y")
			b.lane += 10
			appendTo(t, d, f, strings.Repeat("z", chunkSize+1))
			if synced {
				must(t, d.Sync(f)) // freezes the write
			}
			d.SetNoise(Noise{Torn: 1_000_000})
			b.luck = func(env.Site, uint64, uint64) uint64 { return keepAll }
			d.LosePower()
			wantTree(t, "the first append of the event is issued, the second is not", d.Files(), "f="+strings.Repeat("x", size)+"y")
		}
	}
}
