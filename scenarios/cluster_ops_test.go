package scenarios

import "testing"

// A client has one position on a partition, so its second read waits for the first, and both end.
func TestTwoReadsAtOnce(t *testing.T) {
	s := New(load(t, `
cluster brokers=1 controllers=1
topic orders partitions=1 on=1
produce p1 orders-0 a b c
at 20s consume r1 orders-0 auto.offset.reset=earliest
at 20s consume r1 orders-0
at 20s consume r1 orders-0 from 2
run until time 21s
run until quiet within 10s
`), RunOptions{})
	v, err := s.Finish()
	if err != nil || v.Stopped != "" {
		t.Fatal(err, v.Stopped, s.Waiting())
	}
	if got := s.Tally().ReadRecords; got != 7 {
		t.Errorf("%d records were read, want 3, 3 and 1", got)
	}
}

// The creation of a refused topic ends at once and does not wait for leaders.
func TestRefusedTopicIsOver(t *testing.T) {
	s := New(load(t, `
cluster brokers=2 controllers=1
crash b2
topic orders partitions=1 replicas=2
`), RunOptions{})
	v, err := s.Finish()
	if err != nil || v.Time > bootTime || len(s.Waiting()) > 0 {
		t.Errorf("%v after %s, waiting: %v, output %q", err, formatDuration(v.Time), s.Waiting(), s.Outputs())
	}
}
