package scenarios

import (
	"fmt"
	"slices"

	"samsa/scenarios/cluster"
	"samsa/wire"
)

// What operators do to a cluster that serves, each as one of Kafka's own tools does it. The line waits until the controller
// has committed it, so that the next one can stand on it. A refusal is an output and no error: what Kafka answers to a wish
// that it does not grant is part of the story.

var verbDelete = &Verb{
	Name:  "delete",
	Group: "make",
	Forms: []string{"topic TOPIC", "records TP [before OFFSET]"},
	Doc: "Deletes a topic, and waits until the controller has committed it. Brokers that run remove its logs when they read that, and " +
		"a broker that is down when it starts again: its copy is of a topic id that no longer exists. A line below may make a " +
		"topic of the same name; it is another topic. Or deletes the oldest records of a partition, as kafka-delete-records.sh " +
		"does: all before an offset, or all that are committed; it waits until every copy that is alive has done so.",
	Example: "delete records orders-0 before 7\ndelete records orders-0\nat 3s delete topic orders\ndelete topic orders",
	Timed:   true,
	Check: func(ns *names, a *Args) *complaint {
		name := arg[string](a, "TOPIC")
		t := ns.known(name)
		switch {
		case !a.has("TOPIC"):
		case a.Timed: // lines that stand below may come before it in time
			t.fleeting = true
		default: // a line below that names it is a mistake, and the reader of the file can still say so
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
	Doc: "Gives a topic more partitions, as kafka-topics.sh --alter does, and waits until the controller has committed it. There is " +
		"no way back, and records that lie in the old ones stay there: of a key that now belongs elsewhere, too.",
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
		"has committed it: all of them or none. A level below the one in force is asked for as a safe downgrade. The cluster line " +
		"takes the same names, for the levels that a new cluster begins with.",
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
	Doc: "Has the controller elect a leader now, as kafka-leader-election.sh does, and waits until it is committed. preferred " +
		"gives leadership back to the first of the replicas, if it is in sync. unclean takes any replica that is alive, if the " +
		"partition has no leader: it is available again, at the price of the records that only the others had.",
	Example: "elect preferred orders-0\nelect unclean orders-0",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		tp, unclean := a.tp(), a.has("unclean")
		return s.await(once(s.cluster.ElectLeader(tp, unclean)), refusalOf("elect "+tp.String()))
	},
}

// refusalOf prints nothing about an operation that went well, and else what came of it.
func refusalOf(what string) func(cluster.Outcome) string {
	return func(o cluster.Outcome) string {
		if o.Status == cluster.OutcomeOK {
			return ""
		}
		return fmt.Sprintf("%s: %s\n", what, describeStatus(o.Status, o.Error))
	}
}

// partitions are those of all topics that the file makes and the controller knows, in the order of the file: the
// controller's own order follows from topic ids, which are drawn.
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
