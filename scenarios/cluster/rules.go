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

// OldRule is one exhibit of a package's history: a rule that Kafka once had, or a known way to get it wrong.
type OldRule struct {
	ID       string // "M1"
	Package  string // the package that owns the rule
	Source   string // KIP or JIRA
	Versions string // the Kafka versions that had it
	Symptom  string // the effect that users saw
	Check    string // the check that must find it

	apply func(*nodeRules)
}

// nodeRules are the rules that a cluster's nodes obey.
type nodeRules struct {
	broker     broker.Rules
	controller controller.Rules
	quorum     raft.Rules
}

// OldRules are all exhibits, package by package.
func OldRules() []OldRule {
	return slices.Concat(
		exhibits("replication", replication.OldRules(), func(n *nodeRules) *replication.Rules { return &n.broker.Replication }),
		exhibits("broker", broker.OldRules(), func(n *nodeRules) *broker.Rules { return &n.broker }),
		exhibits("storage", storage.OldRules(), func(n *nodeRules) *storage.Rules { return &n.broker.Storage }),
		exhibits("controller", controller.OldRules(), func(n *nodeRules) *controller.Rules { return &n.controller }),
		exhibits("controller/raft", raft.OldRules(), func(n *nodeRules) *raft.Rules { return &n.quorum }),
	)
}

// exhibits are those of one package, with the part of a node's rules that they are about.
func exhibits[R any](pkg string, old []exhibit.Of[R], part func(*nodeRules) *R) []OldRule {
	var all []OldRule
	for _, x := range old {
		all = append(all, OldRule{x.ID, pkg, x.Source, x.Versions, x.Symptom, x.Check, func(n *nodeRules) { x.Replace(part(n)) }})
	}
	return all
}

// rules are the current ones with these old ones in their places.
func rules(ids []string) (nodeRules, error) {
	n := nodeRules{broker: broker.CurrentRules(), controller: controller.CurrentRules(), quorum: raft.CurrentRules()}
	all := OldRules()
	for _, id := range ids {
		known := false
		for _, r := range all {
			if r.ID == id { // one exhibit may change rules of two packages, each of which would mask the other's
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
