package wire

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// kafkaFile is one line of testdata/raft.tsv.gz: a file that Kafka wrote.
type kafkaFile struct {
	name, file string
	bytes      []byte
}

func kafkaFiles(t testing.TB, kind string) (files []kafkaFile) {
	for _, line := range goldenLines(t, "testdata/raft.tsv.gz") {
		f := strings.Split(line, "\t")
		if f[0] != kind {
			continue
		}
		b, err := hex.DecodeString(f[len(f)-1])
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, kafkaFile{name: f[1], file: f[2], bytes: b})
	}
	if len(files) == 0 {
		t.Fatalf("no %s in the test data", kind)
	}
	return files
}

// A file of FileQuorumStateStore must be read with the values that Kafka was given, and written again byte for byte.
func TestQuorumStateIsKafkas(t *testing.T) {
	dir, _ := ParseUUID("J8aAPcfLQt2bqs1JT_rMgQ")
	voters := []NodeID{1, 2, 3}
	want := map[string]QuorumState{
		"v0 leader":       {LeaderID: 2, LeaderEpoch: 5, VotedID: NoNode, CurrentVoters: voters},
		"v0 leader voted": {LeaderID: 2, LeaderEpoch: 5, VotedID: 2, CurrentVoters: voters},
		"v0 voted":        {LeaderID: NoNode, LeaderEpoch: 1<<31 - 1, VotedID: 3, CurrentVoters: voters},
		"v0 unknown":      {LeaderID: NoNode, LeaderEpoch: 0, VotedID: NoNode, CurrentVoters: []NodeID{}},
		"v1 leader":       {Version: 1, LeaderID: 2, LeaderEpoch: 5, VotedID: NoNode},
		"v1 leader voted": {Version: 1, LeaderID: 2, LeaderEpoch: 5, VotedID: 2, VotedDirectoryID: dir},
		"v1 voted":        {Version: 1, LeaderID: NoNode, LeaderEpoch: 7, VotedID: 3, VotedDirectoryID: dir},
		"v1 unknown":      {Version: 1, LeaderID: NoNode, LeaderEpoch: 9, VotedID: NoNode},
	}
	files := kafkaFiles(t, "quorum")
	if len(files) != len(want) {
		t.Errorf("%d files, want %d", len(files), len(want))
	}
	for _, f := range files {
		q, err := ParseQuorumState(f.bytes)
		if err != nil || !reflect.DeepEqual(q, want[f.name]) {
			t.Errorf("%s: %s is read as %+v, %v; want %+v", f.name, f.bytes, q, err, want[f.name])
		}
		if got := AppendQuorumState(nil, q); string(got) != string(f.bytes) {
			t.Errorf("%s: written as %s, Kafka's is %s", f.name, got, f.bytes)
		}
	}
}

// Files of other writers of JSON must be readable too: with any order, spaces, fields of a later version, or a second
// line.
func TestQuorumStateOfOthers(t *testing.T) {
	in := "\t{ \"data_version\" : 1, \"later\":[{\"a\":null},true,-1.5e3,\"\\u00e9\\\"\\n\"], \"leaderId\": 9, \"votedId\":3,\n"
	if _, err := ParseQuorumState([]byte(in)); err == nil {
		t.Error("an object over two lines is read, but Kafka reads one")
	}
	in = strings.TrimSuffix(in, "\n") + ` "votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAQ==","leaderEpoch":4 , "leaderId":-1}` + "\ngarbage"
	want := QuorumState{Version: 1, LeaderID: NoNode, LeaderEpoch: 4, VotedID: 3, VotedDirectoryID: UUID{15: 1}}
	if q, err := ParseQuorumState([]byte(in)); err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("%s\nis read as %+v, %v; want %+v", in, q, err, want)
	}
	in = `{"clusterId":"a\u0001\"\\\u00e9\/\t","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":8589934592,"currentVoters":null,"data_version":0}`
	q, err := ParseQuorumState([]byte(in))
	if err != nil || q.ClusterID != "a\x01\"\\é/\t" || q.AppliedOffset != 1<<33 || q.CurrentVoters != nil {
		t.Errorf("%s\nis read as %+v, %v", in, q, err)
	}
	if got, want := string(AppendQuorumState(nil, q)), strings.NewReplacer(`\u00e9`, "é", `\/`, "/").Replace(in); got != want {
		t.Errorf("written as %s, want %s", got, want)
	}
}

func TestQuorumStateFaults(t *testing.T) {
	const v1 = `{"leaderId":2,"leaderEpoch":5,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}`
	change := func(old, new string) string {
		if !strings.Contains(v1, old) {
			t.Fatalf("no %s in %s", old, v1)
		}
		return strings.Replace(v1, old, new, 1)
	}
	const notJSON = "quorum-state: the first line is not an object of JSON"
	for _, c := range []struct{ in, want string }{
		{"", notJSON},
		{"[]", notJSON},
		{"7", notJSON},
		{"\n" + v1, notJSON},
		{v1 + "}", notJSON},
		{v1[:len(v1)-1], notJSON},
		{strings.Repeat("[", 1000), notJSON},
		{change(`:2`, `:`), notJSON},
		{change(`"leaderId"`, `"lead\q"`), notJSON},
		{change(`"data_version":1`, `"data_version":2`), "quorum-state: data_version is 2, only 0 and 1 are known"},
		{change(`"data_version":1`, `"data_version":0`), "quorum-state: clusterId is missing"},
		{change(`"data_version"`, `"dataVersion"`), "quorum-state: data_version is missing"},
		{change(`"votedId":-1,`, ``), "quorum-state: votedId is missing"},
		{change(`:5`, `:"5"`), "quorum-state: leaderEpoch is of the wrong type"},
		{change(`:5`, `:5.5`), `quorum-state: leaderEpoch is "5.5", not an integer of 32 bits`},
		{change(`:5`, `:2147483648`), `quorum-state: leaderEpoch is "2147483648", not an integer of 32 bits`},
		{change(`AA"`, `"`), `quorum-state: votedDirectoryId is "AAAAAAAAAAAAAAAAAAAA", not an id`},
	} {
		var e *QuorumStateError
		if q, err := ParseQuorumState([]byte(c.in)); !errors.As(err, &e) || err.Error() != c.want {
			t.Errorf("%.120s: %+v, %v; want %q", c.in, q, err, c.want)
		}
	}
}

func TestQuorumStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := QuorumState{
			Version:     int16(rapid.IntRange(0, 1).Draw(t, "version")),
			LeaderID:    NodeID(rapid.Int32().Draw(t, "leader")),
			LeaderEpoch: Epoch(rapid.Int32().Draw(t, "epoch")),
			VotedID:     NodeID(rapid.Int32().Draw(t, "voted")),
		}
		if q.Version == 0 {
			q.ClusterID = rapid.String().Draw(t, "cluster")
			q.AppliedOffset = Offset(rapid.Int64().Draw(t, "applied"))
			for _, v := range rapid.SliceOf(rapid.Int32()).Draw(t, "voters") {
				q.CurrentVoters = append(q.CurrentVoters, NodeID(v))
			}
		} else {
			copy(q.VotedDirectoryID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "directory"))
		}
		b := AppendQuorumState(nil, q)
		if got, err := ParseQuorumState(b); err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("%+v is written as %s and read as %+v, %v", q, b, got, err)
		}
	})
}

// FuzzQuorumState checks that no input panics, and that a state that was read is the same after writing and reading it
// again.
func FuzzQuorumState(f *testing.F) {
	for _, k := range kafkaFiles(f, "quorum") {
		f.Add(k.bytes)
	}
	f.Add([]byte(`{"data_version":1,"a":[{"b":"\u00e9\\"},null,true,false,1e9],"leaderId":01}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseQuorumState(b)
		if err != nil {
			return
		}
		once := AppendQuorumState(nil, q)
		if again, err := ParseQuorumState(once); err != nil || !reflect.DeepEqual(again, q) {
			t.Fatalf("%s is read as %+v, written as %s and then read as %+v, %v", b, q, once, again, err)
		}
	})
}
