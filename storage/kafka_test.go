package storage_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"samsa/internal/kafkajars"
	"samsa/sim/disk"
	"samsa/storage"
	"samsa/wire"
)

// Apache Kafka's own DumpLogSegments must read all files of storage: of a topic that rolled, was truncated by epoch, lost power
// and recovered, with every codec and every kind of producer; and its output must match the scribe's ledger.
func TestKafkaReadsWhatStorageWrites(t *testing.T) {
	j := kafkajars.Need(t)
	root := t.TempDir()
	stories := topics(t)
	var files []string
	for name, s := range stories {
		files = append(files, readable(export(t, s.device, filepath.Join(root, name)))...)
	}
	slices.Sort(files)

	r := run(t, j, files, "--deep-iteration", "--print-data-log", "--index-sanity-check")
	if c := complaints(r); r.Code != 0 || c != "" {
		t.Fatalf("exit code %d: %s", r.Code, c)
	}
	sane := parse(r.Out)
	indexes := readable(files, ".index", ".timeindex")
	r = run(t, j, indexes)
	if c := complaints(r); r.Code != 0 || c != "" {
		t.Fatalf("exit code %d: %s", r.Code, c)
	}
	entries := parse(r.Out)
	if len(sane) != len(files)+1 || len(entries) != len(indexes)+1 {
		t.Fatalf("the tool spoke of %d and %d files, was shown %d and %d", len(sane)-1, len(entries)-1, len(files), len(indexes))
	}
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, name, s.dir)
			if len(s.l.Segments()) < 5 {
				t.Fatalf("only %d segments", len(s.l.Segments()))
			}
			s.compare(t, dir, sane)
			if err := s.indexesSay(dir, sane, entries); err != nil {
				t.Error(err)
			}
		})
	}
}

// topics is one topic before a power loss, and after it in three states that a power loss can leave.
func topics(t *testing.T) map[string]*scribe {
	t.Helper()
	before := newScribe(t, disk.New(disk.Profile{}), "orders-0", smallSegments())
	untilPowerLoss(before)
	flushed, end := before.l.RecoveryPoint(), before.l.End()
	stories := map[string]*scribe{"alive": before}
	for name, is := range map[string]func(r storage.Recovered) bool{
		"lost": func(r storage.Recovered) bool { return r.Bad == nil && r.End == flushed },
		"kept": func(r storage.Recovered) bool { return r.Bad == nil && r.End == end },
		// A part of the unflushed batches is there, and after it half of a batch.
		"torn": func(r storage.Recovered) bool { return r.Bad != nil && r.Truncated > 0 && r.End > flushed },
	} {
		before.device.CrashStates(func(d *disk.Disk) bool {
			s := before.on(d)
			if err := s.open(smallSegments()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if is(s.r) {
				stories[name] = s
			}
			return stories[name] == nil
		})
		if stories[name] == nil {
			t.Fatalf("no power loss leaves a log that is %s", name)
		}
		afterPowerLoss(stories[name])
	}
	return stories
}

// compare compares the tool's output about a log's directory with the ledger.
func (s *scribe) compare(t *testing.T, dir string, files map[string]*dump) {
	t.Helper()
	var got []batch
	var aborted []storage.Aborted
	snapshots, open := 0, 0
	for _, path := range sorted(files) {
		d := files[path]
		if filepath.Dir(path) != dir {
			continue
		}
		at, _ := strconv.ParseInt(strings.SplitN(filepath.Base(path), ".", 2)[0], 10, 64)
		want := []string(nil)
		switch filepath.Ext(path) {
		case ".log":
			want = []string{fmt.Sprintf("Log starting offset: %d", at)}
			got = append(got, d.Batches...)
		case ".index", ".timeindex":
			want = []string{path + " passed sanity check."}
			if info, err := os.Stat(path); err == nil && info.Size() == 0 && filepath.Ext(path) == ".index" {
				want = []string{path + " is empty."}
			}
		case ".txnindex":
			aborted = append(aborted, d.Aborted...)
		case ".snapshot":
			snapshots++
			wanted := s.producersAt(wire.Offset(at))
			if !reflect.DeepEqual(d.Producers, wanted) {
				t.Errorf("producers at %d:\n%v\nwant\n%v", at, d.Producers, wanted)
			}
			for _, p := range wanted {
				if p.TxnFirst >= 0 {
					open++
				}
			}
		}
		if !slices.Equal(d.Said, want) {
			t.Errorf("of %s the tool said %q, want %q", filepath.Base(path), d.Said, want)
		}
	}
	compareBatches(t, got, s.ledger)
	if wanted := s.aborted(); !slices.Equal(aborted, wanted) || len(wanted) < len(codecs) {
		t.Errorf("aborted transactions:\n%v\nwant\n%v", aborted, wanted)
	}
	if snapshots < 2 || open == 0 {
		t.Errorf("%d snapshots with %d open transactions: too little to judge", snapshots, open)
	}
}

// compareBatches compares batch by batch.
func compareBatches(t *testing.T, got, want []batch) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("the tool found no batch %d of %d: %+v", i, len(want), want[i])
		case i >= len(want):
			t.Fatalf("the tool found a batch too many: %+v", got[i])
		case !reflect.DeepEqual(got[i], want[i]):
			t.Fatalf("batch %d:\n%+v\nwant\n%+v", i, got[i], want[i])
		}
	}
}

// indexesSay compares the entries of both search indexes with the batches and positions in the log.
func (s *scribe) indexesSay(dir string, files, entries map[string]*dump) error {
	for _, base := range s.l.Segments() {
		name := filepath.Join(dir, fmt.Sprintf("%020d", base))
		log, offsets, times := files[name+".log"], entries[name+".index"], entries[name+".timeindex"]
		if log == nil || offsets == nil || times == nil {
			return fmt.Errorf("%s lacks a file", name)
		}
		var index [][2]int64
		at, newest := int64(0), [2]int64{-1, int64(base)}
		known := map[[2]int64]bool{}
		for i, b := range log.Batches {
			if ts := int64(b.MaxTimestamp); ts > newest[0] {
				newest = [2]int64{ts, int64(b.Last)}
				known[newest] = true
			}
			if p := log.Positions[i]; p-at > int64(s.l.Config().IndexIntervalBytes) {
				index = append(index, [2]int64{int64(b.Last), p})
				at = p
			}
		}
		if !slices.Equal(offsets.Index, index) {
			return fmt.Errorf("index of %d: %v, want %v", base, offsets.Index, index)
		}
		for _, e := range times.Times {
			if !known[e] {
				return fmt.Errorf("time index of %d: entry %v is no new greatest timestamp", base, e)
			}
		}
		if n := len(times.Times); base != s.l.ActiveBase() && (n == 0 || times.Times[n-1] != newest) {
			return fmt.Errorf("time index of %d: %v does not end with %v", base, times.Times, newest)
		}
	}
	return nil
}

// sorted is the paths in order.
func sorted(files map[string]*dump) []string {
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// The check can fail: it finds damage of every kind of file, where it found none before.
func TestKafkaFindsPlantedDamage(t *testing.T) {
	j := kafkajars.Need(t)
	s := newScribe(t, disk.New(disk.Profile{}), "orders-0", smallSegments())
	untilPowerLoss(s)
	dir := t.TempDir()
	export(t, s.device, dir)
	at := func(base wire.Offset, suffix string) string {
		return filepath.Join(dir, s.dir, fmt.Sprintf("%020d%s", base, suffix))
	}
	damage := func(path string, do func(b []byte) []byte) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, do(b), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	segments := s.l.Segments()
	flip := func(off int) func([]byte) []byte { return func(b []byte) []byte { b[off] ^= 1; return b } }
	log := damage(at(segments[0], ".log"), func(b []byte) []byte {
		b[bytes.Index(b, []byte("none-1-"))] ^= 1 // in a value of the first batch, which is not compressed
		return b
	})
	index := damage(at(segments[1], ".index"), flip(3))
	times := damage(at(segments[2], ".timeindex"), flip(7))
	snapshot := damage(at(segments[2], ".snapshot"), flip(30))

	r := run(t, j, []string{log, index, times, snapshot}, "--deep-iteration", "--print-data-log")
	found := parse(r.Out)
	if b := found[log].Batches; len(b) < 3 || b[0].Valid || !b[1].Valid {
		t.Errorf("a flipped byte in the first batch was not found: %+v", b)
	}
	for what, says := range map[string]string{
		"index entry":       "Mismatches in :" + index,
		"time index entry":  "Found timestamp mismatch in :" + times,
		"producer snapshot": "Snapshot is corrupt (CRC is no longer valid)",
	} {
		if !strings.Contains(complaints(r), says) {
			t.Errorf("a broken %s was not found; the tool said:\n%s", what, complaints(r))
		}
	}
	if found[snapshot] == nil || len(found[snapshot].Producers) != 0 {
		t.Errorf("the tool read %v off a broken snapshot", found[snapshot].Producers)
	}

	// The sanity check is another one: it fails for an index that ends before its segment, and ends the tool.
	damage(index, func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[len(b)-8:], 1<<31)
		return b
	})
	r = run(t, j, []string{index}, "--index-sanity-check")
	if r.Code == 0 || !strings.Contains(r.Err, "Corrupt index found") {
		t.Errorf("an insane index: exit code %d, %s", r.Code, r.Err)
	}
}
