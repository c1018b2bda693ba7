package check

import (
	"slices"

	"samsa/wire"
)

// The controller writes only records that every registered broker can read. Records that need a feature level are written
// after the FeatureLevelRecord that finalises it. A broker that registers must support every finalised level.
//
//	|metadata.version 25|eligible.leader.replicas.version 1|partition, with an ELR: version 2|

// These are the levels of metadata.version that add a field to a record (MetadataVersion).
const (
	withShutdown    = 7  // 3.3-IV3
	withMigration   = 8  // 3.4-IV0
	withDirectories = 17 // 3.7-IV2 (KIP-858)
	withELR         = 23 // 4.0-IV1 (KIP-966)
)

const (
	metadataVersion = "metadata.version"
	elrVersion      = "eligible.leader.replicas.version"
)

var featureGated = &Check{
	Name: "feature-gated", Numbers: "S33",
	Doc: "no record is written in a version, or with a field, of a feature level that is not finalised, and no level is finalised that a registered broker does not support",
	On:  []ChangeKind{MetadataCommitted},
	See: func(d *Tally, v *View, c *Change) {
		m := &v.image
		switch r := c.Record.(type) {
		case *wire.PartitionRecord:
			seeGate(d, v, c, factOf(ATopic, m.topics[r.TopicID], ByController, "record version"), r.Version, partitionVersion(m.levels[metadataVersion]))
			seeELR(d, v, c, m.topics[r.TopicID], slices.Concat(r.ELR, r.LastKnownELR))
		case *wire.PartitionChangeRecord:
			seeGate(d, v, c, factOf(ATopic, m.topics[r.TopicID], ByController, "record version"), r.Version, partitionVersion(m.levels[metadataVersion]))
			seeELR(d, v, c, m.topics[r.TopicID], slices.Concat(r.ELR, r.LastKnownELR))
		case *wire.RegisterBrokerRecord:
			seeGate(d, v, c, factOf(ABroker, v.name(r.BrokerID), ByController, "record version"), r.Version, registrationVersion(m.levels[metadataVersion]))
			seeSupport(d, v, c, r)
		case *wire.BrokerRegistrationChangeRecord:
			seeGate(d, v, c, factOf(ABroker, v.name(r.BrokerID), ByController, "record version"), r.Version, changeVersion(m.levels[metadataVersion]))
		case *wire.FeatureLevelRecord:
			seeLevel(d, v, c, r)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2).elr()
		s.alter(0, ids(1), ids(2, 3))
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.alter(0, ids(1), ids(2, 3))
		return s.done()
	},
}

// partitionVersion returns the newest version of PartitionRecord at a level of metadata.version
// (MetadataVersion.partitionRecordVersion).
func partitionVersion(level int16) int16 {
	switch {
	case level >= withELR:
		return 2
	case level >= withDirectories:
		return 1
	}
	return 0
}

// registrationVersion returns the newest version of RegisterBrokerRecord at a level of metadata.version
// (MetadataVersion.registerBrokerRecordVersion).
func registrationVersion(level int16) int16 {
	switch {
	case level >= withDirectories:
		return 3
	case level >= withMigration:
		return 2
	case level >= withShutdown:
		return 1
	}
	return 0
}

// changeVersion returns the newest version of BrokerRegistrationChangeRecord at a level of metadata.version.
func changeVersion(level int16) int16 {
	switch {
	case level >= withDirectories:
		return 2
	case level >= withShutdown:
		return 1
	}
	return 0
}

func seeGate(d *Tally, v *View, c *Change, about Fact, version, newest int16) {
	d.exercised()
	if version > newest {
		d.violate(v, about, "the record at offset ", itoa(c.Offset), " is written in version ", itoa(version), "; metadata.version is ",
			itoa(v.image.levels[metadataVersion]), ", whose newest version is ", itoa(newest))
	}
}

func seeELR(d *Tally, v *View, c *Change, topic string, elr []wire.NodeID) {
	if len(elr) > 0 && !v.image.elr() {
		d.violate(v, factOf(ATopic, topic, ByController, "ELR before its feature"), "the record at offset ", itoa(c.Offset), " names eligible leader replicas ", v.names(elr),
			"; eligible.leader.replicas.version is 0")
	}
}

// seeSupport requires that a newly registered broker supports every finalised level. A registration without features is not
// judged.
func seeSupport(d *Tally, v *View, c *Change, r *wire.RegisterBrokerRecord) {
	for _, f := range r.Features {
		if level := v.image.levels[f.Name]; level > 0 && (level < f.Min || level > f.Max) {
			d.violate(v, factOf(ABroker, v.name(r.BrokerID), ByController, "does not know a level"), v.name(r.BrokerID), " is registered at offset ", itoa(c.Offset), ", and knows ", f.Name,
				" ", itoa(f.Min), " to ", itoa(f.Max), "; level ", itoa(level), " is finalised")
		}
	}
}

// seeLevel requires that every registered broker supports a newly finalised level, and that the metadata.version that the
// level needs was finalised before it.
func seeLevel(d *Tally, v *View, c *Change, r *wire.FeatureLevelRecord) {
	d.exercised()
	fact := func(way string) Fact { return factOf(AFeature, r.Name, ByController, way) }
	if on := v.image.levels[metadataVersion]; r.Name == elrVersion && r.Level > 0 && on > 0 && on < withELR {
		d.violate(v, fact("before metadata.version"), r.Name, " is finalised at offset ", itoa(c.Offset), "; it needs metadata.version ", itoa(withELR), ", which is ", itoa(on))
	}
	for _, b := range v.brokers { // in the order of their ids
		reg := v.image.brokers[b.Node]
		if reg == nil {
			continue
		}
		for _, f := range reg.features {
			if f.Name == r.Name && r.Level > 0 && (r.Level < f.Min || r.Level > f.Max) {
				d.violate(v, fact("a broker does not know the level"), r.Name, " ", itoa(r.Level), " is finalised at offset ", itoa(c.Offset), "; ", v.name(b.Node), " knows ", itoa(f.Min), " to ", itoa(f.Max))
			}
		}
	}
}
