package check

// Duration is a time in nanoseconds.
type Duration int64

// Timeouts are the configs from which liveness checks compute their bounds.
type Timeouts struct {
	Session      Duration // broker.session.timeout.ms: until a broker is fenced, or a new incarnation is registered
	Heartbeat    Duration // broker.heartbeat.interval.ms
	Lag          Duration // replica.lag.time.max.ms
	FetchWait    Duration // replica.fetch.wait.max.ms
	Request      Duration // request.timeout.ms of nodes
	Backoff      Duration // the longest wait before a retry
	Election     Duration // controller.quorum.election.timeout.ms
	QuorumFetch  Duration // controller.quorum.fetch.timeout.ms
	Delivery     Duration // delivery.timeout.ms of producers
	Registration Duration // initial.broker.registration.timeout.ms: a broker that is not registered by then ends
	UncleanEvery Duration // unclean.leader.election.interval.ms: how often the controller looks for partitions that it may elect uncleanly
}

const second Duration = 1e9

// defaultTimeouts are Kafka's defaults.
var defaultTimeouts = Timeouts{
	Session: 9 * second, Heartbeat: 2 * second, Lag: 30 * second, FetchWait: second / 2, Request: 30 * second, Backoff: second,
	Election: second, QuorumFetch: 2 * second, Delivery: 120 * second, Registration: 60 * second, UncleanEvery: 300 * second,
}

// elections is the number of elections that may fail before one must succeed.
const elections = 10

// quorumLed bounds the time until the quorum has a leader that all controllers follow: fetch timeouts expire, then elections
// run with random election timeouts.
func (t Timeouts) quorumLed() Duration {
	return 2*t.QuorumFetch + t.Request + elections*(2*t.Election+t.Backoff)
}

// unfenced bounds the time until every broker is unfenced: a lost request times out, an old session times out, and the
// broker registers, catches up with the metadata and sends a heartbeat.
func (t Timeouts) unfenced() Duration {
	return t.quorumLed() + t.Request + t.Session + 3*t.Heartbeat + 2*t.Backoff
}

// partitionsLed bounds the time until every partition has a leader that knows that it leads.
func (t Timeouts) partitionsLed() Duration { return t.unfenced() + t.Request + 2*t.FetchWait }

// inSync bounds the time until every replica is back in the ISR: it fetches from the leader, and the controller accepts the
// leader's AlterPartition.
func (t Timeouts) inSync() Duration { return t.partitionsLed() + 2*t.Request + 2*t.Lag + 4*t.Backoff }

// caughtUp bounds the time until the cluster has recovered.
func (t Timeouts) caughtUp() Duration { return t.inSync() + 2*t.FetchWait }

// seconds returns a duration in words, rounded down to a tenth.
func seconds(d Duration) string {
	return itoa(d/second) + "." + itoa(d%second/(second/10)) + " s"
}
