// Package arch keeps the house in order: it reads the whole module, syntax and types, and reports what breaks
// its rules. It runs as tests, so the rules need no tool but go test.
//
//	go list ──▶ Program ──┬─▶ layers        what may import what, and why            layers.go imports.go
//	                      ├─▶ determinism   code that a seed could not repeat        lint.go and the rule files
//	                      ├─▶ text          docs, machine paths, unfinished work    text.go
//	                      ├─▶ size          functions, types that only shrink       size.go size.txt
//	                      ├─▶ words         comments that name machines             words.go
//	                      └─▶ map           RULES.md leads where it says            rules_test.go
//
// Read layers.go first: one row per package, each with the reason for its wall. Then lint.go, which lists the
// determinism rules; a rule is a value with a name, a reason and a check. Each rule has a planted violation and an
// accepted twin under testdata, and a test that every rule finds its plant.
//
// A line may argue its case where the rule allows it, in a comment on the line or directly above:
//
//	for id := range seen { //order: the sum of ids does not depend on their order
//
// The reason is for the reader; an argument without one, or one that argues for nothing, is itself a finding.
//
// It is not a proof. An alias kept in a field, a callback, an interface can hide a change from the lint. The
// audit that runs every seed twice, in several processes and on several platforms, is the judge; the lint finds
// the common mistakes in seconds and says what to do instead.
package arch
