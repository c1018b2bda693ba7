package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The levels that are finalised before a record decide whether it may be written.
func TestLevelsGateRecords(t *testing.T) {
	level := func(name string, to int16) wire.MetadataRecord {
		return &wire.FeatureLevelRecord{Name: name, Level: to}
	}
	change := func(version int16) wire.MetadataRecord {
		r := wire.NewPartitionChange(ordersID, 0)
		r.Version, r.ISR = version, ids(1, 2)
		return r
	}
	knows := func(version int16, name string, least, most int16) wire.MetadataRecord {
		return &wire.RegisterBrokerRecord{Version: version, BrokerID: 3, IncarnationID: wire.UUID{9}, BrokerEpoch: 99, Features: []wire.FeatureRange{{Name: name, Min: least, Max: most}}}
	}
	for name, c := range map[string]struct {
		records []wire.MetadataRecord
		want    Status
	}{
		"a partition of 4.0":                  {[]wire.MetadataRecord{level(metadataVersion, 25), change(2)}, Held},
		"a partition of 4.0 in 3.7":           {[]wire.MetadataRecord{level(metadataVersion, 17), change(2)}, Violated},
		"a partition of 3.7 in 3.7":           {[]wire.MetadataRecord{level(metadataVersion, 17), change(1)}, Held},
		"a partition of 3.7 in 3.6":           {[]wire.MetadataRecord{level(metadataVersion, 14), change(1)}, Violated},
		"a registration of 3.7 in 3.6":        {[]wire.MetadataRecord{level(metadataVersion, 14), knows(3, metadataVersion, 7, 25)}, Violated},
		"a registration that knows enough":    {[]wire.MetadataRecord{level(metadataVersion, 25), knows(3, metadataVersion, 7, 25)}, Held},
		"a registration that knows too few":   {[]wire.MetadataRecord{level(metadataVersion, 25), knows(3, metadataVersion, 7, 24)}, Violated},
		"a level that a broker does not know": {[]wire.MetadataRecord{level(metadataVersion, 20), knows(3, metadataVersion, 7, 24), level(metadataVersion, 25)}, Violated},
		"a level that all know":               {[]wire.MetadataRecord{level(metadataVersion, 20), knows(3, metadataVersion, 7, 25), level(metadataVersion, 25)}, Held},
		"ELR before its metadata.version":     {[]wire.MetadataRecord{level(metadataVersion, 20), level(elrVersion, 1)}, Violated},
		"a shutdown, in 3.2": {[]wire.MetadataRecord{level(metadataVersion, 3),
			&wire.BrokerRegistrationChangeRecord{Version: 1, BrokerID: 3, InControlledShutdown: 1}}, Violated},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			for _, r := range c.records {
				s.commit(r)
			}
			f := find(t, s.done(), "feature-gated")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}
