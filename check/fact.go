package check

import "samsa/wire"

// Fact is the subject of a finding, independent of its explanation.
//
// The name of the check and the Kind of the fact together are the fingerprint of a failure: two runs failed in the same way
// if both are equal. A shrinker that compared only the names of checks would drift from one cause to another. Subject.Name
// and Offset differ from seed to seed. They help to find the failure in one run.
type Fact struct {
	Subject Subject
	Role    Role        // of the node or client that broke the promise
	Way     string      // how it broke the promise: a constant of the check, or "" if there is only one way
	Offset  wire.Offset // the offset of the record, -1 if there is none
}

// Kind returns the fact without names, ids and offsets: "leader of a partition: cut it". It is made of constants alone.
func (f Fact) Kind() string {
	kind := string(f.Role) + " of " + f.Subject.Kind.String()
	if f.Way != "" {
		kind += ": " + f.Way
	}
	return kind
}

// Role is the role of the node or client that broke a promise.
type Role string

// The roles of the nodes and clients that may break a promise.
const (
	ByLeader     Role = "leader"
	ByFollower   Role = "follower"
	ByController Role = "controller"
	ByVoter      Role = "voter"
	ByServer     Role = "broker"
	ByProducer   Role = "producer"
	ByConsumer   Role = "consumer"
)

// Subject is the partition, broker, topic, config or feature of a finding.
type Subject struct {
	Kind SubjectKind
	Name string // "orders-0", "b1", "min.insync.replicas"
}

// SubjectKind is the kind of a Subject.
type SubjectKind uint8

// The kinds of subjects.
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

// String returns the kind in words.
func (k SubjectKind) String() string {
	return [...]string{"nothing", "a partition", "the metadata log", "a broker", "a topic", "a config", "a feature", "the requests"}[k]
}

// fact builds a Fact about a record of the partition, or about the partition itself if at is -1.
func (p *Partition) fact(role Role, at wire.Offset, way string) Fact {
	kind := APartition
	if p.ID == wire.MetadataTopicID {
		kind = TheMetadataLog
	}
	return Fact{Subject{kind, p.TP.String()}, role, way, at}
}

// fact builds a Fact about a record of a client's partition, or about the partition itself if at is -1.
func (p place) fact(role Role, at wire.Offset, way string) Fact {
	return Fact{Subject{APartition, p.String()}, role, way, at}
}

// metadataFact builds a Fact about the metadata log.
func metadataFact(role Role, at wire.Offset, way string) Fact {
	return Fact{Subject{TheMetadataLog, metadataLog}, role, way, at}
}

// factOf builds a Fact about a subject that has no offsets.
func factOf(kind SubjectKind, name string, role Role, way string) Fact {
	return Fact{Subject{kind, name}, role, way, -1}
}
