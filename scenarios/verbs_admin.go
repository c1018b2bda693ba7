package scenarios

import (
	"fmt"
	"slices"

	"samsa/scenarios/cluster"
	"samsa/wire"
)

// The verbs of this file are the operator's requests to a running cluster. Each verb acts like one of Kafka's own tools. The
// line waits until the controller has committed the change. If Kafka refuses the change, the line prints the refusal. A
// refusal is not an error of the scenario.

var verbDelete = &Verb{
	Name:  "delete",
	Group: "make",
	Forms: []string{"topic TOPIC", "records TP [before OFFSET]"},
	Doc: "delete topic deletes a topic, and waits until the controller has committed it. Running brokers delete its logs when they " +
		"apply that; a broker that is down does so when it starts again. A line below may create another topic of the same name. " +
		"delete records deletes the oldest records of a partition, as kafka-delete-records.sh does: all before an offset, or all " +
		"below the high watermark. It waits until every live replica has done so.",
	Example: "delete records orders-0 before 7\ndelete records orders-0\nat 3s delete topic orders\ndelete topic orders",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		name := arg[string](a, "TOPIC")
		t := ns.known(name)
		switch {
		case !a.has("TOPIC"):
		case a.Timed: // later lines of the file may run before this one
			t.fleeting = true
		default: // a later line that names the topic is a mistake and is reported as one
			ns.topics = slices.DeleteFunc(ns.topics, func(t topicName) bool { return t.name == name })
		}
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		if a.has("TOPIC") {
			name := arg[string](a, "TOPIC")
			return s.await(once(s.cluster.DeleteTopic(name)), refusalOf("delete topic "+name))
		}
		tp := a.tp()
		return s.await(once(s.cluster.DeleteRecords(tp, argOr(a, "OFFSET", wire.Offset(-1)))), refusalOf("delete records "+tp.String()))
	},
}

var verbGrow = &Verb{
	Name:  "grow",
	Group: "make",
	Forms: []string{"TOPIC to PARTITIONS"},
	Doc: "Gives a topic more partitions, as kafka-topics.sh --alter does, and waits until the controller has committed it. Partitions " +
		"cannot be removed again, and existing records stay in their partitions, even if their key now maps to another one.",
	Example: "grow orders to 5\nat 2s grow orders to 7",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		t := ns.known(arg[string](a, "TOPIC"))
		t.partitions = max(t.partitions, arg[int32](a, "PARTITIONS"))
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		name := arg[string](a, "TOPIC")
		return s.await(once(s.cluster.AddPartitions(name, arg[int32](a, "PARTITIONS"))), refusalOf("grow "+name))
	},
}

var verbFinalise = &Verb{
	Name:    "finalise",
	Group:   "make",
	Forms:   []string{""},
	Configs: ScopeFeature,
	Doc: "Moves the levels of features while the cluster runs, up or down, as kafka-features.sh does, and waits until the controller " +
		"has committed it: all of them or none. A lower level is requested as a safe downgrade. The cluster line " +
		"takes the same names, for the levels of a new cluster.",
	Example: "finalise eligible.leader.replicas.version=0\nat 2s finalise eligible.leader.replicas.version=1",
	Timed:   true,
	Check: func(_ *names, a *Args) *complaint {
		if len(a.Settings) == 0 {
			return &complaint{msg: "finalise needs at least one FEATURE=LEVEL"}
		}
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		return s.await(once(s.cluster.Finalise(a.Settings)), refusalOf("finalise"))
	},
}

var verbElect = &Verb{
	Name:  "elect",
	Group: "make",
	Forms: []string{"preferred|unclean TP"},
	Doc: "Requests a leader election, as kafka-leader-election.sh does, and waits until it is committed. preferred elects the " +
		"preferred replica, if it is in sync. unclean elects any live replica if the partition has no leader: the partition is " +
		"available again, and records that only other replicas had are lost.",
	Example: "elect preferred orders-0\nelect unclean orders-0",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		tp, unclean := a.tp(), a.has("unclean")
		return s.await(once(s.cluster.ElectLeader(tp, unclean)), refusalOf("elect "+tp.String()))
	},
}

// refusalOf returns a function that describes the outcome of an operation if the operation did not succeed.
func refusalOf(what string) func(cluster.Outcome) string {
	return func(o cluster.Outcome) string {
		if o.Status == cluster.OutcomeOK {
			return ""
		}
		return fmt.Sprintf("%s: %s\n", what, describeStatus(o.Status, o.Error))
	}
}

// partitions returns the partitions of all topics that the file creates and the controller knows, in the order of the file.
// The order of the controller would depend on topic ids, which are random.
func (s *Session) partitions() (all []cluster.PartitionState) {
	for _, t := range s.program.ns.topics {
		for i := range t.partitions {
			if p, ok := s.cluster.Partition(wire.TopicPartition{Topic: t.name, Partition: i}); ok {
				all = append(all, p)
			}
		}
	}
	return all
}
