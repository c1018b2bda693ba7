package scenarios

import (
	"slices"

	"samsa/wire"
)

var verbDelete = &Verb{
	Name:  "delete",
	Group: "make",
	Forms: []string{"topic TOPIC"},
	Doc: "Deletes a topic, and waits until the controller has committed it. Brokers that run remove its logs when they hear of it, " +
		"and one that is down when it comes back: what it holds is of a topic id that nobody knows. A line below may make a " +
		"topic of the same name; it is another topic.",
	Example: "delete topic orders",
	Check: func(ns *names, a *Args) *complaint {
		name := arg[string](a, "TOPIC")
		ns.topics = slices.DeleteFunc(ns.topics, func(t topicName) bool { return t.name == name })
		return nil
	},
	Run: func(s *Session, a *Args) Result {
		name := arg[string](a, "TOPIC")
		return s.await(once(s.cluster.DeleteTopic(name)), refusalOf("delete topic "+name))
	},
}

var verbElect = &Verb{
	Name:  "elect",
	Group: "make",
	Forms: []string{"preferred|unclean TP"},
	Doc: "Has the controller elect a leader now, as kafka-leader-election.sh does, and waits until it is committed. preferred " +
		"gives leadership back to the first of the replicas, if it is in sync. unclean takes any replica that is alive, if nobody " +
		"leads: available again, at the price of what only the others had.",
	Example: "elect preferred orders-0\nelect unclean orders-0",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		tp, unclean := a.tp(), a.has("unclean")
		return s.await(once(s.cluster.ElectLeader(tp, unclean)), refusalOf("elect "+tp.String()))
	},
}

// refusalOf prints nothing about an operation that went well, and else what came of it.
func refusalOf(what string) func(Outcome) string {
	return func(o Outcome) string {
		if o.Status == OutcomeOK {
			return ""
		}
		return what + ": " + describeStatus(o.Status, o.Error) + "\n"
	}
}

// partitions are those of all topics that the file makes and the controller knows.
func (s *Session) partitions() (all []PartitionState) {
	for _, t := range s.program.ns.topics {
		for i := range t.partitions {
			if p, ok := s.cluster.Partition(wire.TopicPartition{Topic: t.name, Partition: i}); ok {
				all = append(all, p)
			}
		}
	}
	return all
}
