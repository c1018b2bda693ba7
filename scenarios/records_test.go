package scenarios

import (
	"strings"
	"testing"
)

func TestRecordLines(t *testing.T) {
	reaches(t, `produce p1 orders a b
produce p1 orders-1 key=k1..k2 header=trace:7,source:web timestamp=-1h a b c
send p1 orders-0 timestamp=1700000000000 a
send p1 missing ghost a
produce p1 missing ghost-3 a
produce p1 missing orders-7 a
consume r1 orders-0 from latest
consume r1 orders from 3..7
consume r1 missing ghost-0 from earliest
consume r2 orders until stopped`,
		"client p1", "produce p1 orders--1 [a b]", "produce p1 orders-1 [a b c] {Keys:[k1 k2] Headers:[{Key:trace Value:[55]} {Key:source Value:[119 101 98]}] Time:{Shift:-3600000000000 Fixed:false Millis:0}}",
		"produce p1 orders-0 [a] {Keys:[] Headers:[] Time:{Shift:0 Fixed:true Millis:1700000000000}}", "produce p1 ghost--1 [a]",
		"client r1", "consume r1 orders-0 -2 1073741824", "consume r1 ghost-0 -1 1073741824", "client r2", "consume r2 orders-0 -1 -2", "consume r2 orders-1 -1 -2")
	for lines, want := range map[string]string{
		"produce p1 ordrs a":                              `(did you mean "orders"?)`,
		"produce p1 orders-7 a":                           "topic orders has 2 partitions",
		"produce p1 missing orders-1 a":                   "orders-1 is not missing",
		"produce p1 missing or?ders a":                    "is no topic name",
		"produce p1 orders header=trace a":                `"trace" is no header: write name:value`,
		"produce p1 orders timestamp=yesterday a":         `"yesterday" is no timestamp`,
		"produce p1 orders kye=a a":                       `(did you mean "key"?)`,
		"consume r1 orders-0 from erliest":                `(did you mean "earliest"?)`,
		"consume r1 orders-0 from 3..7 until stopped":     "a read until stopped has no end",
		"consume r1 orders-0 until stoped":                `(did you mean "stopped"?)`,
		"delete topic orders\nsend p1 missing orders-0 a": "",
	} {
		fails(t, lines, want)
	}
}

// finish plays a scenario on a real cluster and returns the outputs of its blocks and its story.
func finish(t *testing.T, src string) (*Session, []string) {
	t.Helper()
	s := New(load(t, src), RunOptions{})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s, s.Outputs()
}

// The end of the file does not wait for a reader that stays; its records are in the story then.
func TestReaderThatStays(t *testing.T) {
	s, out := finish(t, `cluster brokers=3 controllers=1 seed=2
topic orders
produce p1 orders-0 acks=all a b
consume r1 orders-0 from latest until stopped
consume r2 orders until stopped
run until quiet
produce p1 orders-0 c d
run until quiet
show reads r1,r2,p1
----

stop r2
produce p1 orders-0 e
consume r1 orders-0 from 0..1
----
`)
	want := "r1: orders-0  2 \"c\"  3 \"d\"\nr2: orders-0  0 \"a\"  1 \"b\"  2 \"c\"  3 \"d\"\np1: reads nothing until stopped\n"
	if !strings.HasSuffix(out[0], want) {
		t.Errorf("got\n%s\nwant\n%s", out[0], want)
	}
	if !strings.HasSuffix(out[1], "r1: orders-0  0 \"a\"\n") {
		t.Errorf("the next read of r1 printed\n%s", out[1])
	}
	story := ""
	for _, e := range s.Entries() {
		if e.Kind == EntryOutput {
			story += e.Text
		}
	}
	for _, line := range []string{`r2: orders-0 unknown because r2 is down`, `r1: orders-0  2 "c"  3 "d"`} {
		if !strings.Contains(story, line) {
			t.Errorf("the story does not say %s:\n%s", line, story)
		}
	}
	if s.Verdict().Status.String() != "held" {
		t.Errorf("verdict %v", s.Verdict().Failures)
	}
}

// A read that stays ends when the client begins another read of the partition, even if it is still waiting for its turn.
func TestTheNextReadEndsTheOneThatStays(t *testing.T) {
	s, out := finish(t, `cluster brokers=3 controllers=1 seed=2
topic orders
produce p1 orders-0 acks=all a b c
at 30s consume r1 orders-0
at 30s consume r1 orders-0 from earliest until stopped
at 30s consume r1 orders-0 from 1..2
run until time 31s
run until quiet within 30s
show reads r1
----
`)
	if !strings.HasSuffix(out[0], "r1: reads nothing until stopped\n") {
		t.Errorf("output\n%s", out[0])
	}
	story := ""
	for _, e := range s.Entries() {
		story += e.Text
	}
	if !strings.Contains(story, "r1: orders-0  1 \"b\"\n") {
		t.Errorf("the last read did not end:\n%s", story)
	}
}

// Records with a key go to the partition of the key, records without one to one partition after the other, and all that a
// line gives to a record is in the log.
func TestRecordsOfATopic(t *testing.T) {
	s, out := finish(t, `cluster brokers=3 controllers=1 seed=2
topic orders partitions=3
produce p1 orders acks=all key=k1..k3 a1..a6
produce p1 orders b1..b4
produce p1 orders-0 header=trace:7 timestamp=1700000000000 c
produce p2 missing ghost max.block.ms=500 d
produce p3 missing ghost-1 delivery.timeout.ms=900 request.timeout.ms=500 e
run until quiet
consume r1 orders
----
`)
	for _, line := range []string{
		`p1: orders-0 [0,2) acked  "a2"  "a5"`, `p1: orders-1 [0,2) acked  "a3"  "a6"`, `p2: ghost failed UNKNOWN_TOPIC_OR_PARTITION  "d"`, `p3: ghost-1 failed`, `"a1"`, `"b4"`, `"c"`,
	} {
		if !strings.Contains(out[0], line) {
			t.Errorf("no %s in\n%s", line, out[0])
		}
	}
	if v := s.Verdict(); v.Status.String() != "held" {
		t.Errorf("verdict %v", v.Failures)
	}
}
