package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"samsa/wire"
)

// The state of the leader decides which response is right.
func TestAResponseToAProducerIsTheOneThatTheStateDemands(t *testing.T) {
	full, thin, unread, away := Standing{4, 3, 3, 2}, Standing{4, 1, 1, 2}, Standing{4, 1, 1, 0}, Standing{Epoch: wire.NoEpoch}
	joining := Standing{4, 1, 2, 2} // a second member is proposed
	for name, c := range map[string]struct {
		Produced
		want Status
	}{
		"appended with too small an ISR":            {Produced{Acks: -1, Arrived: thin, Answered: full}, Violated},
		"appended while a member is only proposed":  {Produced{Acks: -1, Arrived: joining, Answered: full}, Violated},
		"appended, and the request timed out":       {Produced{Code: requestTimedOut, Acks: -1, Arrived: thin, Answered: thin, Took: second}, Violated},
		"acks=1 needs no ISR":                       {Produced{Acks: 1, Arrived: thin, Answered: thin}, Held},
		"the leader does not know the setting yet":  {Produced{Acks: -1, Arrived: unread, Answered: unread, Alone: true}, Held},
		"acknowledged after the ISR shrank":         {Produced{Acks: -1, Arrived: full, Answered: thin, Alone: true}, Violated},
		"acknowledged with a proposed member":       {Produced{Acks: -1, Arrived: full, Answered: joining, Alone: true}, Held},
		"another partition was waited for":          {Produced{Acks: -1, Arrived: full, Answered: thin}, Held},
		"refused with enough":                       {Produced{Code: notEnoughReplicas, Acks: -1, Arrived: full, Answered: full}, Violated},
		"refused while a member is only proposed":   {Produced{Code: notEnoughReplicas, Acks: -1, Arrived: joining, Answered: joining}, Held},
		"refused after the append with enough":      {Produced{Code: notEnoughReplicasAfterward, Acks: -1, Arrived: full, Answered: full}, Violated},
		"refused after the append, with too few":    {Produced{Code: notEnoughReplicasAfterward, Acks: -1, Arrived: full, Answered: thin}, Held},
		"refused after the append, too few between": {Produced{Code: notEnoughReplicasAfterward, Acks: -1, Arrived: full, Between: []Standing{thin}, Answered: full}, Held},
		"timed out early":                           {Produced{Code: requestTimedOut, Acks: -1, Arrived: full, Answered: full, Took: second - 1, Timeout: second}, Violated},
		"timed out by a clock that may be wrong":    {Produced{Code: requestTimedOut, Acks: -1, Arrived: full, Answered: full, Took: -1, Timeout: second}, Held},
		"denies that it leads":                      {Produced{Code: notLeader, Acks: -1, Arrived: full, Answered: full}, Violated},
		"has led another epoch since":               {Produced{Code: notLeader, Acks: -1, Arrived: full, Answered: Standing{5, 3, 3, 2}}, Held},
		"did not lead between":                      {Produced{Code: notLeader, Acks: -1, Arrived: full, Between: []Standing{away}, Answered: full}, Held},
	} {
		t.Run(name, func(t *testing.T) {
			s := staged(2)
			s.tick()
			c.Produced.Sent(s.View, s.p, s.p.Replica(1))
			f := find(t, s.done(), "refusals-true")
			require.Equal(t, c.want, f.Status, f.Explanation)
		})
	}
}
