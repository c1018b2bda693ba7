// Package shrink makes a failing scenario small.
//
//	file ──Load──▶ draft ──pass──▶ smaller draft ──Trial──▶ the same failure? ──yes──▶ draft ──▶ ... ──▶ Small
//	               lines           fewer lines, machines,            │
//	                               shorter times, calmer noise       └──no──▶ the draft stays, the next candidate
//
// A draft is the lines of any scenario file, drawn by exploration or written by hand. A pass proposes drafts that are
// smaller in one way. A proposal is accepted if it fails with the same fingerprint: the same check, role and way
// (explore.Failure.Fingerprint). A scenario that fails otherwise is another failure, and a shrinker that accepted it would
// slide from one cause to the next. A dropped line moves all random times after it, so a proposal that does not fail is
// tried again under a few salts of the noise.
//
// The result is locally minimal: it does not fail without any single one of its lines. It depends on the file, the rules
// and the failure only, not on the number of jobs or on real time, unless Stop ends the search.
//
// Read shrink.go for the order of the passes, draft.go for a draft, and then any of the passes.
//
// The package knows no verb's effect. What it has to know of the language it asks the forms of the verbs (a word at the
// place of a SPAN can be shortened), with the exception of pairs.go, which knows which line ends which fault.
package shrink
