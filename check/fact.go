package check

import "samsa/wire"

// Fact is what a finding is about, whatever its words say.
//
// Check and Kind together are the fingerprint of a failure: two runs that differ in seed, length and names failed in the same
// way if both are equal. A shrinker that compared names of checks only would slide from one cause to another. Subject.Name
// and Offset differ from seed to seed, and say where to look in one run.
type Fact struct {
	Subject Subject
	Role    Role        // of the node or client that broke the promise
	Way     string      // how it broke the promise, of the ways that the check knows: a constant, "" if there is one way only
	Offset  wire.Offset // the record in question, -1 if there is none
}

// Kind is the fact without names, ids and offsets: "leader of a partition: cut it". It is made of constants alone.
func (f Fact) Kind() string {
	kind := string(f.Role) + " of " + f.Subject.Kind.String()
	if f.Way != "" {
		kind += ": " + f.Way
	}
	return kind
}

// Role is what a node or client is to the subject of a finding.
type Role string

// The roles: a promise is broken by …
const (
	ByLeader     Role = "leader"
	ByFollower   Role = "follower"
	ByController Role = "controller"
	ByVoter      Role = "voter"
	ByServer     Role = "broker"
	ByProducer   Role = "producer"
	ByConsumer   Role = "consumer"
)

// Subject is the thing that a finding is about.
type Subject struct {
	Kind SubjectKind
	Name string // "orders-0", "b1", "min.insync.replicas"
}

// SubjectKind is what kind of thing a finding is about.
type SubjectKind uint8

// What a finding may be about.
const (
	NoSubject SubjectKind = iota
	APartition
	TheMetadataLog
	ABroker
	ATopic
	AConfig
	AFeature
	TheRequests
)

// String is the kind in words.
func (k SubjectKind) String() string {
	return [...]string{"nothing", "a partition", "the metadata log", "a broker", "a topic", "a config", "a feature", "the requests"}[k]
}

// fact is about a record of the partition, or about the partition itself (at -1).
func (p *Partition) fact(role Role, at wire.Offset, way string) Fact {
	kind := APartition
	if p.ID == wire.MetadataTopicID {
		kind = TheMetadataLog
	}
	return Fact{Subject{kind, p.TP.String()}, role, way, at}
}

// fact is about a record of a place, or about the place itself (at -1).
func (p place) fact(role Role, at wire.Offset, way string) Fact {
	return Fact{Subject{APartition, p.String()}, role, way, at}
}

// metadataFact is about the metadata log.
func metadataFact(role Role, at wire.Offset, way string) Fact {
	return Fact{Subject{TheMetadataLog, metadataLog}, role, way, at}
}

// factOf is about a thing that has no offsets.
func factOf(kind SubjectKind, name string, role Role, way string) Fact {
	return Fact{Subject{kind, name}, role, way, -1}
}
