// Package shrink makes a failing scenario small.
//
//	file ──Load──▶ draft ──pass──▶ smaller draft ──Trial──▶ the same failure? ──yes──▶ draft ──▶ ... ──▶ Small
//	               lines           fewer lines, machines,            │
//	                               shorter times, calmer noise       └──no──▶ the draft stays, the next candidate
//
// A draft is the lines of any scenario file, drawn by exploration or written by hand. A pass proposes drafts that are
// smaller in one way. A proposal is accepted if it fails with the same fingerprint: the same check, role and way
// (explore.Failure.Fingerprint). A scenario with another fingerprint has another failure, and a shrinker that accepted it
// could move from one cause to another. A dropped line changes all random times after it, so a proposal that does not
// fail is tried with a few other salts, too. Each salt gives other random noise.
//
// The result is locally minimal: it no longer fails if any one of its lines is removed. It depends on the file, the rules
// and the failure only, not on the number of jobs or on real time, unless Stop ends the search.
//
// Read shrink.go for the order of the passes, draft.go for a draft, and then any of the passes.
//
// The package does not know the effects of verbs, except in pairs.go, which knows the lines that end a fault. It uses only
// the forms of the verbs. For example, it can shorten a word that has the placeholder SPAN in its form.
package shrink
