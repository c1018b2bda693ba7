package check

import (
	"strings"

	"samsa/wire"
)

// storedAsSent judges the promise of the check records-intact by the true logs: a leader must store the producer's batch
// unchanged, unless a config of the topic makes leaders change batches. The checksum covers keys, values, headers and
// timestamps.
var storedAsSent = &Check{
	Name: "stored-as-sent", Numbers: "H22/bytes",
	Doc: "an acknowledged batch is stored, at the offset in the response, byte for byte as its producer sent it",
	On:  []ChangeKind{ProduceAnswered},
	See: func(d *Tally, v *View, c *Change) {
		p, b, g := c.Partition, c.Batch, c.Given
		if g.CRC == 0 || b.Epoch < 0 || b.Epoch != g.Epoch || b.Base < c.Replica.rewritten { // in another epoch the batch has been overwritten
			return
		}
		d.exercised()
		if b.Identity().Origin != g.CRC {
			d.decide(v, p.fact(ByLeader, b.Base, ""), v.damagedDisk(p), v.name(c.Node), " acknowledged the batch of ", g.Client, " at offset ", itoa(b.Base), " of ",
				p.TP.String(), "; the batch there has other bytes")
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

// rewrites reports whether a leader may change a producer's batches, because a config makes it compress them or replace
// their timestamps (LogAppendTime). The leader uses the metadata that it has applied, so it may go on changing batches for
// a while after the config is removed.
func rewrites(v *View, p *Partition, leader wire.NodeID) bool {
	m := &v.image
	if !m.rewriters {
		return false
	}
	if v.Broker(leader).applied < m.rewritingEnd || rewritesBatches("compression.type", m.settingAt(leader, p.TP.Topic, "compression.type")) {
		return true
	}
	const name = "message.timestamp.type" // the default of brokers has another name
	if own, set := m.configs[configKey{wire.ConfigTopic, p.TP.Topic, name}]; set {
		return rewritesBatches(name, own)
	}
	return rewritesBatches("log."+name, m.settingAt(leader, "", "log."+name))
}

// noteRewriting records a config that makes leaders change batches, before the config is in the image.
func (m *image) noteRewriting(r *wire.ConfigRecord) {
	if m.rewriters && (r.Name == "compression.type" || strings.HasSuffix(r.Name, "message.timestamp.type")) {
		m.rewritingEnd = m.next // it may end the rewriting of a topic or a broker
	}
	m.rewriters = m.rewriters || r.Value != nil && rewritesBatches(r.Name, *r.Value)
}

// rewritesBatches reports whether a config makes leaders change batches.
func rewritesBatches(name, value string) bool {
	return name == "compression.type" && value != "" && value != "producer" || strings.HasSuffix(name, "message.timestamp.type") && value == "LogAppendTime"
}
