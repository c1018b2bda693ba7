// Package exhibit describes old rules. A rule is the answer to one question that an implementation of Kafka has to
// decide. An old rule is the answer of an earlier release, or another answer that is known to fail.
//
//	a package       rules.go                                   history.go
//	replication     type Rules: a question in each field       OldRules() []exhibit.Of[Rules]
//	                CurrentRules(): Kafka's answers of today   each exhibit replaces one answer
//
// A package with rules applies each rule in one place. Only its file history.go mentions the old answers, so that this
// file can be deleted without other changes to the package. Package scenarios collects the exhibits of all packages and
// applies the one that a run selects (`samsa run --rule M1`). RULES.md lists the exhibits.
//
// The museum of scenarios is another package; it tells the story of each exhibit. This package contains no rule,
// because the type of the rules is a type parameter.
package exhibit

// Of is one old rule of a package. R is the type of the package's rules.
type Of[R any] struct {
	ID       string   // "M1"; exhibits with the same id in two packages are parts of one flaw
	Source   string   // the KIP, the JIRA issue, or the idea
	Versions string   // the releases of Kafka that had the rule, if known; "never released" if none had it
	Symptom  string   // the effect that users saw
	Check    string   // the check that must find the symptom
	Replace  func(*R) // replaces the current answer in the rules with the old answer
}

// In returns a copy of the rules with the old answer.
func (x Of[R]) In(rules R) R {
	x.Replace(&rules)
	return rules
}
