package speed

import (
	"fmt"

	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
	"samsa/wire"
)

// Cluster is a workload on three brokers and three controllers with every check. Ten producers send batches with acks=all at
// a steady rate, and one consumer reads. At a low rate most events are heartbeats and empty fetches.
type Cluster struct {
	cluster observe.Cluster
	clients []env.Addr
	every   env.Duration // the time between two batches of one client
	began   env.Duration
	first   uint64 // the number of events before the load
	at      env.Duration
	sent    int
	ops     []cluster.Op
	rounds  int64
}

// NewCluster makes a cluster with its topic and clients. The rate is in batches per second of virtual time.
func NewCluster(rate int) (*Cluster, error) {
	c, err := observe.Assemble(cluster.Options{Brokers: 3, Controllers: 3, Seed: 1})
	if err != nil {
		return nil, err
	}
	op := c.CreateTopic(cluster.TopicSpec{Name: "orders", Partitions: 3, Replicas: 3,
		Configs: []cluster.Setting{{Name: "min.insync.replicas", Value: "2"}}})
	for {
		if _, done := c.Outcome(op); done || !c.Step() {
			break
		}
	}
	l := &Cluster{cluster: c}
	for i := range 10 {
		l.clients = append(l.clients, env.Addr(fmt.Sprintf("p%d", i)))
		c.AddClient(l.clients[i], []cluster.Setting{{Name: "linger.ms", Value: "0"}})
	}
	c.AddClient("r1", []cluster.Setting{{Name: "auto.offset.reset", Value: "earliest"}})
	l.every = env.Second * env.Duration(len(l.clients)) / env.Duration(rate)
	l.began, l.at, l.first = c.Now(), c.Now(), c.Events()
	return l, nil
}

// Round implements Work. One round is ten batches.
func (l *Cluster) Round() {
	l.at += l.every
	for _, p := range l.clients {
		l.sent++
		tp := wire.TopicPartition{Topic: "orders", Partition: int32(l.sent % 3)}
		l.ops = append(l.ops, l.cluster.Produce(p, tp, []string{fmt.Sprint("v", l.sent)}))
	}
	l.cluster.At(l.at, "round", func() {}) // otherwise a step may pass the end of the round, and the load comes in bursts
	for l.cluster.Now() < l.at && l.cluster.Step() {
	}
	l.rounds++
}

// Done implements Work.
func (l *Cluster) Done() Done {
	// The virtual time ends with the load, because the last event may be a later heartbeat.
	return Done{l.rounds, l.cluster.Events() - l.first, l.at - l.began}
}

// Acked returns the number of acknowledged batches.
func (l *Cluster) Acked() (n int) {
	for _, op := range l.ops {
		if o, done := l.cluster.Outcome(op); done && o.Status == cluster.OutcomeOK {
			n++
		}
	}
	return n
}

// Cluster returns the cluster under the load.
func (l *Cluster) Cluster() observe.Cluster { return l.cluster }
