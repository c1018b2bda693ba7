package wire

// TransactionLog is the schema of __transaction_state.
var TransactionLog = CoordinatorLog{kind: "transaction record", types: []coordinatorType{
	0: {"TransactionLog", func() CoordinatorKey { return &TransactionLogKey{} }, func() CoordinatorValue { return NewTransactionLogValue() }},
}}

// TransactionLogKey is the transactional id of a producer (type 0).
type TransactionLogKey struct {
	TransactionalID string
}

// ApiKey returns 0.
func (*TransactionLogKey) ApiKey() int16 { return 0 }

func (k *TransactionLogKey) code(c *coder) { text(c, &k.TransactionalID) }

// TransactionStatus is the state of a transactional id. The numbers are those of Kafka's enum TransactionState.
type TransactionStatus int8

const (
	TransactionEmpty          TransactionStatus = iota // there is no transaction, or it is complete and removed
	TransactionOngoing                                 // partitions may be added
	TransactionPrepareCommit                           // decided to commit: the markers are being written
	TransactionPrepareAbort                            // decided to abort: the markers are being written
	TransactionCompleteCommit                          // committed: the markers are written
	TransactionCompleteAbort                           // aborted: the markers are written
	TransactionDead                                    // the transactional id is being removed
	TransactionPrepareFence                            // an older producer of the id is being fenced; never in the log
)

// TransactionLogValue is the state of a transactional id (type 0).
//
// Version 1 is the first flexible one. Its tagged fields were added for transaction version 2 (KIP-890), which gives
// every transaction a new epoch.
type TransactionLogValue struct {
	Version                  int16
	ProducerID               ProducerID
	PreviousProducerID       ProducerID // since 1: producer id of the last committed transaction if not ProducerID, else -1
	NextProducerID           ProducerID // since 1: producer id after the transaction; -1 if the id stays ProducerID
	ProducerEpoch            ProducerEpoch
	NextProducerEpoch        ProducerEpoch // since 1: the epoch of NextProducerID, -1 if there is none
	Timeout                  int32         // in milliseconds
	Status                   TransactionStatus
	Partitions               []TransactionTopic // nil means null, which Kafka writes if Status is TransactionEmpty
	LastUpdate               Timestamp
	Start                    Timestamp // start of the transaction, NoTimestamp if there is none
	ClientTransactionVersion int16     // since 1
}

// TransactionTopic has the partitions of a topic in a transaction.
type TransactionTopic struct {
	Topic      string
	Partitions []int32
}

// NewTransactionLogValue returns a value of version 1 with the defaults of its schema.
func NewTransactionLogValue() *TransactionLogValue {
	return &TransactionLogValue{Version: 1, PreviousProducerID: NoProducerID, NextProducerID: NoProducerID, NextProducerEpoch: NoProducerEpoch}
}

// ApiKey returns 0.
func (*TransactionLogValue) ApiKey() int16 { return 0 }

func (v *TransactionLogValue) code(c *coder) {
	c.version(&v.Version, 1)
	c.flexibleSince(1)
	i64(c, &v.ProducerID)
	u16(c, &v.ProducerEpoch)
	i32(c, &v.Timeout)
	u8(c, &v.Status)
	listOrNull(c, &v.Partitions, 2, func(c *coder, t *TransactionTopic) {
		text(c, &t.Topic)
		list(c, &t.Partitions, 4, i32[int32])
		c.end()
	})
	i64(c, &v.LastUpdate)
	i64(c, &v.Start)
	if c.tag(1, 0, v.PreviousProducerID != NoProducerID) {
		i64(c, &v.PreviousProducerID)
	}
	if c.tag(1, 1, v.NextProducerID != NoProducerID) {
		i64(c, &v.NextProducerID)
	}
	if c.tag(1, 2, v.ClientTransactionVersion != 0) {
		u16(c, &v.ClientTransactionVersion)
	}
	if c.tag(1, 3, v.NextProducerEpoch != NoProducerEpoch) {
		u16(c, &v.NextProducerEpoch)
	}
	c.end()
}
