package cluster

import (
	"fmt"
	"slices"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/exhibit"
	"samsa/replication"
	"samsa/storage"
)

// OldRule is a rule that Kafka once had, or a known mistake in implementing a rule. A run can enable it in place of the
// current rule.
type OldRule struct {
	ID       string // "M1"
	Package  string // the package that owns the rule
	Source   string // KIP or JIRA
	Versions string // the Kafka versions with the old rule
	Symptom  string // the effect that users saw
	Check    string // the check that must detect it

	apply func(*nodeRules)
}

// nodeRules are the rules that a cluster's nodes obey.
type nodeRules struct {
	broker     broker.Rules
	controller controller.Rules
	quorum     raft.Rules
}

// OldRules returns all old rules, package by package.
func OldRules() []OldRule {
	return slices.Concat(
		exhibits("replication", replication.OldRules(), func(n *nodeRules) *replication.Rules { return &n.broker.Replication }),
		exhibits("broker", broker.OldRules(), func(n *nodeRules) *broker.Rules { return &n.broker }),
		exhibits("storage", storage.OldRules(), func(n *nodeRules) *storage.Rules { return &n.broker.Storage }),
		exhibits("controller", controller.OldRules(), func(n *nodeRules) *controller.Rules { return &n.controller }),
		exhibits("controller/raft", raft.OldRules(), func(n *nodeRules) *raft.Rules { return &n.quorum }),
	)
}

// exhibits returns the old rules of one package. The function part selects the rules of that package from the rules of all
// nodes.
func exhibits[R any](pkg string, old []exhibit.Of[R], part func(*nodeRules) *R) []OldRule {
	var all []OldRule
	for _, x := range old {
		all = append(all, OldRule{x.ID, pkg, x.Source, x.Versions, x.Symptom, x.Check, func(n *nodeRules) { x.Replace(part(n)) }})
	}
	return all
}

// rules returns the current rules, except that each of the given old rules replaces its current rule.
func rules(ids []string) (nodeRules, error) {
	n := nodeRules{broker: broker.CurrentRules(), controller: controller.CurrentRules(), quorum: raft.CurrentRules()}
	all := OldRules()
	for _, id := range ids {
		known := false
		for _, r := range all {
			if r.ID == id { // two packages have the same ID if the current rule of one would hide the old rule of the other
				known = true
				r.apply(&n)
			}
		}
		if !known {
			return n, fmt.Errorf("there is no old rule %s", id)
		}
	}
	return n, nil
}
