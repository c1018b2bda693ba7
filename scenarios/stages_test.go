package scenarios

import (
	"testing"

	"samsa/sim/env"
)

// A delay counts only in its own stage.
func TestRequestsSayWhereTheyWaited(t *testing.T) {
	const head = "cluster brokers=2 controllers=1 seed=1 num.io.threads=1\ntopic orders on=1,2 min.insync.replicas=1\nrun until quiet\n"
	for name, c := range map[string]struct {
		text  string
		stage int
	}{
		"a slow disk":       {"disk b1 slow by 40ms for 9s\nproduce p1 orders-0 a acks=1", 1},
		"one handler":       {"produce p1 orders-0 a acks=1\nproduce p2 orders-0 b acks=1\ndisk b1 slow by 40ms for 9s\nsend p1 orders-0 c\nsend p2 orders-0 d\nwait 1s", 0},
		"a follower":        {"slow b2 -> b1 by 90ms\nproduce p1 orders-0 a acks=all", 2},
		"the way back":      {"produce p1 orders-0 a acks=1\nslow b1 -> p1 by 90ms\nproduce p1 orders-0 b", 3},
		"nothing is waited": {"produce p1 orders-0 a acks=1", -1},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(load(t, head+c.text+"\n"), RunOptions{})
			if _, err := s.Finish(); err != nil {
				t.Fatal(err)
			}
			for _, r := range s.cluster.Requests("b1") {
				if r.API != "Produce" {
					continue
				}
				for stage, longest := range r.Max {
					if waited := longest >= 30*env.Millisecond; waited != (stage == c.stage) && !(c.stage == 0 && stage == 1) { // the request that the handler is busy with waits too
						t.Errorf("%s took %d ns", stageWords[stage], longest)
					}
					if r.Mean[stage] > longest {
						t.Errorf("the mean of %s is above its longest", stageWords[stage])
					}
				}
				return
			}
			t.Error("b1 has answered no Produce")
		})
	}
}
