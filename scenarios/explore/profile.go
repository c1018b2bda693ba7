package explore

import (
	"fmt"
	"slices"
	"strconv"
)

// Profile is the scale of a cluster's timeouts, or the name of a family of faults or of a kind of operation. Such a name means
// the timeouts of Mixed, and that every plan has faults of that family or operations of that kind. It is for situations that
// the default profile reaches in few runs, because their families are rare.
type Profile string

const (
	// Mixed draws Compressed for about nine seeds out of ten and Kafka for the others.
	Mixed Profile = "mixed"
	// Compressed divides Kafka's timeouts by ten to thirty and roughly keeps their ratios, so that ISRs shrink and sessions
	// time out within ten virtual seconds.
	Compressed Profile = "compressed"
	// Kafka keeps all defaults, so runs last virtual minutes.
	Kafka Profile = "kafka"
)

// Profiles returns all profiles: first the scales of timeouts, of which the first is the default, then the families and kinds.
func Profiles() []Profile {
	all := []Profile{Mixed, Compressed, Kafka}
	for _, name := range slices.Concat(FaultFamilies(), OperationKinds()) {
		all = append(all, Profile(name))
	}
	return all
}

// of returns the timeouts of a seed. For all profiles but Compressed and Kafka, it draws one of these two.
func (p Profile) of(d draws) Profile {
	if p == Compressed || p == Kafka {
		return p
	}
	if d.chance("profile", 0, 100) {
		return Kafka
	}
	return Compressed
}

// setting is one config in the form that a scenario uses.
type setting struct {
	name  string
	value int
}

func (s setting) String() string { return s.name + "=" + strconv.Itoa(s.value) }

// timing holds the durations of a run, all in milliseconds of virtual time.
type timing struct {
	nodes   []setting // configs on the cluster line
	client  []setting // configs on the first line of a client
	retains bool      // topics have retention limits

	boot  int // the time at which the workload begins; all brokers are unfenced by then unless a fault prevents it
	phase int // the length of the part with faults
	rest  int // the bound for becoming quiet after the healing; an operator's request alone may take half a minute
	unit  int // the length of a short fault: about a heartbeat interval
	idle  int // a time within which, as the judges count, the cluster has recovered from all faults (check.Timeouts)
}

// timingOf draws the timeouts of a run.
func timingOf(p Profile, d draws) timing {
	retains := d.chance("retains", 0, 250)
	if p == Kafka {
		t := timing{boot: 15_000, phase: 90_000, rest: 400_000, unit: 2_000, idle: 270_000, retains: retains}
		if retains {
			t.nodes = []setting{{"log.retention.check.interval.ms", 10_000}}
		}
		return t
	}
	// Kafka's session timeout is 9 s, its heartbeat interval 2 s and its replica lag limit 30 s. The function scale keeps
	// the ratio of one of Kafka's times to the session timeout.
	session := pick(d, "session", 0, 300, 450, 600, 900)
	scale := func(ms int) int { return max(1, ms*session/9000) }
	lag := pick(d, "lag", 0, 1000, 1000, 1000, 500, 2000)
	wait := min(pick(d, "fetch.wait", 0, scale(500), scale(500), 5, 100), lag)
	request := pick(d, "request", 0, 1000, 1000, 600, 2000)
	delivery := 4 * request
	t := timing{
		nodes: []setting{
			{"broker.session.timeout.ms", session},
			{"broker.heartbeat.interval.ms", scale(2000)},
			{"unclean.leader.election.interval.ms", scale(300_000)},
			{"controller.quorum.fetch.timeout.ms", scale(2000)},
			{"controller.quorum.election.timeout.ms", scale(1000)},
			{"controller.quorum.election.backoff.max.ms", scale(1000)},
			{"controller.quorum.request.timeout.ms", scale(2000)},
			{"replica.lag.time.max.ms", lag},
			{"replica.fetch.wait.max.ms", wait},
			{"replica.fetch.backoff.ms", scale(1000)},
			{"replica.high.watermark.checkpoint.interval.ms", scale(5000)},
			{"request.timeout.ms", request},
			{"log.initial.task.delay.ms", scale(30_000) / 4},
			{"log.flush.offset.checkpoint.interval.ms", scale(60_000) / 4},
		},
		client: []setting{
			{"request.timeout.ms", request}, {"delivery.timeout.ms", delivery}, {"retry.backoff.ms", 20}, {"fetch.max.wait.ms", wait},
		},
		boot: 2000, phase: pick(d, "phase", 0, 3000, 4000, 5000), rest: 60_000 + 3*delivery, unit: scale(2000), retains: retains,
		idle: 28*scale(2000) + 5*request + 2*lag + 4*wait + 1000,
	}
	// Kafka checks retention only every five minutes. A plan without limits checks too, because an operator may set them.
	often := pick(d, "retention.check", 0, 200, 500, 1500)
	if !retains {
		often = 1500
	}
	t.nodes = append(t.nodes, setting{"log.retention.check.interval.ms", often})
	return t
}

// ms formats a time in the form that scenarios use.
func ms(n int) string {
	if n%1000 == 0 {
		return strconv.Itoa(n/1000) + "s"
	}
	return fmt.Sprintf("%dms", n)
}
