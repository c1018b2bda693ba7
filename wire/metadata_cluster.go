package wire

// FeatureLevelRecord finalises a feature at a level (key 12); level 0 removes it. The first record of a metadata log
// finalises metadata.version, which determines the format of everything after it, so its own version can never change.
type FeatureLevelRecord struct {
	Name  string
	Level int16
}

// ApiKey is 12.
func (*FeatureLevelRecord) ApiKey() int16 { return 12 }

func (r *FeatureLevelRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Name)
	u16(c, &r.Level)
	c.end()
}

// NoOpRecord changes nothing (key 20). An idle active controller writes it, so that the high watermark advances and
// shows that followers are alive (KIP-835).
type NoOpRecord struct{}

// ApiKey is 20.
func (*NoOpRecord) ApiKey() int16 { return 20 }

func (r *NoOpRecord) code(c *coder) {
	c.version(nil, 0)
	c.end()
}

// ProducerIdsRecord allocates a block of producer ids (key 15, KIP-730): all ids below NextProducerID are allocated.
type ProducerIdsRecord struct {
	BrokerID       NodeID
	BrokerEpoch    BrokerEpoch
	NextProducerID ProducerID
}

// ApiKey is 15.
func (*ProducerIdsRecord) ApiKey() int16 { return 15 }

func (r *ProducerIdsRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.BrokerID)
	i64(c, &r.BrokerEpoch)
	i64(c, &r.NextProducerID)
	c.end()
}

// QuotaEntity is one part of the entity of a quota: a user, a client-id, an ip.
type QuotaEntity struct {
	Type string
	Name *string // nil is the default of its type
}

func (e *QuotaEntity) code(c *coder) {
	text(c, &e.Type)
	nullable(c, &e.Name)
	c.end()
}

// ClientQuotaRecord sets one quota, or removes it (key 14, KIP-546).
type ClientQuotaRecord struct {
	Entity []QuotaEntity
	Key    string // producer_byte_rate, consumer_byte_rate, request_percentage, ...
	Value  uint64 // the bits of an IEEE 754 double: the only float of Kafka's log; samsa does not compute with it
	Remove bool   // then Value is ignored
}

// ApiKey is 14.
func (*ClientQuotaRecord) ApiKey() int16 { return 14 }

func (r *ClientQuotaRecord) code(c *coder) {
	c.version(nil, 0)
	list(c, &r.Entity, 1+1+1, func(c *coder, e *QuotaEntity) { e.code(c) })
	text(c, &r.Key)
	i64(c, &r.Value)
	boolean(c, &r.Remove)
	c.end()
}

// BeginTransactionRecord begins a metadata transaction (key 23, KIP-868): the records after it apply only when it ends.
type BeginTransactionRecord struct {
	Name *string // its purpose, in words; may be nil
}

// ApiKey is 23.
func (*BeginTransactionRecord) ApiKey() int16 { return 23 }

func (r *BeginTransactionRecord) code(c *coder) {
	c.version(nil, 0)
	if c.tag(0, 0, r.Name != nil) {
		nullable(c, &r.Name)
	}
	c.end()
}

// EndTransactionRecord ends the metadata transaction and applies its records (key 24).
type EndTransactionRecord struct{}

// ApiKey is 24.
func (*EndTransactionRecord) ApiKey() int16 { return 24 }

func (r *EndTransactionRecord) code(c *coder) {
	c.version(nil, 0)
	c.end()
}

// AbortTransactionRecord drops the open metadata transaction (key 25).
type AbortTransactionRecord struct {
	Reason *string // in words; may be nil
}

// ApiKey is 25.
func (*AbortTransactionRecord) ApiKey() int16 { return 25 }

func (r *AbortTransactionRecord) code(c *coder) {
	c.version(nil, 0)
	if c.tag(0, 0, r.Reason != nil) {
		nullable(c, &r.Reason)
	}
	c.end()
}

// ZkMigrationStateRecord is the state of the migration from ZooKeeper (key 21). Logs of Kafka 3 have it; 4.x reads it
// but never writes it.
type ZkMigrationStateRecord struct {
	State int8 // 0 none, 1 migrating, 2 about to, 3 done
}

// ApiKey is 21.
func (*ZkMigrationStateRecord) ApiKey() int16 { return 21 }

func (r *ZkMigrationStateRecord) code(c *coder) {
	c.version(nil, 0)
	u8(c, &r.State)
	c.end()
}
