package scenarios

import (
	"strings"
	"testing"
)

func TestQuestionLines(t *testing.T) {
	s, f := play(t, `cluster brokers=3 controllers=1
topic orders partitions=2
list offsets orders-1 latest
list offsets orders-0 at -10s version=4
at 3s list offsets orders-0 max-timestamp
describe topic orders
describe configs broker leader:orders-0 min.insync.replicas
describe configs topic orders
describe quorum
wait 5s
----
`, RunOptions{})
	for i, want := range []string{
		"About:0 TP:orders-1 Offsets:latest", "Offsets:at At:{Shift:-10000000000 Fixed:false Millis:0} Configs:{Topic: Broker:0} Names:[] Version:4", "About:1 TP:orders-0",
		"About:2 TP:-0 Offsets: At:{Shift:0 Fixed:false Millis:0} Configs:{Topic: Broker:1} Names:[min.insync.replicas]", "Configs:{Topic:orders Broker:0} Names:[]",
		"About:4", "Offsets:max-timestamp",
	} {
		if i >= len(f.calls) || !strings.Contains(f.calls[i], want) {
			t.Fatalf("calls %q: want %q at %d", f.calls, want, i)
		}
	}
	if out := s.Outputs()[0]; strings.Count(out, "an answer\n") != 6 {
		t.Errorf("output\n%s", out)
	}
	for lines, want := range map[string]string{
		"list offsets orders-0 lastest":                  `(did you mean "latest"?)`,
		"list offsets orders-9 latest":                   "topic orders has 2 partitions",
		"list offsets orders-0 at noon":                  `"noon" is no timestamp`,
		"list offsets orders-0 latest version=0":         `"0" is no version from 1 to 11`,
		"list offset orders-0 latest":                    `(did you mean "offsets"?)`,
		"describe quroum":                                `(did you mean "quorum"?)`,
		"describe configs broker c1":                     "c1 is no broker",
		"describe configs topic orders acks":             `describe takes the name of a config or the end of the line here`,
		"describe configs topic orders log.retention.ms": `no topic config "log.retention.ms"`,
		"describe topic ordrs":                           `(did you mean "orders"?)`,
	} {
		fails(t, lines, want)
	}
}

// The answers of a real cluster.
func TestAnswers(t *testing.T) {
	s, out := finish(t, `cluster brokers=3 controllers=1 seed=2 broker.rack=east,west
topic orders on=1,2,3 retention.ms=600000
produce p1 orders-0 acks=all timestamp=1700000000000 a b
produce p1 orders-0 timestamp=1700000000500 c
list offsets orders-0 earliest
list offsets orders-0 latest version=1
list offsets orders-0 max-timestamp
list offsets orders-0 at 1700000000001
list offsets orders-0 at 0s
list offsets orders-0 max-timestamp version=6
list offsets orders-0 latest-tiered
describe topic orders
describe configs topic orders
config broker b2 log.retention.ms=5000
describe configs broker b2 log.retention.ms message.max.bytes
describe configs brokers
describe cluster
describe quorum
describe features
----
`)
	for _, line := range []string{
		"orders-0  earliest  0  epoch 0\n", "orders-0  latest  3\n", "orders-0  max-timestamp  2  epoch 0  timestamp 1700000000500\n",
		"orders-0  at  2  epoch 0  timestamp 1700000000500\n", "orders-0  at  no offset\n", "list offsets orders-0: failed UNSUPPORTED_VERSION\n",
		"orders-0  latest-tiered  no offset\n",
		"orders-0  leader 1  epoch 0  replicas 1,2,3  isr 1,2,3  elr none  offline none\n", "retention.ms=600000  dynamic topic config\n",
		"log.retention.ms=5000  dynamic broker config\n", "message.max.bytes=1048588  default config\n", "describe configs brokers: nothing\n",
		"2  b2  rack west\n", "  voter 101  end ", "eligible.leader.replicas.version  finalised 1  supported 0 to 1\n",
	} {
		if !strings.Contains(out[0], line) {
			t.Errorf("no %q in\n%s", line, out[0])
		}
	}
	if v := s.Verdict(); v.Status.String() != "held" {
		t.Errorf("verdict %v", v.Failures)
	}
}
