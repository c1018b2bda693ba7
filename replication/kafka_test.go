package replication_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/internal/kafkajars"
	"samsa/replication"
	"samsa/wire"
)

// This test compares the fetches that count in Kafka's own class with those that count here. A fetch with broker epoch -1
// counts for a broker that is registered with another epoch, which is a flaw of Kafka (FINDINGS.md). If this test fails with
// a newer Kafka, the flaw may be fixed there and must then be fixed here.
func TestKafkaTakesFetchesByBrokerEpoch(t *testing.T) {
	j := kafkajars.Need(t)
	j.NeedCompiler(t)
	source, err := filepath.Abs("testdata/TakeFetches.java")
	require.NoError(t, err)
	args, want, refused := []string{source}, []string(nil), 0
	for _, registered := range []wire.BrokerEpoch{-1, 6, 7, 8} {
		for _, fetched := range []wire.BrokerEpoch{-1, 6, 7, 8} {
			pair := fmt.Sprintf("%d:%d", registered, fetched)
			if registered == -1 {
				pair = fmt.Sprintf("-:%d", fetched)
			}
			verdict := "counts up to 3"
			if !counts(t, registered, fetched) {
				verdict, refused = "is refused", refused+1
			}
			args, want = append(args, pair), append(want, pair+" "+verdict)
		}
	}
	require.Equal(t, 3, refused, "a fetch of an older incarnation, and no other")
	r := j.Run(t, args[0], args[1:]...)
	require.Equal(t, strings.Join(want, "\n"), strings.TrimSpace(r.Out), r.Err)
}

// counts reports whether the high watermark passes broker 2 after a fetch with its id from the log end.
func counts(t *testing.T, registered, fetched wire.BrokerEpoch) bool {
	l := newNode(t, 1)
	l.brokers[2] = max(registered, 0) // 0 is fenced
	l.become(1, 0, 0, 0, 1, 2)
	l.write("a", "b", "c")
	a := replication.FetchState{Follower: 2, BrokerEpoch: fetched, FetchOffset: 3, CurrentLeaderEpoch: 0, LastFetchedEpoch: wire.NoEpoch}
	_, err := l.Partition.UpdateFollowerFetchState(a, l.DecideFetch(a), 1)
	l.Advance(1)
	require.Equal(t, err == nil, l.HW() == 3)
	if err != nil {
		require.Equal(t, kerr.NotLeaderForPartition, err)
	}
	return err == nil
}
