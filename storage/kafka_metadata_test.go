package storage_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/internal/kafkajars"
	"samsa/sim/disk"
	"samsa/storage"
	"samsa/wire"
)

// change is a metadata record and the tool's output for it.
type change struct {
	r    wire.MetadataRecord
	says string
}

// clusterRecords is the start of a cluster's life in its metadata log.
func clusterRecords() []change {
	topic := wire.TopicID{0: 1, 15: 7}
	incarnation, disk := wire.UUID{0: 0xff, 15: 1}, wire.UUID{0: 0x5a, 15: 2}
	rack, week := "r1", "604800000"
	moved := wire.NewPartitionChange(topic, 1)
	moved.Leader, moved.ISR = 2, []wire.NodeID{2, 3}
	return []change{
		{&wire.FeatureLevelRecord{Name: "metadata.version", Level: 29},
			`{"type":"FEATURE_LEVEL_RECORD","version":0,"data":{"name":"metadata.version","featureLevel":29}}`},
		{&wire.RegisterBrokerRecord{Version: 3, BrokerID: 1, IncarnationID: incarnation, BrokerEpoch: 5, Rack: &rack, Fenced: true, LogDirs: []wire.UUID{disk},
			EndPoints: []wire.EndPoint{{Name: "PLAINTEXT", Host: "b1", Port: 9092}},
			Features:  []wire.FeatureRange{{Name: "kraft.version", Min: 0, Max: 1}}},
			`{"type":"REGISTER_BROKER_RECORD","version":3,"data":{"brokerId":1,"isMigratingZkBroker":false,"incarnationId":"_wAAAAAAAAAAAAAAAAAAAQ","brokerEpoch":5,
			  "endPoints":[{"name":"PLAINTEXT","host":"b1","port":9092,"securityProtocol":0}],
			  "features":[{"name":"kraft.version","minSupportedVersion":0,"maxSupportedVersion":1}],
			  "rack":"r1","fenced":true,"inControlledShutdown":false,"logDirs":["WgAAAAAAAAAAAAAAAAAAAg"]}}`},
		{&wire.TopicRecord{Name: "orders", TopicID: topic},
			`{"type":"TOPIC_RECORD","version":0,"data":{"name":"orders","topicId":"AQAAAAAAAAAAAAAAAAAABw"}}`},
		{&wire.PartitionRecord{Version: 2, PartitionID: 1, TopicID: topic, Replicas: []wire.NodeID{1, 2, 3}, ISR: []wire.NodeID{1, 2}, Leader: 1, LeaderRecoveryState: wire.Recovering, LeaderEpoch: 4,
			PartitionEpoch: 6, Directories: []wire.UUID{disk, disk, disk}, ELR: []wire.NodeID{3}},
			`{"type":"PARTITION_RECORD","version":2,"data":{"partitionId":1,"topicId":"AQAAAAAAAAAAAAAAAAAABw","replicas":[1,2,3],"isr":[1,2],
			  "removingReplicas":[],"addingReplicas":[],"leader":1,"leaderRecoveryState":1,"leaderEpoch":4,"partitionEpoch":6,
			  "directories":["WgAAAAAAAAAAAAAAAAAAAg","WgAAAAAAAAAAAAAAAAAAAg","WgAAAAAAAAAAAAAAAAAAAg"],"eligibleLeaderReplicas":[3]}}`},
		{&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: "orders", Name: "retention.ms", Value: &week},
			`{"type":"CONFIG_RECORD","version":0,"data":{"resourceType":2,"resourceName":"orders","name":"retention.ms","value":"604800000"}}`},
		{moved, `{"type":"PARTITION_CHANGE_RECORD","version":0,"data":{"partitionId":1,"topicId":"AQAAAAAAAAAAAAAAAAAABw","isr":[2,3],"leader":2}}`},
		{&wire.NoOpRecord{}, `{"type":"NO_OP_RECORD","version":0,"data":{}}`},
	}
}

// A metadata log with a leader's control records and a snapshot of it, read with the tool's decoder of metadata.
func TestKafkaReadsTheMetadataLog(t *testing.T) {
	j := kafkajars.Need(t)
	cfg := smallSegments()
	cfg.SegmentBytes = 700
	s := newScribe(t, disk.New(disk.Profile{}), "__cluster_metadata-0", cfg)
	raft := func(bytes []byte, err error) {
		t.Helper()
		s.must(err)
		_, err = s.l.AppendAsLeader(s.d, bytes, s.epoch, storage.OriginRaft, wall)
		s.must(err)
		s.flush() // as a quorum's log is, with every append
	}
	for s.epoch = 1; s.epoch <= 3; s.epoch++ {
		s.now += 10
		at := s.l.End()
		leader := wire.LeaderChange{LeaderID: 101, Voters: []wire.LeaderChangeVoter{{VoterID: 101}, {VoterID: 102}}}
		raft(wire.AppendControl(nil, wire.PlainBatch(at, s.epoch), s.now, leader))
		s.control(plainProducer, at, s.now, `LeaderChange: {"version":0,"leaderId":101,"voters":[{"voterId":101},{"voterId":102}],"grantingVoters":[]}`)
		for _, changes := range [][]change{clusterRecords()[:1], clusterRecords()[1:2], clusterRecords()[2:]} {
			s.now += 10
			at := s.l.End()
			records := make([]wire.Record, len(changes))
			for i, c := range changes {
				records[i] = wire.Record{Timestamp: s.now, Value: wire.AppendMetadata(nil, c.r)}
			}
			raft(wire.AppendBatch(nil, wire.PlainBatch(at, s.epoch), records))
			s.values(at, changes)
		}
	}
	s.epoch--
	log := s.ledger

	// The snapshot's offsets start at 0, in the epoch of its id.
	id := wire.SnapshotID{End: s.l.End(), Epoch: s.epoch}
	voter := wire.KRaftVoter{ID: 101, DirectoryID: wire.UUID{0: 9}, Endpoints: []wire.KRaftEndpoint{{Listener: "CONTROLLER", Host: "c1", Port: 9093}}, MaxVersion: 1}
	w := wire.NewSnapshotWriter(id, wire.SnapshotOptions{LastContainedLogTimestamp: s.now, Now: s.now + 5, KRaftVersion: 1, Voters: []wire.KRaftVoter{voter}})
	for _, c := range clusterRecords() {
		w.AppendRecord(c.r)
	}
	f, err := s.d.Open(s.dir+"/"+id.FileName(wire.SnapshotComplete), true)
	s.must(err)
	s.must(s.d.Append(f, w.Freeze()))
	s.must(s.d.Close(f))
	s.ledger = nil
	head := fmt.Sprintf(`SnapshotHeader {"version":0,"lastContainedLogTimestamp":%d}`, s.now)
	s.now += 5
	s.control(plainProducer, 0, s.now, head, `KRaftVersion {"version":0,"kRaftVersion":1}`,
		`KRaftVoters {"version":0,"voters":[{"voterId":101,"voterDirectoryId":"CQAAAAAAAAAAAAAAAAAAAA",`+
			`"endpoints":[{"name":"CONTROLLER","host":"c1","port":9093}],"kRaftVersionFeature":{"minSupportedVersion":0,"maxSupportedVersion":1}}]}`)
	s.values(3, clusterRecords())
	s.control(plainProducer, 3+wire.Offset(len(clusterRecords())), s.now, `SnapshotFooter {"version":0}`)
	snapshot := s.ledger

	if len(s.l.Segments()) < 3 {
		t.Fatalf("only %d segments", len(s.l.Segments()))
	}
	s.must(s.l.Close(s.d))
	files := readable(export(t, s.device, t.TempDir()))
	r := run(t, j, files, "--cluster-metadata-decoder", "--deep-iteration")
	if c := complaints(r); r.Code != 0 || c != "" {
		t.Fatalf("exit code %d: %s", r.Code, c)
	}
	found := parse(r.Out)
	var got []batch
	for _, path := range sorted(found) {
		d := found[path]
		want := []string(nil)
		switch filepath.Ext(path) {
		case ".log":
			got = append(got, d.Batches...)
			want = []string{fmt.Sprintf("Log starting offset: %d", d.Batches[0].Base)}
		case ".checkpoint":
			compareBatches(t, plainly(t, d.Batches), plainly(t, snapshot))
			want = []string{fmt.Sprintf("Snapshot end offset: %d, epoch: %d", id.End, id.Epoch)}
		case ".index":
			if len(d.Index) == 0 {
				want = []string{path + " is empty."}
			}
		}
		if !slices.Equal(d.Said, want) {
			t.Errorf("of %s the tool said %q, want %q", path, d.Said, want)
		}
	}
	compareBatches(t, plainly(t, got), plainly(t, log))
}

// values adds a batch of metadata records to the ledger.
func (s *scribe) values(at wire.Offset, changes []change) {
	says := make([]string, len(changes))
	s.control(plainProducer, at, s.now, says...)
	b := &s.ledger[len(s.ledger)-1]
	b.Control = false
	for i, c := range changes {
		b.Records[i].Value = c.says
	}
}

// plainly is batches with their JSON in one spelling.
func plainly(t *testing.T, list []batch) []batch {
	t.Helper()
	plain := func(s string) string {
		at := strings.IndexByte(s, '{')
		if at < 0 {
			return s
		}
		var v any
		if err := json.Unmarshal([]byte(s[at:]), &v); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
		b, _ := json.Marshal(v)
		return s[:at] + string(b)
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Records = slices.Clone(list[i].Records)
		for k := range list[i].Records {
			r := &list[i].Records[k]
			r.Value, r.Control = plain(r.Value), plain(r.Control)
		}
	}
	return list
}
