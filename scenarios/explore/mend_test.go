package explore

import (
	"strings"
	"testing"
)

// Who was told to stop and then cut off cannot leave before it is let in again: a plan that starts it then, while it still
// runs, and never again would wait for it in vain (seeds 7000074 and 7000476).
func TestWhoLeavesWhileItIsCutOffIsStartedAgain(t *testing.T) {
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
			t.Fatalf("seed %d: nobody is let in again:\n%s", seed, text)
		}
		if again, _, _ := strings.Cut(last, "run until quiet"); !strings.Contains(again, "wait ") || !strings.Contains(again, "start "+strings.Join(p.core.away, ",")) {
			t.Errorf("seed %d: %v are let in again and started once:\n%s", seed, p.core.away, last)
		}
	}
	if seen == 0 {
		t.Fatal("no seed has such a plan")
	}
}
