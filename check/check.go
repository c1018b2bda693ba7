// Package check holds the judges: they decide which of Kafka's promises a run kept.
//
//	clients ──▶ History (what they did and were told) ───────────┐
//	disks   ──▶ View: true logs, who was told what (the ledger), ├──▶ Check ──▶ Result ──▶ Verdict
//	nodes   ──▶       what faults destroyed, what nodes believe ─┘
//
// The package imports only wire: a judge who could read a broker's fields would sooner or later believe them. What it
// needs to see of the cluster comes through View, a neutral picture that scenarios draws.
//
// There are four kinds of judges, all of them values in All:
//
//   - invariants look at the View whenever it changes (See). They pay for the change and not for the logs' length;
//   - history checks read what clients did and saw (Judge), and are the last word on a user's promise;
//   - models search for an order of the operations that one correct machine could have had (linear.go);
//   - liveness checks ask, once all faults are over, whether everything came right within its bound (alive.go).
//
// Read check.go for what a judge is, view.go for what it sees, ledger.go for what makes a loss legitimate; then one
// file per family of checks. Every check carries a case it must accept and one it must reject; a test runs both.
package check

import (
	"slices"

	"samsa/wire"
)

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
	Fact        Fact   // Violated and Priced: what it is about, whatever the words say
}

// Check is a judge as a value. Exactly one of See and Judge is set.
type Check struct {
	Name    string // as users write it: "acked-durable"
	Numbers string // what it decides of checks.md, for those who write exhibits: "S4 S5"
	Doc     string // the promise, in one sentence

	Of  [2]string    // what an invariant counts, one and many: "batch", "batches"; empty for tests of the promise
	On  []ChangeKind // the changes an invariant looks at
	See func(d *Tally, v *View, c *Change)

	Judge func(*Case) Result

	Complete func(*Case, Result) Result // adds to a violation what only the history says; nil for most
	Liveness bool                       // it promises that something happens in time, and not that nothing bad ever does

	// Accept and Reject play a case on a fresh View: one that the check must answer with Held, one with Violated.
	Accept, Reject func(*View) *Case
}

// Case is the evidence of one run.
type Case struct {
	History []Op
	View    *View // nil if nobody looked at the cluster

	born   map[spot]*Produce         // the sends of History by what they sent, once a check asked
	topics map[string][]wire.TopicID // see topicsNamed, once a check asked
}

// All lists the checks in the order they are reported: promises to users first.
func All() []*Check {
	return slices.Concat([]*Check{
		AckedDurable, LostWrite,

		// Replicas: their logs, their ISR and their high watermarks.
		logsMatch, oneLeader, epochsInOrder, ackedElectable, hwJustified, hwMonotone, readsStable, isrAgreed, isrLegal,
		leaderRecoverable, truncationLicensed, ackHonest, endsTrue, deletedForGood, deletionLicensed, storedAsSent, oneDirectory,

		// The committed metadata, and the nodes that act on it. No controller is asked: records are judged when they are
		// committed, brokers when their state is looked at, responses when they leave.
		partitionEpochSteps, electionLicensed, brokerEpochs, replyAfterCommit, metadataMonotone, featureGated,

		// The quorum of controllers.
		oneController, metadataMatches, metadataComplete, metadataNeverCut, quorumMonotone, voteOnce, imagesAgree,

		// What clients did and saw.
		noDuplicate, oneValue, readsMonotone, readsComplete, readsFresh, producerOrder, ackedWhereTold, recordsIntact,
		metadataReadsMonotone, resetsLicensed, endsMonotone, topicsApart,
		logLinearizable, metadataLinearizable, registrationLinearizable,
	}, livenessChecks)
}

// Named is a check by its name, or nil.
func Named(name string) *Check {
	for _, k := range All() {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Finding is a check with its answer.
type Finding struct {
	Check *Check
	Result
}

// Judge runs every check on a case.
func Judge(c *Case) []Finding {
	var found []Finding
	for i, k := range All() {
		r := k.result(c, i)
		if k.Complete != nil && r.Status == Violated {
			r = k.Complete(c, r)
		}
		found = append(found, Finding{k, r})
	}
	return found
}

// result is a check's answer; at is its place in All, where the View keeps its docket.
func (k *Check) result(c *Case, at int) Result {
	if k.Judge != nil {
		return k.Judge(c)
	}
	if c.View == nil {
		return Result{Status: Unexercised, Explanation: "nobody looked at the cluster"}
	}
	return c.View.tallies[at].result(k.Of)
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
