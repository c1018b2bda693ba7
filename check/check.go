// Package check holds the judges: they decide which of Kafka's promises a run kept.
//
//	clients ──▶ History (operations and outcomes) ──────────────────┐
//	disks   ──▶ View: true logs, the ledger of promises and faults, ├──▶ Check ──▶ Result ──▶ Verdict
//	nodes   ──▶       nodes' own state, the committed metadata ─────┘
//
// The package imports only package wire, because a judge that reads a broker's fields would depend on the code that it
// judges. The judges see the cluster through a View, which package scenarios/observe keeps up to date.
//
// All lists the checks. There are four kinds:
//
//   - invariants look at every change of the View (See). Their cost does not depend on the length of the logs;
//   - history checks judge the operations of clients and their outcomes (Judge);
//   - models search for a sequential order that explains all operations: linearizability (linear.go);
//   - liveness checks require that the cluster recovers within a bound after the last fault ended (liveness.go).
//
// Read check.go for the shape of a judge, view.go for its evidence, history.go for the operations of clients, send.go for
// the identity of a record, and ledger.go and licence.go for the reasons that make a loss legitimate. Then read one file
// per promise. Every check carries a case that it must accept and one that it must reject; a test runs both.
package check

import (
	"slices"

	"samsa/wire"
)

// Status is the outcome of one promise in one run.
type Status uint8

const (
	Held        Status = iota // exercised and kept
	Violated                  // broken, and no setting, fault or request of an operator allows it
	Priced                    // broken, but a setting, a fault or a request of an operator allows it; Result.Clause names it
	Unknown                   // there is not enough evidence to decide
	Unexercised               // the run never tested the promise
)

// String returns the status as the JSON schema spells it.
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
	Step        uint64 // the step in which the outcome was decided; 0 if there is no such step
	Explanation string // plain words, with names, offsets and steps
	Clause      string // Priced: the setting or the faults that allow it; with Known, the mark of the finding
	Known       string // Violated only: the finding about Kafka that has happened here, such as skipped-epoch, or ""
	Fact        Fact   // Violated and Priced: the subject, independent of the words
}

// Check is a judge as a value. Exactly one of See and Judge is set.
type Check struct {
	Name    string // as users write it: "acked-durable"
	Numbers string // the numbers of this check in the catalogue of checks, separated by spaces: "S4 S5"
	Doc     string // the promise, in one sentence

	Of  [2]string    // singular and plural of the unit that an invariant counts; empty if it counts its tests
	On  []ChangeKind // the kinds of changes for which an invariant is called
	See func(d *Tally, v *View, c *Change)

	Judge func(*Case) Result

	Complete func(*Case, Result) Result // if not nil, adds facts from the history to a violation
	Liveness bool                       // the check judges liveness; all other checks judge safety

	// Accept plays a case that the check must answer with Held; Reject plays one that it must answer with Violated. Each
	// plays its case on a fresh View.
	Accept, Reject func(*View) *Case
}

// Case is the evidence of one run.
type Case struct {
	History []Op
	View    *View // nil if no cluster was observed

	Unanswered []Unanswered // the requests that servers have forgotten, by machine

	born   *sentOf                   // the sends of History; filled on first use
	topics map[string][]wire.TopicID // see topicsNamed; filled on first use
	passed map[place]*passage        // see passages; filled on first use
}

// All lists the checks in the order in which they are reported. Promises to users come first.
func All() []*Check {
	return slices.Concat([]*Check{
		AckedDurable, LostWrite,

		// Replicas: their logs, their ISR and their high watermarks.
		logsMatch, oneLeader, epochsInOrder, epochOpened, ackedElectable, hwJustified, hwMonotone, hwMoves, followersKnown, followersServed, readsStable, isrAgreed, isrLegal, isrKept, isrSettles,
		leaderRecoverable, truncationLicensed, ackHonest, refusalsTrue, endsTrue, configsObeyed, deletedForGood, deletionLicensed, storedAsSent, oneDirectory,

		// The committed metadata, and the nodes that act on it. Records are judged when they are committed, brokers are
		// judged when their state is observed, and responses are judged when they are sent.
		partitionEpochSteps, electionLicensed, brokerEpochs, unfencedCaughtUp, replyAfterCommit, alterationAnswered, operatorsAnswered, shutdownAwaited, metadataMonotone, metadataTrue, featureGated, endsWithReason,

		// The quorum of controllers.
		oneController, metadataMatches, metadataComplete, metadataNeverCut, quorumMonotone, voteOnce, electionsWinnable, imagesAgree,

		// The operations of clients and their outcomes.
		noDuplicate, oneValue, readsMonotone, readsComplete, readsFresh, producerOrder, ackedWhereTold, recordsIntact,
		metadataReadsMonotone, resetsLicensed, endsMonotone, topicsApart, recreatedReadWhole,
		logLinearizable, metadataLinearizable, registrationLinearizable,
	}, livenessChecks)
}

// Named returns a check by its name, or nil.
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

// result returns a check's answer. The parameter at is the index of the check in All. Its tally has the same index in
// View.tallies.
func (k *Check) result(c *Case, at int) Result {
	if k.Judge != nil {
		return k.Judge(c)
	}
	if c.View == nil {
		return Result{Status: Unexercised, Explanation: "no cluster was observed"}
	}
	return c.View.tallies[at].result(k.Of)
}

// Verdict returns Violated if any finding is violated. A finding that is Unknown leaves the verdict to the other checks;
// if none of them decided anything, the verdict is Unknown too. A finding that is Priced counts as kept.
func Verdict(found []Finding) Status {
	decided, unknown := false, false
	for _, f := range found {
		switch f.Status {
		case Violated:
			return Violated
		case Held, Priced:
			decided = true
		case Unknown:
			unknown = true
		}
	}
	if unknown && !decided {
		return Unknown
	}
	return Held
}
