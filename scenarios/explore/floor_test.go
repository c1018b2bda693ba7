package explore

import (
	"strings"
	"testing"
)

// A campaign shows nothing if less than half of the records sent with acks=all are acknowledged in its median run.
func TestACampaignHasAFloor(t *testing.T) {
	for name, c := range map[string]struct {
		runs, sent, acked int64
		below             bool
	}{
		"all acknowledged":      {30, 100, 100, false},
		"half of them":          {30, 100, 50, false},
		"less than half":        {30, 100, 49, true},
		"too few runs to tell":  {enoughRuns - 1, 100, 0, false},
		"runs that hardly send": {30, enoughSent - 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReport(Campaign{Seed: 1})
			for i := range c.runs {
				x := Result{Seed: uint64(1 + i)}
				x.Tally.SentToAll, x.Tally.AckedToAll = c.sent, c.acked
				r.Add(x)
			}
			r.Finish()
			if r.BelowFloor != c.below || strings.Contains(r.Text(), "does not serve") != c.below {
				t.Errorf("below the floor is %t, wanted %t\n%s", r.BelowFloor, c.below, r.Text())
			}
		})
	}
}
