package observe

import (
	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/wire/config"
)

// Sight is cluster.Sight with the findings of the checks. No call changes a run, its hash or its final findings.
type Sight interface {
	cluster.Sight
	// Judge runs every check on the run so far. Checks that need the end of the run are final only after End.
	Judge() []check.Finding
}

// Cluster is a cluster that the checks judge.
type Cluster interface {
	cluster.Cluster
	Judge() []check.Finding
	// End ends the run. Effects of nodes that are still incomplete then count as complete. Step must not be called
	// afterwards.
	End()
}

// judged implements Cluster.
type judged struct {
	cluster.Cluster
	*observer
}

// Assemble builds a cluster in a simulated world and attaches an observer that feeds the checks.
func Assemble(o cluster.Options) (Cluster, error) {
	c := judged{}
	var err error
	c.Cluster, err = cluster.Assemble(o, func(in cluster.Inside) cluster.Observer {
		c.observer = newObserver(in)
		return c.observer
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// contract returns the Contract of a cluster with these settings.
func contract(b, k *config.Set) check.Contract {
	topic := config.New(config.Topic).Over(b)
	span := func(s *config.Set, name string) check.Duration { return check.Duration(s.Duration(name)) }
	p := config.New(config.Producer)
	return check.Contract{
		MinISR: int(topic.Int("min.insync.replicas")), Unclean: config.New(config.Topic).Over(k).Bool("unclean.leader.election.enable"),
		Retention: check.Retention{For: span(topic, "retention.ms"), Bytes: topic.Int("retention.bytes")},
		Timeouts: check.Timeouts{
			Session: span(k, "broker.session.timeout.ms"), Heartbeat: span(b, "broker.heartbeat.interval.ms"), Lag: span(b, "replica.lag.time.max.ms"),
			FetchWait: span(b, "replica.fetch.wait.max.ms"), Request: span(b, "request.timeout.ms"), Backoff: span(b, "replica.fetch.backoff.ms"),
			Election: span(k, "controller.quorum.election.timeout.ms"), QuorumFetch: span(k, "controller.quorum.fetch.timeout.ms"),
			Delivery: span(p, "delivery.timeout.ms"), Registration: span(b, "initial.broker.registration.timeout.ms"), UncleanEvery: span(k, "unclean.leader.election.interval.ms"),
		},
	}
}
