package broker

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// This file has the metrics that a broker would export over JMX, under Kafka's names. They are counts since the start of the
// process instead of rates, because a viewer has the clock and can compute the rate.
//
// The table has the stages of a request under Kafka's names, and the part of Samsa that knows the time of each stage. In a
// scenario, "show requests" shows all stages (scenarios/stages.go).
//
//	RequestQueueTime   waiting for a request handler                the world (Machine.RequestThreads)
//	LocalTime          being worked on, which is disk time          the world
//	RemoteTime         parked: waiting for followers, records, or   this broker
//	                   the controller that it was forwarded to
//	ResponseQueueTime  none, because there is no queue
//	ResponseSendTime   on the wire                                  the world

// requestMetrics answers requests and counts them.
type requestMetrics struct {
	byKey map[int16]*requestTimes
}

// requestTimes has the times of the requests of one api key.
type requestTimes struct {
	answered  int64
	remote    env.Duration // sum of RemoteTime
	remoteMax env.Duration
}

func newRequestMetrics() requestMetrics { return requestMetrics{byKey: map[int16]*requestTimes{}} }

// reply sends the response to a request and counts the time since its arrival.
func (m *requestMetrics) reply(e env.Env, t env.Ticket, resp env.Response, since env.Instant) {
	s := m.byKey[t.Key]
	if s == nil {
		s = &requestTimes{}
		m.byKey[t.Key] = s
	}
	remote := e.Now().Sub(since)
	s.answered++
	s.remote += remote
	s.remoteMax = max(s.remoteMax, remote)
	e.Reply(t, resp)
}

// Metric is one metric with its value. Times are in nanoseconds.
type Metric struct {
	Name  string // "ReplicaManager.UnderReplicatedPartitions", "RequestMetrics.RemoteTime.Produce.Max"
	Value int64
}

// Metrics returns all metrics, sorted by name.
func (b *Broker) Metrics() []Metric {
	var leads, under, underMin, atMin, hosted int64
	for _, r := range b.replicas.inService() {
		hosted++
		leads += one(r.Leads())
		under += one(r.UnderReplicated())
		underMin += one(r.UnderMinISR())
		atMin += one(r.AtMinISR())
	}
	all := []Metric{
		{"ReplicaManager.LeaderCount", leads},
		{"ReplicaManager.PartitionCount", hosted},
		{"ReplicaManager.UnderReplicatedPartitions", under},
		{"ReplicaManager.UnderMinIsrPartitionCount", underMin},
		{"ReplicaManager.AtMinIsrPartitionCount", atMin},
		{"ReplicaManager.IsrExpandsPerSec.Count", b.isr.expands},
		{"ReplicaManager.IsrShrinksPerSec.Count", b.isr.shrinks},
		{"ReplicaManager.FailedIsrUpdatesPerSec.Count", b.isr.failed},
		{"DelayedOperationPurgatory.PurgatorySize.Produce", int64(len(b.purgatory.produces))},
		{"DelayedOperationPurgatory.PurgatorySize.Fetch", int64(len(b.purgatory.fetches))},
		{"DelayedOperationPurgatory.PurgatorySize.DeleteRecords", int64(len(b.purgatory.deletions))},
	}
	for key, s := range b.metrics.byKey { //order: sorted below
		name := kmsg.NameForKey(key)
		all = append(all,
			Metric{"RequestMetrics.RequestsPerSec." + name + ".Count", s.answered},
			Metric{"RequestMetrics.RemoteTime." + name + ".Sum", int64(s.remote)},
			Metric{"RequestMetrics.RemoteTime." + name + ".Max", int64(s.remoteMax)})
	}
	slices.SortFunc(all, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) }) //total: names are unique
	return all
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
