package check

import (
	"slices"

	"samsa/wire"
)

// controlChecks are the invariants of the committed metadata, and of who acts on it. No controller is asked what it thinks:
// records are judged when they are committed, brokers when their state is looked at, answers when they leave.
var controlChecks = []*Check{
	partitionEpochSteps, electionLicensed, brokerEpochs, replyAfterCommit, metadataMonotone, featureGated,
}

// Reply is a controller's success, as it leaves.
type Reply struct {
	Kind        ReplyKind
	From        wire.NodeID         // the controller
	Broker      wire.NodeID         // ToRegistration, ToAlteration: who asked
	BrokerEpoch wire.BrokerEpoch    // the one granted, or the one that asked
	Registered  wire.BrokerEpoch    // ToAlteration: what was committed for that broker when the request came in
	Topic       wire.TopicID        // ToCreation
	Asked       wire.PartitionEpoch // ToAlteration: what the asker had compared with
	Version     wire.PartitionEpoch // ToAlteration: what it became
	Partitions  int32               // ToGrowth
	Setting     Setting             // ToConfig, ToLevel
}

// Setting is what was asked for by name.
type Setting struct {
	Resource wire.ConfigResource
	Of, Name string
	Value    *string     // of a config, nil for none
	Level    int16       // of a feature
	Known    wire.Offset // how far the metadata was committed when it was asked for
}

// ReplyKind is what a controller said yes to.
type ReplyKind uint8

// What a controller said yes to.
const (
	ToRegistration ReplyKind = iota
	ToAlteration             // of an ISR
	ToCreation               // of a topic
	ToDeletion               // of a topic
	ToGrowth                 // of a topic to some number of partitions
	ToConfig                 // of one value
	ToLevel                  // of a feature
	ToShutdown               // of a broker that wants to go
)

// Replied says that a controller's success leaves it. The partition is nil unless it is about one.
func (v *View) Replied(p *Partition, r Reply) {
	v.tell(Change{Kind: Replied, Partition: p, Node: r.From, Reply: r})
}

// Registered is the committed broker epoch of a broker, -1 if there is none.
func (v *View) Registered(node wire.NodeID) wire.BrokerEpoch {
	if b := v.image.brokers[node]; b != nil {
		return b.epoch
	}
	return -1
}

var partitionEpochSteps = &Check{
	Name: "partition-epoch-steps", Numbers: "S28",
	Doc: "every change of a partition raises its partition epoch by one, every new leader its leader epoch, and a change that was compared with an old one is refused",
	On:  []ChangeKind{Booked, Looked, Replied},
	See: seeSteps,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.look(1, State{Leads: true, Version: 1, ISR: ids(1, 2)})
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, Asked: 0, Version: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.alter(0, ids(1), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, Asked: 0, Version: 2})
		return s.done()
	},
}

func seeSteps(d *Docket, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	switch c.Kind {
	case Booked:
		rec, ok := c.Record.(*wire.PartitionRecord)
		if !ok {
			return
		}
		d.exercised()
		if p := v.index[partitionKey{rec.TopicID, rec.PartitionID}]; p != nil &&
			(rec.LeaderEpoch < p.assigned.Epoch || rec.PartitionEpoch < p.assigned.Version) {
			d.violate(v, p.fact(ByController, -1, "leader epoch falls"), "a record takes ", p.TP.String(), " back from leader epoch ", itoa(p.assigned.Epoch),
				" to ", itoa(rec.LeaderEpoch))
		}
	case Looked:
		a := &p.assigned
		if r.Epoch < 0 || a.Version < 0 {
			return
		}
		d.exercised()
		fact := func(way string) Fact { return p.fact(r.role(), -1, way) }
		switch {
		case r.Version > a.Version || r.Epoch > a.Epoch:
			d.violate(v, fact("ahead of what is committed"), "broker ", itoa(r.Node), " is at partition epoch ", itoa(r.Version), " and leader epoch ", itoa(r.Epoch), " of ",
				p.TP.String(), "; what is committed is at ", itoa(a.Version), " and ", itoa(a.Epoch))
		case r.Version == a.Version && r.Epoch != a.Epoch:
			d.violate(v, fact("another leader epoch"), "partition epoch ", itoa(a.Version), " of ", p.TP.String(), " is of leader epoch ", itoa(a.Epoch), " for the controller and of ",
				itoa(r.Epoch), " for broker ", itoa(r.Node))
		}
	case Replied:
		if c.Reply.Kind == ToAlteration && c.Reply.Version > c.Reply.Asked+1 {
			d.violate(v, p.fact(ByController, -1, "ISR change by an old partition epoch"), "an ISR change of ", p.TP.String(), " that was compared with partition epoch ",
				itoa(c.Reply.Asked), " was accepted and became ", itoa(c.Reply.Version), ": what came between is overwritten")
		}
	}
}

var electionLicensed = &Check{
	Name: "election-licensed", Numbers: "S29",
	Doc: "a leader from outside ISR and ELR is elected only where unclean elections are allowed, asked for, or it is the last known leader; and never one that is fenced",
	On:  []ChangeKind{Altered},
	See: func(d *Docket, v *View, c *Change) {
		p := c.Partition
		a := &p.assigned
		if a.Leader == wire.NoNode || a.Epoch == c.Was.Epoch || c.Was.Version < 0 {
			return
		}
		d.exercised()
		e := p.election(a.Epoch)
		fact := func(way string) Fact { return p.fact(ByController, -1, way) }
		if e.Unclean == "" && !slices.Contains(e.Members, a.Leader) {
			d.violate(v, fact("unclean election"), "broker ", itoa(a.Leader), " was elected for ", p.TP.String(), " in epoch ", itoa(a.Epoch),
				"; ISR and ELR were ", nodes(e.Members), " and nobody allowed an unclean election")
		}
		if b := v.image.brokers[a.Leader]; (b == nil || b.fenced) && c.Was.Leader != a.Leader {
			d.violate(v, fact("fenced leader"), "broker ", itoa(a.Leader), " was elected for ", p.TP.String(), " in epoch ", itoa(a.Epoch), " while it is not in service")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 1)
		s.alter(2, ids(2, 3), nil)
		s.book(&wire.ConfigRecord{ResourceType: wire.ConfigTopic, ResourceName: orders.Topic, Name: "unclean.leader.election.enable", Value: text("true")})
		s.alter(1, ids(1), nil)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 1)
		s.alter(2, ids(2, 3), nil)
		s.alter(1, ids(1), nil)
		return s.done()
	},
}

func text(s string) *string { return &s }

var brokerEpochs = &Check{
	Name: "broker-epochs", Numbers: "S30",
	Doc: "broker epochs rise with every incarnation, no two incarnations share one, and an old one changes nothing any more",
	On:  []ChangeKind{Booked, Replied},
	See: func(d *Docket, v *View, c *Change) {
		switch c.Kind {
		case Booked:
			rec, ok := c.Record.(*wire.RegisterBrokerRecord)
			if !ok {
				return
			}
			d.exercised()
			b := v.image.brokers[rec.BrokerID]
			if again := b != nil && b.incarnation == rec.IncarnationID; !again && len(v.image.seats) > 0 && rec.BrokerEpoch <= v.image.newest {
				d.violate(v, brokerFact(rec.BrokerID, ByController, "epoch does not rise"), "a new incarnation of broker ", itoa(rec.BrokerID), " is registered with broker epoch ",
					itoa(rec.BrokerEpoch), "; ", itoa(v.image.newest), " was given away before")
			}
			if b != nil && (rec.BrokerEpoch < b.epoch || rec.BrokerEpoch == b.epoch && rec.IncarnationID != b.incarnation) {
				d.violate(v, brokerFact(rec.BrokerID, ByController, "epoch falls"), "an incarnation of broker ", itoa(rec.BrokerID), " is registered with broker epoch ",
					itoa(rec.BrokerEpoch), " after one with ", itoa(b.epoch))
			}
		case Replied:
			if c.Reply.Kind != ToAlteration || c.Reply.Version == c.Reply.Asked {
				return
			}
			d.exercised()
			if c.Reply.BrokerEpoch < c.Reply.Registered {
				d.violate(v, c.Partition.fact(ByController, -1, "ISR change by an old incarnation"), "broker ", itoa(c.Reply.Broker), " changed an ISR with broker epoch ",
					itoa(c.Reply.BrokerEpoch), "; epoch ", itoa(c.Reply.Registered), " was registered before it asked")
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.restart(3, 33)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, Broker: 3, BrokerEpoch: s.Registered(3), Registered: s.Registered(3), Version: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		old := s.Registered(3)
		s.restart(3, 33)
		s.Replied(s.p, Reply{Kind: ToAlteration, Broker: 3, BrokerEpoch: old, Registered: s.Registered(3), Version: 1})
		return s.done()
	},
}

var replyAfterCommit = &Check{
	Name: "reply-after-commit", Numbers: "S31",
	Doc: "a controller says yes only to what is committed",
	On:  []ChangeKind{Replied},
	See: func(d *Docket, v *View, c *Change) {
		r := c.Reply
		if v.Broker(r.From).ending {
			return
		}
		d.exercised()
		switch r.Kind {
		case ToAlteration:
			if c.Partition.assigned.Version < r.Version {
				d.violate(v, c.Partition.fact(ByController, -1, "ISR change"), "controller ", itoa(r.From), " accepted an ISR change of ", c.Partition.TP.String(),
					" as partition epoch ", itoa(r.Version), "; what is committed is at ", itoa(c.Partition.assigned.Version))
			}
		case ToRegistration:
			if v.Registered(r.Broker) < r.BrokerEpoch {
				d.violate(v, brokerFact(r.Broker, ByController, "registration"), "controller ", itoa(r.From), " granted broker epoch ", itoa(r.BrokerEpoch), " to broker ",
					itoa(r.Broker), " before the registration was committed")
			}
		case ToCreation:
			if p := v.index[partitionKey{r.Topic, 0}]; p == nil || p.assigned.Version < 0 {
				d.violate(v, factOf(ATopic, "", ByController, "creation"), "controller ", itoa(r.From), " said that a topic is made before that was committed")
			}
		default:
			seeSaid(d, v, r)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Asked: 0, Version: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Asked: 0, Version: 1})
		return s.done()
	},
}

// seeSaid looks at the answers to operators, and to a broker that wants to go.
func seeSaid(d *Docket, v *View, r Reply) {
	m := &v.image
	who := "controller " + itoa(r.From) + " said that "
	switch s := r.Setting; r.Kind {
	case ToDeletion:
		if name, there := m.topics[r.Topic]; there {
			d.violate(v, factOf(ATopic, name, ByController, "deletion"), who, "topic ", name, " is deleted before that was committed")
		}
	case ToGrowth:
		if p := v.index[partitionKey{r.Topic, r.Partitions - 1}]; m.topics[r.Topic] != "" && (p == nil || p.assigned.Version < 0) {
			d.violate(v, factOf(ATopic, m.topics[r.Topic], ByController, "new partitions"), who, "topic ", m.topics[r.Topic], " has ", itoa(r.Partitions), " partitions before that was committed")
		}
	case ToConfig:
		k := configKey{s.Resource, s.Of, s.Name}
		now, set := m.configs[k]
		if so := set == (s.Value != nil) && (!set || now == *s.Value); !so && m.configured <= s.Known { // else somebody has set it since
			d.violate(v, factOf(AConfig, s.Name, ByController, ""), who, s.Name, " of ", quote(s.Of), " is set before that was committed")
		}
	case ToLevel:
		if m.levels[s.Name] != s.Level && m.leveled <= s.Known {
			d.violate(v, factOf(AFeature, s.Name, ByController, ""), who, s.Name, " is at ", itoa(s.Level), " before that was committed; it is at ", itoa(m.levels[s.Name]))
		}
	case ToShutdown:
		for _, p := range v.parts {
			if p.assigned.Leader == r.Broker && m.brokers[r.Broker] != nil && m.brokers[r.Broker].epoch == r.BrokerEpoch {
				d.violate(v, p.fact(ByController, -1, "shutdown of a leader"), "controller ", itoa(r.From), " told broker ", itoa(r.Broker), " to go while it leads ", p.TP.String())
			}
		}
	}
}

var metadataMonotone = &Check{
	Name: "metadata-monotone", Numbers: "S32",
	Doc: "while a broker runs, what it has applied of the metadata never goes back, and no leader epoch it knows falls",
	On:  []ChangeKind{Applied, Looked},
	See: func(d *Docket, v *View, c *Change) {
		d.exercised()
		switch c.Kind {
		case Applied:
			if c.Offset < c.Prior {
				d.violate(v, metadataFact(ByServer, c.Offset, ""), "broker ", itoa(c.Node), " had applied the metadata up to ", itoa(c.Prior), " and is at ", itoa(c.Offset))
			}
		case Looked:
			if c.Replica.Epoch < c.Before.Epoch {
				d.violate(v, c.Partition.fact(ByServer, -1, "leader epoch falls"), "broker ", itoa(c.Node), " went from leader epoch ", itoa(c.Before.Epoch), " of ",
					c.Partition.TP.String(), " back to ", itoa(c.Replica.Epoch))
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.Applied(2, 5, 3, false)
		s.Died(2)
		s.Started(2)
		s.Applied(2, 0, -1, true)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.Applied(2, 5, 3, false)
		s.Applied(2, 4, 3, false)
		return s.done()
	},
}
