package broker

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/wire"
)

// A broker that is given one rule has that one, and today's answers to all others.
func TestHalfFilledRulesAreTodays(t *testing.T) {
	written, named := wire.TopicID{1}, wire.TopicID{2}
	for _, tc := range []struct {
		name  string
		given Rules
		owner wire.TopicID
		ends  bool
	}{
		{"none is given", Rules{}, written, true},
		{"Owner alone", Rules{Owner: func(_, named wire.TopicID) wire.TopicID { return named }}, named, true},
		{"MayServe alone", Rules{MayServe: func(bool) bool { return true }}, written, true},
		{"today's without FailWaiting", func() Rules { r := Today(); r.FailWaiting = false; return r }(), written, false},
	} {
		r := tc.given.withDefaults()
		if got := r.Owner(written, named); got != tc.owner {
			t.Errorf("%s: the log belongs to %v, wanted %v", tc.name, got, tc.owner)
		}
		if got, want := r.MayServe(false), tc.given.MayServe != nil && tc.given.MayServe(false); got != want {
			t.Errorf("%s: a fenced broker serves: %v, wanted %v", tc.name, got, want)
		}
		if r.MayLead(7, 7) || !r.MayLead(7, 8) {
			t.Errorf("%s: it leads by an image from before its registration, or not by one from after it", tc.name)
		}
		if state := (FollowerState{Follows: true, Epoch: 1, End: 2}); !r.IsCurrent(state, state, false) || r.IsCurrent(state, FollowerState{}, false) {
			t.Errorf("%s: an answer is current in another state than that of its request, or not in its own", tc.name)
		}
		if err := kerr.NotEnoughReplicasAfterAppend; r.Outcome(err) != err {
			t.Errorf("%s: the error of the partition is not answered", tc.name)
		}
		if r.FailWaiting != tc.ends {
			t.Errorf("%s: FailWaiting is %v, wanted %v", tc.name, r.FailWaiting, tc.ends)
		}
	}
}
