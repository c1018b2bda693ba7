package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader that keeps its position in a later topic of the name is a price, because Kafka's consumer does so too. A reset or a
// seek is neither, and a topic without records below the position loses nothing.
func TestAReaderOfARecreatedTopic(t *testing.T) {
	for name, c := range map[string]struct {
		ops  []Op
		want Status
	}{
		"keeps its position":         {[]Op{writes(2, sent("p1", "b", 0)), reading(2, from(1, polled("c1", "c", 1)))}, Priced},
		"and finds no record there":  {[]Op{writes(2, sent("p1", "b", 0)), reading(2, from(1, drained("c1", 1)))}, Priced},
		"begins anew":                {[]Op{writes(2, sent("p1", "b", 0)), reading(2, from(0, polled("c1", "b", 0)))}, Held},
		"jumps":                      {[]Op{writes(2, sent("p1", "b", 1)), reading(2, from(3, polled("c1", "d", 3)))}, Violated},
		"nothing is below":           {[]Op{writes(2, sent("p1", "b", 1)), reading(2, from(1, polled("c1", "b", 1)))}, Held},
		"a reset comes between":      {[]Op{writes(2, sent("p1", "b", 0)), moved("c1", PositionReset, 1), reading(2, from(1, polled("c1", "c", 1)))}, Unexercised},
		"the application has sought": {[]Op{writes(2, sent("p1", "b", 0)), again(reading(2, from(1, polled("c1", "c", 1))))}, Unexercised},
	} {
		v := NewView(Contract{}, All())
		f := recreatedReadWhole.Judge(historyCase(v, append([]Op{reading(1, polled("c1", "a", 0))}, c.ops...)...))
		require.Equal(t, c.want, f.Status, "%s: %s", name, f.Explanation)
	}
}
