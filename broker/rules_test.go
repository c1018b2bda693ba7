package broker

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/wire"
)

// Whoever gives one rule gets that one, and today's answers to all others.
func TestHalfFilledRulesAreTodays(t *testing.T) {
	written, named := wire.TopicID{1}, wire.TopicID{2}
	for _, tc := range []struct {
		name  string
		given Rules
		owner wire.TopicID
		ends  bool
	}{
		{"nothing is said", Rules{}, written, true},
		{"Owner alone", Rules{Owner: func(_, named wire.TopicID) wire.TopicID { return named }}, named, true},
		{"MayServe alone", Rules{MayServe: func(bool) bool { return true }}, written, true},
		{"today's without EndWaits", func() Rules { r := Today(); r.EndWaits = false; return r }(), written, false},
	} {
		r := tc.given.withDefaults()
		if got := r.Owner(written, named); got != tc.owner {
			t.Errorf("%s: the log is %v's, wanted %v", tc.name, got, tc.owner)
		}
		if got, want := r.MayServe(false), tc.given.MayServe != nil && tc.given.MayServe(false); got != want {
			t.Errorf("%s: who is not let in serves: %v, wanted %v", tc.name, got, want)
		}
		if r.MayLead(7, 7) || !r.MayLead(7, 8) {
			t.Errorf("%s: it leads by an image of before its registration, or by none after", tc.name)
		}
		if stands := (Standing{Follows: true, Epoch: 1, End: 2}); !r.Concerns(stands, stands, false) || r.Concerns(stands, Standing{}, false) {
			t.Errorf("%s: an answer concerns another standing than it was asked in, or not its own", tc.name)
		}
		if against := kerr.NotEnoughReplicasAfterAppend; r.Outcome(against) != against {
			t.Errorf("%s: what is against a record is not told", tc.name)
		}
		if r.EndWaits != tc.ends {
			t.Errorf("%s: EndWaits is %v, wanted %v", tc.name, r.EndWaits, tc.ends)
		}
	}
}
