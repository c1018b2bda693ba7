package check

import (
	"strconv"

	"samsa/wire"
)

// AckedDurable judges Kafka's first promise from above: it looks into the true logs.
//
// It finds a loss as soon as a leader without the batch appears, before any reader could notice; LostWrite finds the
// same loss from the outside, from what readers saw.
var AckedDurable = &Check{
	Name:  "acked-durable",
	Doc:   "a record whose producer was told that it is stored is in the log of every later leader",
	Judge: judgeAcked,
	Accept: func() *Case {
		logs := fixture{1: {0: 0xA, 1: 0xB}, 2: {0: 0xA}}
		var c Case
		c.Ledger.Acked(Ack{Client: "p1", Partition: orders, Base: 0, CRC: 0xA, Acks: -1, Step: 3}, logs.led(1))
		c.Ledger.Struck(Hit{Node: 1, What: "power loss", Step: 4})
		c.Ledger.Look(orders, logs.led(2), 5)
		return &c
	},
	Reject: func() *Case {
		var c Case
		c.Ledger.Acked(Ack{Client: "p1", Partition: orders, Base: 1, CRC: 0xB, Acks: -1, Step: 3},
			fixture{1: {0: 0xA, 1: 0xB}, 2: {0: 0xA, 1: 0xB}}.led(1))
		c.Ledger.Struck(Hit{Node: 1, What: "power loss", Step: 4})
		// Broker 2 held the batch, was never hit, and leads without it.
		c.Ledger.Look(orders, fixture{1: {0: 0xA}, 2: {0: 0xA}}.led(2), 5)
		return &c
	},
}

func judgeAcked(c *Case) Result {
	if len(c.Ledger.entries) == 0 {
		return Result{Status: Unexercised, Explanation: "no producer was told that a record is stored"}
	}
	var priced *Result
	for _, loss := range c.Ledger.losses {
		clause := c.Ledger.license(loss)
		r := Result{Status: Violated, Step: loss.Step, Clause: clause, Explanation: tell(loss)}
		if clause == "" {
			return r
		}
		if r.Status = Priced; priced == nil {
			priced = &r
		}
	}
	if priced != nil {
		return *priced
	}
	n := int64(len(c.Ledger.entries))
	return Result{Status: Held, Explanation: plural(n, "acknowledged batch", "acknowledged batches") + ", all in the leader's log at every look"}
}

func tell(l Loss) string {
	return l.Ack.Client + " was told at step " + itoa(int64(l.Ack.Step)) + " that offset " + itoa(int64(l.Ack.Base)) + " of " +
		l.Ack.Partition.String() + " is stored; broker " + itoa(int64(l.Leader)) + ", leader in epoch " + itoa(int64(l.Epoch)) +
		", does not have it"
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}

// orders is the partition of all fixtures.
var orders = wire.TopicPartition{Topic: "orders"}

// fixture is a View for fixtures: the batches (base offset to CRC) of brokers 1, 2, 3.
type fixture map[wire.NodeID]map[wire.Offset]uint32

type fixtureView struct {
	logs   fixture
	leader wire.NodeID
}

type fixtureLog struct {
	node    wire.NodeID
	batches map[wire.Offset]uint32
}

func (f fixture) led(by wire.NodeID) View { return fixtureView{f, by} }

// Leader is the broker named to led.
func (v fixtureView) Leader(wire.TopicPartition) (Log, wire.Epoch, bool) {
	return fixtureLog{v.leader, v.logs[v.leader]}, 1, true
}

// Logs are those of brokers 1 to 3.
func (v fixtureView) Logs(wire.TopicPartition) (logs []Log) {
	for node := wire.NodeID(1); node <= 3; node++ {
		if b, ok := v.logs[node]; ok {
			logs = append(logs, fixtureLog{node, b})
		}
	}
	return logs
}

func (l fixtureLog) Node() wire.NodeID                 { return l.node }
func (l fixtureLog) Start() wire.Offset                { return 0 }
func (l fixtureLog) CRC(at wire.Offset) (uint32, bool) { crc, ok := l.batches[at]; return crc, ok }
