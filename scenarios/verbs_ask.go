package scenarios

import (
	"fmt"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/wire"
)

// The verbs of this file are questions of the operator to a broker. The answer changes nothing, but it is a promise: the
// judges compare it with what brokers answered before.

var verbList = &Verb{
	Name:  "list",
	Group: "clients",
	Forms: []string{"offsets TP " + strings.Join(offsetWords(), "|"), "offsets TP at STAMP"},
	Keys: []Key{
		{"version", "VERSION", fmt.Sprintf("the version of the ListOffsets request, %d to %d, to ask as an older client; the newest if left out", cluster.LowestListOffsets, cluster.HighestListOffsets)},
	},
	Doc: "Asks a partition's leader for an offset, as kafka-get-offsets.sh does: latest is the high watermark, earliest the log start, " +
		"max-timestamp the record with the largest timestamp, and at the first record that is no older than a time, which is in " +
		"milliseconds since 1970 or a span such as -10s from the operator's clock. A leader that is new answers with an error " +
		"until it knows how far its predecessor let clients read (KIP-207), and the question is asked again.",
	Example: "list offsets orders-0 latest\nlist offsets orders-0 earliest version=1\nat 3s list offsets orders-0 at -10s",
	Timed:   true,
	Run: func(s *Session, a *Args) Result {
		q := cluster.Question{About: cluster.SubjectOffsets, TP: a.tp(), Offsets: "at", At: arg[cluster.RecordTime](a, "STAMP"), Version: arg[int16](a, "version")}
		for _, w := range offsetWords() {
			if a.has(w) {
				q.Offsets = w
			}
		}
		return s.await(once(s.cluster.Ask(q)), answerTo("list offsets "+q.TP.String()))
	},
}

var verbDescribe = &Verb{
	Name:  "describe",
	Group: "clients",
	Forms: []string{"topic TOPIC", "configs topic TOPIC [NAME...]", "configs brokers [NAME...]", "configs broker HOST [NAME...]", "cluster|quorum|features"},
	Doc: "Asks a broker, as Kafka's tools do with --describe: for the partitions of a topic (kafka-topics.sh); for configs of a topic, of all " +
		"brokers or of one, with the source of each value (kafka-configs.sh), either those named or all that do not have their default; " +
		"for the brokers that are not fenced; for the voters and observers of the metadata quorum (kafka-metadata-quorum.sh); and for the " +
		"levels of features (kafka-features.sh). show prints what is, describe what a broker says.",
	Example: "describe topic orders\ndescribe configs broker b1 min.insync.replicas\ndescribe configs topic orders\ndescribe quorum\nat 3s describe cluster",
	Timed:   true,
	Check:   checkDescribe,
	Run: func(s *Session, a *Args) Result {
		q := cluster.Question{Configs: cluster.ConfigsOf{Topic: arg[string](a, "TOPIC")}}
		switch {
		case a.has("configs"):
			q.About = cluster.SubjectConfigs
			for _, b := range a.all("NAME") {
				q.Names = append(q.Names, b.word.Text)
			}
			if b, ok := a.get("HOST"); ok {
				hosts := s.hosts(arg[[]hostTerm](a, "HOST"))
				if len(hosts) == 0 {
					return Result{Text: b.word.Text + ": no machine is that now\n"}
				}
				q.Configs.Broker = nodeOf(s.cluster.Machines(), hosts[0])
			}
		case a.has("topic"):
			q.About, q.TP = cluster.SubjectTopic, wire.TopicPartition{Topic: q.Configs.Topic}
		case a.has("cluster"):
			q.About = cluster.SubjectCluster
		case a.has("quorum"):
			q.About = cluster.SubjectQuorum
		default:
			q.About = cluster.SubjectFeatures
		}
		l := s.line()
		return s.await(once(s.cluster.Ask(q)), answerTo(l.String()))
	},
}

// checkDescribe checks the names of configs and the broker.
func checkDescribe(_ *names, a *Args) *complaint {
	if bad := checkBroker(a); bad != nil {
		return bad
	}
	return checkConfigNames(a)
}

// answerTo returns a function that prints the answer to a question.
func answerTo(what string) func(cluster.Outcome) string {
	return func(o cluster.Outcome) string {
		if o.Status != cluster.OutcomeOK {
			return fmt.Sprintf("%s: %s\n", what, describeStatus(o.Status, o.Error))
		}
		if len(o.Lines) == 0 {
			return what + ": nothing\n"
		}
		return strings.Join(o.Lines, "\n") + "\n"
	}
}

// offsetWords lists the special timestamps of ListOffsets.
func offsetWords() (all []string) {
	for _, w := range cluster.OffsetWords {
		all = append(all, w.Word)
	}
	return all
}

// readVersion reads a version of ListOffsets.
func readVersion(_ *names, w Word) (any, string) {
	n, ok := number(w.Text, cluster.LowestListOffsets, cluster.HighestListOffsets)
	if !ok {
		return nil, fmt.Sprintf("%q is no version from %d to %d", w.Text, cluster.LowestListOffsets, cluster.HighestListOffsets)
	}
	return int16(n), ""
}
