package check

import (
	"slices"

	"samsa/wire"
)

// A broker answers a Metadata request from its image. If the image was complete when the request arrived, and nothing has been
// committed until the response was sent, the response must equal the committed metadata. Older images are judged by
// metadata-reads-monotone, which knows less of a response.

// Described is a broker's response to a Metadata request.
type Described struct {
	Topics  []TopicDescribed
	Brokers []wire.NodeID
	All     bool // the request asks for all topics
}

// TopicDescribed is one topic in it.
type TopicDescribed struct {
	Name       string // "" if the response has only the id
	ID         wire.TopicID
	Code       int16
	Partitions []PartitionDescribed
}

// PartitionDescribed is one partition in it.
type PartitionDescribed struct {
	Number                 int32
	Code                   int16
	Leader                 wire.NodeID
	Epoch                  wire.Epoch
	Replicas, ISR, Offline []wire.NodeID
}

const leaderNotAvailable = 5

// Sent records the response as the broker sends it. The parameter applied is the offset of the metadata log up to which the
// broker had applied it when the request arrived.
func (m Described) Sent(v *View, from wire.NodeID, applied wire.Offset) {
	if applied == v.image.next && v.image.next > 0 {
		v.notify(Change{Kind: MetadataDescribed, Node: from, Described: &m})
	}
}

var metadataTrue = &Check{
	Name: "metadata-true", Numbers: "H29/whole",
	Doc: "a broker with the newest metadata describes topics, partitions and brokers as they are committed",
	Of:  [2]string{"metadata response, as committed", "metadata responses, all as committed"},
	On:  []ChangeKind{MetadataDescribed},
	See: seeDescribed,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.fence(3)
		s.tick()
		Described{Brokers: ids(1, 2), Topics: []TopicDescribed{
			{Name: "orders", ID: ordersID, Partitions: []PartitionDescribed{{Leader: 1, Replicas: ids(1, 2, 3), ISR: ids(1, 2, 3), Offline: ids(3)}}},
			{Name: "none", Code: unknownTopic}, {Name: "a/b", Code: invalidTopic}, {ID: wire.TopicID{9}, Code: unknownTopicID},
		}}.Sent(v, 1, s.at)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		Described{Brokers: ids(1, 2, 3), Topics: []TopicDescribed{
			{Name: "orders", ID: ordersID, Partitions: []PartitionDescribed{{Leader: 2, Replicas: ids(1, 2, 3), ISR: ids(1, 2, 3)}}},
		}}.Sent(v, 1, s.at)
		return s.done()
	},
}

// alive reports whether a broker is registered and not fenced. Only such brokers have an address in responses.
func (m *image) alive(id wire.NodeID) bool {
	b := m.brokers[id]
	return b != nil && !b.fenced
}

func seeDescribed(d *Tally, v *View, c *Change) {
	m, said := &v.image, c.Described
	if d.exercised(); d.broken() {
		return
	}
	bad := func(kind SubjectKind, name, way string, words ...string) {
		d.violate(v, factOf(kind, name, ByServer, way), append([]string{v.name(c.Node), " described "}, words...)...)
	}
	var alive []wire.NodeID
	for id := range m.brokers { //order: sorted below
		if m.alive(id) {
			alive = append(alive, id)
		}
	}
	slices.Sort(alive)
	if !sameSet(said.Brokers, alive) {
		bad(ABroker, "", "other brokers", "the brokers ", v.names(said.Brokers), "; alive are ", v.names(alive))
	}
	if said.All && len(said.Topics) != len(m.topics) {
		bad(ATopic, "", "other topics", plural(int64(len(said.Topics)), "topic", "topics"), " when asked for all; there are ", itoa(len(m.topics)))
	}
	for i := range said.Topics {
		t := &said.Topics[i]
		name, there := m.topics[t.ID]
		_, named := m.names[t.Name]
		switch {
		case t.Code == 0 && (!there || name != t.Name):
			bad(ATopic, t.Name, "another topic", "topic ", quote(t.Name), ", and its id is of ", quote(name))
		case t.Code == 0:
			seeTopicDescribed(v, t, bad)
		case t.Code == unknownTopic && (named || !legalTopic(t.Name)):
			bad(ATopic, t.Name, "unknown", "topic ", quote(t.Name), " with UNKNOWN_TOPIC_OR_PARTITION")
		case t.Code == invalidTopic && legalTopic(t.Name):
			bad(ATopic, t.Name, "invalid", "topic ", quote(t.Name), " with INVALID_TOPIC_EXCEPTION, and the name is legal")
		case t.Code == unknownTopicID && there:
			bad(ATopic, name, "unknown", "topic ", quote(name), " with UNKNOWN_TOPIC_ID")
		}
	}
}

// seeTopicDescribed compares the partitions of a topic in a response with the committed ones.
func seeTopicDescribed(v *View, t *TopicDescribed, bad func(kind SubjectKind, name, way string, words ...string)) {
	for n := int32(0); ; n++ {
		p := v.index[partitionKey{t.ID, n}]
		i := slices.IndexFunc(t.Partitions, func(said PartitionDescribed) bool { return said.Number == n })
		if there := p != nil && p.assigned.PartitionEpoch >= 0; !there || i < 0 {
			if there != (i >= 0) {
				bad(ATopic, t.Name, "other partitions", "topic ", quote(t.Name), " with ", plural(int64(len(t.Partitions)), "partition", "partitions"), "; partition ", itoa(n), " differs")
			}
			return
		}
		said, a := &t.Partitions[i], &p.assigned
		want := PartitionDescribed{Number: n, Leader: a.Leader, Epoch: a.Epoch, Replicas: a.Replicas, ISR: a.ISR}
		if !v.image.alive(a.Leader) {
			want.Leader, want.Code = wire.NoNode, leaderNotAvailable
		}
		for _, id := range a.Replicas {
			if !v.image.alive(id) {
				want.Offline = append(want.Offline, id)
			}
		}
		way := ""
		switch {
		case said.Leader != want.Leader || said.Epoch != want.Epoch || said.Code != want.Code:
			way = "another leader"
		case !slices.Equal(said.Replicas, want.Replicas) || !slices.Equal(said.ISR, want.ISR) || !slices.Equal(said.Offline, want.Offline):
			way = "other replicas"
		}
		if way != "" {
			bad(APartition, p.TP.String(), way, p.TP.String(), " as ", said.words(v), "; committed is ", want.words(v))
			return
		}
	}
}

// words describes a partition in a response.
func (p *PartitionDescribed) words(v *View) string {
	out := "without a leader"
	if p.Leader != wire.NoNode {
		out = "led by " + v.name(p.Leader)
	}
	out += " in epoch " + itoa(p.Epoch) + " on " + v.names(p.Replicas) + ", in sync " + v.names(p.ISR)
	if len(p.Offline) > 0 {
		out += ", offline " + v.names(p.Offline)
	}
	if p.Code != 0 {
		out += ", error " + itoa(p.Code)
	}
	return out
}
