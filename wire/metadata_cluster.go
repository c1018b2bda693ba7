package wire

// FeatureLevelRecord finalises a feature at a level (key 12); level 0 removes it. The first record of a metadata log
// finalises metadata.version, which determines the format of all later records. Readers do not know the format before
// this record, so the version of FeatureLevelRecord itself can never change.
type FeatureLevelRecord struct {
	Name  string
	Level int16
}

// ApiKey returns 12.
func (*FeatureLevelRecord) ApiKey() int16 { return 12 }

func (r *FeatureLevelRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Name)
	u16(c, &r.Level)
	c.end()
}

// NoOpRecord changes nothing (key 20). An idle active controller writes it, so that the high watermark keeps advancing;
// an advancing high watermark shows that the followers are alive (KIP-835).
type NoOpRecord struct{}

// ApiKey returns 20.
func (*NoOpRecord) ApiKey() int16 { return 20 }

func (r *NoOpRecord) code(c *coder) {
	c.version(nil, 0)
	c.end()
}

// ProducerIdsRecord allocates a block of producer ids (key 15, KIP-730). All ids below NextProducerID are allocated.
type ProducerIdsRecord struct {
	BrokerID       NodeID
	BrokerEpoch    BrokerEpoch
	NextProducerID ProducerID
}

// ApiKey returns 15.
func (*ProducerIdsRecord) ApiKey() int16 { return 15 }

func (r *ProducerIdsRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.BrokerID)
	i64(c, &r.BrokerEpoch)
	i64(c, &r.NextProducerID)
	c.end()
}

// QuotaEntity is one part of the entity of a quota: a user, a client-id or an ip.
type QuotaEntity struct {
	Type string
	Name *string // nil means the default entity of this type
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
	Value  uint64 // the bits of an IEEE 754 double, the only float in Kafka's log; samsa does not compute with it
	Remove bool   // if set, Value is ignored
}

// ApiKey returns 14.
func (*ClientQuotaRecord) ApiKey() int16 { return 14 }

func (r *ClientQuotaRecord) code(c *coder) {
	c.version(nil, 0)
	list(c, &r.Entity, 1+1+1, func(c *coder, e *QuotaEntity) { e.code(c) })
	text(c, &r.Key)
	i64(c, &r.Value)
	boolean(c, &r.Remove)
	c.end()
}

// BeginTransactionRecord begins a metadata transaction (key 23, KIP-868). The records of the transaction apply only
// when an EndTransactionRecord ends it.
type BeginTransactionRecord struct {
	Name *string // the purpose of the transaction; may be nil
}

// ApiKey returns 23.
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

// ApiKey returns 24.
func (*EndTransactionRecord) ApiKey() int16 { return 24 }

func (r *EndTransactionRecord) code(c *coder) {
	c.version(nil, 0)
	c.end()
}

// AbortTransactionRecord discards the open metadata transaction (key 25).
type AbortTransactionRecord struct {
	Reason *string // may be nil
}

// ApiKey returns 25.
func (*AbortTransactionRecord) ApiKey() int16 { return 25 }

func (r *AbortTransactionRecord) code(c *coder) {
	c.version(nil, 0)
	if c.tag(0, 0, r.Reason != nil) {
		nullable(c, &r.Reason)
	}
	c.end()
}

// ZkMigrationStateRecord is the state of the migration from ZooKeeper (key 21). Kafka 3 wrote it to its logs; Kafka 4
// reads it but never writes it.
type ZkMigrationStateRecord struct {
	State int8 // 0 NONE, 1 MIGRATION, 2 PRE_MIGRATION, 3 POST_MIGRATION
}

// ApiKey returns 21.
func (*ZkMigrationStateRecord) ApiKey() int16 { return 21 }

func (r *ZkMigrationStateRecord) code(c *coder) {
	c.version(nil, 0)
	u8(c, &r.State)
	c.end()
}
