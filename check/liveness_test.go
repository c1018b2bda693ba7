package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A client has its own delivery.timeout.ms, and time in which its process is paused does not count.
func TestASendHasTheTimeThatItsClientHas(t *testing.T) {
	open := sent("p1", "a", 0)
	open.Outcome, open.Allowed = NeverDecided, 400*second
	c := historyCase(NewView(Contract{}, All()), open)
	c.View.Clock(2, open.At+int64(400*second))
	require.Equal(t, Held, requestsResolve.Judge(c).Status)
	c.View.Clock(2, open.At+int64(500*second))
	require.Equal(t, Violated, requestsResolve.Judge(c).Status)
	open.Allowed = 20 * second
	c.View.Clock(2, open.At+int64(60*second))
	require.Equal(t, Violated, requestsResolve.Judge(c).Status)
}
