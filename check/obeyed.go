package check

import (
	"strconv"

	"samsa/wire"
)

// A broker obeys the configs in the metadata that it has applied. The newest one that is set decides, in this order:
//
//	of the topic ─▶ of the broker ─▶ of all brokers ─▶ server.properties, which this file does not judge
//
// Other checks judge min.insync.replicas (refusals-true, ack-honest), the retention (deletion-licensed) and unclean elections
// (election-licensed) by the same metadata.

// obeyed are the configs that this check compares with a leader's appends, with the broker's config of the same meaning.
const (
	maxMessageBytes, messageMaxBytes       = "max.message.bytes", "message.max.bytes"
	timestampType, logTimestampType        = "message.timestamp.type", "log.message.timestamp.type"
	messageTooLarge                  int16 = 10
)

// inForce returns the value of a config for a leader's topic, and the level at which it is set. It returns false if no metadata
// sets it, or if the leader has not applied the newest configs yet.
func inForce(v *View, p *Partition, leader wire.NodeID, topic, broker string) (value, level string, set bool) {
	m := &v.image
	if id, exists := m.names[p.TP.Topic]; !exists || id != p.ID || v.unread(leader) {
		return "", "", false // a deleted topic has no configs
	}
	for _, at := range [...]struct {
		key  configKey
		name string
	}{
		{configKey{wire.ConfigTopic, p.TP.Topic, topic}, "for the topic"},
		{configKey{wire.ConfigBroker, strconv.Itoa(int(leader)), broker}, "for the broker"},
		{configKey{wire.ConfigBroker, "", broker}, "for all brokers"},
	} {
		if value, set = m.configs[at.key]; set {
			return value, at.name, true
		}
	}
	return "", "", false
}

var configsObeyed = &Check{
	Name: "configs-obeyed", Numbers: "S32/configs",
	Doc: "a leader that has applied the newest configs appends by them: no batch is larger than max.message.bytes, each has message.timestamp.type, and no smaller batch is refused as too large",
	Of:  [2]string{"batch judged by a config in the metadata", "batches judged by configs in the metadata, all as they say"},
	On:  []ChangeKind{BatchAppended, ProduceHandled},
	See: seeObeyed,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.setting(wire.ConfigBroker, "", messageMaxBytes, "90")
		s.tick()
		s.Appended(s.p, s.p.Replica(1), Batch{Base: 0, Next: 1, CRC: 0xA, Size: 100}) // it has not applied that yet
		s.Applied(1, s.image.configured, -1, false)
		s.Appended(s.p, s.p.Replica(1), Batch{Base: 1, Next: 2, CRC: 0xB, Size: 90})
		s.Appended(s.p, s.p.Replica(2), Batch{Base: 0, Next: 1, CRC: 0xA, Size: 100}) // a follower copies what the leader has
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.setting(wire.ConfigBroker, "", messageMaxBytes, "90")
		s.Applied(1, s.image.configured, -1, false)
		s.tick()
		s.Appended(s.p, s.p.Replica(1), Batch{Base: 0, Next: 1, CRC: 0xA, Size: 100})
		return s.done()
	},
}

// setting commits a config.
func (s *stage) setting(kind wire.ConfigResource, of, name, value string) {
	s.commit(&wire.ConfigRecord{ResourceType: kind, ResourceName: of, Name: name, Value: &value})
}

func seeObeyed(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	if p == v.quorum.log || !r.observed || !r.Leads || r.loading || d.broken() {
		return
	}
	bad := func(way string, words ...string) {
		d.decide(v, p.fact(ByLeader, -1, way), v.damagedDisk(p), append([]string{v.name(r.Node), ", leader of ", p.TP.String(), ", "}, words...)...)
	}
	limit, level, limited := inForce(v, p, r.Node, maxMessageBytes, messageMaxBytes)
	most, err := strconv.ParseInt(limit, 10, 64)
	limited = limited && err == nil
	if c.Kind == ProduceHandled {
		if a := c.Produced; limited && a.Code == messageTooLarge && a.Size > 0 && a.Arrived.MinISR > 0 && a.Answered.MinISR > 0 {
			if d.exercised(); int64(a.Size) <= most {
				bad("refuses a smaller batch", "refused a batch of ", itoa(a.Size), " bytes as too large; ", maxMessageBytes, " is ", limit, " ", level)
			}
		}
		return
	}
	if c.Batch.Epoch != r.Epoch {
		return
	}
	if limited {
		if d.exercised(); int64(c.Batch.Size) > most {
			bad("appends a larger batch", "appended a batch of ", itoa(c.Batch.Size), " bytes; ", maxMessageBytes, " is ", limit, " ", level)
		}
	}
	if kind, level, set := inForce(v, p, r.Node, timestampType, logTimestampType); set {
		if d.exercised(); (kind == "LogAppendTime") != c.Batch.AppendTime {
			bad("stamps otherwise", "appended the batch ", c.Batch.span(), " with another timestamp type; ", timestampType, " is ", kind, " ", level)
		}
	}
}
