// Package arch reads the syntax and types of the whole module, and reports code that breaks the project's rules. It
// runs as tests, so checking the rules needs no tool except go test.
//
//	go list ──▶ Program ──┬─▶ layers        allowed imports of each package          layers.go imports.go
//	                      ├─▶ determinism   code that makes runs of one seed differ  lint.go and the rule files
//	                      ├─▶ text          docs, machine paths, unfinished work    text.go
//	                      ├─▶ size          large functions, which may only shrink  size.go size.txt
//	                      ├─▶ words         words for people in comments            words.go
//	                      └─▶ map           the links in RULES.md are correct       rules_test.go
//
// Read layers.go first: it has one row per package, with the imports that are allowed and the reason. Then read lint.go,
// which lists the determinism rules; a rule is a value with a name, a reason and a check. Each rule has a planted
// violation and an accepted counterpart under testdata, and a test checks that every rule finds its violation.
//
// If the field Argue of a rule is set, a comment on the line, or directly above it, may justify an exemption from the rule:
//
//	for id := range seen { //order: the sum of ids does not depend on their order
//
// The text after the colon is the reason, for a human reader. An exemption comment is a finding itself if it has no
// reason, or if its line breaks no rule.
//
// The lint proves nothing, because it does not see a change that is made through a field, a callback or an interface.
// It finds the common mistakes in seconds and says what to do instead. The audit decides whether runs are
// deterministic: it runs every seed twice, in several processes and on several platforms.
package arch
