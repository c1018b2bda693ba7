package scenarios

import (
	"fmt"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
)

// stageWords are the names of the columns in the table that describeRequests returns.
var stageWords = [len(cluster.StageTimes{})]string{"queue", "local", "remote", "send"}

// describeRequests returns a table of the requests that a machine has answered. Each API has a line with the mean times and
// a line with the longest times, in milliseconds:
//
//	b1                   count   queue   local  remote    send
//	Fetch                  120   0.000   0.006 312.410   0.400
//	  the longest                0.000   0.010 500.000   0.700
func describeRequests(host env.Addr, all []cluster.RequestState) string {
	if len(all) == 0 {
		return string(host) + " has answered no request\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s %5s", host, "count")
	for _, w := range stageWords {
		fmt.Fprintf(&b, " %7s", w)
	}
	for _, r := range all {
		fmt.Fprintf(&b, "\n%-20s %5d", r.API, r.Count)
		for _, t := range r.Mean {
			fmt.Fprintf(&b, " %7s", millis(t))
		}
		fmt.Fprintf(&b, "\n%-26s", "  the longest")
		for _, t := range r.Max {
			fmt.Fprintf(&b, " %7s", millis(t))
		}
	}
	return b.String() + "\n"
}

// describeMetrics returns a broker's metrics, one per line. Values come first, because Kafka's names are long.
func describeMetrics(host env.Addr, all []cluster.MetricState) string {
	if len(all) == 0 {
		return string(host) + " shows no metrics: it is not a running broker\n"
	}
	width := 0
	for _, m := range all {
		width = max(width, len(fmt.Sprint(m.Value)))
	}
	s := string(host) + "\n"
	for _, m := range all {
		s += fmt.Sprintf("%*d %s\n", width+1, m.Value, m.Name)
	}
	return s
}

// millis formats a time in milliseconds with up to three decimals, in at most seven characters.
func millis(d env.Duration) string {
	s := fmt.Sprintf("%d.%03d", d/env.Millisecond, d%env.Millisecond/env.Microsecond)
	for len(s) > 7 && strings.Contains(s, ".") {
		s = strings.TrimSuffix(s[:len(s)-1], ".")
	}
	return s
}
