package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
