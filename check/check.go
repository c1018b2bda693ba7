// Package check holds the judges: they decide which of Kafka's promises a run kept.
//
//	clients ──▶ History (what they did and were told) ─┐
//	faults  ──▶ Ledger  (which disks held an acked     ├──▶ Check ──▶ Result ──▶ Verdict
//	            record, and what hit them)             │
//	brokers ──▶ View    (the true logs, looked at) ────┘
//
// The package imports only wire: a judge who could read a broker's fields would sooner or later believe them. What it
// needs to see of the cluster comes through View, a neutral picture that scenarios draws.
//
// Read check.go for what a judge is, ledger.go for what makes a loss legitimate, then one file per check. Every check
// carries a case it must accept and one it must reject; a test runs both.
package check

import "samsa/wire"

// Status is what became of one promise in one run.
type Status uint8

const (
	Held        Status = iota // exercised and kept
	Violated                  // broken, and nothing in force allows it
	Priced                    // it happened, and the contract in force or the ledger allows it; Clause names why
	Unknown                   // the evidence does not decide
	Unexercised               // the run never put it to the test
)

// String is the status in the words of the JSON schema.
func (s Status) String() string {
	switch s {
	case Held:
		return "held"
	case Violated:
		return "violated"
	case Priced:
		return "priced"
	case Unknown:
		return "unknown"
	}
	return "unexercised"
}

// Result is one check's answer.
type Result struct {
	Status      Status
	Step        uint64 // the first step at which the outcome was decided; 0 if none is to be named
	Explanation string // in plain words, with names, offsets and steps
	Clause      string // Priced only: the setting or the faults that allow it
}

// Check is a judge as a value.
type Check struct {
	Name   string // as users write it: "acked-durable"
	Doc    string // the promise, in one sentence
	Judge  func(*Case) Result
	Accept func() *Case // a case it must answer with Held
	Reject func() *Case // a case it must answer with Violated
}

// Case is the evidence of one run.
type Case struct {
	History []Op
	Ledger  Ledger
}

// All lists the checks in the order they are reported.
func All() []*Check { return []*Check{AckedDurable, LostWrite} }

// Finding is a check with its answer.
type Finding struct {
	Check *Check
	Result
}

// Judge runs every check on a case.
func Judge(c *Case) []Finding {
	var found []Finding
	for _, k := range All() {
		found = append(found, Finding{k, k.Judge(c)})
	}
	return found
}

// Verdict sums findings up: violated if any is, else unknown if any is, else held. A price is not a violation.
func Verdict(found []Finding) Status {
	sum := Held
	for _, f := range found {
		switch f.Status {
		case Violated:
			return Violated
		case Unknown:
			sum = Unknown
		}
	}
	return sum
}

// Op is one thing a client did and what came of it, as the client saw it.
type Op struct {
	Client    string
	Kind      Kind
	Partition wire.TopicPartition
	Acks      int16       // Send: -1 all, 0, 1
	Value     string      // Send and Poll: unique per send
	Offset    wire.Offset // Send: where the broker says it is (Outcome OK); Poll: where it was read; Drain: the end reached
	Outcome   Outcome
	Step      uint64 // when the outcome was known
}

// Kind is what a client did.
type Kind uint8

const (
	Send  Kind = iota // one record sent, and its outcome
	Poll              // one record read
	Drain             // a reader found nothing more to read at Offset
)

// Outcome is what a client knows of its own request.
type Outcome uint8

const (
	OK           Outcome = iota // acknowledged
	Failed                      // certainly not applied
	Indefinite                  // may or may not have been applied: timeouts, lost connections, most errors after a send
	NeverDecided                // still open when the run ended; judged as Indefinite
)

// String is the outcome in Kafka users' words.
func (o Outcome) String() string {
	return [...]string{"ok", "failed", "unknown", "undecided"}[o]
}
