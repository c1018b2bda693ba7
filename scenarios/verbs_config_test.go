package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samsa/wire"
)

// fails loads a scenario that has a cluster of three and the topic orders, and compares its error.
func fails(t *testing.T, lines, want string) {
	t.Helper()
	_, err := Load("x", []byte("cluster brokers=3 controllers=3\ntopic orders partitions=2\n"+lines+"\n"))
	if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
		t.Errorf("%q: got %v, want %q", lines, err, want)
	}
}

// reaches plays lines on a fake with the topic orders, and compares the calls.
func reaches(t *testing.T, lines string, want ...string) *Session {
	t.Helper()
	s, f := play(t, "cluster brokers=3 controllers=3\ntopic orders partitions=2\n"+lines+"\n----\n", RunOptions{})
	for i := range f.calls {
		f.calls[i] = strings.Join(strings.Fields(f.calls[i]), " ")
	}
	if !slices.Equal(f.calls, want) {
		t.Errorf("%q: calls %q, want %q", lines, f.calls, want)
	}
	return s
}

func TestConfigLines(t *testing.T) {
	reaches(t, `config topic orders retention.ms=1000
config topic orders append cleanup.policy=compact
config topic orders subtract cleanup.policy=delete
config brokers log.retention.ms=5
config broker b2 log.retention.ms=7
config broker leader:orders-0 delete log.retention.ms min.insync.replicas`,
		"config orders set retention.ms=1000", "config orders append cleanup.policy=compact", "config orders subtract cleanup.policy=delete",
		"config set log.retention.ms=5", "config b2 set log.retention.ms=7", "config b1 delete log.retention.ms=", "config b1 delete min.insync.replicas=")
	for lines, want := range map[string]string{
		"config topic orders delete retention.mss":      `no topic or broker config "retention.mss" (did you mean "retention.ms"?)`,
		"config broker b2 delete retention.ms":          `no broker or controller config "retention.ms"`,
		"config topic orders delete retention.ms=5":     "config needs the name of a config here",
		"config topic orders append retention.ms=5":     "retention.ms is no list",
		"config topic orders subtrac cleanup.policy=a":  `(did you mean "subtract"?)`,
		"config broker c1 log.retention.ms=5":           "c1 is no broker",
		"config broker b4 log.retention.ms=5":           "no machine \"b4\"",
		"config brokr b2 log.retention.ms=5":            `(did you mean "broker"?)`,
		"config topic orders":                           "at least one CONFIG=VALUE",
		"config topic orders append cleanup.policy=abc": "cleanup.policy",
	} {
		fails(t, lines, want)
	}
}

// A leader that replaces timestamps because of a config of brokers, or of one, stores other bytes than were sent, and that is no
// fault of its.
func TestBrokersThatReplaceTimestamps(t *testing.T) {
	s, _ := finish(t, `cluster brokers=3 controllers=1 seed=2
topic orders on=1,2,3
config broker b1 log.message.timestamp.type=LogAppendTime
produce p1 orders-0 acks=all timestamp=-1h a
list offsets orders-0 max-timestamp
config broker b1 delete log.message.timestamp.type
config brokers log.message.timestamp.type=LogAppendTime
produce p1 orders-0 timestamp=-1h b
config topic orders message.timestamp.type=CreateTime
run until quiet
produce p1 orders-0 timestamp=-1h c
run until quiet
`)
	v := s.Verdict()
	for _, f := range v.Findings {
		if f.Check.Name == "stored-as-sent" && f.Status.String() != "held" {
			t.Errorf("%s: %s", f.Status, f.Explanation)
		}
	}
	stamped := 0
	for _, b := range s.cluster.Log("b1", wire.TopicPartition{Topic: "orders"}) {
		stamped += len(b.Values)
	}
	if stamped != 3 || v.Status.String() != "held" {
		t.Errorf("%d records, verdict %v", stamped, v.Failures)
	}
}

// A broker's own properties hold from its first start, and only for it.
func TestPropertiesOfOneBroker(t *testing.T) {
	_, out := finish(t, `cluster brokers=3 controllers=1 seed=2 broker.rack=west
properties b2 broker.rack=east num.io.threads=1
properties b3 background.threads=3
topic orders on=1,2,3
describe cluster
describe configs broker b2 num.io.threads background.threads
describe configs broker b3 num.io.threads background.threads
----
`)
	want := "1  b1  rack west\n2  b2  rack east\n3  b3  rack west\nbackground.threads=10  default config\nnum.io.threads=1  static broker config\n" +
		"background.threads=3  static broker config\nnum.io.threads=8  default config\n"
	if !strings.HasSuffix(out[0], want) {
		t.Errorf("got\n%s\nwant\n%s", out[0], want)
	}
	for lines, want := range map[string]string{
		"properties leader:orders-0 broker.rack=a": "properties takes brokers by name, such as b2, not leader:orders-0",
		"properties c1 num.io.threads=2":           "takes brokers by name",
		"properties b2":                            "at least one CONFIG=VALUE",
		"properties b2 min.insync.replicas=1":      "min.insync.replicas is the same on all brokers; set it on the cluster line",
		"properties b2 log.retention.ms=1":         "log.retention.ms is the same on all brokers",
		"properties b2 broker.rak=1":               `(did you mean "broker.rack"?)`,
		"properties b7 broker.rack=1":              `no machine "b7"`,
		"at 3s properties b2 broker.rack=1":        "properties cannot be given a time",
	} {
		fails(t, lines, want)
	}
}
