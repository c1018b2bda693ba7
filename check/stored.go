package check

// storedAsSent is records-intact seen from above: the checksum covers keys, values, headers and timestamps, and a leader
// stores what it was sent, where its topic does not ask for something else.
var storedAsSent = &Check{
	Name: "stored-as-sent", Numbers: "H22/bytes",
	Doc: "what a producer is told is stored, in that partition and at that offset, is byte for byte what it sent",
	On:  []ChangeKind{Answered},
	See: func(d *Docket, v *View, c *Change) {
		p, b, g := c.Partition, c.Batch, c.Given
		if g.CRC == 0 || b.Epoch < 0 || b.Epoch != g.Epoch || v.rewrites(p) { // of another epoch: it is overwritten since
			return
		}
		d.exercised()
		if b.CRC != g.CRC {
			d.decide(v, Fact{p.TP.String(), b.Base, "leader"}, v.bent(p), "broker ", itoa(c.Node), " told ", g.Client, " that its batch is at offset ", itoa(b.Base), " of ",
				p.TP.String(), "; what lies there is not what it sent")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 1)
		s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xA, InSync: 3, Demand: 2})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.leads(1, 0, 1)
		s.tick()
		s.Acked(s.p, s.p.Replica(1), 0, -1, Given{Client: "p1", CRC: 0xB, InSync: 3, Demand: 2})
		return s.done()
	},
}

// rewrites tells whether a topic's leader changes what it is sent: it compresses anew, or puts its own time in.
func (v *View) rewrites(p *Partition) bool {
	how := v.image.setting(p.TP.Topic, "compression.type")
	return how != "" && how != "producer" || v.image.setting(p.TP.Topic, "message.timestamp.type") == "LogAppendTime"
}
