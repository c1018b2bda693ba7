// Package scenarios implements the language for running a cluster. A scenario is a file of verbs, and a session runs it.
//
//	file ──parse──▶ tree ──bind──▶ program ──session──▶ cluster in a world
//	       words,          verbs,            lines and events,
//	       positions       meaning           one at a time          ──▶ story, outputs, verdict
//
// Package explore writes its plans as scenario files too. A scenario file is all that is needed to replay a run, because its
// seed and its lines decide everything.
//
// Read scenarios/cluster/api.go first; it defines the interface between verbs and a cluster. Then read verb.go, any of the
// files verbs_*.go, and session.go. parse.go and bind.go are the two passes over a file; form.go is the grammar of usages.
// Package cluster assembles a cluster, and package observe collects the facts about it that the checks of package check
// need.
//
// A scenario is not a program: it has no variables, no loops and no conditions. An expect line states the expected finding
// of one check.
package scenarios
