// Package scenarios is the language for running a cluster: files of verbs, and the session that runs them.
//
//	file ──parse──▶ tree ──bind──▶ program ──session──▶ cluster in a world
//	       words,          verbs,            lines and events,
//	       places          meaning           one at a time          ──▶ story, outputs, verdict
//
// Exploration writes its plans as scenario files too. A scenario file is all that is needed to replay a run: its seed and
// its lines decide everything.
//
// Read scenarios/cluster/api.go first; it defines the interface between verbs and a cluster. Then read verb.go, any of the
// files verbs_*.go, and session.go. parse.go and bind.go are the two passes over a file; form.go is the grammar of usages.
// Package cluster assembles a cluster, and package observe follows it for the judges.
//
// It is not a programming language: it has no variables, no loops and no conditions. An expect line states the expected
// finding of a check of package check.
package scenarios
