package check

// Unanswered is a request that a running server has neither answered nor refused, long after its sender gave it up.
type Unanswered struct {
	Server, From string
	API          string   // Kafka's name of the request: "CreateTopics"
	Step         uint64   // the last step before the server received it
	Waits        Duration // since then
	Timeout      Duration // the longest request timeout of the run
}

var requestsAnswered = &Check{
	Name: "requests-answered", Numbers: "L18/server", Liveness: true,
	Doc: "a running server answers or refuses every request within twice the longest request timeout, also while faults are active",
	Judge: func(c *Case) Result {
		switch {
		case c.View == nil:
			return Result{Status: Unexercised}
		case len(c.Unanswered) > 0:
			u := c.Unanswered[0]
			words := u.Server + " has had a " + u.API + " request of " + u.From + " since step " + itoa(u.Step) + ", for " + seconds(u.Waits) +
				", and has neither answered nor refused it; request timeouts are at most " + seconds(u.Timeout)
			if n := int64(len(c.Unanswered) - 1); n > 0 {
				words += "; " + plural(n, "more request waits", "more requests wait") + " like that"
			}
			return Result{Status: Violated, Step: u.Step, Explanation: words, Fact: factOf(TheRequests, u.API, ByServer, "never answered")}
		case c.View.requests == 0:
			return Result{Status: Unexercised}
		}
		return Result{Status: Held, Explanation: plural(c.View.requests, "request", "requests") + ", none forgotten"}
	},
	Accept: func(v *View) *Case {
		c := historyCase(v)
		v.RequestArrived()
		return c
	},
	Reject: func(v *View) *Case {
		c := historyCase(v)
		c.Unanswered = []Unanswered{{"c1", "op", "CreateTopics", 7, 90 * second, 30 * second}}
		return c
	},
}
