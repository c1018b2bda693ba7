// Package exhibit describes old rules: decisions for which Kafka once had another answer, or answers that are known to
// fail.
//
//	a package       rules.go                                   history.go
//	replication     type Rules: a question in each field       OldRules() []exhibit.Of[Rules]
//	                CurrentRules(): Kafka's answers of today   one exhibit: one answer replaced
//
// A package with rules calls each of them at one place and mentions the old answers nowhere else: history.go may be
// deleted. scenarios collects the exhibits and plants them (`samsa run --rule M1`), and RULES.md lists them.
//
// The museum of scenarios, which tells the stories, is another package. This one knows no rule: the rules are a type
// parameter.
package exhibit

// Of is one old rule of a package with the rules R.
type Of[R any] struct {
	ID       string   // "M1"; the same id in two packages is one flaw with two halves
	Source   string   // the KIP, the JIRA issue, or the idea
	Versions string   // the releases of Kafka that had it, if known; "never released" if none had
	Symptom  string   // what users saw
	Check    string   // the check that must find it
	Replace  func(*R) // replaces the current answer by the old one
}

// In returns the rules with the old answer.
func (x Of[R]) In(rules R) R {
	x.Replace(&rules)
	return rules
}
