// Package exhibit describes old rules: decisions that Kafka once made otherwise, or that are known to fail.
//
//	a package       rules.go                                   history.go
//	replication     type Rules: a question in each field       OldRules() []exhibit.Of[Rules]
//	                CurrentRules(): Kafka's answers of today   one exhibit: one answer replaced
//
// A package with rules asks each of them at one place and has no other trace of history: history.go may be deleted.
// scenarios collects the exhibits and plants them (`samsa run --rule M1`), and RULES.md lists them.
//
// This is not the museum of scenarios, which tells the stories. It knows no rule: the rules are a type parameter.
package exhibit

// Of is one old rule of a package with the rules R.
type Of[R any] struct {
	ID       string   // "M1"; one id in two packages is one flaw with two halves
	Source   string   // the KIP, the JIRA issue, or the idea
	Versions string   // the releases of Kafka that had it, as far as it is known; "never released" if none had
	Symptom  string   // what users saw
	Check    string   // the check that must find it
	Replace  func(*R) // puts the old answer in the place of the current one
}

// In is the rules with the old answer in its place.
func (x Of[R]) In(rules R) R {
	x.Replace(&rules)
	return rules
}
