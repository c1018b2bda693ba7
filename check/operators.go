package check

import (
	"slices"
	"strings"

	"samsa/wire"
)

// The active controller decides on an operator's request from the metadata at some offset between the arrival of the request
// and the response:
//
//	request arrives ────── decision ────── response
//	committed up to Known                  committed up to next
//
// Kafka lets no answer leave before all that it depends on is committed, so the decision is right or wrong by the committed
// metadata alone. The judge does not know the offset of the decision. An answer is wrong if it is wrong at every offset
// between the two. A refusal of a controller that is not the newest active one may be old, and is not judged.

// Asked is an operator's request about one topic, or one request for features, and the controller's answer.
type Asked struct {
	From     wire.NodeID // the controller
	Known    wire.Offset // the end of the committed metadata when the request arrived
	Code     int16       // Kafka's error code, 0 for success
	Validate bool        // the request only asks whether it would succeed

	What       Demand
	Topic      string
	ID         wire.TopicID // Creation: the id in a successful answer; Deletion: the id in the request, zero if it has the name
	Partitions int32        // Creation, Growth: the number in the request; -1 for the default
	Factor     int16        // Creation: the replication factor in the request; -1 for the default
	Assigned   bool         // Creation, Growth: the request names the replicas
	Partition  int32        // PreferredElection
	Levels     []LevelAsked // Levels
}

// Demand is what an operator asks for.
type Demand uint8

// The demands that have a judge.
const (
	Creation Demand = iota
	Deletion
	Growth
	PreferredElection
	Levels
	TopicConfigs
)

// LevelAsked is one update of a feature's level.
type LevelAsked struct {
	Feature string
	Level   int16
	Kind    int8 // 1 upgrade, 2 safe downgrade, 3 unsafe downgrade (KIP-778)
}

// Kafka's error codes of the answers that are judged.
const (
	unknownTopic             = 3
	invalidTopic             = 17
	topicAlreadyExists       = 36
	invalidPartitions        = 37
	invalidReplicationFactor = 38
	preferredNotAvailable    = 80
	electionNotNeeded        = 84
	invalidUpdateVersion     = 95
	unknownTopicID           = 100
)

// Answered records the answer as the controller sends it.
func (a Asked) Answered(v *View) { v.notify(Change{Kind: OperatorAnswered, Node: a.From, Asked: &a}) }

var operatorsAnswered = &Check{
	Name: "operator-answers-true", Numbers: "S31/operator",
	Doc: "the active controller accepts an operator's request only if it is allowed, refuses it only for a reason that is true, and does what it accepts",
	Of:  [2]string{"answer to an operator, true", "answers to operators, all true"},
	On:  []ChangeKind{OperatorAnswered},
	See: func(d *Tally, v *View, c *Change) {
		a := c.Asked
		if d.exercised(); d.broken() || v.Broker(a.From).ending {
			return
		}
		if w := v.Voter(a.From); a.Code != 0 && (!w.Leads || w.Epoch != v.quorum.epoch) {
			return
		}
		switch a.What {
		case Creation:
			seeCreation(d, v, a)
		case Deletion:
			seeDeletion(d, v, a)
		case Growth:
			seeGrowth(d, v, a)
		case PreferredElection:
			seePreferred(d, v, a)
		case Levels:
			seeLevels(d, v, a)
		case TopicConfigs:
			seeConfigs(d, v, a)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.active(101)
		s.tick()
		Asked{From: 101, Known: s.at, What: Creation, Topic: "orders", Partitions: 1, Factor: 3, Code: topicAlreadyExists}.Answered(v)
		Asked{From: 101, Known: s.at, What: Creation, Topic: "a/b", Partitions: 1, Factor: 3, Code: invalidTopic}.Answered(v)
		Asked{From: 101, Known: s.at, What: Creation, Topic: "wide", Partitions: 1, Factor: 4, Code: invalidReplicationFactor}.Answered(v)
		Asked{From: 101, Known: s.at, What: Deletion, Topic: "none", Code: unknownTopic}.Answered(v)
		Asked{From: 101, Known: s.at, What: Growth, Topic: "orders", Partitions: 1, Code: invalidPartitions}.Answered(v)
		Asked{From: 101, Known: s.at, What: PreferredElection, Topic: "orders", Code: electionNotNeeded}.Answered(v)
		Asked{From: 101, Known: s.at, What: Levels, Levels: []LevelAsked{{"group.version", 9, 1}}, Code: invalidUpdateVersion}.Answered(v)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.active(101)
		s.tick()
		Asked{From: 101, Known: s.at, What: Creation, Topic: "payments", Partitions: 1, Factor: 3, Code: topicAlreadyExists}.Answered(v)
		return s.done()
	},
}

// denied reports a wrong answer.
func (a *Asked) denied(d *Tally, v *View, kind SubjectKind, name, way string, words ...string) {
	d.violate(v, factOf(kind, name, ByController, way), append([]string{v.name(a.From), " answered the request to "}, words...)...)
}

// ownersSince visits the ids of the topics that had a name at an offset or later, and zero if there was none at some time.
func (m *image) ownersSince(name string, from wire.Offset) (ids []wire.TopicID) {
	ids = []wire.TopicID{{}}
	for _, b := range m.nameOwners[name] {
		if b.from <= from {
			ids = ids[:0]
		}
		ids = append(ids, b.id)
	}
	return ids
}

// usable returns the number of brokers that may get replicas of a new partition, and of those that may lead one. Fencing ends
// a controlled shutdown.
func (m *image) usable() (all, active int) {
	for _, b := range m.brokers { //order: counted only
		if b.fenced || !b.shuttingDown {
			all++
		}
		if !b.fenced && !b.shuttingDown {
			active++
		}
	}
	return all, active
}

// legalTopic is Kafka's rule for the names of topics.
func legalTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return r != '.' && r != '_' && r != '-'
	}) < 0
}

// collided reports whether at an offset or later some other topic had the same name in metrics.
func (m *image) collided(name string, from wire.Offset) bool {
	flat := strings.ReplaceAll(name, ".", "_")
	for other := range m.nameOwners { //order: any one is enough
		if other != name && strings.ReplaceAll(other, ".", "_") == flat && slices.ContainsFunc(m.ownersSince(other, from), func(id wire.TopicID) bool { return id != wire.TopicID{} }) {
			return true
		}
	}
	return false
}

// seeCreation judges the answer to a request for a new topic.
func seeCreation(d *Tally, v *View, a *Asked) {
	m := &v.image
	owners := m.ownersSince(a.Topic, a.Known)
	bad := func(way string, words ...string) {
		a.denied(d, v, ATopic, a.Topic, way, append([]string{"create topic ", quote(a.Topic)}, words...)...)
	}
	all, active := m.usable()
	switch a.Code {
	case 0:
		switch there, id := m.topics[a.ID]; {
		case !legalTopic(a.Topic):
			bad("accepts a name", " with success, and that is no legal name")
		case len(owners) > 0 && !slices.Contains(owners, wire.TopicID{}) && owners[0] != a.ID:
			bad("accepts a second topic", " with success, and a topic had that name all the time")
		case id && !a.Validate && there != a.Topic:
			bad("another name", " with success, and created topic ", quote(there))
		case id && !a.Validate:
			createdAs(v, a, bad)
		}
	case topicAlreadyExists:
		if !slices.ContainsFunc(owners, func(id wire.TopicID) bool { return id != wire.TopicID{} }) {
			bad("refuses a free name", " with TOPIC_ALREADY_EXISTS, and there was no such topic")
		}
	case invalidTopic:
		if legalTopic(a.Topic) && !m.collided(a.Topic, a.Known) {
			bad("refuses a legal name", " with INVALID_TOPIC_EXCEPTION, and the name is legal and collides with no other")
		}
	case invalidPartitions:
		if a.Partitions == -1 || a.Partitions > 0 {
			bad("refuses a legal number", " with ", plural(int64(a.Partitions), "partition", "partitions"), " with INVALID_PARTITIONS")
		}
	case invalidReplicationFactor:
		if m.brokersChanged <= a.Known && a.Factor > 0 && int(a.Factor) <= all && active > 0 && !a.Assigned {
			bad("refuses a possible factor", " with ", plural(int64(a.Factor), "replica", "replicas"), " with INVALID_REPLICATION_FACTOR, and there are ",
				plural(int64(all), "broker", "brokers"))
		}
	}
}

// createdAs compares a topic that the controller created with the request.
func createdAs(v *View, a *Asked, bad func(way string, words ...string)) {
	n := int32(0)
	for p := v.index[partitionKey{a.ID, 0}]; p != nil && p.assigned.PartitionEpoch >= 0; p = v.index[partitionKey{a.ID, n}] {
		n++
		if got := len(p.assigned.Replicas); !a.Assigned && a.Factor > 0 && got != int(a.Factor) && got > 0 {
			bad("another factor", " with ", plural(int64(a.Factor), "replica", "replicas"), " with success, and ", p.TP.String(), " has ", itoa(got))
			return
		}
	}
	if !a.Assigned && a.Partitions > 0 && n < a.Partitions { // another request may have added partitions since
		bad("another number", " with ", plural(int64(a.Partitions), "partition", "partitions"), " with success, and the topic has ", itoa(n))
	}
}

// seeDeletion judges the answer to a request to delete a topic.
func seeDeletion(d *Tally, v *View, a *Asked) {
	switch owners := v.image.ownersSince(a.Topic, a.Known); {
	case a.ID == wire.TopicID{} && a.Code == unknownTopic && !slices.Contains(owners, wire.TopicID{}):
		a.denied(d, v, ATopic, a.Topic, "denies a topic", "delete topic ", quote(a.Topic), " with UNKNOWN_TOPIC_OR_PARTITION, and the topic existed all the time")
	case a.ID == wire.TopicID{} && a.Code == 0 && !slices.ContainsFunc(owners, func(id wire.TopicID) bool { return id != wire.TopicID{} }):
		a.denied(d, v, ATopic, a.Topic, "deletes nothing", "delete topic ", quote(a.Topic), " with success, and there was no such topic")
	case a.ID != wire.TopicID{} && a.Code == unknownTopicID && len(owners) == 1 && owners[0] == a.ID:
		a.denied(d, v, ATopic, a.Topic, "denies a topic", "delete topic ", quote(a.Topic), " by its id with UNKNOWN_TOPIC_ID, and the topic existed all the time")
	}
}

// seeGrowth judges the answer to a request for more partitions. A topic never loses partitions.
func seeGrowth(d *Tally, v *View, a *Asked) {
	owners := v.image.ownersSince(a.Topic, a.Known)
	if len(owners) != 1 {
		return // the topic was created or deleted meanwhile
	}
	n := int32(0)
	for p := v.index[partitionKey{owners[0], 0}]; p != nil && p.assigned.PartitionEpoch >= 0; p = v.index[partitionKey{owners[0], n}] {
		n++
	}
	there := owners[0] != wire.TopicID{}
	switch {
	case a.Code == unknownTopic && there:
		a.denied(d, v, ATopic, a.Topic, "denies a topic", "grow topic ", quote(a.Topic), " with UNKNOWN_TOPIC_OR_PARTITION, and the topic existed all the time")
	case a.Code == invalidPartitions && there && a.Partitions > n:
		a.denied(d, v, ATopic, a.Topic, "refuses to grow", "grow topic ", quote(a.Topic), " to ", itoa(a.Partitions), " partitions with INVALID_PARTITIONS, and it has ", itoa(n))
	case a.Code == 0 && !a.Validate && there && n < a.Partitions:
		a.denied(d, v, ATopic, a.Topic, "does not grow", "grow topic ", quote(a.Topic), " to ", itoa(a.Partitions), " partitions with success, and it has ", itoa(n))
	}
}

// seeConfigs judges the answer to a request for the configs of a topic.
func seeConfigs(d *Tally, v *View, a *Asked) {
	owners := v.image.ownersSince(a.Topic, a.Known)
	switch there := slices.ContainsFunc(owners, func(id wire.TopicID) bool { return id != wire.TopicID{} }); {
	case a.Code == 0 && !there:
		a.denied(d, v, ATopic, a.Topic, "accepts configs of no topic", "change configs of topic ", quote(a.Topic), " with success, and there was no such topic")
	case a.Code == unknownTopic && !slices.Contains(owners, wire.TopicID{}):
		a.denied(d, v, ATopic, a.Topic, "denies a topic", "change configs of topic ", quote(a.Topic), " with UNKNOWN_TOPIC_OR_PARTITION, and the topic existed all the time")
	}
}

// seePreferred judges the answer to a request to elect the first replica, if neither the partition nor a broker has changed
// since the request arrived.
func seePreferred(d *Tally, v *View, a *Asked) {
	m := &v.image
	p := v.index[partitionKey{m.names[a.Topic], a.Partition}]
	if p == nil || p.changed > a.Known || m.brokersChanged > a.Known || len(p.assigned.Replicas) == 0 {
		return
	}
	first := p.assigned.Replicas[0]
	b := m.brokers[first]
	leads := p.assigned.Leader == first
	may := b != nil && !b.fenced && !b.shuttingDown && slices.Contains(p.assigned.ISR, first)
	bad := func(way string, words ...string) {
		a.denied(d, v, APartition, p.TP.String(), way, append([]string{"elect the preferred replica ", v.name(first), " of ", p.TP.String()}, words...)...)
	}
	switch {
	case a.Code == electionNotNeeded && !leads:
		bad("denies an election", " with ELECTION_NOT_NEEDED, and ", v.name(p.assigned.Leader), " leads")
	case a.Code == preferredNotAvailable && may && !leads:
		bad("denies an election", " with PREFERRED_LEADER_NOT_AVAILABLE, and it is active and in sync")
	case a.Code == unknownTopic:
		bad("denies a partition", " with UNKNOWN_TOPIC_OR_PARTITION")
	case a.Code == 0 && !leads:
		bad("elects nothing", " with success, and ", v.name(p.assigned.Leader), " leads")
	}
}

// seeLevels judges the answer to a request for features. The controller changes either all of the levels or none.
func seeLevels(d *Tally, v *View, a *Asked) {
	if a.Code != 0 && a.Code != invalidUpdateVersion || v.image.brokersChanged > a.Known {
		return
	}
	var names []string
	legal := true // all updates at some offset each
	for _, u := range a.Levels {
		names = append(names, u.Feature+"="+itoa(u.Level))
		legal = legal && slices.ContainsFunc(v.image.levelsSince(u, a), func(now int16) bool { return v.image.mayLevel(u, now, a.Levels) })
	}
	all := strings.Join(names, ", ")
	switch {
	case a.Code == 0 && !legal:
		a.denied(d, v, AFeature, all, "accepts a level", "finalise ", all, " with success, and that is not allowed")
	case a.Code != 0 && legal && v.image.leveled <= a.Known:
		a.denied(d, v, AFeature, all, "refuses a level", "finalise ", all, " with INVALID_UPDATE_VERSION, and that is allowed")
	}
}

// levelsSince returns the levels of a feature from the arrival of a request on, without the level that the request itself may
// have set.
func (m *image) levelsSince(u LevelAsked, a *Asked) (all []int16) {
	all = []int16{0}
	for _, l := range m.history[u.Feature] {
		if l.from <= a.Known {
			all = all[:0]
		}
		all = append(all, l.level)
	}
	if n := len(all); n > 1 && all[n-1] == u.Level {
		all = all[:n-1]
	}
	return all
}

// mayLevel reports whether an update of a feature is allowed while it is at a level. Every registered broker must support
// the new level. A broker that does not name a feature supports only level 0. Enabling the ELR needs metadata.version 23.
func (m *image) mayLevel(u LevelAsked, now int16, others []LevelAsked) bool {
	switch {
	case u.Kind < 1 || u.Kind > 3 || u.Level < now && u.Kind == 1 || u.Level > now && u.Kind != 1, u.Level < now && u.Feature == metadataVersion:
		return false
	case u.Feature == elrVersion && u.Level > 0:
		metadata := m.levels[metadataVersion]
		for _, o := range others {
			if o.Feature == metadataVersion {
				metadata = o.Level
			}
		}
		if metadata < withELR {
			return false
		}
	}
	for _, b := range m.brokers { //order: any one is enough
		least, most := int16(0), int16(0)
		for _, f := range b.features {
			if f.Name == u.Feature {
				least, most = f.Min, f.Max
			}
		}
		if u.Level < least || u.Level > most {
			return false
		}
	}
	return true
}
