package cluster

import (
	"fmt"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/replication"
	"samsa/storage"
)

// OldRule is one exhibit of a package's history: a decision as Kafka once took it, or as it is known to go wrong.
type OldRule struct {
	ID       string // "M1"
	Package  string // that owns the rule
	Source   string // KIP or JIRA
	Versions string // which Kafka had it
	Symptom  string // what users saw
	Check    string // the judge that must notice

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
	var all []OldRule
	for _, x := range replication.History() {
		all = append(all, OldRule{x.ID, "replication", x.Source, x.Versions, x.Symptom, x.Check,
			func(n *nodeRules) { x.Replace(&n.broker.Replication) }})
	}
	for _, x := range broker.History() {
		all = append(all, OldRule{x.ID, "broker", x.Source, x.Versions, x.Symptom, x.Check,
			func(n *nodeRules) { x.Replace(&n.broker) }})
	}
	for _, x := range storage.History() {
		all = append(all, OldRule{x.ID, "storage", x.Source, x.Versions, x.Symptom, x.Check,
			func(n *nodeRules) { x.Replace(&n.broker.Storage) }})
	}
	for _, x := range controller.History() {
		all = append(all, OldRule{x.ID, "controller", x.Source, x.Versions, x.Symptom, x.Check,
			func(n *nodeRules) { x.Replace(&n.controller) }})
	}
	for _, x := range raft.History() {
		all = append(all, OldRule{x.ID, "controller/raft", x.Source, x.Versions, x.Symptom, x.Check,
			func(n *nodeRules) { x.Replace(&n.quorum) }})
	}
	return all
}

// rules are today's with these old ones in their places.
func rules(ids []string) (nodeRules, error) {
	n := nodeRules{broker: broker.Today(), controller: controller.Today(), quorum: raft.Today()}
	all := OldRules()
	for _, id := range ids {
		known := false
		for _, r := range all {
			if r.ID == id { // one exhibit may be a rule of two packages, each of which would mask the other's
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
