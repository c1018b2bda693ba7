package check

import "samsa/wire"

// storedAsSent is records-intact seen from above: the checksum covers keys, values, headers and timestamps, and a leader
// stores what it was sent, where its topic does not ask for something else.
var storedAsSent = &Check{
	Name: "stored-as-sent", Numbers: "H22/bytes",
	Doc: "what a producer is told is stored, in that partition and at that offset, is byte for byte what it sent",
	On:  []ChangeKind{ProduceAnswered},
	See: func(d *Tally, v *View, c *Change) {
		p, b, g := c.Partition, c.Batch, c.Given
		if g.CRC == 0 || b.Epoch < 0 || b.Epoch != g.Epoch || b.Base < c.Replica.rewritten { // of another epoch: it is overwritten since
			return
		}
		d.exercised()
		if b.Identity().Origin != g.CRC {
			d.decide(v, p.fact(ByLeader, b.Base, ""), v.damagedDisk(p), v.name(c.Node), " told ", g.Client, " that its batch is at offset ", itoa(b.Base), " of ",
				p.TP.String(), "; what lies there is not what it sent")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 1)
		s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xA, InSync: 3, MinISR: 2})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 1)
		s.tick()
		s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xB, InSync: 3, MinISR: 2})
		return s.done()
	},
}

// rewrites tells whether a topic's leader may change what it is sent: it compresses anew, or puts its own time in. It goes by
// what it has read of the metadata, so for a while it may do so still.
func (v *View) rewrites(p *Partition, leader wire.NodeID) bool {
	m := &v.image
	if !m.rewriters {
		return false
	}
	return v.Broker(leader).applied < m.rewritingEnd || rewritesBatches("compression.type", m.setting(p.TP.Topic, "compression.type")) ||
		rewritesBatches("message.timestamp.type", m.setting(p.TP.Topic, "message.timestamp.type"))
}

// rewords takes in what a config says of that, before it is in the image.
func (m *image) noteRewriting(r *wire.ConfigRecord) {
	of := ""
	if r.ResourceType == wire.ConfigTopic {
		of = r.ResourceName
	}
	if rewritesBatches(r.Name, m.setting(of, r.Name)) {
		m.rewritingEnd = m.next
	}
	m.rewriters = m.rewriters || r.Value != nil && rewritesBatches(r.Name, *r.Value)
}

// rewords tells whether a setting makes leaders store other bytes than they are sent.
func rewritesBatches(name, value string) bool {
	return name == "compression.type" && value != "" && value != "producer" || name == "message.timestamp.type" && value == "LogAppendTime"
}
