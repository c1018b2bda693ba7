// Package exhibit describes old rules: decisions for which Kafka once had another answer, and answers that are known to
// fail.
//
//	a package       rules.go                                   history.go
//	replication     type Rules: a question in each field       OldRules() []exhibit.Of[Rules]
//	                CurrentRules(): Kafka's answers of today   one exhibit: one answer replaced
//
// A package with rules applies each rule at one place. Only history.go mentions the old answers, so that it may be
// deleted. scenarios collects the exhibits and applies them (`samsa run --rule M1`), and RULES.md lists them.
//
// The museum of scenarios, which tells the stories, is another package. This package knows no rule: the type of the
// rules is a parameter.
package exhibit

// Of is one old rule of a package with the rules R.
type Of[R any] struct {
	ID       string   // "M1"; if two packages have the same id, both are parts of one flaw
	Source   string   // the KIP, the JIRA issue, or the idea
	Versions string   // the releases of Kafka that had the rule, if known; "never released" if none had it
	Symptom  string   // the effect that users saw
	Check    string   // the check that must find it
	Replace  func(*R) // replaces the current answer with the old one
}

// In returns a copy of the rules with the old answer.
func (x Of[R]) In(rules R) R {
	x.Replace(&rules)
	return rules
}
