package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// A snapshot of RecordsSnapshotWriter must be read, and written again byte for byte, with the same batches.
func TestSnapshotIsKafkas(t *testing.T) {
	dir, _ := ParseUUID("J8aAPcfLQt2bqs1JT_rMgQ")
	voters := []KRaftVoter{
		{ID: 1, DirectoryID: dir, Endpoints: []KRaftEndpoint{{Listener: "CONTROLLER", Host: "c1", Port: 9093}}, MaxVersion: 1},
		{ID: 2, DirectoryID: UUID{7: 1, 15: 2}, Endpoints: []KRaftEndpoint{{Listener: "CONTROLLER", Host: "c2", Port: 9094}}, MaxVersion: 1},
	}
	const last, now = 1700000000123, 1700000009999
	want := map[string]struct {
		id      SnapshotID
		o       SnapshotOptions
		records int
	}{
		"empty v0":          {SnapshotID{1, 0}, SnapshotOptions{Now: 1000}, 0},
		"v0":                {SnapshotID{1234567, 42}, SnapshotOptions{LastContainedLogTimestamp: last, Now: now}, 8},
		"v1 without voters": {SnapshotID{88, 2}, SnapshotOptions{LastContainedLogTimestamp: 5, Now: 6, KRaftVersion: 1}, 4},
		"v1": {SnapshotID{9876543210, 2000000000},
			SnapshotOptions{LastContainedLogTimestamp: last, Now: now, KRaftVersion: 1, Voters: voters}, 8},
		"v1 small batches": {SnapshotID{500, 3},
			SnapshotOptions{LastContainedLogTimestamp: 77, Now: 99, KRaftVersion: 1, Voters: voters, MaxBatch: 512}, 42},
		"v1 groups": {SnapshotID{501, 3},
			SnapshotOptions{LastContainedLogTimestamp: 77, Now: 99, KRaftVersion: 1, Voters: voters, MaxBatch: 1024}, 48},
	}
	files := kafkaFiles(t, "snapshot")
	if len(files) != len(want) {
		t.Errorf("%d snapshots, want %d", len(files), len(want))
	}
	for _, f := range files {
		w := want[f.name]
		if got := w.id.FileName(SnapshotComplete); got != f.file {
			t.Errorf("%s: named %s, Kafka names it %s", f.name, got, f.file)
		}
		if id, kind, ok := ParseSnapshotName(f.file); !ok || id != w.id || kind != SnapshotComplete {
			t.Errorf("%s: the name %s is read as %v, %v, %v", f.name, f.file, id, kind, ok)
		}
		s, err := OpenSnapshot(w.id, f.bytes)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		if s.LastContainedLogTimestamp != w.o.LastContainedLogTimestamp || s.KRaftVersion != w.o.KRaftVersion || !reflect.DeepEqual(s.Voters, w.o.Voters) {
			t.Errorf("%s: the header is read as %+v, want %+v", f.name, s, w.o)
		}
		writer := NewSnapshotWriter(w.id, w.o)
		var group [][]byte
		size := 1
		if f.name == "v1 groups" {
			size = 3
		}
		var got []byte
		n := 0
		for r, err := range s.Records() {
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			if level, ok := r.(*FeatureLevelRecord); ok != (n == 0) || ok && level.Level != 27 {
				t.Errorf("%s: record %d is %+v", f.name, n, r)
			}
			if group = append(group, AppendMetadata(nil, r)); len(group) == size {
				writer.Append(group...)
				group = nil
			}
			got = append(got, writer.Take()...)
			n++
		}
		if n != w.records {
			t.Errorf("%s: %d records, want %d", f.name, n, w.records)
		}
		if got = append(got, writer.Freeze()...); !bytes.Equal(got, f.bytes) {
			t.Errorf("%s: written as\n%x\nKafka's is\n%x", f.name, got, f.bytes)
		}
	}
	for _, f := range kafkaFiles(t, "bootstrap") {
		s, err := OpenSnapshot(BootstrapSnapshot, f.bytes)
		if err != nil {
			t.Fatalf("%s: %v", f.file, err)
		}
		features := 0
		for r, err := range s.Records() {
			if level, ok := r.(*FeatureLevelRecord); err != nil || !ok || level.Level < 1 {
				t.Errorf("%s: %+v, %v", f.file, r, err)
			}
			features++
		}
		if features == 0 {
			t.Errorf("%s holds no feature", f.file)
		}
	}
}

func TestSnapshotNames(t *testing.T) {
	id := SnapshotID{End: 1234, Epoch: 5}
	for kind, want := range map[SnapshotFile]string{
		SnapshotComplete: "00000000000000001234-0000000005.checkpoint",
		SnapshotPartial:  "00000000000000001234-0000000005.checkpoint.part",
		SnapshotDeleted:  "00000000000000001234-0000000005.checkpoint.deleted",
	} {
		if got := id.FileName(kind); got != want {
			t.Errorf("kind %d is named %s, want %s", kind, got, want)
		}
		if got, k, ok := ParseSnapshotName(want); !ok || got != id || k != kind {
			t.Errorf("%s is read as %v of kind %d, %v", want, got, k, ok)
		}
	}
	// The names of Kafka's partial files contain a random number.
	if got, k, ok := ParseSnapshotName("00000000000000001234-0000000005-8211412.checkpoint.part"); !ok || got != id || k != SnapshotPartial {
		t.Errorf("Kafka's partial name is read as %v of kind %d, %v", got, k, ok)
	}
	for _, name := range []string{
		"", "bootstrap.checkpoint", "quorum-state", ".checkpoint.part", "00000000000000001234.log",
		"00000000000000001234_0000000005.checkpoint", "0000000000000000123x-0000000005.checkpoint",
		"+0000000000000001234-0000000005.checkpoint", "00000000000000001234--000000005.checkpoint",
		"00000000000000001234-9999999999.checkpoint", "99999999999999999999-0000000005.checkpoint",
		"00000000000000001234-00000000055.checkpoint", "00000000000000001234-0000000005.checkpoint.gone",
	} {
		if id, kind, ok := ParseSnapshotName(name); ok {
			t.Errorf("%q is read as %v of kind %d", name, id, kind)
		}
	}
}

// A snapshot that is torn, spliced or damaged anywhere must be refused.
func TestSnapshotDamage(t *testing.T) {
	id := SnapshotID{End: 100, Epoch: 3}
	w := NewSnapshotWriter(id, SnapshotOptions{Now: 9, KRaftVersion: 1, MaxBatch: 100})
	for i := range 3 {
		w.Append(fmt.Appendf(nil, "a value that fills its batch by more than a half %d", i))
	}
	whole := w.Freeze()
	if s, err := OpenSnapshot(id, whole); err != nil || s.KRaftVersion != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for n := range whole {
		if _, err := OpenSnapshot(id, whole[:n]); err == nil {
			t.Fatalf("cut to %d of %d bytes it opens", n, len(whole))
		}
		torn := bytes.Clone(whole)
		torn[n] ^= 0x10
		if _, err := OpenSnapshot(id, torn); err == nil {
			t.Fatalf("with byte %d changed it opens", n)
		}
	}

	var batches []Batch
	for b, err := range Batches(whole) {
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
	}
	join := func(at ...int) (b []byte) {
		for _, i := range at {
			b = append(b, batches[i]...)
		}
		return b
	}
	foreign, _ := AppendControl(nil, PlainBatch(2, 3), 9, EndTxnMarker{Commit: true})
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "snapshot at byte 0: no footer"},
		{"no footer", join(0, 1, 2, 3), fmt.Sprintf("snapshot at byte %d: no footer", len(join(0, 1, 2, 3)))},
		{"no header", join(1), "snapshot at byte 0: batch at offset 2, want 0"},
		{"a batch missing", join(0, 1, 3, 4), fmt.Sprintf("snapshot at byte %d: batch at offset 4, want 3", len(join(0, 1)))},
		{"two footers", append(join(0, 1, 2, 3, 4), batches[4]...), fmt.Sprintf("snapshot at byte %d: a batch behind the footer", len(whole))},
		{"another control batch", append(join(0), foreign...), fmt.Sprintf("snapshot at byte %d: a control batch that is not the footer", len(join(0)))},
	} {
		var e *SnapshotError
		if _, err := OpenSnapshot(id, c.in); !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := OpenSnapshot(SnapshotID{End: 100, Epoch: 4}, whole); err == nil || err.Error() != "snapshot at byte 0: batch of epoch 3, want 4" {
		t.Errorf("as a snapshot of another epoch: %v", err)
	}
	data, _ := AppendBatch(nil, PlainBatch(0, 3), []Record{{Timestamp: 9, Value: []byte("x")}})
	if _, err := OpenSnapshot(id, data); err == nil {
		t.Error("a data batch is taken for the header")
	}
}

// All values must be read in the order in which they were appended, and values that were appended together must be in
// one batch.
func TestSnapshotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := SnapshotID{End: 7, Epoch: Epoch(rapid.Int32Min(0).Draw(t, "epoch"))}
		w := NewSnapshotWriter(id, SnapshotOptions{Now: 1, MaxBatch: rapid.IntRange(62, 400).Draw(t, "max batch")})
		groups := rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 60), 1, 4), 0, 8).Draw(t, "groups")
		var want [][]byte
		for _, g := range groups {
			w.Append(g...)
			want = append(want, g...)
		}
		b := w.Freeze()
		s, err := OpenSnapshot(id, b)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]byte
		for v, err := range s.Values() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if len(got) != len(want) || !bytes.Equal(bytes.Join(got, []byte("|")), bytes.Join(want, []byte("|"))) {
			t.Fatalf("got %q, want %q", got, want)
		}
		starts := map[Offset]bool{} // offsets where a batch may begin: the control batch is offset 0
		next := Offset(1)
		for _, g := range groups {
			starts[next] = true
			next += Offset(len(g))
		}
		for batch := range Batches(b) {
			if !batch.IsControl() && !starts[batch.BaseOffset()] {
				t.Fatalf("a batch begins at %d inside a group", batch.BaseOffset())
			}
		}
	})
}

// FuzzSnapshot checks that no input panics, and that a snapshot that opens can be read to its end.
func FuzzSnapshot(f *testing.F) {
	for _, kind := range []string{"snapshot", "bootstrap"} {
		for _, k := range kafkaFiles(f, kind) {
			f.Add(k.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		id := SnapshotID{}
		if batch, _, err := Next(b); err == nil {
			// Correct the CRC; otherwise the fuzzer would never reach the content.
			batch = bytes.Clone(batch)
			batch.sign()
			id.Epoch = batch.LeaderEpoch()
			b = append([]byte(batch), b[len(batch):]...)
		}
		s, err := OpenSnapshot(id, b)
		if err != nil {
			var e *SnapshotError
			if !errors.As(err, &e) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for _, err := range s.Records() {
			if err != nil {
				return
			}
		}
	})
}
