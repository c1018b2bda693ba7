package scenarios

import (
	"testing"

	"samsa/check"
)

// Of a broker with many replicas, the observer reads only those that an event concerns. On the wire a topic has only its id.
func TestJudgesLookWhereRecordsWereWritten(t *testing.T) {
	program := load(t, `cluster brokers=1 controllers=1 seed=3
topic orders partitions=6 replicas=1
produce p1 orders-5 a b
expect ack-honest held
`)
	for _, mode := range []Mode{ModePointer, ModeWire, ModeGuard} {
		v, err := New(program, RunOptions{Mode: mode}).Finish()
		if err != nil || v.Unsound != nil {
			t.Fatalf("mode %s: %v, %v", mode, err, v.Unsound)
		}
		for _, f := range v.Findings {
			if f.Check.Name == "ack-honest" && f.Status != check.Held {
				t.Errorf("mode %s: ack-honest is %s: %s", mode, f.Status, f.Explanation)
			}
		}
	}
}
