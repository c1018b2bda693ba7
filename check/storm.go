package check

// idle counts requests while nothing is written.
type idle struct {
	since int64 // when the second under way began
	count int64
	worst int64 // in any second so far, since the cluster has recovered
}

// RequestArrived says that a request reached a node.
func (v *View) RequestArrived() {
	i := &v.idle
	if v.now-i.since >= int64(second) || v.appendedAt > i.since {
		if v.now-i.since < 2*int64(second) && v.appendedAt <= i.since && v.quietSince >= 0 && i.since-v.quietSince > int64(v.contract.inSync()) {
			i.worst = max(i.worst, i.count)
		}
		i.since, i.count = v.now, 0
	}
	i.count++
}

// requestsAllowed is how many requests may arrive in an idle second: from every node a fetch to every other, a heartbeat, and two
// attempts of everything that is refused; and twice that.
func (v *View) requestsAllowed() int64 {
	n := int64(len(v.brokers) + len(v.quorum.voters) + v.clients)
	t := v.contract.Timeouts
	each := n*int64(second/max(t.FetchWait, 1)+1) + int64(4*second/max(t.Heartbeat, 1)+1) + 2*int64(second/max(min(t.Backoff, second), 1)+1)
	return 2 * n * each
}

// Clients says how many clients there are.
func (v *View) Clients(n int) { v.clients = n }
