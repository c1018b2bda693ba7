package shrink

import (
	"strings"
	"testing"

	"samsa/scenarios"
)

// The story of a small file has a sentence for every line.
func TestTale(t *testing.T) {
	lines := [...][2]string{
		{"cluster brokers=3 controllers=1", "A cluster has 3 brokers and 1 controller."},
		{"topic orders on=2,1,3", "Topic orders is created on b2, b1 and b3."},
		{"stop b1", "b1 shuts down."},
		{"run until down b1", "Time passes until b1 is down."},
		{"run until leader orders-0", "Time passes until orders-0 has a leader."},
		{"run until leader orders-0 is b2", "Time passes until b2 leads orders-0."},
		{"run until leaderless orders-0", "Time passes until orders-0 has no leader."},
		{"run until isr orders-0 1,2,3", "Time passes until the ISR of orders-0 is b1, b2 and b3."},
		{"run until hw orders-0 >= 5", "Time passes until the high watermark of orders-0 is 5 or more."},
		{"run until epoch orders-0 >= 2", "Time passes until the leader epoch of orders-0 is 2 or more."},
		{"run until epoch orders-0 >= 2 on b3", "Time passes until b3 knows leader epoch 2 of orders-0 or a later one."},
		{"run until truncated orders-0 on b3", "Time passes until b3 has truncated its log of orders-0."},
		{"run until controller", "Time passes until a controller is active."},
		{"run until quiet", "Time passes until the cluster is quiet."},
		{"run until quiet of b2,c1", "Time passes until b2 and c1 are quiet."},
		{"run until time 9s", "Time passes until 9s."},
		{"wait 100ms", "100ms pass."},
		{"pause b2", "b2 is paused."},
		{"resume b2", "b2 resumes."},
		{"slow b1 -> b2 by 90ms", "The network delays everything from b1 to b2 by 90ms."},
		{"slow b1 -> b2 by 0s", "The network no longer delays everything from b1 to b2."},
		{"slow b2 times 9", "The processor of b2 is 9 times slower."},
		{"slow b2,b3 times 1", "The processors of b2 and b3 are as fast as usual."},
		{"clock b1 drift 90ppm", "The clock of b1 goes wrong: drift 90ppm."},
		{"clock b1 drift 0ppm", "The clock of b1 runs at its usual speed."},
		{"clock b1 skew 0s", "The clock of b1 shows the right time again."},
		{"cut b1 -> b2,b3", "The network blocks everything from b1 to b2 and b3."},
		{"at 10s send p1 orders-0 a b", "At 10s p1 sends 2 records to orders-0."},
	}
	var src, want []string
	for _, l := range lines {
		src, want = append(src, l[0]), append(want, l[1])
	}
	p, err := scenarios.Load("tale.txt", []byte(strings.Join(src, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	v, ok := draftOf(p).look()
	if !ok {
		t.Fatal("the draft is no scenario")
	}
	for i := range v.lines {
		if got := (teller{v}).sentence(i); got != want[i] {
			t.Errorf("%s: %q, want %q", src[i], got, want[i])
		}
	}
}
