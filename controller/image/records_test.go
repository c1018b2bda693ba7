package image_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"samsa/controller/image"
	"samsa/wire"
)

// replay returns the image that results when records are written to a log and read back.
func replay(t require.TestingT, records []wire.MetadataRecord) *image.Image {
	m := image.New()
	for _, r := range records {
		read, err := wire.ParseMetadata(wire.AppendMetadata(nil, r))
		require.NoError(t, err)
		m.Apply(read)
	}
	return m
}

// An image that is written as records and read again is unchanged, and so are its records.
func TestRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := image.New()
		for _, r := range records(t) {
			m.Apply(r)
		}
		again := replay(t, m.Records())
		require.Equal(t, show(m), show(again))
		require.Equal(t, m.Digest(), again.Digest())
		require.Equal(t, m.Records(), again.Records())
	})
}

// Every field that an image keeps, and the order of the records.
func TestRecordsKeepEveryField(t *testing.T) {
	rack, value := "r1", "2"
	id := wire.TopicID{15: 200}
	log := []wire.MetadataRecord{
		&wire.FeatureLevelRecord{Name: "metadata.version", Level: 27},
		&wire.FeatureLevelRecord{Name: "group.version", Level: 1},
		&wire.RegisterBrokerRecord{
			Version: 3, BrokerID: 1, IncarnationID: wire.UUID{7}, BrokerEpoch: 5, Rack: &rack, Fenced: true, InControlledShutdown: true,
			EndPoints: []wire.EndPoint{{Name: "PLAINTEXT", Host: "b1", Port: 9092, SecurityProtocol: 1}},
			Features:  []wire.FeatureRange{{Name: "metadata.version", Min: 7, Max: 27}}, LogDirs: []wire.UUID{{1, 2}},
		},
		&wire.RegisterBrokerRecord{Version: 1, BrokerID: 2, BrokerEpoch: 6, InControlledShutdown: true},
		&wire.RegisterBrokerRecord{BrokerID: 3, BrokerEpoch: 7},
		&wire.TopicRecord{Name: "t", TopicID: id},
		&wire.PartitionRecord{
			Version: 2, TopicID: id, Replicas: []wire.NodeID{1, 2}, ISR: []wire.NodeID{1}, ELR: []wire.NodeID{2}, Leader: 1,
			LeaderRecoveryState: wire.Recovering, LeaderEpoch: 3, PartitionEpoch: 9,
		},
		&wire.PartitionRecord{Version: 2, TopicID: id, PartitionID: 1, Replicas: []wire.NodeID{2}, LastKnownELR: []wire.NodeID{2}, Leader: wire.NoNode},
		&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: "t", Name: "min.insync.replicas", Value: &value},
		&wire.ConfigRecord{ResourceType: wire.ConfigBroker, Name: "min.insync.replicas", Value: &value},
	}
	slices.SortStableFunc(log[8:], func(a, b wire.MetadataRecord) int { // configs come by the number of their resource
		return int(a.(*wire.ConfigRecord).ResourceType) - int(b.(*wire.ConfigRecord).ResourceType)
	})
	var want, got [][]byte
	for _, r := range log {
		want = append(want, wire.AppendMetadata(nil, r))
	}
	for _, r := range replay(t, log).Records() {
		got = append(got, wire.AppendMetadata(nil, r))
	}
	require.Equal(t, want, got)
}
