package check

import "samsa/wire"

// Reply is a controller's successful response.
type Reply struct {
	Kind           ReplyKind
	From           wire.NodeID         // the controller
	Broker         wire.NodeID         // ToRegistration, ToAlteration: the broker that asked
	BrokerEpoch    wire.BrokerEpoch    // the granted broker epoch, or the broker epoch in the request
	Registered     wire.BrokerEpoch    // ToAlteration: the broker's committed epoch when the request arrived
	Topic          wire.TopicID        // ToCreation
	AskedEpoch     wire.PartitionEpoch // ToAlteration: the partition epoch in the request
	PartitionEpoch wire.PartitionEpoch // ToAlteration: the new partition epoch
	AskedISR, ISR  []wire.NodeID       // ToAlteration: the ISR in the request, and in the response; nil if not known
	Leader         wire.NodeID         // ToAlteration: the leader in the response, with its epoch and the recovery state
	Epoch          wire.Epoch
	Recovery       wire.LeaderRecoveryState
	Partitions     int32       // ToGrowth
	Setting        Setting     // ToConfig, ToLevel
	Tip            wire.Offset // ToShutdown: the end of the controller's log when the request arrived
}

// Setting is the config or feature of a request.
type Setting struct {
	Resource wire.ConfigResource
	Of, Name string
	Value    *string     // the value of a config, or nil if it is removed
	Level    int16       // the level of a feature
	Known    wire.Offset // the end of the committed metadata when the request arrived
}

// ReplyKind is the kind of request that a controller answered with success.
type ReplyKind uint8

// The kinds of requests; each comment completes the name of the constant.
const (
	ToRegistration ReplyKind = iota
	ToAlteration             // of an ISR
	ToCreation               // of a topic
	ToDeletion               // of a topic
	ToGrowth                 // of a topic to some number of partitions
	ToConfig                 // of one value
	ToLevel                  // of a feature
	ToShutdown               // of a broker in controlled shutdown
)

// Replied records a controller's successful response as it is sent. The partition is nil unless the reply is about one.
func (v *View) Replied(p *Partition, r Reply) {
	v.notify(Change{Kind: ControllerReplied, Partition: p, Node: r.From, Reply: r})
}

var replyAfterCommit = &Check{
	Name: "reply-after-commit", Numbers: "S31",
	Doc: "a controller answers with success only after the change is committed",
	On:  []ChangeKind{ControllerReplied},
	See: func(d *Tally, v *View, c *Change) {
		r := c.Reply
		if v.Broker(r.From).ending {
			return
		}
		d.exercised()
		switch r.Kind {
		case ToAlteration:
			if c.Partition.assigned.PartitionEpoch < r.PartitionEpoch {
				d.violate(v, c.Partition.fact(ByController, -1, "ISR change"), v.name(r.From), " accepted an ISR change of ", c.Partition.TP.String(),
					" as partition epoch ", itoa(r.PartitionEpoch), "; the committed one is ", itoa(c.Partition.assigned.PartitionEpoch))
			}
		case ToRegistration:
			if v.Registered(r.Broker) < r.BrokerEpoch {
				d.violate(v, factOf(ABroker, v.name(r.Broker), ByController, "registration"), v.name(r.From), " granted broker epoch ", itoa(r.BrokerEpoch), " to ",
					v.name(r.Broker), " before the registration was committed")
			}
		case ToCreation:
			if p := v.index[partitionKey{r.Topic, 0}]; p == nil || p.assigned.PartitionEpoch < 0 {
				d.violate(v, factOf(ATopic, "", ByController, "creation"), v.name(r.From), " answered that a topic is created before that was committed")
			}
		default:
			seeOperatorReply(d, v, r)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, AskedEpoch: 0, PartitionEpoch: 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, AskedEpoch: 0, PartitionEpoch: 1})
		return s.done()
	},
}

// seeOperatorReply judges the responses to operators, and to a broker in controlled shutdown.
func seeOperatorReply(d *Tally, v *View, r Reply) {
	m := &v.image
	answer := v.name(r.From) + " answered that "
	switch s := r.Setting; r.Kind {
	case ToDeletion:
		if name, there := m.topics[r.Topic]; there {
			d.violate(v, factOf(ATopic, name, ByController, "deletion"), answer, "topic ", name, " is deleted before that was committed")
		}
	case ToGrowth:
		if p := v.index[partitionKey{r.Topic, r.Partitions - 1}]; m.topics[r.Topic] != "" && (p == nil || p.assigned.PartitionEpoch < 0) {
			d.violate(v, factOf(ATopic, m.topics[r.Topic], ByController, "new partitions"), answer, "topic ", m.topics[r.Topic], " has ", itoa(r.Partitions), " partitions before that was committed")
		}
	case ToConfig:
		k := configKey{s.Resource, s.Of, s.Name}
		now, set := m.configs[k]
		if so := set == (s.Value != nil) && (!set || now == *s.Value); !so && m.configured <= s.Known { // if configured is above Known, the config may have been set again
			d.violate(v, factOf(AConfig, s.Name, ByController, ""), answer, s.Name, " of ", quote(s.Of), " is set before that was committed")
		}
	case ToLevel:
		if m.levels[s.Name] != s.Level && m.leveled <= s.Known {
			d.violate(v, factOf(AFeature, s.Name, ByController, ""), answer, s.Name, " is at ", itoa(s.Level), " before that was committed; it is at ", itoa(m.levels[s.Name]))
		}
	case ToShutdown:
		for _, p := range v.parts {
			if p.assigned.Leader == r.Broker && m.brokers[r.Broker] != nil && m.brokers[r.Broker].epoch == r.BrokerEpoch {
				d.violate(v, p.fact(ByController, -1, "shutdown of a leader"), v.name(r.From), " let ", v.name(r.Broker), " shut down while it leads ", p.TP.String())
			}
		}
	}
}

var alterationAnswered = &Check{
	Name: "isr-change-answered", Numbers: "S31/alteration",
	Doc: "an accepted AlterPartition has the partition epoch of its request, or one more, and the ISR of its request, and names the committed leader",
	Of:  [2]string{"accepted ISR change, answered as asked", "accepted ISR changes, all answered as asked"},
	On:  []ChangeKind{ControllerReplied},
	See: seeAlteration,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, AskedEpoch: 0, PartitionEpoch: 1, AskedISR: ids(2, 1), ISR: ids(1, 2), Leader: 1})
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, AskedEpoch: 1, PartitionEpoch: 1, AskedISR: ids(2, 1), ISR: ids(1, 2), Leader: 1}) // it was so already
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1, 2), nil)
		s.Replied(s.p, Reply{Kind: ToAlteration, From: 101, Broker: 1, AskedEpoch: 0, PartitionEpoch: 1, AskedISR: ids(1, 3), ISR: ids(1, 2)})
		return s.done()
	},
}

// seeAlteration requires that a successful response has the result of the leader's own request. After a success, the
// leader drops its proposal and uses the ISR and the partition epoch of the response. If these were the result of another
// change, the leader would use an ISR that it never proposed.
func seeAlteration(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Reply
	if r.Kind != ToAlteration {
		return
	}
	d.exercised()
	answer := func(ways string) string {
		return v.name(r.From) + " accepted an ISR change of " + p.TP.String() + " by " + v.name(r.Broker) + " at partition epoch " + itoa(r.AskedEpoch) + ways
	}
	switch {
	case r.PartitionEpoch != r.AskedEpoch && r.PartitionEpoch != r.AskedEpoch+1:
		d.violate(v, p.fact(ByController, -1, "another partition epoch"), answer(", and answered partition epoch "), itoa(r.PartitionEpoch))
	case r.AskedISR != nil && r.ISR != nil && !sameSet(r.AskedISR, r.ISR):
		d.violate(v, p.fact(ByController, -1, "another ISR"), answer(" to "), v.names(r.AskedISR), ", and answered ", v.names(r.ISR))
	case r.ISR != nil && r.PartitionEpoch == p.assigned.PartitionEpoch && (r.Leader != p.assigned.Leader || r.Epoch != p.assigned.Epoch || r.Recovery != p.assigned.Recovery):
		d.violate(v, p.fact(ByController, -1, "another leader"), answer(", and answered leader "), v.name(r.Leader), " in epoch ", itoa(r.Epoch), "; committed is ",
			v.name(p.assigned.Leader), " in epoch ", itoa(p.assigned.Epoch))
	}
}
