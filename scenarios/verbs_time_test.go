package scenarios

import (
	"strings"
	"testing"
)

// A line can wait for the truncation of one replica and for a leader epoch, at the controller or on one replica.
func TestRunUntilTruncatedOrInAnEpoch(t *testing.T) {
	s, out := finish(t, `cluster brokers=3 controllers=1 seed=2
topic orders on=1,2,3
cut b1 <-> brokers,controllers
send p1 orders-0 acks=1 request.timeout.ms=1000 a b
run until epoch orders-0 >= 1 within 1m
show orders-0
heal
run until epoch orders-0 >= 1 on b1
run until truncated orders-0 on b1 within 1m
run until truncated orders-0 on b1
run until quiet
show log orders-0 b1
saw partition.truncated by b1
----

run until truncated orders-0 on b2 within 5s
----
`)
	for _, line := range []string{"orders-0  leader b2  epoch 1", "  b1   [0,2) hw 0  leads epoch 0"} {
		if !strings.Contains(out[0], line) {
			t.Errorf("no %q in\n%s", line, out[0])
		}
	}
	if !strings.Contains(out[1], "run until truncated orders-0 on b2 within 5s: not so after 5.") {
		t.Errorf("got %q", out[1])
	}
	for _, c := range s.Verdict().Claims[:5] {
		if !c.OK {
			t.Errorf("line %d: %s", c.Line.Num, c.Text)
		}
	}
	for lines, want := range map[string]string{
		"run until epoch orders-0 >= -1":                      `"-1" is no leader epoch`,
		"run until epoch orders-0 = 1":                        "run takes >= here",
		"run until truncated orders-0":                        "run needs on here",
		"run until trucated orders-0 on b1":                   `(did you mean "truncated"?)`,
		"run until truncated orders-0 on b1 since now":        "is not a span of time",
		"run until truncated orders-0 on b1 within 5":         "is not a span of time",
		"run until epoch orders-0 >= 1 on followers:orders-0": "this verb takes one",
	} {
		fails(t, lines, want)
	}
}
