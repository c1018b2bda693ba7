package wire

// MetadataRecord is one record of the cluster metadata log: a pointer to one of the structs of the metadata_*.go files.
// The log is the state of the cluster: controllers append these records, and every image of the cluster is the result
// of applying them in order (KIP-500, KIP-631).
//
// Names, keys and versions are those of Kafka's schemas (metadata/src/main/resources/common/metadata) in version 4.4. A
// record with several versions has a field Version and is written in that version; the cluster's metadata.version
// determines the value of the field. Setting a field that the version does not have is a mistake of the writer: Kafka
// throws an exception, and here the writer panics.
//
// Do not change a record after passing it to other code, because images and logs keep pointers to it.
type MetadataRecord interface {
	// ApiKey returns the record's kind on the wire.
	ApiKey() int16
	// code writes or reads the version and the body.
	code(*coder)
}

// metadataFrame is the version of the frame that surrounds every record. A frame has this version, the api key and the
// record version as unsigned varints, and then the body of the record.
const metadataFrame = 1

// AppendMetadata appends a record as a value of the metadata log, with Kafka's framing (MetadataRecordSerde).
func AppendMetadata(dst []byte, r MetadataRecord) []byte {
	c := coder{out: dst}
	c.uvarint(metadataFrame)
	c.uvarint(uint32(r.ApiKey()))
	r.code(&c)
	return c.out
}

// ParseMetadata decodes a record that AppendMetadata wrote. Errors are *MessageError. The result shares no memory with
// b.
//
// As in Kafka, unknown tagged fields are dropped. That is harmless, because a log is replicated and stored as bytes,
// and a snapshot is written from the image.
func ParseMetadata(b []byte) (MetadataRecord, error) {
	c := coder{reading: true, in: b}
	bad := func(f MessageFault, key, version int16) (MetadataRecord, error) {
		return nil, &MessageError{Kind: "metadata record", Name: MetadataName(key), Fault: f, Key: key, Version: version}
	}
	frame, key := c.uvarint(0), c.uvarint(0)
	switch {
	case c.fault != 0:
		return bad(c.fault, -1, -1)
	case frame != metadataFrame:
		return bad(FaultFrame, -1, -1)
	case key >= uint32(len(metadataKinds)) || metadataKinds[key].make == nil:
		return bad(FaultKey, int16(min(key, 1<<15-1)), -1)
	}
	r := metadataKinds[key].make()
	r.code(&c)
	if c.fault == 0 && len(c.in) > 0 {
		c.fault = FaultGarbage
	}
	if c.fault != 0 {
		return bad(c.fault, int16(key), c.ver)
	}
	return r, nil
}

// MetadataName returns Kafka's name for the record kind with this key ("PartitionChangeRecord"), or "" if there is
// none.
func MetadataName(key int16) string {
	if key < 0 || int(key) >= len(metadataKinds) {
		return ""
	}
	return metadataKinds[key].name
}

// metadataKinds has the name and a constructor of each record by api key. The constructor sets defaults. Keys 6, 13 and
// 16 have no record, because Kafka abandoned them before KRaft was released.
var metadataKinds = [...]struct {
	name string
	make func() MetadataRecord
}{
	0:  {"RegisterBrokerRecord", func() MetadataRecord { return &RegisterBrokerRecord{Fenced: true} }},
	1:  {"UnregisterBrokerRecord", func() MetadataRecord { return &UnregisterBrokerRecord{} }},
	2:  {"TopicRecord", func() MetadataRecord { return &TopicRecord{} }},
	3:  {"PartitionRecord", func() MetadataRecord { return &PartitionRecord{} }},
	4:  {"ConfigRecord", func() MetadataRecord { return &ConfigRecord{} }},
	5:  {"PartitionChangeRecord", func() MetadataRecord { return NewPartitionChange(TopicID{}, 0) }},
	7:  {"FenceBrokerRecord", func() MetadataRecord { return &FenceBrokerRecord{} }},
	8:  {"UnfenceBrokerRecord", func() MetadataRecord { return &UnfenceBrokerRecord{} }},
	9:  {"RemoveTopicRecord", func() MetadataRecord { return &RemoveTopicRecord{} }},
	10: {"DelegationTokenRecord", func() MetadataRecord { return &DelegationTokenRecord{} }},
	11: {"UserScramCredentialRecord", func() MetadataRecord { return &UserScramCredentialRecord{} }},
	12: {"FeatureLevelRecord", func() MetadataRecord { return &FeatureLevelRecord{} }},
	14: {"ClientQuotaRecord", func() MetadataRecord { return &ClientQuotaRecord{} }},
	15: {"ProducerIdsRecord", func() MetadataRecord { return &ProducerIdsRecord{} }},
	17: {"BrokerRegistrationChangeRecord", func() MetadataRecord { return &BrokerRegistrationChangeRecord{} }},
	18: {"AccessControlEntryRecord", func() MetadataRecord { return &AccessControlEntryRecord{} }},
	19: {"RemoveAccessControlEntryRecord", func() MetadataRecord { return &RemoveAccessControlEntryRecord{} }},
	20: {"NoOpRecord", func() MetadataRecord { return &NoOpRecord{} }},
	21: {"ZkMigrationStateRecord", func() MetadataRecord { return &ZkMigrationStateRecord{} }},
	22: {"RemoveUserScramCredentialRecord", func() MetadataRecord { return &RemoveUserScramCredentialRecord{} }},
	23: {"BeginTransactionRecord", func() MetadataRecord { return &BeginTransactionRecord{} }},
	24: {"EndTransactionRecord", func() MetadataRecord { return &EndTransactionRecord{} }},
	25: {"AbortTransactionRecord", func() MetadataRecord { return &AbortTransactionRecord{} }},
	26: {"RemoveDelegationTokenRecord", func() MetadataRecord { return &RemoveDelegationTokenRecord{} }},
	27: {"RegisterControllerRecord", func() MetadataRecord { return &RegisterControllerRecord{} }},
	28: {"ClearElrRecord", func() MetadataRecord { return &ClearElrRecord{} }},
	29: {"UnregisterControllerRecord", func() MetadataRecord { return &UnregisterControllerRecord{} }},
}
