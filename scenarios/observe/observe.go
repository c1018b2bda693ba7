package observe

import (
	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/wire/config"
)

// Sight is the view from above with the judges. Looking changes nothing: a run, its hash and the last word of its judges are the
// same however often anything here is called.
type Sight interface {
	cluster.Sight
	// Judge asks every judge about what is known so far. Judges that need an end give their last word after End.
	Judge() []check.Finding
}

// Cluster is a cluster that is judged.
type Cluster interface {
	cluster.Cluster
	Judge() []check.Finding
	// End says that the run is over, so that the judges can give their last word: what nodes have done and not yet paid for
	// counts as done. Step must not be called any more.
	End()
}

// judged implements Cluster.
type judged struct {
	cluster.Cluster
	*observer
}

// Assemble builds a cluster in a simulated world, and the judges' picture of it.
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

// contract is what a cluster with these settings of brokers and controllers promises, and how long it may take.
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
			Delivery: span(p, "delivery.timeout.ms"), UncleanEvery: span(k, "unclean.leader.election.interval.ms"),
		},
	}
}
