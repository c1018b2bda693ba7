package explore

import (
	"strings"
	"testing"
)

// A broker that was to stop and is then cut off cannot complete its shutdown before it rejoins: a plan that starts it at that
// time, while it still runs, and never again, would leave it down (seeds 7000074 and 7000476).
func TestABrokerThatLeavesWhileItIsCutOffIsStartedAgain(t *testing.T) {
	t.Parallel()
	seen := 0
	for seed := uint64(1); seed < 300; seed++ {
		p := Draw(seed, Mixed)
		if p.core.kind() != CutCome || p.effects()&stops == 0 {
			continue
		}
		seen++
		text := p.Text()
		_, last, found := strings.Cut(text, "\nheal\nstart "+strings.Join(p.core.away, ",")+" for good\n")
		if !found {
			t.Fatalf("seed %d: no machine rejoins:\n%s", seed, text)
		}
		if again, _, _ := strings.Cut(last, "run until quiet"); !strings.Contains(again, "wait ") || !strings.Contains(again, "start "+strings.Join(p.core.away, ",")) {
			t.Errorf("seed %d: %v rejoin and are started once:\n%s", seed, p.core.away, last)
		}
	}
	if seen == 0 {
		t.Fatal("no seed has such a plan")
	}
}
