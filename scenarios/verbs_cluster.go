package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// The verbs of this file create a cluster and its topics. The options of the cluster are known before the first event, and a
// topic has its leaders before the next line starts.

var verbCluster = &Verb{
	Name:  "cluster",
	Group: "make",
	Forms: []string{""},
	Keys: []Key{
		{"brokers", "BROKERS", "how many brokers, b1 and so on; 3 if left out"},
		{"controllers", "CONTROLLERS", "how many controllers, c1 and so on; 3 if left out"},
		{"seed", "SEED", "the seed of all random decisions; 1 if left out"},
		{"noise", "NOISE", "random faults: calm, a good network (the default), or rough, a network that loses packets and stalls and resets " +
			"connections, with disks that are slow at times and leave torn files after a power loss"},
	},
	Configs: ScopeCluster,
	Doc:     "Creates the cluster and starts it. It is the first verb of every scenario.",
	Example: "cluster brokers=3 controllers=3 seed=11\ncluster brokers=5 min.insync.replicas=2",
	Check: func(ns *names, a *Args) *complaint {
		if ns.cluster {
			return &complaint{msg: "there is a cluster already; a scenario has one"}
		}
		ns.cluster = true
		ns.brokers, ns.controllers = argOr[int32](a, "brokers", 3), argOr[int32](a, "controllers", 3)
		return nil
	},
	// Session.open has assembled the cluster already.
	Run: func(*Session, *Args) Result { return Result{} },
}

var verbTopic = &Verb{
	Name:  "topic",
	Group: "make",
	Forms: []string{"NEWTOPIC"},
	Keys: []Key{
		{"partitions", "PARTITIONS", "how many partitions; 1 if left out"},
		{"replicas", "REPLICAS", "how many replicas of each; 3, or all brokers if there are fewer"},
		{"on", "PLACES", "the brokers of the replicas, the preferred leader of the first partition first: on=1,2,3"},
	},
	Configs: ScopeTopic,
	Doc: "Creates a topic once all running brokers are unfenced, and waits until every partition has a leader. Without on= the " +
		"controller places the replicas, differently on each seed. As a timed line it creates the topic at once, with the " +
		"registered brokers, and may use the name of a topic that a timed line above deletes.",
	Example: "topic orders partitions=3 replicas=3 min.insync.replicas=2\ntopic audit on=2,1,3\nat 3s topic audit partitions=2",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		name := arg[string](a, "NEWTOPIC")
		replicas := argOr(a, "replicas", min(3, ns.brokers))
		partitions := argOr[int32](a, "partitions", 1)
		if t := ns.known(name); t != nil {
			t.partitions = max(t.partitions, partitions)
		} else {
			ns.topics = append(ns.topics, topicName{name: name, partitions: partitions})
		}
		on, placed := a.get("on")
		switch w, _ := a.get("replicas"); {
		case replicas > ns.brokers:
			return &complaint{word: w.word, msg: fmt.Sprintf("%d replicas need as many brokers; there are %d", replicas, ns.brokers)}
		case placed && a.has("replicas") && len(arg[[]wire.NodeID](a, "on")) != int(replicas):
			return &complaint{word: on.word, msg: "on= and replicas= disagree; leave replicas= out"}
		}
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		spec := cluster.TopicSpec{
			Name:       arg[string](a, "NEWTOPIC"),
			Partitions: argOr[int32](a, "partitions", 1),
			Replicas:   argOr(a, "replicas", min(3, s.program.ns.brokers)),
			On:         arg[[]wire.NodeID](a, "on"),
			Configs:    s.override(ScopeTopic, a.Settings),
		}
		if len(spec.On) > 0 {
			spec.Replicas = int32(len(spec.On))
		}
		begin := s.afterBoot(func() cluster.Op { return s.cluster.CreateTopic(spec) })
		if spec.AtOnce = a.Timed; a.Timed { // a timed line uses the brokers that are registered at its time
			begin = once(s.cluster.CreateTopic(spec))
		}
		return s.await(begin, func(o cluster.Outcome) string {
			if o.Status != cluster.OutcomeOK {
				return fmt.Sprintf("%s: %s\n", spec.Name, describeStatus(o.Status, o.Error))
			}
			var b strings.Builder
			for p := range spec.Partitions {
				if state, ok := s.cluster.Partition(wire.TopicPartition{Topic: spec.Name, Partition: p}); ok {
					b.WriteString(describePartition(s.cluster.Names(), state))
				}
			}
			return b.String()
		})
	},
}

// readPlaces reads node ids such as 2,1,3. The first is the preferred leader, and each broker may occur only once.
func readPlaces(ns *names, w Word) (any, string) {
	var on []wire.NodeID
	for _, part := range strings.Split(w.Text, ",") {
		list, bad := readIDs(ns, Word{Text: part})
		if bad != "" {
			return nil, bad
		}
		id := list.([]wire.NodeID)[0]
		if slices.Contains(on, id) {
			return nil, fmt.Sprintf("broker %d occurs twice in %s", id, w.Text)
		}
		on = append(on, id)
	}
	return on, ""
}

// await makes a line wait for an operation. The operation may begin later; op returns 0 until it has begun.
func (s *Session) await(op func() cluster.Op, then func(cluster.Outcome) string) Result {
	answered := func() (cluster.Outcome, bool) {
		if id := op(); id != 0 {
			return s.cluster.Outcome(id)
		}
		return cluster.Outcome{}, false
	}
	return Result{
		Until: func() bool { _, done := answered(); return done },
		Then: func(done bool) string {
			o, _ := answered()
			if !done {
				o = cluster.Outcome{Status: cluster.OutcomeUnknown, Error: "no answer yet"}
			}
			return then(o)
		},
	}
}

// once returns a function that returns an operation that has begun.
func once(op cluster.Op) func() cluster.Op { return func() cluster.Op { return op } }

// bootTime is the longest time for which the operator waits until every running broker is unfenced.
const bootTime = 30 * env.Second

// afterBoot begins an operation once every running broker is unfenced, or after bootTime. As in Kafka, a topic that is
// created earlier would start with fewer in-sync replicas and another leader. Few scenarios want such a topic.
func (s *Session) afterBoot(begin func() cluster.Op) func() cluster.Op {
	late := s.cluster.Now() + bootTime
	var op cluster.Op
	return func() cluster.Op {
		if op == 0 && (s.cluster.Now() >= late || !s.booting()) {
			op = begin()
		}
		return op
	}
}

// booting reports whether any running broker is still fenced or unregistered.
func (s *Session) booting() bool {
	for _, m := range s.cluster.Machines() {
		if m.Up && m.Fenced {
			return true
		}
	}
	return false
}
