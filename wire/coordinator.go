package wire

// Coordinators keep their state in the records of an internal topic: the group coordinator in __consumer_offsets, the
// transaction coordinator in __transaction_state. Both topics are compacted, so every record has a key, and compaction
// keeps only the newest value of each key. A record without a value is a tombstone, which deletes the key.
//
//	key:    type i16 | body, of version 0, never flexible        the type determines the schemas of key and value
//	value:  version i16 | body
//
// Some type numbers have a different meaning in each topic. The schemas are those of Kafka 4.3 (group-coordinator and
// transaction-coordinator, common/message).

// CoordinatorKey is the key of a coordinator's record: a pointer to one of the structs in the coordinator_*.go files.
type CoordinatorKey interface {
	// ApiKey returns the record's type, which is the same for key and value (CoordinatorRecordType).
	ApiKey() int16
	code(*coder)
}

// CoordinatorValue is the value of a coordinator's record. A value with several versions has a field Version, and is
// written in that version.
type CoordinatorValue interface {
	// ApiKey returns the record's type.
	ApiKey() int16
	code(*coder)
}

// AppendCoordinatorKey appends a key in the format of a record (CoordinatorRecordSerde).
func AppendCoordinatorKey(dst []byte, k CoordinatorKey) []byte {
	c := coder{out: dst, rigid: true}
	kind := k.ApiKey()
	u16(&c, &kind)
	k.code(&c)
	return c.out
}

// AppendCoordinatorValue appends a value in the format of a record. A tombstone has no value to append.
func AppendCoordinatorValue(dst []byte, v CoordinatorValue) []byte {
	c := coder{out: dst, framing: framedByShort}
	v.code(&c)
	return c.out
}

// CoordinatorLog is the schema of one coordinator's log.
type CoordinatorLog struct {
	kind  string // the kind of record, for errors
	types []coordinatorType
}

// coordinatorType is one type of record. It has the name of the type, and constructors that return a key and a value
// with defaults.
type coordinatorType struct {
	name  string
	key   func() CoordinatorKey
	value func() CoordinatorValue
}

// Name returns Kafka's name of the record type ("OffsetCommit"), or "" if this log has no such type.
func (l CoordinatorLog) Name(key int16) string {
	if key < 0 || int(key) >= len(l.types) {
		return ""
	}
	return l.types[key].name
}

// Parse decodes a record. For a tombstone, which has a nil value, the returned value is nil. The results share no
// memory with the bytes. Errors are *MessageError. FaultKey means that the type of the key is unknown, so a newer Kafka
// wrote the record. As in Kafka, the code that loads a log skips such a record (CoordinatorLoaderImpl).
func (l CoordinatorLog) Parse(key, value []byte) (CoordinatorKey, CoordinatorValue, error) {
	c := coder{reading: true, in: key, rigid: true}
	kind := int16(-1)
	bad := func(part string, version int16) (CoordinatorKey, CoordinatorValue, error) {
		name := l.Name(kind)
		if name != "" {
			name += part
		}
		return nil, nil, &MessageError{Kind: l.kind, Name: name, Fault: c.fault, Key: kind, Version: version}
	}
	if u16(&c, &kind); c.fault == 0 && l.Name(kind) == "" {
		c.fault = FaultKey
	}
	if c.fault != 0 {
		return bad("", -1)
	}
	k := l.types[kind].key()
	if k.code(&c); c.fault == 0 && len(c.in) > 0 {
		c.fault = FaultGarbage
	}
	if c.fault != 0 {
		return bad("Key", 0)
	}
	if value == nil {
		return k, nil, nil
	}
	c = coder{reading: true, in: value, framing: framedByShort, ver: -1}
	v := l.types[kind].value()
	if v.code(&c); c.fault == 0 && len(c.in) > 0 {
		c.fault = FaultGarbage
	}
	if c.fault != 0 {
		return bad("Value", c.ver)
	}
	return k, v, nil
}
