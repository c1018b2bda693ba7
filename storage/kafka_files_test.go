package storage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsa/internal/kafkajars"
	"samsa/sim/disk"
	"samsa/storage"
	"samsa/wire"
)

// The small files of a log directory: none of Kafka's tools prints them, so a few lines of Java call the classes that
// Kafka itself reads them with.
func TestKafkaReadsTheSmallFiles(t *testing.T) {
	j := kafkajars.Need(t)
	j.NeedCompiler(t)
	source, err := filepath.Abs("testdata/ReadSmallFiles.java")
	if err != nil {
		t.Fatal(err)
	}
	s := newScribe(t, disk.New(disk.Profile{}), "orders-0", smallSegments())
	untilPowerLoss(s)
	dir := storage.Dir{Rules: storage.CurrentRules()}
	s.must(dir.SaveMeta(s.d, storage.Meta{Cluster: "MkU3OEVBNTcwNTJENDM2Qg", Node: 3, Directory: wire.UUID{0: 0x5a, 15: 2}}))
	s.must(storage.SaveTopicID(s.d, s.dir, wire.TopicID{0: 1, 15: 7}))
	quorum, err := s.d.Open(s.dir+"/quorum-state", true)
	s.must(err)
	s.must(s.d.Append(quorum, wire.AppendQuorumState(nil, wire.QuorumState{Version: 1, LeaderID: 101, LeaderEpoch: 9, VotedID: 102, VotedDirectoryID: wire.UUID{0: 9}})))
	end := s.l.End()
	s.stop()
	root := t.TempDir()
	export(t, s.device, root)

	want := []string{
		fmt.Sprintf("recovery-point-offset-checkpoint {orders-0=%d}", end),
		"log-start-offset-checkpoint {orders-0=0}",
		fmt.Sprintf("replication-offset-checkpoint {orders-0=%d}", end),
		"clean OptionalLong[7]",
		"meta V1 MkU3OEVBNTcwNTJENDM2Qg 3 WgAAAAAAAAAAAAAAAAAAAg",
	}
	leader := wire.NoEpoch
	for _, b := range s.ledger {
		if b.Leader != leader {
			leader = b.Leader
			want = append(want, fmt.Sprintf("epoch %d from %d", leader, b.Base))
		}
	}
	want = append(want, "topic AQAAAAAAAAAAAAAAAAAABw", "quorum Election(epoch=9, leaderId=OptionalInt[101], "+
		"votedKey=Optional[ReplicaKey(id=102, directoryId=CQAAAAAAAAAAAAAAAAAAAA)], voters=[])")
	r := j.Run(t, source, root, s.dir)
	if got := strings.TrimSpace(r.Out); r.Code != 0 || r.Err != "" || got != strings.Join(want, "\n") {
		t.Errorf("exit code %d, %s\n%s\nwant\n%s", r.Code, r.Err, got, strings.Join(want, "\n"))
	}

	// The check can fail: a checkpoint with one entry less than its count.
	epochs := filepath.Join(root, s.dir, "leader-epoch-checkpoint")
	b, err := os.ReadFile(epochs)
	s.must(err)
	s.must(os.WriteFile(epochs, []byte(strings.Replace(string(b), "0\n3\n", "0\n4\n", 1)), 0o666))
	if r := j.Run(t, source, root, s.dir); r.Code == 0 || !strings.Contains(r.Err, "leader-epoch-checkpoint") {
		t.Errorf("a checkpoint that lacks an entry was read: exit code %d, %s\n%s", r.Code, r.Err, r.Out)
	}
}
