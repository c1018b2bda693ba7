package check

import "samsa/wire"

// Helpers for the cases of history checks. Events and steps follow the order of the operations.

// historyCase builds a history of sequential operations on a cluster without faults.
func historyCase(v *View, ops ...Op) *Case {
	number := map[string]int64{}
	for i, op := range ops {
		h := op.Common()
		h.Step, h.At = uint64(i+1), int64(i+1)*int64(3600e9)
		if h.Called == 0 {
			h.Called, h.Returned = uint64(2*i+1), uint64(2*i+2)
		}
		if _, ok := op.(*Produce); ok {
			number[h.Client]++
			h.Number = number[h.Client]
		}
	}
	follow(ops)
	v.contract = Contract{Timeouts: defaultTimeouts, Machines: machines}
	v.Clock(uint64(len(ops)), int64(3600e9))
	v.quietSince = int64(3600e9)
	return &Case{History: ops, View: v}
}

// sent builds an acknowledged send.
func sent(client, value string, at wire.Offset) *Produce {
	return &Produce{Head: Head{Client: client}, Partition: orders, Acks: -1, Value: value, Offset: at}
}

// polled builds the read of a record.
func polled(client, value string, at wire.Offset) *Consume {
	return &Consume{Head: Head{Client: client}, Partition: orders, Value: value, Offset: at, Position: asBefore}
}

// drained builds a consumer's step at the end of the log.
func drained(client string, at wire.Offset) *Consume { return moved(client, EndReached, at) }

// moved builds a consumer's step that reads no record.
func moved(client string, kind ConsumeKind, at wire.Offset) *Consume {
	return &Consume{Head: Head{Client: client}, Kind: kind, Partition: orders, Offset: at, Position: asBefore}
}

// described builds a response of b1 about orders-0.
func described(client string, epoch wire.Epoch) *DescribeTopic {
	return &DescribeTopic{Head: Head{Client: client}, Server: Process{Machine: "b1"}, Partition: orders, Topic: ordersID, Epoch: epoch}
}

func ended(call uint64, at wire.Offset) *ListOffsets {
	return &ListOffsets{Head: Head{Client: "c1", Called: 2 * call, Returned: 2*call + 1}, Partition: orders, Offset: at}
}

// again moves a read to the time after a seek.
func again(op *Consume) *Consume { op.Cursor++; return op }

// writes and reading set the topic id of an operation.
func writes(id byte, op *Produce) *Produce { op.Topic = wire.TopicID{id}; return op }

func reading(id byte, op *Consume) *Consume { op.Topic = wire.TopicID{id}; return op }

// from sets the position of a consumer before a step.
func from(at wire.Offset, op *Consume) *Consume { op.Position = at; return op }

// first says that a consumer asked for the log start just before a step.
func first(op *Consume) *Consume { op.FromStart = true; return op }

// asBefore is the position of a consumer's step in a case that does not set it.
const asBefore wire.Offset = -1

// follow sets the positions that a case does not set: a consumer's first step begins at the offset of that step, and each
// later step begins where the step before it ended.
func follow(ops []Op) {
	type reader struct {
		client string
		cursor int64
		topic  wire.TopicID
	}
	next := map[reader]wire.Offset{}
	for op := range of[*Consume](ops) {
		k := reader{op.Client, op.Cursor, op.Topic}
		at, moving := next[k]
		switch op.Kind {
		case PositionReset, PositionTruncated:
			delete(next, k)
		case RecordRead, EndReached:
			if op.Position == asBefore && moving {
				op.Position = at
			} else if op.Position == asBefore {
				op.Position = op.Offset
			}
			if next[k] = op.Offset; op.Kind == RecordRead {
				next[k]++
			}
		}
	}
}

// steps builds a history without a cluster, with one operation in each step.
func steps(ops ...Op) *Case {
	for i, op := range ops {
		op.Common().Step = uint64(i + 1)
	}
	number := map[string]int64{}
	for op := range of[*Produce](ops) {
		number[op.Client]++
		op.Number = number[op.Client]
	}
	follow(ops)
	return &Case{History: ops}
}
