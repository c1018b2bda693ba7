package check

// idle counts requests while nothing is written.
type idle struct {
	since int64 // when the current second began
	count int64
	worst int64 // the highest count of any idle second since the cluster recovered
}

// RequestArrived says that a request reached a node.
func (v *View) RequestArrived() {
	v.requests++
	i := &v.idle
	if v.now-i.since >= int64(second) || v.appendedAt > i.since {
		if v.now-i.since < 2*int64(second) && v.appendedAt <= i.since && v.quietSince >= 0 && i.since-v.quietSince > int64(v.contract.inSync()) {
			i.worst = max(i.worst, i.count)
		}
		i.since, i.count = v.now, 0
	}
	i.count++
}

// requestsAllowed returns the number of requests that may arrive in an idle second. For each node it counts the fetches
// from every other node, the heartbeats, and the attempts to repeat refused requests. It returns twice the sum of these
// numbers.
func (v *View) requestsAllowed() int64 {
	n := int64(len(v.brokers) + len(v.quorum.voters) + v.clients)
	t := v.contract.Timeouts
	each := n*int64(second/max(t.FetchWait, 1)+1) + int64(4*second/max(t.Heartbeat, 1)+1) + 2*int64(second/max(min(t.Backoff, second), 1)+1)
	return 2 * n * each
}

// Clients sets the number of clients.
func (v *View) Clients(n int) { v.clients = n }
